#ifndef RAFTHTTP_HANDSHAKE_VERSION_H_
#define RAFTHTTP_HANDSHAKE_VERSION_H_

#include <compare>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rafthttp {

// A member's software version as X-Server-Version carries it.
//
// Only a full MAJOR.MINOR.PATCH may ever be sent: etcd ends the process when a
// stream reply carries anything else. Parse is the only way in for text, so a
// Version that exists can be sent.
struct Version {
  uint32_t major = 0;
  uint32_t minor = 0;
  uint32_t patch = 0;

  // Reads MAJOR.MINOR.PATCH[-PRERELEASE][+BUILD] in plain digits; what follows
  // the patch number is not kept. kInvalidArgument otherwise.
  static absl::StatusOr<Version> Parse(absl::string_view text);

  // "3.4.23".
  std::string ToString() const;

  friend auto operator<=>(const Version&, const Version&) = default;
};

// etcd compares no finer than this.
std::strong_ordering CompareMinor(const Version& a, const Version& b);

// What a request or reply without the header counts as.
inline constexpr Version kVersionIfMissing = {2, 0, 0};
// The lowest cluster version that 3.x members work with
// (X-Min-Cluster-Version).
inline constexpr Version kMinClusterVersion = {3, 0, 0};
// The version we claim where no peer has told its own.
inline constexpr Version kVersionByDefault = {3, 4, 0};

// The acceptor's rule: whether a member of version `server` that works with
// clusters from `min_cluster` on can be served by us, who are `own`.
bool IsCompatible(const Version& server, const Version& min_cluster,
                  const Version& own);

// The dialler's rule: both stream types have been there since 2.1.
bool SupportsStreams(const Version& server);

}  // namespace rafthttp

#endif  // RAFTHTTP_HANDSHAKE_VERSION_H_
