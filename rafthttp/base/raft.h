#ifndef RAFTHTTP_BASE_RAFT_H_
#define RAFTHTTP_BASE_RAFT_H_

#include <stop_token>

#include "absl/status/status.h"
#include "rafthttp/base/ids.h"
#include "raftpb/raft.pb.h"

namespace rafthttp {

// What became of a snapshot that was given to the transport.
enum class SnapshotStatus {
  kFinish = 1,   // the peer has it
  kFailure = 2,  // it does not, or it is not known to
};

// The raft that the transport serves (etcd's rafthttp.Raft): the embedder's
// node.
//
// Threads: all methods but IsIdRemoved are called on delivery strands: for one
//   peer there is one strand for MsgProp and one for all else, each runs one
//   call at a time, in the order of arrival, on a thread of the transport's.
//   Different strands run at once, so all methods must be thread-safe. With
//   Options::delivery kInline they are called on the loop's thread instead, and
//   must not block. IsIdRemoved is called on the loop's thread always, and must
//   not block.
// Lifetime: no method runs once Transport::Stop has reported.
class Raft {
 public:
  // Takes a message from a peer. May block; then that strand's connection is
  // read no further, and the peer feels it. `stop` is requested once the
  // transport stops: return soon then.
  //
  // `message` may be moved from; what is left in it is reused. An error is
  // logged and counted; if the message came by POST, it is answered with the
  // HttpAnswer inside the error, else with 500. An exception counts as an
  // error. Types that never cross the network (raftpb::IsLocal) and
  // MsgForgetLeader are dropped before.
  virtual absl::Status Process(std::stop_token stop,
                               raftpb::Message&& message) = 0;

  // Whether the cluster has removed that member for good: its streams are then
  // answered with 410, at which a real etcd ends itself. So say so only of what
  // a committed entry has removed.
  virtual bool IsIdRemoved(MemberId id) = 0;

  // A message to that peer was lost. Told at most once per burst.
  virtual void ReportUnreachable(MemberId id) = 0;

  // The outcome of a MsgSnap to that peer.
  virtual void ReportSnapshot(MemberId id, SnapshotStatus status) = 0;

 protected:
  ~Raft() = default;
};

}  // namespace rafthttp

#endif  // RAFTHTTP_BASE_RAFT_H_
