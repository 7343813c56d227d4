#include "rafthttp/stats/rate_ring.h"

#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace rafthttp {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1000);

TEST(RateRingTest, NothingHasNoRate) {
  RateRing ring;
  EXPECT_EQ(ring.Measure(kStart).requests_per_second, 0);
  ring.Add(1, 100, kStart);
  EXPECT_EQ(ring.Measure(kStart).requests_per_second, 0);
  EXPECT_EQ(ring.Measure(kStart).bytes_per_second, 0);
}

TEST(RateRingTest, CountsBothEndsOfTheSpan) {
  RateRing ring;
  for (int i = 0; i <= 10; ++i) {
    ring.Add(1, 100, kStart + i * absl::Milliseconds(50));
  }
  const auto rate = ring.Measure(kStart + absl::Seconds(1));
  EXPECT_DOUBLE_EQ(rate.requests_per_second, 22);
  EXPECT_DOUBLE_EQ(rate.bytes_per_second, 2200);
}

TEST(RateRingTest, KeepsTheLastRecordsOnly) {
  RateRing ring;
  ring.Add(1000, 1 << 20, kStart);
  for (int i = 1; i <= static_cast<int>(RateRing::kRecordsMax); ++i) {
    ring.Add(1, 10, kStart + i * absl::Milliseconds(5));
  }
  const auto rate = ring.Measure(kStart + absl::Seconds(1));
  EXPECT_DOUBLE_EQ(rate.requests_per_second, 200 / 0.995);
  EXPECT_DOUBLE_EQ(rate.bytes_per_second, 2000 / 0.995);
}

TEST(RateRingTest, ForgetsAfterASecondOfSilence) {
  RateRing ring;
  ring.Add(1, 100, kStart);
  const absl::Time newest = kStart + absl::Milliseconds(10);
  ring.Add(1, 100, newest);
  EXPECT_GT(ring.Measure(newest + absl::Seconds(1)).requests_per_second, 0);
  EXPECT_EQ(ring.Measure(newest + absl::Seconds(1) + absl::Nanoseconds(1))
                .requests_per_second,
            0);
  // Really forgotten, not only hidden.
  EXPECT_EQ(ring.Measure(newest).requests_per_second, 0);
}

TEST(RateRingTest, ABatchIsAsManyRequests) {
  RateRing ring;
  ring.Add(300, 3000, kStart);
  ring.Add(700, 7000, kStart + absl::Milliseconds(500));
  const auto rate = ring.Measure(kStart + absl::Milliseconds(500));
  EXPECT_DOUBLE_EQ(rate.requests_per_second, 2000);
  EXPECT_DOUBLE_EQ(rate.bytes_per_second, 20000);
}

TEST(RateRingTest, AClockThatGoesBackHasNoRate) {
  RateRing ring;
  ring.Add(1, 100, kStart);
  ring.Add(1, 100, kStart - absl::Seconds(5));
  EXPECT_EQ(ring.Measure(kStart - absl::Seconds(5)).requests_per_second, 0);
}

}  // namespace
}  // namespace rafthttp
