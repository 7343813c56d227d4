#include "rafthttp/event/backoff.h"

#include <algorithm>

#include "rafthttp/base/check.h"

namespace rafthttp::event {
namespace {

// From 0 up to but not including 1.
double Fraction(std::mt19937_64& random) {
  return static_cast<double>(random() >> 11) / (uint64_t{1} << 53);
}

}  // namespace

Backoff::Backoff(Options options)
    : options_(options), delay_(options.initial), random_(options.jitter_seed) {
  CHECK(options_.initial >= absl::ZeroDuration());
  CHECK(options_.max >= options_.initial);
  CHECK(options_.multiplier >= 1);
  CHECK(options_.jitter >= 0);
  CHECK(options_.jitter <= 1);
}

absl::Duration Backoff::Next() {
  const absl::Duration delay = delay_;
  delay_ = std::min(delay_ * options_.multiplier, options_.max);
  if (options_.jitter == 0) return delay;
  return delay * (1 - options_.jitter * Fraction(random_));
}

void Backoff::Reset() { delay_ = options_.initial; }

}  // namespace rafthttp::event
