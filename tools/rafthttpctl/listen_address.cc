#include "tools/rafthttpctl/listen_address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace rafthttpctl {

using rafthttp::http1::Url;

absl::StatusOr<Url> ParseListenAddress(absl::string_view text) {
  std::string url(text);
  if (!absl::StrContains(text, "://")) url = absl::StrCat("http://", text);
  absl::string_view rest = url;
  const bool any_port = absl::ConsumeSuffix(&rest, ":0");
  absl::StatusOr<Url> parsed =
      rafthttp::http1::ParsePeerUrl(any_port ? absl::StrCat(rest, ":1") : url);
  if (!parsed.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" is no address to listen on: ",
                     parsed.status().message(), "; want 127.0.0.1:2380"));
  }
  if (any_port) parsed->port = 0;
  return parsed;
}

std::string LocalAddressTowards(absl::string_view endpoint) {
  const std::string fallback = "127.0.0.1:0";
  const auto url = rafthttp::http1::ParsePeerUrl(
      absl::StrContains(endpoint, "://") ? std::string(endpoint)
                                         : absl::StrCat("http://", endpoint));
  if (!url.ok()) return fallback;
  addrinfo hints = {};
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(url->host.c_str(), absl::StrCat(url->port).c_str(), &hints,
                  &found) != 0) {
    return fallback;
  }
  std::string result = fallback;
  // Connecting a datagram socket only picks a route.
  const int fd = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_storage own = {};
  socklen_t size = sizeof(own);
  auto* const any = reinterpret_cast<sockaddr*>(&own);
  char host[INET6_ADDRSTRLEN] = {};
  if (fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) == 0 &&
      getsockname(fd, any, &size) == 0 &&
      getnameinfo(any, size, host, sizeof(host), nullptr, 0, NI_NUMERICHOST) ==
          0) {
    result = own.ss_family == AF_INET6 ? absl::StrCat("[", host, "]:0")
                                       : absl::StrCat(host, ":0");
  }
  if (fd >= 0) close(fd);
  freeaddrinfo(found);
  return result;
}

}  // namespace rafthttpctl
