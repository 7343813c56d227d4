#ifndef RAFTHTTP_EVENT_SOCKET_ADDRESS_H_
#define RAFTHTTP_EVENT_SOCKET_ADDRESS_H_

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "rafthttp/event/address.h"

namespace rafthttp::event {

// An IPv4 or IPv6 address with its port, or the file of a Unix socket, as the
// kernel takes it.
class SocketAddress {
 public:
  // Whether `host` is an IP address, zone or not, rather than a name.
  static bool IsLiteral(absl::string_view host);
  // kInvalidArgument if the host is not literal or names a zone (a network
  // interface, or its number) that this machine does not have, or if the path
  // of a Unix socket is longer than the kernel takes (107 bytes).
  static absl::StatusOr<SocketAddress> FromLiteral(const Address& address);
  // `address` must be AF_INET, AF_INET6 or AF_UNIX.
  static SocketAddress FromSockaddr(const sockaddr& address);
  // The same with another port.
  static SocketAddress FromSockaddr(const sockaddr& address, uint16_t port);

  const sockaddr* get() const { return &address_.any; }
  socklen_t size_bytes() const;
  int family() const { return address_.any.sa_family; }
  uint16_t port() const;  // 0 for a Unix socket
  bool is_unix() const { return family() == AF_UNIX; }
  // Of a Unix socket; empty for the end that has no file.
  std::string unix_path() const;

  // "192.0.2.1:2380", "[fe80::1%eth0]:2380", "unix:/path".
  std::string ToString() const;

 private:
  union {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
    sockaddr_un local;
  } address_ = {.local = {}};  // the longest, so that all of it is zero
};

}  // namespace rafthttp::event

#endif  // RAFTHTTP_EVENT_SOCKET_ADDRESS_H_
