#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/etcdpb/op_reader.h"
#include "tools/etcdpb/operation.h"
#include "tools/etcdpb/terminal_text.h"

namespace rafthttpctl {
namespace {

using Json = ::nlohmann::ordered_json;

// A line of more than this is for a machine.
constexpr size_t kItemsMax = 16;
constexpr size_t kDepthMax = 8;
constexpr size_t kLineBytesMax = 4096;

bool EndsWithBase64(const std::string& name) {
  static constexpr absl::string_view kSuffix = "Base64";
  return name.size() > kSuffix.size() &&
         absl::string_view(name).substr(name.size() - kSuffix.size()) ==
             kSuffix;
}

// Renders one op. Every text from the op passes through Text() or Word().
class Line {
 public:
  explicit Line(size_t width_max) : width_max_(width_max) {}

  std::string Take() { return std::move(out_); }

  void Op(const Json& op, size_t depth) {
    const std::string kind = BytesOf(op, "kind").value_or("unknown");
    Word(kind);
    if (kind == "put") {
      Put(op);
    } else if (kind == "range" || kind == "delete_range") {
      Range(op);
      Rest(op, {"key", "rangeEnd"});
    } else if (kind == "txn") {
      Txn(op, depth);
    } else if (kind == "lease_checkpoint") {
      List(op, "checkpoints", [this](const Json& item) {
        Lease(item);
        Add(" remaining ");
        Word(BytesOf(item, "remainingTtl").value_or("?"));
      });
    } else if (kind == "conf_change") {
      ConfChange(op);
    } else if (kind == "unknown") {
      Unknown(op);
    } else if (FieldOf(op, "path") != nullptr ||
               FieldOf(op, "pathBase64") != nullptr) {
      V2(op);
    } else {
      Rest(op, {});
    }
  }

 private:
  void Add(absl::string_view text) { absl::StrAppend(&out_, text); }

  void Word(absl::string_view bytes) { Add(MaybeQuoted(bytes, width_max_)); }

  void Text(absl::string_view bytes) { Add(Quoted(bytes, width_max_)); }

  bool IsFull() const { return out_.size() > kLineBytesMax; }

  // `name` of `op` in front of whose value stands `before`, if it is there.
  void Value(const Json& op, const std::string& name,
             absl::string_view before) {
    const std::optional<std::string> value = BytesOf(op, name);
    if (!value.has_value()) return;
    Add(before);
    *value == "(redacted)" ? Add(*value) : Text(*value);
  }

  void Put(const Json& op) {
    Add(" ");
    Word(BytesOf(op, "key").value_or(""));
    if (!IsSet(op, "ignoreValue")) Value(op, "value", " = ");
    Rest(op, {"key", "value"});
  }

  // a, a..b, or a.. for all keys from a on.
  void Range(const Json& op) {
    Add(" ");
    Word(BytesOf(op, "key").value_or(""));
    const std::optional<std::string> end = BytesOf(op, "rangeEnd");
    if (!end.has_value()) return;
    Add("..");
    if (*end != std::string(1, '\0')) Word(*end);
  }

  // As etcdctl prints it: hex.
  void Lease(const Json& op) {
    const std::string text = BytesOf(op, "lease").value_or("?");
    int64_t lease = 0;
    if (absl::SimpleAtoi(text, &lease)) {
      absl::StrAppendFormat(&out_, "%x", static_cast<uint64_t>(lease));
    } else {
      Word(text);
    }
  }

  void Txn(const Json& op, size_t depth) {
    if (depth >= kDepthMax) return Add(" …");
    const Json* compares = FieldOf(op, "compare");
    if (compares != nullptr && !compares->empty()) {
      Add(" if");
      List(
          op, "compare", [this](const Json& item) { Compare(item); }, " and ");
    }
    for (const char* name : {"success", "failure"}) {
      Add(name == absl::string_view("success") ? " then" : " else");
      const Json* ops = FieldOf(op, name);
      if (ops == nullptr || ops->empty()) {
        Add(" (none)");
        continue;
      }
      List(
          op, name,
          [this, depth](const Json& item) {
            const bool is_txn = BytesOf(item, "kind") == "txn";
            if (is_txn) Add("(");
            Op(item, depth + 1);
            if (is_txn) Add(")");
          },
          "; ");
    }
    Rest(op, {"compare", "success", "failure"});
  }

