#ifndef RAFTHTTP_EVENT_BACKOFF_H_
#define RAFTHTTP_EVENT_BACKOFF_H_

#include <cstdint>
#include <random>

#include "absl/time/time.h"

namespace rafthttp::event {

// How long to wait before the next try: longer after each failure, up to a
// limit. A pure value without clock or timer.
class Backoff {
 public:
  struct Options {
    absl::Duration initial = absl::Milliseconds(100);
    absl::Duration max = absl::Seconds(1);
    double multiplier = 2;  // at least 1
    // Takes up to this share off each delay, so that many who failed together
    // do not come back together. 0 to 1.
    double jitter = 0;
    uint64_t jitter_seed = 0;
  };
  explicit Backoff(Options options);

  // The delay before the next try; call it once per failure.
  absl::Duration Next();
  // After a success: the next delay is the initial one again.
  void Reset();

 private:
  Options options_;
  absl::Duration delay_;
  std::mt19937_64 random_;
};

}  // namespace rafthttp::event

#endif  // RAFTHTTP_EVENT_BACKOFF_H_
