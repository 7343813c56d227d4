#ifndef TOOLS_RAFTHTTPCTL_LISTEN_ADDRESS_H_
#define TOOLS_RAFTHTTPCTL_LISTEN_ADDRESS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "rafthttp/http1/url.h"

namespace rafthttpctl {

// Reads "127.0.0.1:2380", "[::1]:0", or a peer URL; port 0 takes a free one.
absl::StatusOr<rafthttp::http1::Url> ParseListenAddress(absl::string_view text);

// A free port ("10.0.0.7:0") on the address of this machine from which an etcd
// endpoint (host:port, with or without a scheme) is reached; 127.0.0.1 where
// that cannot be told. Resolves the host, and sends nothing.
std::string LocalAddressTowards(absl::string_view endpoint);

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_LISTEN_ADDRESS_H_
