#ifndef INTEGRATION_BENCH_COMPARE_WINDOWED_LOAD_H_
#define INTEGRATION_BENCH_COMPARE_WINDOWED_LOAD_H_

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "integration/bench/peer/histogram.h"

namespace rafthttp::bench {

// How often a receiver answers: every so many messages or bytes.
inline constexpr uint64_t kAnswerMessages = 64;
inline constexpr uint64_t kAnswerBytes = 1 << 20;

// A sender with a thread that writes and one that reads answers: numbers its
// messages, and never has more than a window of them unanswered.
//
// Threads: Run on the one, OnAnswer on the other.
class WindowedLoad {
 public:
  explicit WindowedLoad(uint64_t window) : window_(window) {}

  // Calls `send` with how many messages may go now, up to `batch`; it returns
  // how many it has sent. Until `duration` is over and what was sent is
  // answered, but for what a receiver holds back.
  void Run(absl::Duration duration, uint64_t batch,
           const std::function<uint64_t(uint64_t)>& send) {
    const absl::Time end = absl::Now() + duration;
    while (absl::Now() < end) {
      const uint64_t outstanding = sent_ - acked_;
      if (outstanding < window_) {
        if (is_recording_ && timed_ <= acked_) {
          timed_at_ = absl::GetCurrentTimeNanos();
          timed_ = sent_ + 1;
        }
        sent_ += send(std::min(window_ - outstanding, batch));
        continue;
      }
      Wait([&] { return sent_ - acked_ < window_; });
    }
    Wait([&] { return sent_ - acked_ < std::min(window_, kAnswerMessages); });
  }

  // The other side has seen all up to `number`.
  void OnAnswer(uint64_t number) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const uint64_t timed = timed_;
    if (is_recording_ && timed > acked_ && timed <= number) {
      latencies_.Add(
          static_cast<uint64_t>(absl::GetCurrentTimeNanos() - timed_at_));
    }
    acked_ = number;
    answered_.notify_one();
  }

  uint64_t sent() const { return sent_; }
  void set_is_recording(bool is_recording) { is_recording_ = is_recording; }
  const Histogram& latencies() const { return latencies_; }

 private:
  template <typename Predicate>
  void Wait(Predicate is_done) {
    std::unique_lock<std::mutex> lock(mutex_);
    answered_.wait_for(lock, std::chrono::seconds(1), is_done);
  }

  const uint64_t window_;
  uint64_t sent_ = 0;
  std::atomic<uint64_t> acked_ = 0;
  std::atomic<bool> is_recording_ = false;
  // One at a time is timed.
  std::atomic<uint64_t> timed_ = 0;
  std::atomic<int64_t> timed_at_ = 0;
  Histogram latencies_;
  std::mutex mutex_;
  std::condition_variable answered_;
};

}  // namespace rafthttp::bench

#endif  // INTEGRATION_BENCH_COMPARE_WINDOWED_LOAD_H_
