#include "rafthttp/event/rate_limiter.h"

#include <algorithm>

#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace rafthttp::event {
namespace {

constexpr absl::Duration Ms(int n) { return absl::Milliseconds(n); }
const absl::Time kStart = absl::FromUnixSeconds(1000);

TEST(RateLimiterTest, TheFirstGoesAtOnceAndTheRestAreSpaced) {
  RateLimiter limiter({.interval = Ms(100), .burst = 1});
  EXPECT_EQ(limiter.Reserve(kStart), Ms(0));
  EXPECT_EQ(limiter.Reserve(kStart), Ms(100));
  EXPECT_EQ(limiter.Reserve(kStart), Ms(200));
  EXPECT_EQ(limiter.Reserve(kStart + Ms(150)), Ms(150));
}

TEST(RateLimiterTest, APauseRefillsNoMoreThanTheBurst) {
  RateLimiter limiter({.interval = Ms(100), .burst = 3});
  absl::Time now = kStart;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limiter.Reserve(now), Ms(0)) << i;
  EXPECT_EQ(limiter.Reserve(now), Ms(100));
  now += absl::Hours(1);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limiter.Reserve(now), Ms(0)) << i;
  EXPECT_EQ(limiter.Reserve(now), Ms(100));
}

TEST(RateLimiterTest, WhoComesAtTheRateNeverWaits) {
  RateLimiter limiter({.interval = Ms(100), .burst = 1});
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(limiter.Reserve(kStart + i * Ms(100)), Ms(0)) << i;
  }
}

TEST(RateLimiterTest, NeverMoreThanTheRateAllows) {
  RateLimiter limiter({.interval = Ms(100), .burst = 1});
  absl::Time now = kStart;
  absl::Time last = absl::InfinitePast();
  for (int i = 0; i < 100; ++i) {
    const absl::Time act_at = now + limiter.Reserve(now);
    EXPECT_GE(act_at - last, Ms(100));
    last = act_at;
    now += Ms(7 * (i % 40));  // at times faster than the rate, at times slower
    now = std::max(now, act_at - Ms(50));
  }
}

}  // namespace
}  // namespace rafthttp::event
