#ifndef RAFTHTTP_HTTP1_URL_H_
#define RAFTHTTP_HTTP1_URL_H_

#include <compare>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "rafthttp/event/address.h"

namespace rafthttp::http1 {

// Where a request goes. A value; made by the functions below.
struct Url {
  enum class Scheme { kHttp, kHttps, kUnix, kUnixs };

  Scheme scheme = Scheme::kHttp;
  // A host name or IP literal: IPv6 without brackets, zone after a bare '%'.
  // For unix and unixs the socket's file.
  std::string host;
  // Never 0, but for unix and unixs.
  uint16_t port = 0;
  // Path and query: "/raft/probing?x=1", or empty.
  std::string target;

  // For the Host header: "[fe80::1]:2380". A zone means nothing to the peer and
  // is left out; the port is always there. "localhost" for unix and unixs.
  std::string Authority() const;
  // A URL that parses to an equal one, its zone written as "%25eth0".
  std::string ToString() const;
  // What a Connector wants to know.
  event::Address address() const {
    if (scheme == Scheme::kUnix || scheme == Scheme::kUnixs) {
      return event::Address::Unix(host);
    }
    return {.host = host, .port = port};
  }
  // The same place with another path and query.
  Url WithTarget(absl::string_view new_target) const;

  friend auto operator<=>(const Url&, const Url&) = default;
};

absl::string_view SchemeName(Url::Scheme scheme);

// Reads "scheme://host[:port][/path][?query]"; without a port it is 80 or 443.
// kInvalidArgument says in one line what is wrong: another scheme, user and
// password, a fragment, a host or port that cannot be, blanks, more than 2 KiB.
absl::StatusOr<Url> ParseUrl(absl::string_view text);

// A member's peer URL as etcd accepts it: host:port, both there, and nothing
// after it, not even "/". unix and unixs name a socket's file. Blanks around it
// are dropped.
absl::StatusOr<Url> ParsePeerUrl(absl::string_view text);

}  // namespace rafthttp::http1

#endif  // RAFTHTTP_HTTP1_URL_H_
