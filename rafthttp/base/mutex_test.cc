#include "rafthttp/base/mutex.h"

#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "gtest/gtest.h"

namespace rafthttp {
namespace {

class Counter {
 public:
  void Add() {
    MutexLock lock(mutex_);
    ++count_;
  }
  int Read() {
    MutexLock lock(mutex_);
    return count_;
  }

 private:
  Mutex mutex_;
  int count_ ABSL_GUARDED_BY(mutex_) = 0;
};

TEST(MutexTest, KeepsConcurrentAddsApart) {
  constexpr int kThreads = 4;
  constexpr int kAddsPerThread = 10000;
  Counter counter;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&counter] {
      for (int n = 0; n < kAddsPerThread; ++n) counter.Add();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter.Read(), kThreads * kAddsPerThread);
}

TEST(MutexTest, LockAndUnlockByHand) {
  Mutex mutex;
  mutex.Lock();
  mutex.Unlock();
  MutexLock lock(mutex);  // Would hang if Unlock had not released it.
}

}  // namespace
}  // namespace rafthttp
