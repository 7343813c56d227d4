#ifndef TOOLS_ETCDPB_V2_REQUEST_OP_H_
#define TOOLS_ETCDPB_V2_REQUEST_OP_H_

#include <optional>

#include "nlohmann/json.hpp"
#include "tools/etcdpb/v2.pb.h"

namespace rafthttpctl {

// The op of a request of the v2 API, as operation.h describes it; none if its
// method is none of etcd's.
std::optional<nlohmann::ordered_json> V2RequestOp(
    const etcdserverpb::Request& request, bool show_secrets);

}  // namespace rafthttpctl

#endif  // TOOLS_ETCDPB_V2_REQUEST_OP_H_
