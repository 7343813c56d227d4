#include "tools/rafthttpctl/text.h"

#include <cstdint>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "tools/etcdpb/operation.h"
#include "tools/etcdpb/terminal_text.h"

namespace rafthttpctl {

using Json = nlohmann::ordered_json;

namespace {

constexpr size_t kIdWidth = 16;
constexpr size_t kTypeWidth = 17;  // MsgTransferLeader
constexpr size_t kIndexWidth = 8;
// Of a single value; a screen is not the place for a megabyte.
constexpr size_t kTextWidthMax = 200;
// Where a record is nested by somebody else than us.
constexpr int kNestingMax = 8;

// As in ECMA-48; empty leaves text as it is.
constexpr absl::string_view kPlain = "";
constexpr absl::string_view kBold = "1";
constexpr absl::string_view kDim = "2";
constexpr absl::string_view kRed = "1;31";
constexpr absl::string_view kGreen = "1;32";
constexpr absl::string_view kYellow = "1;33";
constexpr absl::string_view kMagenta = "1;35";
constexpr absl::string_view kCyan = "36";

// Null if `json` has no such field.
const Json* Find(const Json& json, const char* name) {
  if (!json.is_object()) return nullptr;
  const auto found = json.find(name);
  return found == json.end() ? nullptr : &*found;
}

// A value in a few words, safe for a terminal.
std::string Words(const Json& value, int depth = 0) {
  if (value.is_string()) {
    return MaybeQuoted(value.get_ref<const std::string&>(), kTextWidthMax);
  }
  if (!value.is_structured()) {
    return value.dump(-1, ' ', true, Json::error_handler_t::replace);
  }
  if (depth == kNestingMax) return "...";
  std::string words;
  for (const auto& [name, element] : value.items()) {
    absl::StrAppend(&words, words.empty() ? "" : ", ");
    if (value.is_object()) {
      absl::StrAppend(&words, MaybeQuoted(name, kTextWidthMax), " ");
    }
    absl::StrAppend(&words, Words(element, depth + 1));
    if (words.size() > 4 * kTextWidthMax) {
      absl::StrAppend(&words, ", ...");
      break;
    }
  }
  return value.is_object() ? absl::StrCat("{", words, "}")
                           : absl::StrCat("[", words, "]");
}

std::string Words(const Json* value) {
  return value == nullptr ? "" : Words(*value);
}

std::string Size(const Json& bytes) {
  if (!bytes.is_number_unsigned()) return absl::StrCat(Words(bytes), " B");
  const double size = static_cast<double>(bytes.get<uint64_t>());
  if (size < 1024) return absl::StrCat(Words(bytes), " B");
  if (size < 1024.0 * 1024) return absl::StrFormat("%.1f KiB", size / 1024);
  return absl::StrFormat("%.1f MiB", size / (1024.0 * 1024));
}

// 08:05:12.123456 of an RFC 3339 time; whatever else stands there, as it is.
std::string TimeOfDay(const Json& time) {
  constexpr size_t kDateBytes = sizeof("2026-11-22T") - 1;
  std::string words = Words(time);
  if (words.size() <= kDateBytes || words[kDateBytes - 1] != 'T' ||
      words.back() != 'Z') {
    return words;
  }
  return words.substr(kDateBytes, words.size() - kDateBytes - 1);
}

// One line in the making.
class Line {
 public:
  // A line that is `base` throughout, except where something else is said.
  Line(const TextOptions& options, absl::string_view base)
      : uses_color_(options.uses_color), base_(base) {}

  // Appends `text`, two blanks after what stands there, and blanks up to
  // `width`.
  void Add(absl::string_view text, absl::string_view style, size_t width = 0) {
    if (!out_.empty()) pending_ += 2;
    Join(text, style);
    if (text.size() < width) pending_ += width - text.size();
  }
  // The same without the two blanks.
  void Join(absl::string_view text, absl::string_view style) {
    out_.append(std::exchange(pending_, 0), ' ');
    if (style.empty()) style = base_;
    if (uses_color_ && !style.empty() && !text.empty()) {
      absl::StrAppend(&out_, "\x1b[", style, "m", text, "\x1b[0m");
    } else {
      absl::StrAppend(&out_, text);
    }
  }
  void Indent(size_t blanks) { pending_ += blanks; }

  // "name value", if there is a value.
  void Field(absl::string_view name, const Json* value,
             absl::string_view style = kPlain) {
    if (value == nullptr) return;
    Add(absl::StrCat(name, " "), kDim);
    Join(Words(*value), style);
  }

  // The line with its end, without blanks before it.
  std::string Take() && { return std::move(out_) + "\n"; }

