#include "rafthttp/event/timer_queue.h"

#include <algorithm>
#include <utility>

#include "rafthttp/base/check.h"

namespace rafthttp::event {

class TimerQueue::QueuedTimer final : public Timer {
 public:
  QueuedTimer(TimerQueue& queue, absl::AnyInvocable<void()> on_fire)
      : queue_(queue), on_fire_(std::move(on_fire)) {
    ++queue_.timers_alive_;
  }
  ~QueuedTimer() override {
    Cancel();
    if (queue_.firing_ == this) queue_.firing_ = nullptr;
    --queue_.timers_alive_;
  }

  void Start(absl::Duration delay) override {
    CHECK(queue_.loop_.IsCurrent());
    const Key key = {queue_.loop_.Now() + std::max(delay, absl::ZeroDuration()),
                     queue_.next_sequence_++};
    if (is_armed_) {
      // Moving is the common case (a timeout put off by each read), and costs
      // no allocation this way.
      auto node = queue_.armed_.extract(key_);
      node.key() = key;
      queue_.armed_.insert(std::move(node));
    } else {
      queue_.armed_.emplace(key, this);
      is_armed_ = true;
    }
    key_ = key;
  }

  void Cancel() override {
    CHECK(queue_.loop_.IsCurrent());
    if (!is_armed_) return;
    queue_.armed_.erase(key_);
    is_armed_ = false;
  }

  bool is_armed() const override { return is_armed_; }

  void Fire() {
    Cancel();
    TimerQueue& queue = queue_;
    queue.firing_ = this;
    // Held here, so that the callback may destroy its timer.
    absl::AnyInvocable<void()> on_fire = std::move(on_fire_);
    on_fire();
    if (queue.firing_ == nullptr) return;
    on_fire_ = std::move(on_fire);
    queue.firing_ = nullptr;
  }

 private:
  TimerQueue& queue_;
  absl::AnyInvocable<void()> on_fire_;
  bool is_armed_ = false;
  Key key_ = {};  // of armed_, while armed
};

TimerQueue::TimerQueue(const EventLoop& loop) : loop_(loop) {}

// A timer that outlives its loop would be cancelled in freed memory.
TimerQueue::~TimerQueue() { CHECK(timers_alive_ == 0); }

std::unique_ptr<Timer> TimerQueue::NewTimer(
    absl::AnyInvocable<void()> on_fire) {
  CHECK(loop_.IsCurrent());
  return std::make_unique<QueuedTimer>(*this, std::move(on_fire));
}

absl::Time TimerQueue::earliest() const {
  return armed_.empty() ? absl::InfiniteFuture()
                        : armed_.begin()->first.deadline;
}

size_t TimerQueue::FireDue() {
  CHECK(firing_ == nullptr);  // A callback must not run the loop.
  const absl::Time now = loop_.Now();
  const uint64_t sequence_end = next_sequence_;
  size_t fired = 0;
  // What is armed from now on is due at `now` or later, and so sorts behind
  // everything that this call has to fire.
  while (!armed_.empty()) {
    const auto& [key, timer] = *armed_.begin();
    if (key.deadline > now || key.sequence >= sequence_end) break;
    timer->Fire();
    ++fired;
  }
  return fired;
}

}  // namespace rafthttp::event
