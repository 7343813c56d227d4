#include "tools/etcdpb/internal_request_op.h"

#include <string>
#include <utility>

#include "tools/etcdpb/auth_request_op.h"
#include "tools/etcdpb/kv_request_op.h"
#include "tools/etcdpb/op_fields.h"
#include "tools/etcdpb/v2_request_op.h"

namespace rafthttpctl {
namespace {

using Json = ::nlohmann::ordered_json;

Json OpOf(const etcdserverpb::CompactionRequest& request) {
  Json op = OpOfKind("compaction");
  SetNumber(op, "revision", request.revision());
  SetFlagIfTrue(op, "physical", request.physical());
  return op;
}

Json OpOf(const etcdserverpb::LeaseGrantRequest& request) {
  Json op = OpOfKind("lease_grant");
  SetNumber(op, "lease", request.id());
  SetNumber(op, "ttl", request.ttl());
  return op;
}

Json OpOf(const etcdserverpb::LeaseRevokeRequest& request) {
  Json op = OpOfKind("lease_revoke");
  SetNumber(op, "lease", request.id());
  return op;
}

Json OpOf(const etcdserverpb::LeaseCheckpointRequest& request) {
  Json op = OpOfKind("lease_checkpoint");
  Json checkpoints = Json::array();
  for (const etcdserverpb::LeaseCheckpoint& checkpoint :
       request.checkpoints()) {
    Json item = Json::object();
    SetNumber(item, "lease", checkpoint.id());
    SetNumber(item, "remainingTtl", checkpoint.remaining_ttl());
    checkpoints.push_back(std::move(item));
  }
  op["checkpoints"] = std::move(checkpoints);
  return op;
}

Json OpOf(const etcdserverpb::AlarmRequest& request) {
  Json op = OpOfKind("alarm");
  op["action"] =
      EnumText(etcdserverpb::AlarmRequest::AlarmAction_Name(request.action()),
               request.action());
  SetId(op, "member", request.memberid());
  op["alarm"] =
      EnumText(etcdserverpb::AlarmType_Name(request.alarm()), request.alarm());
  return op;
}

Json OpOf(const etcdserverpb::ClusterVersionSetRequest& request) {
  Json op = OpOfKind("cluster_version_set");
  SetBytes(op, "version", request.ver());
  return op;
}

Json OpOf(const etcdserverpb::ClusterMemberAttrSetRequest& request) {
  Json op = OpOfKind("cluster_member_attr_set");
  SetId(op, "member", request.member_id());
  SetBytes(op, "name", request.member_attributes().name());
  Json urls = Json::array();
  for (const std::string& url : request.member_attributes().client_urls()) {
    urls.push_back(TextOrBase64(url));
  }
  op["clientURLs"] = std::move(urls);
  return op;
}

Json OpOf(const etcdserverpb::DowngradeInfoSetRequest& request) {
  Json op = OpOfKind("downgrade_info_set");
  op["enabled"] = request.enabled();
  SetBytesIfAny(op, "version", request.ver());
  return op;
}

Json OpOf(const etcdserverpb::DowngradeVersionTestRequest& request) {
  Json op = OpOfKind("downgrade_version_test");
  SetBytes(op, "version", request.ver());
  return op;
}

// In the order in which etcd looks for a body to obey.
std::optional<Json> BodyOp(const etcdserverpb::InternalRaftRequest& request,
                           bool show_secrets) {
  if (request.has_v2()) return V2RequestOp(request.v2(), show_secrets);
  if (request.has_cluster_version_set()) {
    return OpOf(request.cluster_version_set());
  }
  if (request.has_cluster_member_attr_set()) {
    return OpOf(request.cluster_member_attr_set());
  }
  if (request.has_downgrade_info_set()) {
    return OpOf(request.downgrade_info_set());
  }
  if (request.has_downgrade_version_test()) {
    return OpOf(request.downgrade_version_test());
  }
  if (request.has_range()) return RangeOp(request.range());
  if (request.has_put()) return PutOp(request.put());
  if (request.has_delete_range()) return DeleteRangeOp(request.delete_range());
  if (request.has_txn()) return TxnOp(request.txn());
  if (request.has_compaction()) return OpOf(request.compaction());
  if (request.has_lease_grant()) return OpOf(request.lease_grant());
  if (request.has_lease_revoke()) return OpOf(request.lease_revoke());
  if (request.has_lease_checkpoint()) return OpOf(request.lease_checkpoint());
  if (request.has_alarm()) return OpOf(request.alarm());
  return AuthRequestOp(request, show_secrets);
}

}  // namespace

std::optional<Json> InternalRequestOp(
    const etcdserverpb::InternalRaftRequest& request, bool show_secrets) {
  std::optional<Json> op = BodyOp(request, show_secrets);
  if (op.has_value()) {
    SetBytesIfAny(*op, "username", request.header().username());
  }
  return op;
}

}  // namespace rafthttpctl