 private:
  const bool uses_color_;
  const absl::string_view base_;
  std::string out_;
  size_t pending_ = 0;  // blanks that are only written if something follows
};

void AddTime(const Json& record, Line* line) {
  if (const Json* time = Find(record, "time")) {
    line->Add(TimeOfDay(*time), kDim);
  }
}

bool IsHeartbeat(absl::string_view type) {
  return absl::StartsWith(type, "MsgHeartbeat");
}

// What an election is about stands out, what goes on all the time does not.
absl::string_view StyleOfType(absl::string_view type) {
  if (IsHeartbeat(type)) return kDim;
  if (absl::StrContains(type, "Vote") || type == "MsgTimeoutNow" ||
      type == "MsgTransferLeader") {
    return kYellow;
  }
  if (type == "MsgSnap") return kMagenta;
  return kBold;
}

absl::string_view StyleOfEvent(absl::string_view event) {
  if (event == "gap" || event == "dropped") return kRed;
  if (event == "rewind" || event == "stream_closed" ||
      event == "member_stopped") {
    return kYellow;
  }
  if (event == "leader_changed" || event == "stream_opened" ||
      event == "snapshot_received" || event == "listening" ||
      event == "member_started") {
    return kGreen;
  }
  return kBold;
}

void AddSnapshot(const Json& snapshot, Line* line) {
  line->Add("snapshot", kMagenta);
  line->Field("index", Find(snapshot, "index"));
  line->Field("term", Find(snapshot, "term"));
  if (const Json* bytes = Find(snapshot, "bytes")) {
    line->Add(Size(*bytes), kPlain);
  }
  const Json* state = Find(snapshot, "confState");
  if (state == nullptr || !state->is_object()) return;
  for (const auto& [role, members] : state->items()) {
    if (members.empty()) continue;
    line->Field(MaybeQuoted(role, kTextWidthMax), &members);
  }
}

std::string MessageLine(const Json& record, absl::string_view type,
                        const TextOptions& options) {
  Line line(options, IsHeartbeat(type) ? kDim : kPlain);
  AddTime(record, &line);
  const std::string from = Words(Find(record, "from"));
  if (from.size() < kIdWidth) line.Indent(kIdWidth - from.size());
  line.Add(from, kPlain);
  line.Join(" -> ", kDim);
  const std::string to = Words(Find(record, "to"));
  line.Join(to, kPlain);
  if (to.size() < kIdWidth) line.Indent(kIdWidth - to.size());
  line.Add(type, StyleOfType(type), kTypeWidth);
  line.Field("term", Find(record, "term"));
  line.Field("index", Find(record, "index"));
  line.Field("logTerm", Find(record, "logTerm"));
  line.Field("commit", Find(record, "commit"));
  line.Field("vote", Find(record, "vote"));
  if (const Json* reject = Find(record, "reject");
      reject != nullptr && *reject == true) {
    line.Add("REJECTED", kRed);
  }
  line.Field("rejectHint", Find(record, "rejectHint"), kRed);
  line.Field("context", Find(record, "context"));
  if (const Json* snapshot = Find(record, "snapshot")) {
    AddSnapshot(*snapshot, &line);
  }
  if (const Json* sync = Find(record, "sync");
      sync != nullptr && *sync == false) {
    line.Add("not in sync yet", kYellow);
  }
  if (const Json* bytes = Find(record, "bytes")) line.Add(Size(*bytes), kDim);
  if (const Json* stream = Find(record, "stream")) {
    line.Add(Words(*stream), kDim);
  }
  return std::move(line).Take();
}

std::string EventLine(const Json& record, const Json& event,
                      const TextOptions& options) {
  Line line(options, kPlain);
  AddTime(record, &line);
  const std::string name = Words(event);
  line.Add("**", StyleOfEvent(name));
  line.Indent(1);
  line.Join(absl::StrReplaceAll(name, {{"_", " "}}), StyleOfEvent(name));
  // The reason is what one looks for.
  if (const Json* reason = Find(record, "reason")) {
    line.Add(Words(*reason), kBold);
  }
  for (const auto& [field, value] : record.items()) {
    if (field == "v" || field == "event" || field == "time" ||
        field == "reason") {
      continue;
    }
    line.Field(MaybeQuoted(field, kTextWidthMax), &value);
  }
  return std::move(line).Take();
}

std::string EntryLine(const Json& entry, const TextOptions& options) {
  Line line(options, kPlain);
  line.Indent(2);
  const std::string index = Words(Find(entry, "index"));
  if (index.size() < kIndexWidth) line.Indent(kIndexWidth - index.size());
  line.Join(index, kCyan);
  line.Field("term", Find(entry, "term"));
  const Json* op = Find(entry, "op");
  const Json* type = Find(entry, "type");
  // Of a change of the membership the op says so itself.
  if (type != nullptr && *type != "EntryNormal" && op == nullptr) {
    line.Add(Words(*type), kYellow);
  }
  if (op != nullptr) {
    const Json* kind = Find(*op, "kind");
    const bool is_membership = kind != nullptr && *kind == "conf_change";
    const bool is_nothing = kind != nullptr && *kind == "empty";
    line.Add(op->is_object() ? OperationText(*op) : Words(*op),
             is_membership ? kYellow
             : is_nothing  ? kDim
                           : kPlain);
  }
  if (const Json* data = Find(entry, "data")) {
    line.Add(data->is_string()
                 ? Quoted(data->get_ref<const std::string&>(), kTextWidthMax)
                 : Words(*data),
             kPlain);
  }
  line.Field("base64", Find(entry, "dataBase64"));
  if (const Json* bytes = Find(entry, "bytes")) line.Add(Size(*bytes), kDim);
  return std::move(line).Take();
}

}  // namespace

std::string RenderText(const Json& record, const TextOptions& options) {
  if (const Json* event = Find(record, "event")) {
    return EventLine(record, *event, options);
  }
  const Json* type = Find(record, "type");
  const Json* snapshot = Find(record, "snapshot");
  const Json* entries = Find(record, "entries");
  std::string text;
  if (type != nullptr) {
    text = MessageLine(record, Words(*type), options);
  } else if (snapshot != nullptr) {
    Line line(options, kPlain);
    AddTime(record, &line);
    AddSnapshot(*snapshot, &line);
    text = std::move(line).Take();
  }
  if (entries != nullptr && entries->is_array()) {
    for (const Json& entry : *entries) text += EntryLine(entry, options);
  }
  // Nothing that we print has none of these, but others may write records too.
  return text.empty() ? absl::StrCat(Words(record), "\n") : text;
}

}  // namespace rafthttpctl
