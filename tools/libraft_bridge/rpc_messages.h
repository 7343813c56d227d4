#ifndef TOOLS_LIBRAFT_BRIDGE_RPC_MESSAGES_H_
#define TOOLS_LIBRAFT_BRIDGE_RPC_MESSAGES_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "raftpb/raft.pb.h"
#include "tools/libraft_bridge/libraft.h"

// libraft's RPCs as etcd's messages, and back:
//
//   RequestVote          MsgVote, MsgPreVote   index, logTerm: the last entry;
//                                              context "CampaignTransfer" if
//                                              the leader is to be discarded
//   RequestVoteResult    MsgVoteResp,          reject
//                        MsgPreVoteResp
//   AppendEntries        MsgApp                index, logTerm: the entry
//   before;
//                                              commit, entries
//   AppendEntriesResult  MsgAppResp            index: the last entry; or
//   reject,
//                                              index: the one that was
//                                              rejected, rejectHint: the last
//                                              entry
//   InstallSnapshot      MsgSnap               snapshot; context: the index of
//                                              the configuration (8 bytes,
//                                              little-endian) and libraft's
//                                              form of it
//   TimeoutNow           MsgTimeoutNow         index, logTerm: the last entry
//
// All that libraft says of an AppendEntries fits what the compact frame of a
// msgapp stream keeps; a context there would be lost.
//
//   RAFT_COMMAND         EntryNormal with the command's payload, never empty
//   RAFT_BARRIER         EntryNormal without data: etcd's own no-op
//   RAFT_CHANGE          EntryConfChangeV2: the members as changes, for
//   readers,
//                        and libraft's form of them as context, for libraft
namespace libraft_bridge {

// libraft stores entries in words of 8 bytes and pads none. So a command is its
// payload's length (8 bytes, little-endian), the payload, and zeros.
//
// Memory is raft_malloc'ed, as raft_apply wants it.
raft_buffer NewCommand(absl::string_view payload);
// What is in a command, which it points into. kInvalidArgument if `command` was
// not made by NewCommand, or of an empty payload.
absl::StatusOr<absl::string_view> CommandPayload(const raft_buffer& command);

// `rpc` as a message from member `from` to rpc.server_id. kInvalidArgument if
// it has no such form.
absl::StatusOr<raftpb::Message> MessageFromRpc(raft_id from,
                                               const raft_message& rpc);

// An RPC made of a message, with the memory that it points to.
//
// Lifetime: that memory is libraft's own kind. Whoever hands get() to libraft,
//   which frees it, calls Release before.
class ReceivedRpc {
 public:
  // `address` is what libraft remembers as the sender's, and must outlive the
  // result. kInvalidArgument says why `message` is no RPC.
  static absl::StatusOr<ReceivedRpc> FromMessage(const raftpb::Message& message,
                                                 const char* address);
  ReceivedRpc(ReceivedRpc&& other) noexcept;
  ReceivedRpc& operator=(ReceivedRpc&&) = delete;
  ~ReceivedRpc();

  const raft_message& get() const { return rpc_; }
  // The RPC, whose memory the caller now owns.
  raft_message Release();

 private:
  ReceivedRpc() = default;
  absl::Status ReadEntries(const raftpb::Message& message);
  absl::Status ReadSnapshot(const raftpb::Message& message);

  raft_message rpc_ = {};
};

}  // namespace libraft_bridge

#endif  // TOOLS_LIBRAFT_BRIDGE_RPC_MESSAGES_H_
