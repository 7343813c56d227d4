#ifndef RAFTHTTP_EVENT_SOCKET_ADDRESS_H_
#define RAFTHTTP_EVENT_SOCKET_ADDRESS_H_

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "rafthttp/event/address.h"

namespace rafthttp::event {

// An IPv4 or IPv6 address with its port, as the kernel takes it.
class SocketAddress {
 public:
  // Whether `host` is an IP address, zone or not, rather than a name.
  static bool IsLiteral(absl::string_view host);
  // kInvalidArgument if the host is not literal or names a zone (a network
  // interface, or its number) that this machine does not have.
  static absl::StatusOr<SocketAddress> FromLiteral(const Address& address);
  // `address` must be AF_INET or AF_INET6.
  static SocketAddress FromSockaddr(const sockaddr& address);
  // The same with another port.
  static SocketAddress FromSockaddr(const sockaddr& address, uint16_t port);

  const sockaddr* get() const { return &address_.any; }
  socklen_t size_bytes() const;
  int family() const { return address_.any.sa_family; }
  uint16_t port() const;

  // "192.0.2.1:2380", "[fe80::1%eth0]:2380".
  std::string ToString() const;

 private:
  union {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
  } address_ = {.v6 = {}};  // v6 is the longest, so that all of it is zero
};

}  // namespace rafthttp::event

#endif  // RAFTHTTP_EVENT_SOCKET_ADDRESS_H_