  // value(k) = "x"
  void Compare(const Json& item) {
    const std::string target = BytesOf(item, "target").value_or("?");
    Word(target);
    Add("(");
    Word(BytesOf(item, "key").value_or(""));
    const std::optional<std::string> end = BytesOf(item, "rangeEnd");
    if (end.has_value()) {
      Add("..");
      if (*end != std::string(1, '\0')) Word(*end);
    }
    Add(") ");
    const std::string result = BytesOf(item, "result").value_or("?");
    if (result == "equal") {
      Add("=");
    } else if (result == "not_equal") {
      Add("!=");
    } else if (result == "greater") {
      Add(">");
    } else if (result == "less") {
      Add("<");
    } else {
      Word(result);
    }
    Add(" ");
    if (target == "lease") return Lease(item);
    if (target == "value") return Text(BytesOf(item, "value").value_or(""));
    Word(BytesOf(item, target == "create" ? "createRevision"
                       : target == "mod"  ? "modRevision"
                                          : target)
             .value_or("?"));
  }

  void ConfChange(const Json& op) {
    List(op, "changes", [this](const Json& item) {
      Word(BytesOf(item, "type").value_or("?"));
      Add(" ");
      Word(BytesOf(item, "node").value_or("?"));
      Rest(item, {"type", "node"});
    });
    const Json* changes = FieldOf(op, "changes");
    if (changes != nullptr && changes->empty()) Add(" leave joint");
    Rest(op, {"changes"});
  }

  void V2(const Json& op) {
    Add(" ");
    Word(BytesOf(op, "path").value_or(""));
    Value(op, "value", " = ");
    Rest(op, {"path", "value"});
  }

  void Unknown(const Json& op) {
    const std::optional<std::string> data = BytesOf(op, "data");
    std::string bytes;
    if (data == "(redacted)") {
      Add(" (redacted)");
    } else if (data.has_value() && absl::Base64Unescape(*data, &bytes)) {
      Add(" ");
      Text(bytes);
    }
    Rest(op, {"data"});
  }

  template <typename Render>
  void List(const Json& op, const std::string& name, Render render,
            absl::string_view separator = ", ") {
    const Json* list = FieldOf(op, name);
    if (list == nullptr || !list->is_array()) return;
    size_t shown = 0;
    for (const Json& item : *list) {
      Add(shown == 0 ? " " : separator);
      if (shown == kItemsMax || IsFull()) {
        return absl::StrAppend(&out_, "… (", list->size() - shown, " more)");
      }
      render(item);
      ++shown;
    }
  }

  // What `op` has besides kind and `done`, as name=value.
  void Rest(const Json& op, std::initializer_list<absl::string_view> done) {
    if (!op.is_object()) return;
    for (const auto& [field, value] : op.items()) {
      const std::string name =
          EndsWithBase64(field) ? field.substr(0, field.size() - 6) : field;
      if (name == "kind") continue;
      if (std::find(done.begin(), done.end(), name) != done.end()) continue;
      if (IsFull()) return Add(" …");
      Named(op, name, value);
    }
  }

  void Named(const Json& op, const std::string& name, const Json& value) {
    if (name == "lease") {
      if (BytesOf(op, name) == "0") return;
      Add(" lease=");
      return Lease(op);
    }
    Add(" ");
    Word(name);
    if (value.is_boolean()) {
      if (!value.get<bool>()) Add("=false");
    } else if (value.is_array()) {
      Add("=[");
      absl::string_view separator = "";
      for (const Json& item : value) {
        Add(separator);
        separator = ",";
        if (IsFull()) {
          Add("…");
          break;
        }
        Word(item.is_string() ? item.get_ref<const std::string&>() : "?");
      }
      Add("]");
    } else {
      Add("=");
      Word(BytesOf(op, name).value_or("?"));
    }
  }

  const size_t width_max_;
  std::string out_;
};

}  // namespace

std::string OperationText(const Json& op, size_t width_max) {
  Line line(width_max);
  line.Op(op, 0);
  return line.Take();
}

}  // namespace rafthttpctl
