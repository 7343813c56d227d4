#include "rafthttp/event/uv_loop.h"

#include <signal.h>
#include <uv.h>

#include <atomic>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "rafthttp/event/uv_stream.h"

namespace rafthttp::event {
namespace {

constexpr int kTurnsMax = 100000;

TEST(UvLoopTest, RunsUntilStopped) {
  UvLoop loop;
  int fired = 0;
  std::unique_ptr<Timer> timer;
  timer = loop.NewTimer([&] {
    if (++fired == 3) {
      loop.Stop();
    } else {
      timer->Start(absl::Milliseconds(1));
    }
  });
  timer->Start(absl::ZeroDuration());
  loop.Run();
  EXPECT_EQ(fired, 3);
}

TEST(UvLoopTest, RunsOnAnotherThreadAndComesBack) {
  auto loop = std::make_unique<UvLoop>();
  std::atomic<bool> was_current = false;
  std::thread runner([&loop] { loop->Run(); });
  loop->Post([&] {
    was_current = loop->IsCurrent();
    loop->Stop();
  });
  runner.join();
  EXPECT_TRUE(was_current);
  EXPECT_TRUE(loop->IsCurrent());
  loop.reset();
}

TEST(UvLoopTest, TakesPostsFromManyThreadsEachInOrder) {
  constexpr int kThreads = 4;
  constexpr int kPosts = 2000;
  UvLoop loop;
  std::vector<int> next(kThreads, 0);
  int ran = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kPosts; ++i) {
        loop.Post([&, t, i] {
          EXPECT_TRUE(loop.IsCurrent());
          EXPECT_EQ(next[t]++, i);
          if (++ran == kThreads * kPosts) loop.Stop();
        });
      }
    });
  }
  loop.Run();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ran, kThreads * kPosts);
}

TEST(UvLoopTest, APostWakesALoopThatWaits) {
  UvLoop loop;
  std::atomic<bool> is_waiting = false;
  bool ran = false;
  loop.Post([&] { is_waiting = true; });
  std::thread poster([&] {
    while (!is_waiting) std::this_thread::yield();
    loop.Post([&] { ran = true; });
  });
  EXPECT_TRUE(loop.RunUntil([&] { return ran; }, kTurnsMax));
  poster.join();
}

// Posts come in while the loop ends, and all of them are destroyed.
TEST(UvLoopTest, EndsWithPostsUndone) {
  auto token = std::make_shared<int>(0);
  auto loop = std::make_unique<UvLoop>();
  std::thread poster([&] {
    for (int i = 0; i < 1000; ++i) {
      loop->Post([held = token] {});
    }
  });
  int turns = 0;
  loop->RunUntil([&] { return ++turns > 2; }, kTurnsMax);
  poster.join();
  loop.reset();
  EXPECT_EQ(token.use_count(), 1);
}

TEST(UvLoopTest, RunUntilGivesUpAfterItsTurns) {
  UvLoop loop;
  std::unique_ptr<Timer> busy;
  busy = loop.NewTimer([&busy] { busy->Start(absl::ZeroDuration()); });
  busy->Start(absl::ZeroDuration());
  EXPECT_FALSE(loop.RunUntil([] { return false; }, 10));
  EXPECT_TRUE(loop.RunUntil([] { return true; }, 0));
}

// A timer that was due already when a round began used to be noticed only after
// ten seconds of silence.
TEST(UvLoopTest, RunUntilDoesNotWaitOnceATimerHasFired) {
  UvLoop loop;
  bool fired = false;
  const auto timer = loop.NewTimer([&fired] { fired = true; });
  timer->Start(absl::Milliseconds(20));
  loop.Post([] {});  // So that the first round is over before that.
  int looks = 0;
  const auto look = [&] {
    const absl::Time end = absl::Now() + absl::Milliseconds(25);
    if (++looks == 2) {
      while (absl::Now() < end) {
      }
    }
    return fired;
  };
  bool waited = false;
  const auto next_timer = loop.NewTimer([&waited] { waited = true; });
  next_timer->Start(absl::Seconds(5));
  EXPECT_TRUE(loop.RunUntil(look, kTurnsMax));
  EXPECT_FALSE(waited) << "waited for the next timer";
}

TEST(UvLoopTest, LeavesNothingBehindOnAnEmbeddersLoop) {
  uv_loop_t uv;
  ASSERT_EQ(uv_loop_init(&uv), 0);
  bool fired = false;
  bool posted = false;
  {
    UvLoop loop(uv);
    EXPECT_EQ(loop.uv(), &uv);
    auto timer = loop.NewTimer([&fired] { fired = true; });
    timer->Start(absl::Milliseconds(1));
    loop.Post([&posted] { posted = true; });
    while (!fired || !posted) uv_run(&uv, UV_RUN_ONCE);
    auto stream = std::make_unique<UvByteStream>(loop, UvByteStream::Options{});
  }
  uv_run(&uv, UV_RUN_DEFAULT);
  EXPECT_EQ(uv_loop_close(&uv), 0);
}

// Shutting a library down from a callback of the embedder's own.
TEST(UvLoopTest, MayBeDestroyedInsideTheEmbeddersCallback) {
  uv_loop_t uv;
  ASSERT_EQ(uv_loop_init(&uv), 0);
  auto loop = std::make_unique<UvLoop>(uv);
  loop->Post([] { FAIL() << "ran after the end"; });
  uv_idle_t idle;
  uv_idle_init(&uv, &idle);
  idle.data = &loop;
  uv_idle_start(&idle, [](uv_idle_t* handle) {
    static_cast<std::unique_ptr<UvLoop>*>(handle->data)->reset();
    uv_close(reinterpret_cast<uv_handle_t*>(handle), nullptr);
  });
  uv_run(&uv, UV_RUN_DEFAULT);
  EXPECT_EQ(loop, nullptr);
  EXPECT_EQ(uv_loop_close(&uv), 0);
}

TEST(UvLoopTest, SigpipeIsIgnoredUnlessSomebodyCares) {
  ASSERT_NE(signal(SIGPIPE, SIG_DFL), SIG_ERR);
  { UvLoop loop; }
  EXPECT_EQ(signal(SIGPIPE, SIG_DFL), SIG_IGN);

  const auto handler = [](int) {};
  signal(SIGPIPE, handler);
  { UvLoop loop; }
  EXPECT_EQ(signal(SIGPIPE, SIG_IGN), +handler);
}

TEST(UvLoopDeathTest, AHandleMustNotOutliveItsLoop) {
  EXPECT_DEATH(
      {
        auto loop = std::make_unique<UvLoop>();
        uv_idle_t idle;
        uv_idle_init(loop->uv(), &idle);
        loop.reset();
      },
      "check failed: uv_is_closing\\(handle\\)");
}

}  // namespace
}  // namespace rafthttp::event
