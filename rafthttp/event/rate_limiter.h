#ifndef RAFTHTTP_EVENT_RATE_LIMITER_H_
#define RAFTHTTP_EVENT_RATE_LIMITER_H_

#include "absl/time/time.h"

namespace rafthttp::event {

// Spaces actions out: on average no more than one per `interval`, after a pause
// up to `burst` at once. A pure value: the time is passed in.
//
//   timer->Start(limiter.Reserve(loop.Now()));  // then act when it fires
class RateLimiter {
 public:
  struct Options {
    absl::Duration interval = absl::Milliseconds(100);  // etcd redials 10/s
    int burst = 1;                                      // at least 1
  };
  explicit RateLimiter(Options options);

  // Books the next action and says how long to wait from `now` until it; zero
  // if it may be done at once. Each call books one, in order, and none is given
  // back. `now` must not go backwards.
  absl::Duration Reserve(absl::Time now);

 private:
  Options options_;
  // When the bucket will be full again if nothing more is booked.
  absl::Time full_at_ = absl::InfinitePast();
};

}  // namespace rafthttp::event

#endif  // RAFTHTTP_EVENT_RATE_LIMITER_H_
