#include "tools/etcdpb/kv_request_op.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "tools/etcdpb/op_fields.h"

namespace rafthttpctl {
namespace {

using ::etcdserverpb::Compare;
using ::etcdserverpb::RangeRequest;
using ::etcdserverpb::RequestOp;
using Json = ::nlohmann::ordered_json;

// Where the target and the value's field disagree, etcd compares with 0.
void SetCompareValue(const Compare& compare, Json& item) {
  switch (compare.target()) {
    case Compare::VERSION:
      return SetNumber(item, "version", compare.version());
    case Compare::CREATE:
      return SetNumber(item, "createRevision", compare.create_revision());
    case Compare::MOD:
      return SetNumber(item, "modRevision", compare.mod_revision());
    case Compare::VALUE:
      return SetBytes(item, "value", compare.value());
    case Compare::LEASE:
      return SetNumber(item, "lease", compare.lease());
    default:
      return;
  }
}

Json CompareItem(const Compare& compare) {
  Json item = Json::object();
  SetBytes(item, "key", compare.key());
  SetBytesIfAny(item, "rangeEnd", compare.range_end());
  item["target"] =
      EnumText(Compare::CompareTarget_Name(compare.target()), compare.target());
  item["result"] =
      EnumText(Compare::CompareResult_Name(compare.result()), compare.result());
  SetCompareValue(compare, item);
  return item;
}

Json OpOf(const RequestOp& request) {
  switch (request.request_case()) {
    case RequestOp::kRequestRange:
      return RangeOp(request.request_range());
    case RequestOp::kRequestPut:
      return PutOp(request.request_put());
    case RequestOp::kRequestDeleteRange:
      return DeleteRangeOp(request.request_delete_range());
    case RequestOp::kRequestTxn:
      return TxnOp(request.request_txn());
    case RequestOp::REQUEST_NOT_SET:
      break;
  }
  Json op = OpOfKind("unknown");
  op["data"] = absl::Base64Escape(request.SerializeAsString());
  return op;
}

Json OpsOf(const google::protobuf::RepeatedPtrField<RequestOp>& requests) {
  Json ops = Json::array();
  for (const RequestOp& request : requests) ops.push_back(OpOf(request));
  return ops;
}

}  // namespace

Json RangeOp(const RangeRequest& request) {
  Json op = OpOfKind("range");
  SetBytes(op, "key", request.key());
  SetBytesIfAny(op, "rangeEnd", request.range_end());
  SetNumberIfAny(op, "limit", request.limit());
  SetNumberIfAny(op, "revision", request.revision());
  if (request.sort_order() != RangeRequest::NONE) {
    op["sortOrder"] =
        EnumText(RangeRequest::SortOrder_Name(request.sort_order()),
                 request.sort_order());
  }
  if (request.sort_target() != RangeRequest::KEY) {
    op["sortTarget"] =
        EnumText(RangeRequest::SortTarget_Name(request.sort_target()),
                 request.sort_target());
  }
  SetFlagIfTrue(op, "serializable", request.serializable());
  SetFlagIfTrue(op, "keysOnly", request.keys_only());
  SetFlagIfTrue(op, "countOnly", request.count_only());
  SetNumberIfAny(op, "minModRevision", request.min_mod_revision());
  SetNumberIfAny(op, "maxModRevision", request.max_mod_revision());
  SetNumberIfAny(op, "minCreateRevision", request.min_create_revision());
  SetNumberIfAny(op, "maxCreateRevision", request.max_create_revision());
  return op;
}

Json PutOp(const etcdserverpb::PutRequest& request) {
  Json op = OpOfKind("put");
  SetBytes(op, "key", request.key());
  SetBytes(op, "value", request.value());
  SetNumber(op, "lease", request.lease());
  SetFlagIfTrue(op, "prevKv", request.prev_kv());
  SetFlagIfTrue(op, "ignoreValue", request.ignore_value());
  SetFlagIfTrue(op, "ignoreLease", request.ignore_lease());
  return op;
}

Json DeleteRangeOp(const etcdserverpb::DeleteRangeRequest& request) {
  Json op = OpOfKind("delete_range");
  SetBytes(op, "key", request.key());
  SetBytesIfAny(op, "rangeEnd", request.range_end());
  SetFlagIfTrue(op, "prevKv", request.prev_kv());
  return op;
}

Json TxnOp(const etcdserverpb::TxnRequest& request) {
  Json op = OpOfKind("txn");
  Json compares = Json::array();
  for (const Compare& compare : request.compare()) {
    compares.push_back(CompareItem(compare));
  }
  op["compare"] = std::move(compares);
  op["success"] = OpsOf(request.success());
  op["failure"] = OpsOf(request.failure());
  return op;
}

}  // namespace rafthttpctl
