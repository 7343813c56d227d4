#include "rafthttp/stats/leader_stats.h"

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rafthttp/base/ids.h"

namespace rafthttp {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;

constexpr MemberId kSelf(0xabc);

TEST(LeaderStatsTest, NobodyFollowsAtFirst) {
  EXPECT_EQ(LeaderStats(kSelf).ToJson(),
            "{\"leader\":\"abc\",\"followers\":{}}");
}

TEST(LeaderStatsTest, TheMinimumStartsAboveEverything) {
  LeaderStats stats(kSelf);
  stats.Follower(MemberId(1))->Fail();
  EXPECT_EQ(stats.ToJson(),
            "{\"leader\":\"abc\",\"followers\":{\"1\":{\"latency\":{"
            "\"current\":0,\"average\":0,\"standardDeviation\":0,"
            "\"minimum\":9223372036854776000,\"maximum\":0},"
            "\"counts\":{\"fail\":1,\"success\":0}}}}");
}

TEST(LeaderStatsTest, ABatchIsAsManyMessages) {
  FollowerStats one_by_one;
  for (int i = 0; i < 4; ++i) one_by_one.Succ(absl::Milliseconds(8));
  for (int i = 0; i < 12; ++i) one_by_one.Succ(absl::Milliseconds(2));
  FollowerStats batches;
  batches.Succ(absl::Milliseconds(8), 4);
  batches.Succ(absl::Milliseconds(1), 0);
  batches.Succ(absl::Milliseconds(2), 12);
  EXPECT_EQ(batches.ToJson(), one_by_one.ToJson());
  EXPECT_THAT(batches.ToJson(), HasSubstr("\"current\":2,\"average\":3.5,"));
}

TEST(LeaderStatsTest, AFollowerThatWasRemovedBeginsAnew) {
  LeaderStats stats(kSelf);
  const std::shared_ptr<FollowerStats> old = stats.Follower(MemberId(1));
  EXPECT_EQ(stats.Follower(MemberId(1)), old);
  stats.Remove(MemberId(1));
  stats.Remove(MemberId(2));
  old->Fail(7);
  EXPECT_THAT(stats.ToJson(), HasSubstr("\"followers\":{}"));
  stats.Follower(MemberId(1));
  EXPECT_THAT(stats.ToJson(), HasSubstr("\"fail\":0"));
}

TEST(LeaderStatsTest, FollowersAreInGoesOrder) {
  LeaderStats stats(kSelf);
  for (const uint64_t id : {0x10, 0x9, 0xa, 0x100}) {
    stats.Follower(MemberId(id));
  }
  const std::string json = stats.ToJson();
  EXPECT_LT(json.find("\"10\""), json.find("\"100\""));
  EXPECT_LT(json.find("\"100\""), json.find("\"9\""));
  EXPECT_LT(json.find("\"9\""), json.find("\"a\""));
}

TEST(LeaderStatsTest, EqualLatenciesNeverLoseTheAnswer) {
  FollowerStats follower;
  for (int i = 0; i < 1000; ++i) {
    follower.Succ(absl::Microseconds(100));
    EXPECT_THAT(follower.ToJson(),
                ContainsRegex("\"standardDeviation\":[0-9]"));
  }
}

TEST(LeaderStatsTest, ManyThreadsMayTellIt) {
  LeaderStats stats(kSelf);
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&stats] {
      for (int round = 0; round < 300; ++round) {
        stats.Follower(MemberId(1))->Succ(absl::Milliseconds(1));
        stats.Follower(MemberId(2))->Fail();
        if (round % 50 == 0) stats.ToJson();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(stats.ToJson(), HasSubstr("\"success\":900"));
  EXPECT_THAT(stats.ToJson(), HasSubstr("\"fail\":900"));
}

}  // namespace
}  // namespace rafthttp
