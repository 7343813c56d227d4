#ifndef TOOLS_RAFTHTTPCTL_QUIET_GRPC_H_
#define TOOLS_RAFTHTTPCTL_QUIET_GRPC_H_

namespace rafthttpctl {

// Keeps gRPC's own log off stderr unless `debug`. Before its first use.
void QuietGrpc(bool debug);

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_QUIET_GRPC_H_
