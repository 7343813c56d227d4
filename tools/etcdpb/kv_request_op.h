#ifndef TOOLS_ETCDPB_KV_REQUEST_OP_H_
#define TOOLS_ETCDPB_KV_REQUEST_OP_H_

#include "nlohmann/json.hpp"
#include "tools/etcdpb/rpc.pb.h"

namespace rafthttpctl {

// The ops of requests about keys, as operation.h describes them.
nlohmann::ordered_json RangeOp(const etcdserverpb::RangeRequest& request);
nlohmann::ordered_json PutOp(const etcdserverpb::PutRequest& request);
nlohmann::ordered_json DeleteRangeOp(
    const etcdserverpb::DeleteRangeRequest& request);
// Recursive, as deep as transactions are nested in `request`.
nlohmann::ordered_json TxnOp(const etcdserverpb::TxnRequest& request);

}  // namespace rafthttpctl

#endif  // TOOLS_ETCDPB_KV_REQUEST_OP_H_
