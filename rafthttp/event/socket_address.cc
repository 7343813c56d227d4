#include "rafthttp/event/socket_address.h"

#include <arpa/inet.h>
#include <net/if.h>

#include <array>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "rafthttp/base/check.h"

namespace rafthttp::event {
namespace {

bool ParseV4(absl::string_view host, in_addr& address) {
  return inet_pton(AF_INET, std::string(host).c_str(), &address) == 1;
}

bool ParseV6(absl::string_view host, in6_addr& address) {
  return inet_pton(AF_INET6, std::string(host).c_str(), &address) == 1;
}

// "fe80::1%eth0" as "fe80::1" and "eth0"; without a zone that is empty.
std::pair<absl::string_view, absl::string_view> SplitZone(
    absl::string_view host) {
  return absl::StrSplit(host, absl::MaxSplits('%', 1));
}

bool ParseZone(absl::string_view zone, uint32_t& scope) {
  if (absl::SimpleAtoi(zone, &scope)) return scope != 0;
  scope = if_nametoindex(std::string(zone).c_str());
  return scope != 0;
}

}  // namespace

bool SocketAddress::IsLiteral(absl::string_view host) {
  in_addr v4;
  in6_addr v6;
  return ParseV4(host, v4) || ParseV6(SplitZone(host).first, v6);
}

absl::StatusOr<SocketAddress> SocketAddress::FromLiteral(
    const Address& address) {
  SocketAddress result;
  if (address.is_unix()) {
    sockaddr_un& local = result.address_.local;
    // With the zero that ends it.
    if (address.unix_path.size() >= sizeof(local.sun_path)) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", address.unix_path,
                       "\" is too long for a Unix socket's file: at most ",
                       sizeof(local.sun_path) - 1, " bytes"));
    }
    local.sun_family = AF_UNIX;
    address.unix_path.copy(local.sun_path, address.unix_path.size());
    return result;
  }
  if (ParseV4(address.host, result.address_.v4.sin_addr)) {
    result.address_.v4.sin_family = AF_INET;
    result.address_.v4.sin_port = htons(address.port);
    return result;
  }
  result.address_.v6 = {};
  const auto [host, zone] = SplitZone(address.host);
  if (!ParseV6(host, result.address_.v6.sin6_addr)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", address.host, "\" is not an IP address"));
  }
  result.address_.v6.sin6_family = AF_INET6;
  result.address_.v6.sin6_port = htons(address.port);
  const bool has_zone = host.size() < address.host.size();
  if (has_zone && !ParseZone(zone, result.address_.v6.sin6_scope_id)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", address.host,
                     "\": this machine has no network "
                     "interface \"",
                     zone, "\""));
  }
  return result;
}

SocketAddress SocketAddress::FromSockaddr(const sockaddr& address) {
  SocketAddress result;
  if (address.sa_family == AF_UNIX) {
    std::memcpy(&result.address_.local, &address, sizeof(sockaddr_un));
  } else if (address.sa_family == AF_INET) {
    std::memcpy(&result.address_.v4, &address, sizeof(sockaddr_in));
  } else {
    CHECK(address.sa_family == AF_INET6);
    std::memcpy(&result.address_.v6, &address, sizeof(sockaddr_in6));
  }
  return result;
}

SocketAddress SocketAddress::FromSockaddr(const sockaddr& address,
                                          uint16_t port) {
  SocketAddress result = FromSockaddr(address);
  if (result.family() == AF_INET) {
    result.address_.v4.sin_port = htons(port);
  } else {
    result.address_.v6.sin6_port = htons(port);
  }
  return result;
}

socklen_t SocketAddress::size_bytes() const {
  if (is_unix()) return sizeof(sockaddr_un);
  return family() == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
}

std::string SocketAddress::unix_path() const {
  CHECK(is_unix());
  // The other end of an accepted connection has none.
  return std::string(
      address_.local.sun_path,
      strnlen(address_.local.sun_path, sizeof(address_.local.sun_path)));
}

uint16_t SocketAddress::port() const {
  if (is_unix()) return 0;
  return ntohs(family() == AF_INET ? address_.v4.sin_port
                                   : address_.v6.sin6_port);
}

std::string SocketAddress::ToString() const {
  if (is_unix()) return absl::StrCat("unix:", unix_path());
  std::array<char, INET6_ADDRSTRLEN> text = {};
  Address address = {.host = "", .port = port()};
  if (family() == AF_INET) {
    inet_ntop(AF_INET, &address_.v4.sin_addr, text.data(), text.size());
    address.host = text.data();
    return FormatHostPort(address);
  }
  inet_ntop(AF_INET6, &address_.v6.sin6_addr, text.data(), text.size());
  address.host = text.data();
  if (const uint32_t scope = address_.v6.sin6_scope_id; scope != 0) {
    std::array<char, IF_NAMESIZE> name = {};
    if (if_indextoname(scope, name.data()) != nullptr) {
      absl::StrAppend(&address.host, "%", name.data());
    } else {
      absl::StrAppend(&address.host, "%", scope);
    }
  }
  return FormatHostPort(address);
}

}  // namespace rafthttp::event
