#include "rafthttp/delivery/strand_pool.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <latch>
#include <memory>
#include <random>
#include <semaphore>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace rafthttp {
namespace {

using Strand = StrandPool::Strand;

// Until another thread has made it so; a test that waits in vain is ended by
// its timeout.
void Await(const std::function<bool()>& predicate) {
  while (!predicate()) std::this_thread::yield();
}

// Calls its function when it is destroyed. Moves.
class OnDestroyed {
 public:
  explicit OnDestroyed(std::function<void()> run) : run_(std::move(run)) {}
  OnDestroyed(OnDestroyed&& other) noexcept
      : run_(std::exchange(other.run_, nullptr)) {}
  OnDestroyed& operator=(OnDestroyed&&) = delete;
  ~OnDestroyed() {
    if (run_) run_();
  }

 private:
  std::function<void()> run_;
};

// Holds a strand, from when it has been reached until it is released.
class Gate {
 public:
  void Block(Strand& strand) {
    strand.Run([state = state_] {
      state->reached.release();
      state->released.acquire();
    });
    state_->reached.acquire();
  }
  void Release() { state_->released.release(); }

 private:
  // Shared, as the strand may still look at it when the test is over.
  struct State {
    std::binary_semaphore reached{0};
    std::binary_semaphore released{0};
  };
  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

void RunAndWait(Strand& strand) {
  std::latch ran(1);
  strand.Run([&ran] { ran.count_down(); });
  ran.wait();
}

TEST(StrandPoolTest, RunsOnePieceAtATimeInOrder) {
  constexpr int kStrands = 8;
  constexpr int kPieces = 2000;
  StrandPool pool({.threads_max = 4});
  struct Line {
    std::unique_ptr<Strand> strand;
    std::atomic<bool> is_running = false;
    int next = 0;  // TSan sees whether the strand guards it
  };
  std::array<Line, kStrands> lines;
  std::latch all(kStrands * kPieces);
  std::vector<std::thread> callers;
  for (Line& line : lines) {
    line.strand = pool.NewStrand();
    callers.emplace_back([&line, &all] {
      for (int i = 0; i < kPieces; ++i) {
        line.strand->Run([&line, &all, i] {
          EXPECT_FALSE(line.is_running.exchange(true));
          EXPECT_EQ(line.next++, i);
          line.is_running = false;
          all.count_down();
        });
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  all.wait();
  EXPECT_LE(pool.threads(), 4u);
}

TEST(StrandPoolTest, GrowsForStrandsThatBlock) {
  StrandPool pool({.threads_max = 4});
  std::array<std::unique_ptr<Strand>, 4> strands;
  std::array<Gate, 3> gates;
  for (auto& strand : strands) strand = pool.NewStrand();
  EXPECT_EQ(pool.threads(), 0u);
  for (size_t i = 0; i < gates.size(); ++i) {
    gates[i].Block(*strands[i]);
    EXPECT_EQ(pool.threads(), i + 1);
  }
  RunAndWait(*strands[3]);
  RunAndWait(*strands[3]);
  EXPECT_EQ(pool.threads(), 4u);
  for (Gate& gate : gates) gate.Release();
}

TEST(StrandPoolTest, StrandsMayWaitForEachOther) {
  // The second is often there before a thread has come for the first, which
  // then has to see to it that another one comes.
  for (int i = 0; i < 100; ++i) {
    StrandPool pool({});
    const auto first = pool.NewStrand();
    const auto second = pool.NewStrand();
    std::latch both(2);
    first->Run([&both] { both.arrive_and_wait(); });
    second->Run([&both] { both.arrive_and_wait(); });
    both.wait();
  }
}

TEST(StrandPoolTest, WhatThereIsNoThreadForWaits) {
  StrandPool pool({.threads_max = 2});
  std::array<std::unique_ptr<Strand>, 6> strands;
  for (auto& strand : strands) strand = pool.NewStrand();
  std::array<Gate, 2> gates;
  gates[0].Block(*strands[0]);
  gates[1].Block(*strands[1]);
  std::latch ran(4);
  std::atomic<bool> is_released = false;
  for (size_t i = 2; i < strands.size(); ++i) {
    strands[i]->Run([&] {
      EXPECT_TRUE(is_released);
      ran.count_down();
    });
  }
  EXPECT_EQ(pool.threads(), 2u);
  is_released = true;
  gates[0].Release();
  ran.wait();  // by one thread, while the other one still is blocked
  gates[1].Release();
}

TEST(StrandPoolTest, AStrandWithMuchToDoLetsOthersIn) {
  StrandPool pool({.threads_max = 1});
  const auto busy = pool.NewStrand();
  const auto other = pool.NewStrand();
  Gate gate;
  gate.Block(*busy);
  int ran_before = 0;
  std::latch all(11);
  for (int i = 0; i < 10; ++i) {
    busy->Run([&] {
      ++ran_before;
      all.count_down();
    });
  }
  int seen = -1;
  other->Run([&] {
    seen = ran_before;
    all.count_down();
  });
  gate.Release();
  all.wait();
  EXPECT_LE(seen, 1);
}

TEST(StrandPoolTest, IdleThreadsEndAndOthersTakeTheirPlace) {
  StrandPool pool({.threads_max = 2, .idle_timeout = absl::ZeroDuration()});
  const auto strand = pool.NewStrand();
  for (int i = 0; i < 100; ++i) {
    RunAndWait(*strand);
    if (i % 2 == 0) Await([&] { return pool.threads() == 0; });
  }
  Await([&] { return pool.threads() == 0; });
}

TEST(StrandPoolTest, IdleThreadsAreUsedAgain) {
  StrandPool pool({.idle_timeout = absl::InfiniteDuration()});
  const auto strand = pool.NewStrand();
  // One more where the last piece of work is over, but not its thread.
  for (int i = 0; i < 100; ++i) RunAndWait(*strand);
  EXPECT_LE(pool.threads(), 2u);
}

TEST(StrandPoolTest, KnowsItsThreads) {
  StrandPool pool({});
  StrandPool other({});
  const auto strand = pool.NewStrand();
  EXPECT_FALSE(pool.IsPoolThread());
  bool is_ours = false;
  bool is_others = true;
  std::latch ran(1);
  strand->Run([&] {
    is_ours = pool.IsPoolThread();
    is_others = other.IsPoolThread();
    ran.count_down();
  });
  ran.wait();
  EXPECT_TRUE(is_ours);
  EXPECT_FALSE(is_others);
}

TEST(StrandPoolTest, ADestroyedStrandDropsWhatHasNotBegun) {
  StrandPool pool({});
  auto strand = pool.NewStrand();
  Gate gate;
  gate.Block(*strand);
  int destroyed = 0;
  for (int i = 0; i < 3; ++i) {
    strand->Run([guard = OnDestroyed([&] { ++destroyed; })] { FAIL(); });
  }
  strand.reset();  // does not wait for what runs
  EXPECT_EQ(destroyed, 3);
  gate.Release();
}

TEST(StrandPoolTest, AStrandThatWaitsForAThreadMayBeDestroyed) {
  StrandPool pool({.threads_max = 1});
  const auto blocked = pool.NewStrand();
  Gate gate;
  gate.Block(*blocked);
  auto strand = pool.NewStrand();
  strand->Run([] { FAIL(); });
  strand.reset();
  const auto next = pool.NewStrand();
  gate.Release();
  RunAndWait(*next);
}

TEST(StrandPoolTest, AStrandMayBeDestroyedInsideItsOwnWork) {
  StrandPool pool({});
  auto strand = pool.NewStrand();
  std::latch destroyed(1);
  std::latch queued(1);
  strand->Run([&] {
    queued.wait();
    strand.reset();
    destroyed.count_down();
  });
  strand->Run([] { FAIL(); });
  queued.count_down();
  destroyed.wait();
}

TEST(StrandPoolTest, DestroyedWorkMayUseThePool) {
  StrandPool pool({});
  auto strand = pool.NewStrand();
  const auto other = pool.NewStrand();
  Gate gate;
  gate.Block(*strand);
  std::latch ran(1);
  strand->Run([guard = OnDestroyed(
                   [&] { other->Run([&ran] { ran.count_down(); }); })] {});
  strand.reset();
  ran.wait();
  gate.Release();
}

TEST(StrandPoolTest, AnIdlePoolShutsDownAtOnce) {
  for (const bool had_work : {false, true}) {
    StrandPool pool({});
    const auto strand = pool.NewStrand();
    if (had_work) {
      RunAndWait(*strand);
      // It has run, but might not be over.
      Gate gate;
      gate.Block(*strand);
      gate.Release();
    }
    std::latch idle(1);
    pool.Shutdown([&idle] { idle.count_down(); });
    EXPECT_TRUE(had_work || idle.try_wait());
    idle.wait();
    bool is_destroyed = false;
    strand->Run(
        [guard = OnDestroyed([&] { is_destroyed = true; })] { FAIL(); });
    EXPECT_TRUE(is_destroyed);
    Await([&] { return pool.threads() == 0; });
  }
}

TEST(StrandPoolTest, ShutdownWaitsForWhatRunsAndDropsTheRest) {
  StrandPool pool({.threads_max = 2});
  std::array<std::unique_ptr<Strand>, 3> strands;
  for (auto& strand : strands) strand = pool.NewStrand();
  std::array<Gate, 2> gates;
  gates[0].Block(*strands[0]);
  gates[1].Block(*strands[1]);
  int destroyed = 0;
  for (auto& strand : strands) {
    strand->Run([guard = OnDestroyed([&] { ++destroyed; })] { FAIL(); });
  }
  std::atomic<bool> is_idle = false;
  bool is_pool_thread = false;
  std::latch idle(1);
  pool.Shutdown([&] {
    is_pool_thread = pool.IsPoolThread();
    is_idle = true;
    idle.count_down();
  });
  EXPECT_EQ(destroyed, 3);
  EXPECT_FALSE(is_idle);
  gates[1].Release();
  Await([&] { return pool.threads() == 1; });
  EXPECT_FALSE(is_idle);
  gates[0].Release();
  idle.wait();
  EXPECT_TRUE(is_pool_thread);
}

TEST(StrandPoolTest, ShutsDownInsideItsOwnWork) {
  StrandPool pool({});
  const auto strand = pool.NewStrand();
  std::latch idle(1);
  std::atomic<bool> is_over = false;
  strand->Run([&] {
    pool.Shutdown([&] {
      EXPECT_TRUE(is_over);
      idle.count_down();
    });
    is_over = true;
  });
  idle.wait();
}

TEST(StrandPoolTest, MayBeDestroyedOnceItIsIdle) {
  auto pool = std::make_unique<StrandPool>(StrandPool::Options{});
  auto strand = pool->NewStrand();
  Gate gate;
  gate.Block(*strand);
  std::latch destroyed(1);
  pool->Shutdown([&] {
    strand.reset();
    pool.reset();
    destroyed.count_down();
  });
  gate.Release();
  destroyed.wait();
}

TEST(StrandPoolTest, ItsDestructorWaitsForWhatRuns) {
  bool is_over = false;
  std::unique_ptr<Strand> strand;
  {
    StrandPool pool({});
    strand = pool.NewStrand();
    std::latch begun(1);
    strand->Run([&] {
      begun.count_down();
      for (int i = 0; i < 100; ++i) std::this_thread::yield();
      is_over = true;
    });
    begun.wait();
  }
  EXPECT_TRUE(is_over);
  strand->Run([] { FAIL(); });
}

// Several threads do to their strands what may be done to strands; whatever has
// begun is over, in order, when the pool is idle.
TEST(StrandPoolTest, Stress) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    constexpr int kThreads = 3;
    StrandPool pool({.threads_max = 1 + seed % 4,
                     .idle_timeout = seed % 2 == 0 ? absl::ZeroDuration()
                                                   : absl::Seconds(1)});
    std::atomic<int> began = 0;
    std::atomic<int> ended = 0;
    std::atomic<int> alive = 0;
    std::vector<std::thread> callers;
    for (int t = 0; t < kThreads; ++t) {
      callers.emplace_back([&, random = std::mt19937_64(
                                   seed * kThreads +
                                   static_cast<uint64_t>(t))]() mutable {
        std::unique_ptr<Strand> strand;
        auto next = std::make_shared<int>(0);
        int queued = 0;
        for (int step = 0; step < 500; ++step) {
          if (strand == nullptr || random() % 50 == 0) {
            strand = pool.NewStrand();
            next = std::make_shared<int>(0);
            queued = 0;
          }
          ++alive;
          strand->Run([&, next, number = queued++, yields = random() % 4 == 0,
                       guard = OnDestroyed([&alive] { --alive; })] {
            ++began;
            EXPECT_EQ((*next)++, number);
            if (yields) std::this_thread::yield();
            ++ended;
          });
          if (random() % 8 == 0) std::this_thread::yield();
        }
      });
    }
    if (seed % 3 != 0) {
      for (std::thread& caller : callers) caller.join();
    }
    std::latch idle(1);
    pool.Shutdown([&] {
      EXPECT_EQ(began, ended);
      idle.count_down();
    });
    idle.wait();
    for (std::thread& caller : callers) {
      if (caller.joinable()) caller.join();
    }
    EXPECT_EQ(alive, 0);
  }
}

}  // namespace
}  // namespace rafthttp
