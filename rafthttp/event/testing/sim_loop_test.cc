// What SimLoop adds to what every loop does (see ../event_loop_test.cc).

#include "rafthttp/event/testing/sim_loop.h"

#include <memory>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rafthttp::event {
namespace {

using ::testing::ElementsAre;

TEST(SimLoopTest, TheClockMovesOnlyWhenThereIsNothingElseToDo) {
  SimLoop loop;
  const absl::Time start = loop.Now();
  auto timer = loop.NewTimer([] {});
  timer->Start(absl::Hours(1));
  loop.Post([] {});
  EXPECT_TRUE(loop.RunOnce());
  EXPECT_EQ(loop.Now(), start);
  EXPECT_TRUE(loop.RunOnce());
  EXPECT_EQ(loop.Now(), start + absl::Hours(1));
  EXPECT_FALSE(loop.RunOnce());
}

TEST(SimLoopTest, TimersFireAtTheirExactTime) {
  SimLoop loop;
  const absl::Time start = loop.Now();
  std::vector<absl::Duration> fired_after;
  auto note = [&] { fired_after.push_back(loop.Now() - start); };
  auto first = loop.NewTimer(note);
  auto second = loop.NewTimer(note);
  second->Start(absl::Hours(5));
  first->Start(absl::Nanoseconds(1));
  loop.RunFor(absl::Hours(10));
  EXPECT_THAT(fired_after, ElementsAre(absl::Nanoseconds(1), absl::Hours(5)));
  EXPECT_EQ(loop.Now(), start + absl::Hours(10));
}

TEST(SimLoopTest, RunForRunsWhatIsDueAtItsEndAndNothingLater) {
  SimLoop loop;
  int fired = 0;
  auto at_end = loop.NewTimer([&fired] { ++fired; });
  auto later = loop.NewTimer([&fired] { ++fired; });
  at_end->Start(absl::Seconds(1));
  later->Start(absl::Seconds(1) + absl::Nanoseconds(1));
  loop.RunFor(absl::Seconds(1));
  EXPECT_EQ(fired, 1);
}

TEST(SimLoopTest, RunUntilStopsWhenNothingIsLeft) {
  SimLoop loop;
  EXPECT_FALSE(loop.RunUntil([] { return false; }, 1000000000));
  auto never = loop.NewTimer([] {});
  never->Start(absl::InfiniteDuration());
  EXPECT_FALSE(loop.RunUntil([] { return false; }, 1000000000));
}

TEST(SimLoopTest, RunUntilStopsAfterItsTurns) {
  SimLoop loop;
  int rounds = 0;
  std::unique_ptr<Timer> timer;
  timer = loop.NewTimer([&] {
    ++rounds;
    timer->Start(absl::Seconds(1));
  });
  timer->Start(absl::Seconds(1));
  EXPECT_FALSE(loop.RunUntil([] { return false; }, 7));
  EXPECT_EQ(rounds, 7);
  EXPECT_TRUE(loop.RunUntil([&] { return rounds == 9; }, 7));
}

TEST(SimLoopDeathTest, PostsFromElsewhereAreABug) {
  EXPECT_DEATH(
      {
        SimLoop loop;
        std::thread([&loop] { loop.Post([] {}); }).join();
      },
      "IsCurrent");
}

}  // namespace
}  // namespace rafthttp::event
