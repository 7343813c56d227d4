#ifndef TOOLS_ETCDPB_CONF_CHANGE_OP_H_
#define TOOLS_ETCDPB_CONF_CHANGE_OP_H_

#include "nlohmann/json.hpp"
#include "raftpb/raft.pb.h"

namespace rafthttpctl {

// The op of a membership change, as operation.h describes it.
nlohmann::ordered_json ConfChangeOp(const raftpb::ConfChangeV2& change);

}  // namespace rafthttpctl

#endif  // TOOLS_ETCDPB_CONF_CHANGE_OP_H_
