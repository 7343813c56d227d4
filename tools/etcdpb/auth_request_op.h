#ifndef TOOLS_ETCDPB_AUTH_REQUEST_OP_H_
#define TOOLS_ETCDPB_AUTH_REQUEST_OP_H_

#include <optional>

#include "nlohmann/json.hpp"
#include "tools/etcdpb/raft_internal.pb.h"

namespace rafthttpctl {

// The op of a request about users and roles, as operation.h describes it; none
// if `request` holds no such body.
std::optional<nlohmann::ordered_json> AuthRequestOp(
    const etcdserverpb::InternalRaftRequest& request, bool show_secrets);

}  // namespace rafthttpctl

#endif  // TOOLS_ETCDPB_AUTH_REQUEST_OP_H_
