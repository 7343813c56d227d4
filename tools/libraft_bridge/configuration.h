#ifndef TOOLS_LIBRAFT_BRIDGE_CONFIGURATION_H_
#define TOOLS_LIBRAFT_BRIDGE_CONFIGURATION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tools/libraft_bridge/libraft.h"

namespace libraft_bridge {

// A server of libraft's configuration, as a value.
struct Server {
  uint64_t id = 0;
  std::string address;
  int role = RAFT_VOTER;

  friend bool operator==(const Server&, const Server&) = default;
};

// libraft's encoding of a configuration, which it has no public reader for:
//
//   offset  bytes  what
//   0       1      1, the version
//   1       8      the number of servers, little-endian
//   9              of each server: its ID (8, little-endian), its address (text
//                  that ends with a zero), its role (1)
//                  zeros, up to a multiple of 8 bytes
//
// kInvalidArgument names what is wrong with `bytes`.
absl::StatusOr<std::vector<Server>> DecodeConfiguration(
    absl::string_view bytes);

// The same encoding, by libraft.
absl::StatusOr<std::string> EncodeConfiguration(
    const raft_configuration& configuration);

// Adds `servers` to `configuration`. kInvalidArgument if libraft refuses one.
absl::Status AddServers(const std::vector<Server>& servers,
                        raft_configuration* configuration);

}  // namespace libraft_bridge

#endif  // TOOLS_LIBRAFT_BRIDGE_CONFIGURATION_H_
