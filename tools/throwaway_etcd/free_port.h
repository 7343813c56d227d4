#ifndef TOOLS_THROWAWAY_ETCD_FREE_PORT_H_
#define TOOLS_THROWAWAY_ETCD_FREE_PORT_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"

namespace rafthttpctl {

// `count` different TCP ports on which nothing listens at 127.0.0.1, for
// programs that must be told theirs.
//
// They lie outside of the range that the kernel gives to outgoing connections,
// so that they stay free while such a program is down, and nobody who dials one
// meanwhile connects to himself. Another program may still take one first:
// whoever uses them must be ready to try again.
absl::StatusOr<std::vector<uint16_t>> PickFreePorts(size_t count);

}  // namespace rafthttpctl

#endif  // TOOLS_THROWAWAY_ETCD_FREE_PORT_H_
