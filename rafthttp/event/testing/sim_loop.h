#ifndef RAFTHTTP_EVENT_TESTING_SIM_LOOP_H_
#define RAFTHTTP_EVENT_TESTING_SIM_LOOP_H_

#include <deque>
#include <memory>
#include <thread>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "rafthttp/event/event_loop.h"
#include "rafthttp/event/timer_queue.h"

namespace rafthttp::event {

// An event loop with a virtual clock, which jumps to the next timer as soon as
// there is nothing else to do: an hour passes in no time, and every run is the
// same.
//
// Threads: all of it belongs to the thread that made it, Post included, since
//   posts from elsewhere would come in a random order.
class SimLoop final : public EventLoop {
 public:
  SimLoop();
  ~SimLoop() override;
  SimLoop(const SimLoop&) = delete;
  SimLoop& operator=(const SimLoop&) = delete;

  absl::Time Now() const override;
  std::unique_ptr<Timer> NewTimer(absl::AnyInvocable<void()> on_fire) override;
  void Post(absl::AnyInvocable<void()> work) override;
  bool IsCurrent() const override;

  // One round: runs what is posted so far and fires what is due. If there is
  // neither, moves the clock to the next timer, at most to `end`, and fires
  // that. False if there was nothing to do until `end`.
  bool RunOnce(absl::Time end = absl::InfiniteFuture());

  // Runs rounds until `predicate` holds (true), or nothing is left to do or
  // `max_turns` rounds have passed (whether it holds then).
  bool RunUntil(absl::FunctionRef<bool()> predicate, int max_turns);

  // Runs all that happens in the next `duration`, after which Now() has moved
  // by just that.
  void RunFor(absl::Duration duration);

 private:
  const std::thread::id thread_;
  absl::Time now_;
  std::deque<absl::AnyInvocable<void()>> posted_;
  TimerQueue timers_;
};

}  // namespace rafthttp::event

#endif  // RAFTHTTP_EVENT_TESTING_SIM_LOOP_H_
