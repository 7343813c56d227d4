#include "tools/libraft_bridge/configuration.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "tools/libraft_bridge/little_endian.h"

namespace libraft_bridge {
namespace {

constexpr char kVersion = 1;
// An ID, an empty address, a role.
constexpr size_t kServerBytesMin = kWordBytes + 1 + 1;

absl::Status NoConfiguration(absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("no configuration of libraft: ", why));
}

}  // namespace

absl::StatusOr<std::vector<Server>> DecodeConfiguration(
    absl::string_view bytes) {
  if (bytes.size() < 1 + kWordBytes) return NoConfiguration("cut short");
  if (bytes[0] != kVersion) return NoConfiguration("an unknown version");
  const uint64_t count = LoadLittleEndian(bytes.data() + 1);
  bytes.remove_prefix(1 + kWordBytes);
  if (count > bytes.size() / kServerBytesMin) {
    return NoConfiguration(
        absl::StrCat(count, " servers in ", bytes.size(), " bytes"));
  }
  std::vector<Server> servers(count);
  for (Server& server : servers) {
    if (bytes.size() < kServerBytesMin) return NoConfiguration("cut short");
    server.id = LoadLittleEndian(bytes.data());
    bytes.remove_prefix(kWordBytes);
    const size_t end = bytes.find('\0');
    // A role has to follow.
    if (end == absl::string_view::npos || end + 1 >= bytes.size()) {
      return NoConfiguration("an address without end");
    }
    server.address = std::string(bytes.substr(0, end));
    server.role = static_cast<unsigned char>(bytes[end + 1]);
    if (server.role != RAFT_VOTER && server.role != RAFT_STANDBY &&
        server.role != RAFT_SPARE) {
      return NoConfiguration(absl::StrCat("role ", server.role));
    }
    bytes.remove_prefix(end + 2);
  }
  if (bytes.size() >= kWordBytes) return NoConfiguration("more than is told");
  return servers;
}

absl::StatusOr<std::string> EncodeConfiguration(
    const raft_configuration& configuration) {
  raft_buffer buffer = {};
  if (const int error = raft_configuration_encode(&configuration, &buffer);
      error != 0) {
    return absl::InvalidArgumentError(raft_strerror(error));
  }
  std::string bytes(static_cast<const char*>(buffer.base), buffer.len);
  raft_free(buffer.base);
  return bytes;
}

absl::Status AddServers(const std::vector<Server>& servers,
                        raft_configuration* configuration) {
  for (const Server& server : servers) {
    const int error = raft_configuration_add(
        configuration, server.id, server.address.c_str(), server.role);
    if (error != 0) return NoConfiguration(raft_strerror(error));
  }
  return absl::OkStatus();
}

}  // namespace libraft_bridge
