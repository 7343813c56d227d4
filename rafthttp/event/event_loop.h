#ifndef RAFTHTTP_EVENT_EVENT_LOOP_H_
#define RAFTHTTP_EVENT_EVENT_LOOP_H_

#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"

namespace rafthttp::event {

// Fires once per Start. Destroying it cancels it, also from inside its own
// callback. Loop-confined, like everything a loop makes.
class Timer {
 public:
  virtual ~Timer() = default;

  // Fires in a later turn of the loop, no earlier than `delay` from the loop's
  // Now(); timers fire in the order of their deadlines, equal ones in the order
  // in which they were armed. Arming an armed timer moves it. A negative delay
  // counts as zero, an infinite one never comes.
  virtual void Start(absl::Duration delay) = 0;
  // After this the callback does not run until Start is called again.
  virtual void Cancel() = 0;
  virtual bool is_armed() const = 0;
};

// One thread's turn-by-turn scheduler: time, timers, and work posted from
// elsewhere. The libuv one is UvLoop, the virtual-clock one SimLoop.
//
// A turn is one call of the loop into one callback, with all that happens until
// it returns. So "in a later turn" means: not before you have returned.
//
// Threads: every method but Post belongs to the loop's own thread. Objects made
//   on a loop are used and destroyed on its thread, and before the loop.
class EventLoop {
 public:
  virtual ~EventLoop() = default;

  // Monotonic, counted from an arbitrary start; stands still within a turn, so
  // that everything done in one turn agrees on when it happened.
  virtual absl::Time Now() const = 0;

  virtual std::unique_ptr<Timer> NewTimer(
      absl::AnyInvocable<void()> on_fire) = 0;

  // Runs `work` on the loop's thread in a later turn, in the order of the
  // calls. The only method that any thread may call. Work that was posted but
  // not begun when the loop ends is destroyed without running.
  virtual void Post(absl::AnyInvocable<void()> work) = 0;

  // True on the thread that runs the loop; while nobody does, on the thread
  // that made it.
  virtual bool IsCurrent() const = 0;
};

}  // namespace rafthttp::event

#endif  // RAFTHTTP_EVENT_EVENT_LOOP_H_
