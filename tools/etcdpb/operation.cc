#include "tools/etcdpb/operation.h"

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/message.h"
#include "google/protobuf/wire_format_lite.h"
#include "raftpb/conf_change.h"
#include "raftpb/message_type.h"
#include "tools/etcdpb/conf_change_op.h"
#include "tools/etcdpb/internal_request_op.h"
#include "tools/etcdpb/op_fields.h"
#include "tools/etcdpb/raft_internal.pb.h"
#include "tools/etcdpb/v2.pb.h"
#include "tools/etcdpb/v2_request_op.h"
#include "tools/etcdpb/wire_check.h"

namespace rafthttpctl {
namespace {

using ::google::protobuf::internal::WireFormatLite;
using ::google::protobuf::io::CodedInputStream;
using Json = ::nlohmann::ordered_json;

// Room for transactions of 10,000 operations; etcd's own limit is 128 unless
// raised.
constexpr size_t kFieldsMax = 100'000;

absl::Status Parse(absl::string_view bytes,
                   google::protobuf::Message& message) {
  absl::Status status = CheckWire(bytes, *message.GetDescriptor(), kFieldsMax);
  if (!status.ok()) return status;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::DataLossError("malformed");
  }
  return absl::OkStatus();
}

// Whether `bytes`, as far as they can be read, hold an InternalRaftRequest's
// field from the range where etcd keeps what is about users, or the path where
// the v2 API does: a request that is damaged, or newer than we are.
bool MayHoldSecret(absl::string_view bytes) {
  if (absl::StrContains(bytes, "/2/users")) return true;
  CodedInputStream in(reinterpret_cast<const uint8_t*>(bytes.data()),
                      static_cast<int>(bytes.size()));
  while (const uint32_t tag = in.ReadTag()) {
    const int number = WireFormatLite::GetTagFieldNumber(tag);
    if (number >= 1000 && number < 1300) return true;
    if (!WireFormatLite::SkipField(&in, tag)) return false;
  }
  return false;
}

Json Unknown(absl::string_view data, const OperationOptions& options,
             const absl::Status& status = absl::OkStatus()) {
  Json op = OpOfKind("unknown");
  const bool is_hidden = !options.show_secrets && MayHoldSecret(data);
  op["data"] = is_hidden ? "(redacted)" : absl::Base64Escape(data);
  if (absl::IsResourceExhausted(status)) {
    op["reason"] = std::string(status.message());
  }
  return op;
}

Json NormalOp(absl::string_view data, const OperationOptions& options) {
  if (data.empty()) return OpOfKind("empty");
  etcdserverpb::InternalRaftRequest internal;
  const absl::Status status = Parse(data, internal);
  std::optional<Json> op;
  if (status.ok()) {
    op = InternalRequestOp(internal, options.show_secrets);
  } else if (etcdserverpb::Request v2;
             absl::IsDataLoss(status) && Parse(data, v2).ok()) {
    op = V2RequestOp(v2, options.show_secrets);
  }
  return op.has_value() ? *std::move(op) : Unknown(data, options, status);
}

Json ConfChangeV1EntryOp(absl::string_view data,
                         const OperationOptions& options) {
  raftpb::ConfChange change;
  const absl::Status status = Parse(data, change);
  return status.ok() ? ConfChangeOp(raftpb::AsV2(change))
                     : Unknown(data, options, status);
}

Json ConfChangeV2EntryOp(absl::string_view data,
                         const OperationOptions& options) {
  raftpb::ConfChangeV2 change;
  const absl::Status status = Parse(data, change);
  return status.ok() ? ConfChangeOp(change) : Unknown(data, options, status);
}

}  // namespace

Json OperationJson(const raftpb::Entry& entry,
                   const OperationOptions& options) {
  switch (raftpb::EntryTypeNumber(entry)) {
    case raftpb::EntryNormal:
      return NormalOp(entry.data(), options);
    case raftpb::EntryConfChange:
      return ConfChangeV1EntryOp(entry.data(), options);
    case raftpb::EntryConfChangeV2:
      return ConfChangeV2EntryOp(entry.data(), options);
    default:
      return Unknown(entry.data(), options);
  }
}

}  // namespace rafthttpctl
