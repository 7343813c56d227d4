#ifndef RAFTHTTP_BASE_IDS_H_
#define RAFTHTTP_BASE_IDS_H_

#include <compare>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rafthttp {

// A 64-bit ID that cannot be mistaken for one of another kind. Zero means none.
//
// The text form is etcd's: lower-case hex without prefix or leading zeros.
// Headers carry that form and are compared as strings, so whatever we write
// must come from ToHex().
template <typename Tag>
class Id {
 public:
  constexpr Id() = default;
  constexpr explicit Id(uint64_t value) : value_(value) {}

  constexpr uint64_t value() const { return value_; }
  constexpr bool is_zero() const { return value_ == 0; }
  std::string ToHex() const;

  // Reads 1 to 16 hex digits of either case, leading zeros allowed.
  // kInvalidArgument otherwise, naming the text.
  static absl::StatusOr<Id> FromHex(absl::string_view text);

  friend constexpr auto operator<=>(Id, Id) = default;
  template <typename H>
  friend H AbslHashValue(H state, Id id) {
    return H::combine(std::move(state), id.value_);
  }

 private:
  uint64_t value_ = 0;
};

using MemberId = Id<struct MemberIdTag>;
using ClusterId = Id<struct ClusterIdTag>;

extern template class Id<MemberIdTag>;
extern template class Id<ClusterIdTag>;

}  // namespace rafthttp

#endif  // RAFTHTTP_BASE_IDS_H_
