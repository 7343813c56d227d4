// Whatever a peer sends is refused, or becomes an RPC that is such a message
// again.
#include <cstddef>
#include <cstdint>

#include "rafthttp/base/check.h"
#include "raftpb/raft.pb.h"
#include "tools/libraft_bridge/rpc_messages.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  raftpb::Message message;
  if (!message.ParseFromArray(data, static_cast<int>(size))) return 0;
  const auto rpc = libraft_bridge::ReceivedRpc::FromMessage(message, "");
  if (!rpc.ok()) return 0;
  const auto back = libraft_bridge::MessageFromRpc(1, rpc->get());
  CHECK(back.ok());
  CHECK(back->to() == message.from());
  CHECK(back->type() == message.type());
  CHECK(back->term() == message.term());
  if (message.type() == raftpb::MsgApp) {
    CHECK(back->entries_size() == message.entries_size());
  }
  return 0;
}
