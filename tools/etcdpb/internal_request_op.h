#ifndef TOOLS_ETCDPB_INTERNAL_REQUEST_OP_H_
#define TOOLS_ETCDPB_INTERNAL_REQUEST_OP_H_

#include <optional>

#include "nlohmann/json.hpp"
#include "tools/etcdpb/raft_internal.pb.h"

namespace rafthttpctl {

// The op of an etcd request, as operation.h describes it; none if it holds no
// body that we know. Of several bodies, the one that etcd would obey.
std::optional<nlohmann::ordered_json> InternalRequestOp(
    const etcdserverpb::InternalRaftRequest& request, bool show_secrets);

}  // namespace rafthttpctl

#endif  // TOOLS_ETCDPB_INTERNAL_REQUEST_OP_H_
