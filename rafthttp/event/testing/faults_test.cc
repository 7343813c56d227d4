#include "rafthttp/event/testing/faults.h"

#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace rafthttp::event {
namespace {

bool Same(const LinkFaults& a, const LinkFaults& b) {
  return a.in_flight_bytes_max == b.in_flight_bytes_max &&
         a.latency == b.latency && a.split_seed == b.split_seed &&
         a.write_stalls_after_bytes == b.write_stalls_after_bytes &&
         a.resets_after_bytes == b.resets_after_bytes;
}

TEST(SeededFaultsTest, TheSameSeedDrawsTheSame) {
  SeededFaults one(42, {});
  SeededFaults two(42, {});
  SeededFaults other(43, {});
  int different = 0;
  for (int i = 0; i < 100; ++i) {
    const LinkFaults drawn = one.Next();
    EXPECT_TRUE(Same(drawn, two.Next()));
    if (!Same(drawn, other.Next())) ++different;
  }
  EXPECT_GT(different, 90);
}

TEST(SeededFaultsTest, StaysWithinItsOptions) {
  SeededFaults faults(1, {.split_percent = 50,
                          .stall_percent = 10,
                          .reset_percent = 0,
                          .offset_max = 100,
                          .latency_max = absl::Milliseconds(5),
                          .in_flight_bytes_max = 16});
  int splits = 0;
  int stalls = 0;
  for (int i = 0; i < 1000; ++i) {
    const LinkFaults drawn = faults.Next();
    EXPECT_GE(drawn.in_flight_bytes_max, 1u);
    EXPECT_LE(drawn.in_flight_bytes_max, 16u);
    EXPECT_LE(drawn.latency, absl::Milliseconds(5));
    EXPECT_FALSE(drawn.resets_after_bytes.has_value());
    if (drawn.split_seed.has_value()) ++splits;
    if (drawn.write_stalls_after_bytes.has_value()) {
      EXPECT_LT(*drawn.write_stalls_after_bytes, 100u);
      ++stalls;
    }
  }
  EXPECT_GT(splits, 400);
  EXPECT_LT(splits, 600);
  EXPECT_GT(stalls, 50);
  EXPECT_LT(stalls, 200);
}

}  // namespace
}  // namespace rafthttp::event
