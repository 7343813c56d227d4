#ifndef RAFTHTTP_SNAPSHOT_PARTIAL_SNAPSHOTS_H_
#define RAFTHTTP_SNAPSHOT_PARTIAL_SNAPSHOTS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/event/event_loop.h"
#include "rafthttp/snapshot/database_writer.h"

namespace rafthttp {

// A database whose transfer broke off, kept for its sender to go on.
struct PartialSnapshot {
  MemberId from;  // zero where it does not say
  std::string transfer;
  uint64_t index = 0;
  std::unique_ptr<DatabaseWriter> database;
};

// Those of them that there are.
//
// Threads: loop-confined. Lifetime: destroy it at any moment; their files are
//   removed.
// Bounds: count_max of them, and one for each sender; the one that has waited
//   longest gives way. Each goes when its sender has not come back for `keep`.
class PartialSnapshots {
 public:
  // `loop` must outlive it.
  PartialSnapshots(event::EventLoop& loop, size_t count_max,
                   absl::Duration keep);

  void Put(PartialSnapshot partial);
  // How much of `transfer` there is, in bytes.
  uint64_t OffsetOf(MemberId from, const std::string& transfer) const;
  // Its `database` is null if there is none.
  PartialSnapshot Take(MemberId from, const std::string& transfer);
  // The sender, who says who it is, has begun another one.
  void Drop(MemberId from);
  size_t size() const { return partials_.size(); }

 private:
  struct Kept {
    PartialSnapshot partial;
    absl::Time until;
  };

  std::vector<Kept>::const_iterator Find(MemberId from,
                                         const std::string& transfer) const;
  void Expire();
  void Arm();

  event::EventLoop& loop_;
  const size_t count_max_;
  const absl::Duration keep_;
  std::vector<Kept> partials_;  // the oldest first
  const std::unique_ptr<event::Timer> timer_;
};

}  // namespace rafthttp

#endif  // RAFTHTTP_SNAPSHOT_PARTIAL_SNAPSHOTS_H_
