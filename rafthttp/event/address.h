#ifndef RAFTHTTP_EVENT_ADDRESS_H_
#define RAFTHTTP_EVENT_ADDRESS_H_

#include <compare>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rafthttp::event {

// Where to connect or listen: a host name or IP literal (IPv6 without brackets,
// with an optional %zone) and a port, or the file of a Unix socket.
struct Address {
  std::string host = {};
  uint16_t port = 0;
  // Not empty: a Unix socket, and the rest means nothing.
  std::string unix_path = {};

  static Address Unix(std::string path) {
    return {.host = {}, .port = 0, .unix_path = std::move(path)};
  }
  bool is_unix() const { return !unix_path.empty(); }

  friend auto operator<=>(const Address&, const Address&) = default;
};

// Reads "host:port", "192.0.2.1:2380" or "[fe80::1%eth0]:2380". Host and port
// must both be there; an IPv6 literal needs its brackets, since otherwise the
// port could not be told from it. kInvalidArgument names the text.
absl::StatusOr<Address> ParseHostPort(absl::string_view text);

// The inverse: a host with a colon in it gets brackets. "unix:/path" for a Unix
// socket.
std::string FormatHostPort(const Address& address);

}  // namespace rafthttp::event

#endif  // RAFTHTTP_EVENT_ADDRESS_H_
