#include "tools/throwaway_etcd/free_port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <random>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace rafthttpctl {
namespace {

constexpr int kPortMin = 10000;  // well-known services are below
constexpr int kPortMax = 65535;
// Of a range that is empty save for a few services, one try in a few will do.
constexpr int kTriesMax = 1000;

struct Range {
  int first = 32768;
  int last = 60999;
};

// Ports that outgoing connections get.
Range EphemeralPorts() {
  Range range;
  std::ifstream file("/proc/sys/net/ipv4/ip_local_port_range");
  Range read;
  if (file >> read.first >> read.last) range = read;
  return range;
}

bool IsFree(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool is_free =
      bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 &&
      listen(fd, 1) == 0;
  close(fd);
  return is_free;
}

}  // namespace

absl::StatusOr<std::vector<uint16_t>> PickFreePorts(size_t count) {
  const Range taken = EphemeralPorts();
  std::random_device random;
  std::uniform_int_distribution<int> any(kPortMin, kPortMax);
  std::vector<uint16_t> ports;
  for (int i = 0; i < kTriesMax && ports.size() < count; ++i) {
    const int port = any(random);
    // Where that range is all there is, a port in it has to do: half the tries
    // are for the rest.
    const bool is_ephemeral = taken.first <= port && port <= taken.last;
    if (is_ephemeral && i < kTriesMax / 2) continue;
    if (std::find(ports.begin(), ports.end(), port) != ports.end()) continue;
    if (IsFree(port)) ports.push_back(static_cast<uint16_t>(port));
  }
  if (ports.size() < count) {
    return absl::UnavailableError(
        absl::StrCat("no ", count, " free ports on 127.0.0.1"));
  }
  return ports;
}

}  // namespace rafthttpctl
