#include "rafthttp/base/ids.h"

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace rafthttp {

template <typename Tag>
std::string Id<Tag>::ToHex() const {
  return absl::StrCat(absl::Hex(value_));
}

template <typename Tag>
absl::StatusOr<Id<Tag>> Id<Tag>::FromHex(absl::string_view text) {
  uint64_t value = 0;
  bool all_digits = !text.empty() && text.size() <= 16;
  for (char c : text) all_digits = all_digits && absl::ascii_isxdigit(c);
  // Only digits reach SimpleHexAtoi, which would also take "0x" and spaces.
  if (!all_digits || !absl::SimpleHexAtoi(text, &value)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" is not an ID: want 1 to 16 hex digits"));
  }
  return Id(value);
}

template class Id<MemberIdTag>;
template class Id<ClusterIdTag>;

}  // namespace rafthttp
