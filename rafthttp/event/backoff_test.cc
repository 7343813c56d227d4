#include "rafthttp/event/backoff.h"

#include <algorithm>
#include <vector>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rafthttp::event {
namespace {

using ::testing::ElementsAre;

constexpr absl::Duration Ms(int n) { return absl::Milliseconds(n); }

std::vector<absl::Duration> Take(Backoff& backoff, int count) {
  std::vector<absl::Duration> delays;
  for (int i = 0; i < count; ++i) delays.push_back(backoff.Next());
  return delays;
}

TEST(BackoffTest, GrowsToItsLimitAndStaysThere) {
  Backoff backoff({.initial = Ms(100), .max = Ms(1000), .multiplier = 2});
  EXPECT_THAT(Take(backoff, 6), ElementsAre(Ms(100), Ms(200), Ms(400), Ms(800),
                                            Ms(1000), Ms(1000)));
}

TEST(BackoffTest, ResetBeginsAnew) {
  Backoff backoff({.initial = Ms(100), .max = Ms(1000), .multiplier = 3});
  Take(backoff, 3);
  backoff.Reset();
  EXPECT_THAT(Take(backoff, 2), ElementsAre(Ms(100), Ms(300)));
}

TEST(BackoffTest, AMultiplierOfOneIsConstant) {
  Backoff backoff({.initial = Ms(50), .max = Ms(1000), .multiplier = 1});
  EXPECT_THAT(Take(backoff, 3), ElementsAre(Ms(50), Ms(50), Ms(50)));
}

TEST(BackoffTest, StaysAtItsLimitForever) {
  Backoff backoff({.initial = Ms(1), .max = absl::Hours(1), .multiplier = 10});
  EXPECT_EQ(Take(backoff, 2000).back(), absl::Hours(1));
}

TEST(BackoffTest, JitterTakesUpToItsShareAndFollowsItsSeed) {
  const Backoff::Options options = {.initial = Ms(100),
                                    .max = Ms(100),
                                    .multiplier = 1,
                                    .jitter = 0.25,
                                    .jitter_seed = 7};
  Backoff backoff(options);
  Backoff same(options);
  const std::vector<absl::Duration> delays = Take(backoff, 1000);
  EXPECT_EQ(Take(same, 1000), delays);
  const auto [least, most] = std::minmax_element(delays.begin(), delays.end());
  EXPECT_GE(*least, Ms(75));
  EXPECT_LE(*most, Ms(100));
  EXPECT_LT(*least, Ms(80));
  EXPECT_GT(*most, Ms(95));
}

}  // namespace
}  // namespace rafthttp::event
