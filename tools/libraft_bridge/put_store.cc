#include "tools/libraft_bridge/put_store.h"

#include "tools/etcdpb/raft_internal.pb.h"

namespace libraft_bridge {

std::string PutStore::PutCommand(uint64_t id, absl::string_view key,
                                 absl::string_view value) {
  etcdserverpb::InternalRaftRequest request;
  request.mutable_header()->set_id(id);
  request.mutable_put()->set_key(key.data(), key.size());
  request.mutable_put()->set_value(value.data(), value.size());
  return request.SerializeAsString();
}

absl::Status PutStore::Apply(absl::string_view command) {
  etcdserverpb::InternalRaftRequest request;
  if (!request.ParseFromArray(command.data(),
                              static_cast<int>(command.size())) ||
      !request.has_put()) {
    return absl::InvalidArgumentError("a command that is no put");
  }
  values_[request.put().key()] = request.put().value();
  ++puts_;
  return absl::OkStatus();
}

// A transaction of puts says as much as a format of our own would; its header's
// ID is the number of puts.
std::string PutStore::Snapshot() const {
  etcdserverpb::InternalRaftRequest all;
  all.mutable_header()->set_id(puts_);
  for (const auto& [key, value] : values_) {
    etcdserverpb::PutRequest& put =
        *all.mutable_txn()->add_success()->mutable_request_put();
    put.set_key(key);
    put.set_value(value);
  }
  return all.SerializeAsString();
}

absl::Status PutStore::Restore(absl::string_view snapshot) {
  etcdserverpb::InternalRaftRequest all;
  if (!all.ParseFromArray(snapshot.data(), static_cast<int>(snapshot.size()))) {
    return absl::InvalidArgumentError("a snapshot that is none of ours");
  }
  values_.clear();
  for (const etcdserverpb::RequestOp& op : all.txn().success()) {
    values_[op.request_put().key()] = op.request_put().value();
  }
  puts_ = all.header().id();
  return absl::OkStatus();
}

}  // namespace libraft_bridge
