#ifndef RAFTHTTP_SNAPSHOT_DISK_WORK_H_
#define RAFTHTTP_SNAPSHOT_DISK_WORK_H_

#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "rafthttp/delivery/strand_pool.h"
#include "rafthttp/event/event_loop.h"

namespace rafthttp {

// Runs what blocks (files) beside the loop, one piece after the other, and
// tells the loop how each went.
//
// Threads: loop-confined; the work runs on a thread of the pool's.
// Lifetime: destroy it at any moment: what has not begun never runs (but for
//   RunLast, or where another one shares the line), and no callback runs
//   afterwards. Work that runs goes on, so that what it touches must be its
//   own.
class DiskWork {
 public:
  // `loop` and `pool` must outlive it. No pool: the work runs on the loop, as
  // simulations want it.
  DiskWork(event::EventLoop& loop, StrandPool* pool);
  // In one line with `before`: this one's work comes after what that one was
  // given until then, even if that one is gone by now.
  explicit DiskWork(DiskWork& before);
  ~DiskWork();
  DiskWork(const DiskWork&) = delete;
  DiskWork& operator=(const DiskWork&) = delete;

  // `on_done` runs in a later turn, with what `work` returned, in the order of
  // the calls.
  void Run(absl::AnyInvocable<absl::Status()> work,
           absl::AnyInvocable<void(absl::Status)> on_done);
  // Whether the work has a thread.
  bool has_thread() const { return strand_ != nullptr; }
  // The last: runs after all others even if this is destroyed meanwhile, for
  // what would block the loop if it were done in a destructor.
  void RunLast(absl::AnyInvocable<void()> work);

 private:
  event::EventLoop& loop_;
  const std::shared_ptr<StrandPool::Strand> strand_;  // null: on the loop
  // So that what comes back finds out that we are gone.
  const std::shared_ptr<bool> is_alive_;
};

}  // namespace rafthttp

#endif  // RAFTHTTP_SNAPSHOT_DISK_WORK_H_
