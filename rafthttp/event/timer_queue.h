#ifndef RAFTHTTP_EVENT_TIMER_QUEUE_H_
#define RAFTHTTP_EVENT_TIMER_QUEUE_H_

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "rafthttp/event/event_loop.h"

namespace rafthttp::event {

// The timers of one loop, in the order in which they fire.
//
// Place: UvLoop and SimLoop keep their timers here, so that these differ in the
//   clock alone.
// Lifetime: must outlive its timers.
class TimerQueue {
 public:
  // `loop` is asked for the time, and must outlive the queue.
  explicit TimerQueue(const EventLoop& loop);
  ~TimerQueue();
  TimerQueue(const TimerQueue&) = delete;
  TimerQueue& operator=(const TimerQueue&) = delete;

  std::unique_ptr<Timer> NewTimer(absl::AnyInvocable<void()> on_fire);

  // When the next timer is due; InfiniteFuture if none is armed.
  absl::Time earliest() const;

  // Fires all that are due by Now(). Those armed meanwhile wait for the next
  // call even if they are due at once, so that a timer which always re-arms
  // itself does not keep the loop from its other work. Returns how many fired.
  size_t FireDue();

 private:
  class QueuedTimer;
  struct Key {
    absl::Time deadline;
    uint64_t sequence;  // counts arming, which settles equal deadlines
    friend std::strong_ordering operator<=>(const Key&, const Key&) = default;
  };

  const EventLoop& loop_;
  std::map<Key, QueuedTimer*> armed_;
  uint64_t next_sequence_ = 0;
  size_t timers_alive_ = 0;
  // The timer whose callback runs; null if that callback destroyed it.
  QueuedTimer* firing_ = nullptr;
};

}  // namespace rafthttp::event

#endif  // RAFTHTTP_EVENT_TIMER_QUEUE_H_
