#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "tools/etcdpb/op_reader.h"
#include "tools/etcdpb/operation.h"

namespace rafthttpctl {
namespace {

using Json = ::nlohmann::ordered_json;

// Where the keys that begin with `prefix` end: the least key after them, or
// none if all greater keys begin with it.
std::optional<std::string> EndOfPrefix(absl::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && end.back() == '\xff') end.pop_back();
  if (end.empty()) return std::nullopt;
  end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

// Whether the keys from `key` up to but without `range_end` meet `prefix`. A
// `range_end` of one zero byte stands for all greater keys.
bool RangeMeets(absl::string_view key, absl::string_view range_end,
                absl::string_view prefix) {
  const std::optional<std::string> prefix_end = EndOfPrefix(prefix);
  const bool is_open = range_end == absl::string_view("\0", 1);
  return (!prefix_end.has_value() || key < *prefix_end) &&
         (is_open || (prefix < range_end && key < range_end));
}

bool ItemTouches(const Json& item, absl::string_view prefix) {
  for (const char* name : {"key", "path"}) {
    const std::optional<std::string> key = BytesOf(item, name);
    if (!key.has_value()) continue;
    if (absl::StartsWith(*key, prefix)) return true;
    const std::optional<std::string> range_end = BytesOf(item, "rangeEnd");
    if (range_end.has_value() && RangeMeets(*key, *range_end, prefix)) {
      return true;
    }
  }
  return false;
}

}  // namespace

bool TouchesKey(const Json& op, absl::string_view prefix) {
  // A stack of our own: how deep `op` is nested is not for us to trust.
  std::vector<const Json*> left = {&op};
  while (!left.empty()) {
    const Json& item = *left.back();
    left.pop_back();
    if (ItemTouches(item, prefix)) return true;
    for (const char* name : {"compare", "success", "failure"}) {
      const Json* list = FieldOf(item, name);
      if (list == nullptr || !list->is_array()) continue;
      for (const Json& nested : *list) left.push_back(&nested);
    }
  }
  return false;
}

}  // namespace rafthttpctl
