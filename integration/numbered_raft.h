#ifndef INTEGRATION_NUMBERED_RAFT_H_
#define INTEGRATION_NUMBERED_RAFT_H_

#include <cstdint>
#include <map>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "rafthttp/base/mutex.h"
#include "rafthttp/rafthttp.h"
#include "raftpb/raft.pb.h"

namespace rafthttp::integration {

// What entry `index` must hold, in tests beside other programs.
std::string NumberedData(uint64_t index, size_t bytes);

// A numbered message: MsgApp by its index, MsgHeartbeat by its commit, others
// by their index.
raftpb::Message NumberedMessage(raftpb::MessageType type, uint64_t from,
                                uint64_t to, uint64_t number,
                                size_t entry_bytes);

// Takes numbered messages: counts them, and checks their contents.
//
// Threads: any.
class NumberedRaft final : public Raft {
 public:
  struct Tally {
    uint64_t count = 0;
    uint64_t last = 0;      // highest number
    uint64_t repeated = 0;  // came before
    uint64_t disorder = 0;  // came after a higher one
    uint64_t bad = 0;       // contents are not those of the number
  };

  // Raft:
  absl::Status Process(std::stop_token stop,
                       raftpb::Message&& message) override;
  bool IsIdRemoved(MemberId id) override;
  void ReportUnreachable(MemberId id) override;
  void ReportSnapshot(MemberId id, SnapshotStatus status) override;

  void MarkRemoved(MemberId id);
  // What Process says from now on.
  void set_outcome(absl::Status outcome);
  void Forget();

  // Each waits, for as long as the test may take.
  Tally AwaitReceived(raftpb::MessageType type, uint64_t count);
  void AwaitUnreachable(MemberId id);
  void AwaitSnapshot(SnapshotStatus status);
  uint64_t received(raftpb::MessageType type);

 private:
  mutable Mutex mutex_;
  Condition changed_;
  std::map<int, Tally> tallies_ ABSL_GUARDED_BY(mutex_);
  std::map<int, std::set<uint64_t>> seen_ ABSL_GUARDED_BY(mutex_);
  std::set<MemberId> removed_ ABSL_GUARDED_BY(mutex_);
  std::map<MemberId, uint64_t> unreachable_ ABSL_GUARDED_BY(mutex_);
  std::vector<SnapshotStatus> snapshots_ ABSL_GUARDED_BY(mutex_);
  absl::Status outcome_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace rafthttp::integration

#endif  // INTEGRATION_NUMBERED_RAFT_H_
