#ifndef RAFTHTTP_STATS_SERVER_STATS_H_
#define RAFTHTTP_STATS_SERVER_STATS_H_

#include <cstdint>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/base/mutex.h"
#include "rafthttp/stats/rate_ring.h"

namespace rafthttp {

// How much a member sends and receives in MsgApps, and whom it follows: etcd's
// v2stats.ServerStats, as served at /v2/stats/self.
//
// Place: the embedder's; the transport tells what it sends, the embedder's raft
//   what it receives. Threads: thread-safe; no call blocks for long.
// Bounds: 200 records each way.
// Time: the caller's clock. It may stand still or go back; then no rate is
// told.
class ServerStats {
 public:
  // `name` is the member's, as users know it.
  ServerStats(std::string name, MemberId id, absl::Time now,
              absl::TimeZone zone = absl::LocalTimeZone());

  // MsgApps came from `leader`, which we follow then.
  void RecvAppendReq(MemberId leader, uint64_t bytes, absl::Time now) {
    RecvAppendReqs(leader, 1, bytes, now);
  }
  void RecvAppendReqs(MemberId leader, uint64_t count, uint64_t bytes,
                      absl::Time now);

  // MsgApps were sent, which only a leader does.
  void SendAppendReq(uint64_t bytes, absl::Time now) {
    SendAppendReqs(1, bytes, now);
  }
  void SendAppendReqs(uint64_t count, uint64_t bytes, absl::Time now);

  void BecomeLeader(absl::Time now);

  // The very bytes that etcd writes, without a newline, but for one case: a
  // rate over no time at all, as after a single request, is left out, where
  // etcd writes nothing at all. As there, asking forgets the records of a
  // direction in which nothing moved for a second.
  std::string ToJson(absl::Time now) const;

 private:
  void Lead(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string name_;
  const MemberId id_;
  const absl::Time start_time_;
  const absl::TimeZone zone_;

  mutable Mutex mutex_;
  bool is_leader_ ABSL_GUARDED_BY(mutex_) = false;
  // Zero until one is known.
  MemberId leader_ ABSL_GUARDED_BY(mutex_);
  absl::Time leader_since_ ABSL_GUARDED_BY(mutex_);
  uint64_t received_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t sent_ ABSL_GUARDED_BY(mutex_) = 0;
  mutable RateRing receiving_ ABSL_GUARDED_BY(mutex_);
  mutable RateRing sending_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace rafthttp

#endif  // RAFTHTTP_STATS_SERVER_STATS_H_
