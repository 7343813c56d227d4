#ifndef RAFTHTTP_DELIVERY_STRAND_POOL_H_
#define RAFTHTTP_DELIVERY_STRAND_POOL_H_

#include <cstddef>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"

namespace rafthttp {

// Runs the work of many strands on few threads. A strand's work runs one piece
// at a time, in order; different strands run at once. A thread is started when
// work is due and all others are busy, so that strands whose work blocks do not
// hold up the others, up to threads_max; idle ones end after a while.
//
// Threads: every method may be called from any.
// Lifetime: Shutdown, then destroy, at the earliest inside `on_idle`. The
//   destructor waits for work that runs, unless it is called by that very work.
//   A strand that outlives the pool destroys what it is given.
// Bounds: threads_max threads. What waits is bounded by who gives it.
class StrandPool {
 public:
  struct Options {
    // Each blocked Process holds one.
    size_t threads_max = 64;
    // How long a thread waits for work before it ends. The one that has waited
    // for the shortest time takes what comes, so that the others may end.
    absl::Duration idle_timeout = absl::Seconds(10);
  };

  // One line of work.
  // Lifetime: may be destroyed at any moment, also from inside its own work:
  //   what has not begun is destroyed without running.
  class Strand {
   public:
    virtual ~Strand() = default;
    virtual void Run(absl::AnyInvocable<void()> work) = 0;
  };

  explicit StrandPool(Options options);
  ~StrandPool();
  StrandPool(const StrandPool&) = delete;
  StrandPool& operator=(const StrandPool&) = delete;

  std::unique_ptr<Strand> NewStrand();

  // Begins no more work, destroys what has not begun, and calls `on_idle` once
  // when none is running any more: on the thread that ran the last, or here and
  // now if there is none. Once.
  void Shutdown(absl::AnyInvocable<void()> on_idle);

  // Whether the calling thread is one of the pool's, which runs some strand's
  // work or `on_idle`.
  bool IsPoolThread() const;
  size_t threads() const;

 private:
  class Impl;
  class PoolStrand;
  const std::shared_ptr<Impl> impl_;
};

}  // namespace rafthttp

#endif  // RAFTHTTP_DELIVERY_STRAND_POOL_H_
