#include "rafthttp/event/testing/sim_loop.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "rafthttp/base/check.h"

namespace rafthttp::event {
namespace {

// More rounds than this without the clock moving are a livelock: somebody
// re-arms a timer or posts in a circle.
constexpr int kRoundsPerInstantMax = 1000000;

}  // namespace

// The clock starts on a day that makes a forgotten absl::Now() stand out.
SimLoop::SimLoop()
    : thread_(std::this_thread::get_id()),
      now_(absl::FromUnixSeconds(1000000)),
      timers_(*this) {}

SimLoop::~SimLoop() {
  // What posted work owns may use the loop while it is destroyed.
  while (!posted_.empty()) std::exchange(posted_, {}).clear();
}

absl::Time SimLoop::Now() const { return now_; }

std::unique_ptr<Timer> SimLoop::NewTimer(absl::AnyInvocable<void()> on_fire) {
  return timers_.NewTimer(std::move(on_fire));
}

void SimLoop::Post(absl::AnyInvocable<void()> work) {
  CHECK(IsCurrent());
  posted_.push_back(std::move(work));
}

bool SimLoop::IsCurrent() const {
  return std::this_thread::get_id() == thread_;
}

bool SimLoop::RunOnce(absl::Time end) {
  CHECK(IsCurrent());
  if (posted_.empty() && timers_.earliest() > now_) {
    const absl::Time next = timers_.earliest();
    if (next > end || next == absl::InfiniteFuture()) return false;
    now_ = next;
  }
  for (size_t left = posted_.size(); left > 0; --left) {
    absl::AnyInvocable<void()> work = std::move(posted_.front());
    posted_.pop_front();
    work();
  }
  timers_.FireDue();
  return true;
}

bool SimLoop::RunUntil(absl::FunctionRef<bool()> predicate, int max_turns) {
  for (int turn = 0; turn < max_turns; ++turn) {
    if (predicate()) return true;
    if (!RunOnce()) return predicate();
  }
  return predicate();
}

void SimLoop::RunFor(absl::Duration duration) {
  const absl::Time end = now_ + duration;
  absl::Time instant = now_;
  int rounds = 0;
  while (RunOnce(end)) {
    rounds = now_ == instant ? rounds + 1 : 0;
    instant = now_;
    CHECK(rounds < kRoundsPerInstantMax);
  }
  now_ = std::max(now_, end);
}

}  // namespace rafthttp::event
