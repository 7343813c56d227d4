#ifndef RAFTHTTP_STATS_LEADER_STATS_H_
#define RAFTHTTP_STATS_LEADER_STATS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/base/mutex.h"

namespace rafthttp {

// What became of the messages to one follower.
//
// Threads: thread-safe.
class FollowerStats {
 public:
  // `count` messages were sent, each of which took `latency`: on a stream, to
  // encode it; by POST, until it was answered.
  void Succ(absl::Duration latency, uint64_t count = 1);
  void Fail(uint64_t count = 1);

  // As LeaderStats::ToJson has it.
  std::string ToJson() const;

 private:
  mutable Mutex mutex_;
  // In milliseconds.
  double current_ ABSL_GUARDED_BY(mutex_) = 0;
  double average_ ABSL_GUARDED_BY(mutex_) = 0;
  double average_square_ ABSL_GUARDED_BY(mutex_) = 0;
  double deviation_ ABSL_GUARDED_BY(mutex_) = 0;
  // etcd's: more than any latency, and shown as long as there was none.
  double minimum_ ABSL_GUARDED_BY(mutex_) = 9223372036854775808.0;
  double maximum_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t failures_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t successes_ ABSL_GUARDED_BY(mutex_) = 0;
};

// What a member sends to each of the others: etcd's v2stats.LeaderStats, as
// served at /v2/stats/leader.
//
// Place: the embedder's; the transport tells it. Threads: thread-safe.
class LeaderStats {
 public:
  // `self` is the member whose stats they are.
  explicit LeaderStats(MemberId self);

  // The follower's, made where there are none. They may be told more after
  // Remove, though nobody will see it.
  std::shared_ptr<FollowerStats> Follower(MemberId id);
  void Remove(MemberId id);

  // The very bytes that etcd writes, without a newline, but for one case: a
  // standard deviation that rounding made imaginary is 0, where etcd writes
  // nothing at all.
  std::string ToJson() const;

 private:
  const MemberId self_;
  mutable Mutex mutex_;
  // By hex ID: in the order in which Go prints them.
  std::map<std::string, std::shared_ptr<FollowerStats>> followers_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace rafthttp

#endif  // RAFTHTTP_STATS_LEADER_STATS_H_
