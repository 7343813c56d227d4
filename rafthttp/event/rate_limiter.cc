#include "rafthttp/event/rate_limiter.h"

#include <algorithm>

#include "rafthttp/base/check.h"

namespace rafthttp::event {

RateLimiter::RateLimiter(Options options) : options_(options) {
  CHECK(options_.interval >= absl::ZeroDuration());
  CHECK(options_.burst >= 1);
}

absl::Duration RateLimiter::Reserve(absl::Time now) {
  full_at_ = std::max(full_at_, now) + options_.interval;
  // A full bucket is `burst` intervals deep; what lies beyond has to be waited
  // for.
  const absl::Time act_at = full_at_ - options_.burst * options_.interval;
  return std::max(act_at - now, absl::ZeroDuration());
}

}  // namespace rafthttp::event
