// What every EventLoop does, tried on the simulated one and on libuv's alike.

#include "rafthttp/event/event_loop.h"

#include <functional>
#include <memory>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rafthttp/event/testing/sim_loop.h"
#include "rafthttp/event/uv_loop.h"

namespace rafthttp::event {
namespace {

using ::testing::ElementsAre;

constexpr int kTurnsMax = 10000;

template <typename Loop>
class EventLoopTest : public ::testing::Test {
 protected:
  bool RunUntil(absl::FunctionRef<bool()> predicate) {
    return loop_.RunUntil(predicate, kTurnsMax);
  }
  void RunFor(absl::Duration duration) {
    bool over = false;
    const std::unique_ptr<Timer> timer =
        loop_.NewTimer([&over] { over = true; });
    timer->Start(duration);
    ASSERT_TRUE(RunUntil([&over] { return over; }));
  }

  Loop loop_;
  std::vector<int> order_;
};

class LoopNames {
 public:
  template <typename Loop>
  static std::string GetName(int) {
    return std::is_same_v<Loop, UvLoop> ? "Uv" : "Sim";
  }
};

using Loops = ::testing::Types<SimLoop, UvLoop>;
TYPED_TEST_SUITE(EventLoopTest, Loops, LoopNames);

TYPED_TEST(EventLoopTest, TimersFireByDeadlineThenByArming) {
  auto push = [this](int id) {
    return this->loop_.NewTimer([this, id] { this->order_.push_back(id); });
  };
  auto late = push(5), tied_1 = push(3), tied_2 = push(4), soon = push(2),
       at_once = push(1);
  late->Start(absl::Milliseconds(4));
  tied_1->Start(absl::Milliseconds(3));
  tied_2->Start(absl::Milliseconds(3));
  soon->Start(absl::Milliseconds(2));
  at_once->Start(absl::ZeroDuration());
  EXPECT_TRUE(this->RunUntil([this] { return this->order_.size() == 5; }));
  EXPECT_THAT(this->order_, ElementsAre(1, 2, 3, 4, 5));
}

TYPED_TEST(EventLoopTest, FiresNotBeforeItsDelayHasPassed) {
  const absl::Time start = this->loop_.Now();
  absl::Time fired_at;
  auto timer =
      this->loop_.NewTimer([this, &fired_at] { fired_at = this->loop_.Now(); });
  const absl::Duration delay = absl::Microseconds(3300);
  timer->Start(delay);
  EXPECT_TRUE(timer->is_armed());
  EXPECT_TRUE(this->RunUntil([&timer] { return !timer->is_armed(); }));
  EXPECT_GE(fired_at - start, delay);
}

TYPED_TEST(EventLoopTest, StartWithNoDelayFiresInALaterTurn) {
  int fired = 0;
  auto timer = this->loop_.NewTimer([&fired] { ++fired; });
  timer->Start(absl::ZeroDuration());
  timer->Start(-absl::Seconds(1));
  EXPECT_EQ(fired, 0);
  EXPECT_TRUE(this->RunUntil([&fired] { return fired > 0; }));
  this->RunFor(absl::Milliseconds(2));
  EXPECT_EQ(fired, 1);
}

TYPED_TEST(EventLoopTest, ArmingAgainMovesTheTimer) {
  auto moved = this->loop_.NewTimer([this] { this->order_.push_back(2); });
  auto other = this->loop_.NewTimer([this] { this->order_.push_back(1); });
  moved->Start(absl::Milliseconds(1));
  other->Start(absl::Milliseconds(2));
  moved->Start(absl::Milliseconds(3));
  EXPECT_TRUE(this->RunUntil([this] { return this->order_.size() == 2; }));
  EXPECT_THAT(this->order_, ElementsAre(1, 2));
}

TYPED_TEST(EventLoopTest, CancelledTimersDoNotFire) {
  bool fired = false;
  auto timer = this->loop_.NewTimer([&fired] { fired = true; });
  timer->Start(absl::Milliseconds(1));
  timer->Cancel();
  timer->Cancel();
  EXPECT_FALSE(timer->is_armed());
  auto gone = this->loop_.NewTimer([&fired] { fired = true; });
  gone->Start(absl::Milliseconds(1));
  gone.reset();
  this->RunFor(absl::Milliseconds(3));
  EXPECT_FALSE(fired);
  timer->Start(absl::ZeroDuration());
  EXPECT_TRUE(this->RunUntil([&fired] { return fired; }));
}

TYPED_TEST(EventLoopTest, AnInfiniteDelayNeverComes) {
  bool fired = false;
  auto timer = this->loop_.NewTimer([&fired] { fired = true; });
  timer->Start(absl::InfiniteDuration());
  EXPECT_TRUE(timer->is_armed());
  this->RunFor(absl::Milliseconds(2));
  EXPECT_FALSE(fired);
}

TYPED_TEST(EventLoopTest, ATimerMayBeDestroyedOrArmedInItsOwnCallback) {
  std::unique_ptr<Timer> timer;
  // Held by the callback, so that ASan sees whether that outlives its call.
  auto held = std::make_unique<int>(7);
  timer = this->loop_.NewTimer([this, &timer, held = std::move(held)] {
    this->order_.push_back(*held);
    if (this->order_.size() < 3) {
      EXPECT_FALSE(timer->is_armed());
      timer->Start(absl::ZeroDuration());
    } else {
      timer->Cancel();
      timer.reset();
      this->order_.push_back(*held);
    }
  });
  timer->Start(absl::ZeroDuration());
  EXPECT_TRUE(this->RunUntil([&timer] { return timer == nullptr; }));
  EXPECT_THAT(this->order_, ElementsAre(7, 7, 7, 7));
}

TYPED_TEST(EventLoopTest, ATimerMayCancelAnotherThatIsDue) {
  bool fired = false;
  auto victim = this->loop_.NewTimer([&fired] { fired = true; });
  auto killer = this->loop_.NewTimer([&victim] { victim.reset(); });
  killer->Start(absl::Milliseconds(1));
  victim->Start(absl::Milliseconds(1));
  this->RunFor(absl::Milliseconds(3));
  EXPECT_FALSE(fired);
}

// A timer that always re-arms itself used to be all that libuv 1.44 looked at.
TYPED_TEST(EventLoopTest, ATimerThatRearmsItselfAtOnceStarvesNobody) {
  std::unique_ptr<Timer> greedy;
  greedy =
      this->loop_.NewTimer([&greedy] { greedy->Start(absl::ZeroDuration()); });
  greedy->Start(absl::ZeroDuration());
  bool ran = false;
  this->loop_.Post([&ran] { ran = true; });
  EXPECT_TRUE(this->RunUntil([&ran] { return ran; }));
}

TYPED_TEST(EventLoopTest, PostedWorkRunsLaterInOrder) {
  for (int i = 0; i < 3; ++i) {
    this->loop_.Post([this, i] { this->order_.push_back(i); });
  }
  EXPECT_THAT(this->order_, ElementsAre());
  EXPECT_TRUE(this->RunUntil([this] { return this->order_.size() == 3; }));
  EXPECT_THAT(this->order_, ElementsAre(0, 1, 2));
}

TYPED_TEST(EventLoopTest, WorkPostedByWorkRunsAfterIt) {
  this->loop_.Post([this] {
    this->loop_.Post([this] { this->order_.push_back(3); });
    this->order_.push_back(1);
  });
  this->loop_.Post([this] { this->order_.push_back(2); });
  EXPECT_TRUE(this->RunUntil([this] { return this->order_.size() == 3; }));
  EXPECT_THAT(this->order_, ElementsAre(1, 2, 3));
}

TYPED_TEST(EventLoopTest, AllOfALongQueueRuns) {
  constexpr int kWork = 2000;  // several batches
  int next = 0;
  for (int i = 0; i < kWork; ++i) {
    this->loop_.Post([&next, i] { EXPECT_EQ(next++, i); });
  }
  EXPECT_TRUE(this->RunUntil([&next] { return next == kWork; }));
}

TYPED_TEST(EventLoopTest, TheClockStandsStillWithinATurn) {
  bool ran = false;
  this->loop_.Post([this, &ran] {
    const absl::Time before = this->loop_.Now();
    const absl::Time wall_end = absl::Now() + absl::Milliseconds(5);
    while (absl::Now() < wall_end) {
    }
    EXPECT_EQ(this->loop_.Now(), before);
    ran = true;
  });
  EXPECT_TRUE(this->RunUntil([&ran] { return ran; }));
}

TYPED_TEST(EventLoopTest, IsCurrentOnItsOwnThreadOnly) {
  EXPECT_TRUE(this->loop_.IsCurrent());
  bool elsewhere = true;
  std::thread([this, &elsewhere] {
    elsewhere = this->loop_.IsCurrent();
  }).join();
  EXPECT_FALSE(elsewhere);
}

template <typename Loop>
class EndOfLoopTest : public ::testing::Test {};
TYPED_TEST_SUITE(EndOfLoopTest, Loops, LoopNames);

TYPED_TEST(EndOfLoopTest, PostedWorkIsDestroyedWithoutRunning) {
  auto token = std::make_shared<int>(0);
  {
    TypeParam loop;
    // What the work owns may even use the loop while it goes.
    class PostsWhenDestroyed {
     public:
      PostsWhenDestroyed(EventLoop& loop, std::shared_ptr<int> token)
          : loop_(loop), token_(std::move(token)) {}
      ~PostsWhenDestroyed() {
        loop_.Post([held = token_] { FAIL() << "ran"; });
      }

     private:
      EventLoop& loop_;
      std::shared_ptr<int> token_;
    };
    loop.Post([held = std::make_unique<PostsWhenDestroyed>(loop, token)] {
      FAIL() << "ran";
    });
    auto timer = loop.NewTimer([] {});
    loop.Post([held = std::move(timer)] { FAIL() << "ran"; });
  }
  EXPECT_EQ(token.use_count(), 1);
}

TYPED_TEST(EndOfLoopTest, ATimerMustNotOutliveItsLoop) {
  EXPECT_DEATH(
      {
        auto loop = std::make_unique<TypeParam>();
        auto timer = loop->NewTimer([] {});
        loop.reset();
      },
      "check failed: timers_alive_ == 0");
}

}  // namespace
}  // namespace rafthttp::event
