#include "rafthttp/stats/server_stats.h"

#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rafthttp/base/ids.h"

namespace rafthttp {
namespace {

using testing::HasSubstr;
using testing::Not;

const absl::Time kStart = absl::FromUnixSeconds(1000);
constexpr MemberId kSelf(0xabc);

TEST(ServerStatsTest, KnowsNoLeaderAtFirst) {
  ServerStats stats("m0", kSelf, kStart, absl::UTCTimeZone());
  EXPECT_EQ(stats.ToJson(kStart),
            "{\"name\":\"m0\",\"id\":\"abc\",\"state\":\"StateFollower\","
            "\"startTime\":\"1970-01-01T00:16:40Z\","
            "\"leaderInfo\":{\"leader\":\"\",\"uptime\":\"0s\","
            "\"startTime\":\"1970-01-01T00:16:40Z\"},"
            "\"recvAppendRequestCnt\":0,\"sendAppendRequestCnt\":0}");
}

TEST(ServerStatsTest, FollowsWhoSendsAndLeadsWhenSending) {
  ServerStats stats("m0", kSelf, kStart, absl::UTCTimeZone());
  stats.RecvAppendReq(MemberId(0x12), 100, kStart + absl::Seconds(1));
  EXPECT_THAT(stats.ToJson(kStart + absl::Seconds(3)),
              HasSubstr("\"leader\":\"12\",\"uptime\":\"2s\""));
  // The same leader goes on.
  stats.RecvAppendReq(MemberId(0x12), 100, kStart + absl::Seconds(4));
  EXPECT_THAT(stats.ToJson(kStart + absl::Seconds(5)),
              HasSubstr("\"leader\":\"12\",\"uptime\":\"4s\""));
  stats.SendAppendReq(1, kStart + absl::Seconds(6));
  stats.BecomeLeader(kStart + absl::Seconds(7));
  EXPECT_THAT(stats.ToJson(kStart + absl::Seconds(8)),
              HasSubstr("\"leader\":\"abc\",\"uptime\":\"2s\""));
  EXPECT_THAT(stats.ToJson(kStart + absl::Seconds(8)),
              HasSubstr("\"state\":\"StateLeader\""));
}

TEST(ServerStatsTest, ABatchCountsAsItsMessages) {
  ServerStats stats("m0", kSelf, kStart, absl::UTCTimeZone());
  stats.SendAppendReqs(100, 5000, kStart);
  stats.SendAppendReqs(100, 5000, kStart + absl::Milliseconds(500));
  stats.SendAppendReqs(0, 0, kStart + absl::Milliseconds(600));
  EXPECT_THAT(stats.ToJson(kStart + absl::Milliseconds(700)),
              HasSubstr("\"sendAppendRequestCnt\":200,\"sendPkgRate\":400,"
                        "\"sendBandwidthRate\":20000}"));
  stats.RecvAppendReqs(MemberId(1), 3, 30, kStart);
  EXPECT_THAT(stats.ToJson(kStart), HasSubstr("\"recvAppendRequestCnt\":3,"));
}

TEST(ServerStatsTest, AnEmptyBatchChangesNothing) {
  ServerStats stats("m0", kSelf, kStart, absl::UTCTimeZone());
  const std::string before = stats.ToJson(kStart);
  stats.SendAppendReqs(0, 0, kStart);
  stats.RecvAppendReqs(MemberId(1), 0, 0, kStart);
  EXPECT_EQ(stats.ToJson(kStart), before);
}

TEST(ServerStatsTest, OneRequestHasNoRate) {
  ServerStats stats("m0", kSelf, kStart, absl::UTCTimeZone());
  stats.SendAppendReq(100, kStart);
  EXPECT_THAT(stats.ToJson(kStart), Not(HasSubstr("Rate")));
}

TEST(ServerStatsTest, AClockThatGoesBackDoesNoHarm) {
  ServerStats stats("m0", kSelf, kStart, absl::UTCTimeZone());
  stats.SendAppendReq(100, kStart);
  stats.SendAppendReq(100, kStart - absl::Hours(1));
  const std::string json = stats.ToJson(kStart - absl::Hours(2));
  EXPECT_THAT(json, HasSubstr("\"uptime\":\"0s\""));
  EXPECT_THAT(json, Not(HasSubstr("Rate")));
}

TEST(ServerStatsTest, ManyThreadsMayTellIt) {
  ServerStats stats("m0", kSelf, kStart, absl::UTCTimeZone());
  constexpr int kRounds = 1000;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&stats, i] {
      for (int round = 0; round < kRounds; ++round) {
        const absl::Time now = kStart + absl::Microseconds(round);
        stats.SendAppendReq(1, now);
        stats.RecvAppendReq(MemberId(1 + i), 1, now);
        if (round % 100 == 0) stats.ToJson(now);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::string json = stats.ToJson(kStart + absl::Seconds(10));
  EXPECT_THAT(json, HasSubstr("\"recvAppendRequestCnt\":3000,"));
  EXPECT_THAT(json, HasSubstr("\"sendAppendRequestCnt\":3000}"));
}

}  // namespace
}  // namespace rafthttp
