// The happy path: Run puts work into its strand's queue, and the strand, unless
// it is there or running already, behind those that are ready; a thread takes
// the strand that is ready for the longest, runs one piece of its work, and
// puts it back behind the others if there is more.
//
// Who wakes whom: whenever a strand is ready, one thread is on its way to look
// for it, or all of threads_max are busy. Only one at a time is on its way: it
// calls the next one when it has taken a strand and sees another. So many short
// pieces of work do not wake all threads at once, while a piece that blocks
// holds up nobody.
//
// How it ends: Shutdown empties all queues, and each thread ends as soon as it
// runs nothing; the last to run something tells that the pool is idle. A thread
// that ends is joined by the next one that does, or by the destructor.
//
// Nobody's function is called, and nobody's destructor run, with mutex_ held.
#include "rafthttp/delivery/strand_pool.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "rafthttp/base/check.h"
#include "rafthttp/base/mutex.h"

namespace rafthttp {
namespace {

using Work = absl::AnyInvocable<void()>;

// What a condition variable can still add to the clock.
constexpr absl::Duration kIdleMax = absl::Hours(24 * 365);

// Lets std::condition_variable_any give back a Mutex that a MutexLock holds.
class Relockable {
 public:
  explicit Relockable(Mutex& mutex) : mutex_(mutex) {}
  void lock() ABSL_NO_THREAD_SAFETY_ANALYSIS { mutex_.Lock(); }
  void unlock() ABSL_NO_THREAD_SAFETY_ANALYSIS { mutex_.Unlock(); }

 private:
  Mutex& mutex_;
};

}  // namespace

class StrandPool::Impl final : public std::enable_shared_from_this<Impl> {
 public:
  // All of it is guarded by mutex_.
  struct Line {
    std::deque<Work> waiting;
    // Ready, or running.
    bool is_scheduled = false;
    bool is_closed = false;
  };

  explicit Impl(Options options) : options_(options) {
    CHECK(options_.threads_max > 0);
  }

  void Run(const std::shared_ptr<Line>& line, Work work);
  void Close(Line& line);
  void Shutdown(Work on_idle);
  void Join();

  bool is_shut_down() const {
    MutexLock lock(mutex_);
    return is_shut_down_;
  }
  bool IsPoolThread() const {
    MutexLock lock(mutex_);
    return workers_.count(std::this_thread::get_id()) > 0;
  }
  size_t threads() const {
    MutexLock lock(mutex_);
    return workers_.size();
  }

 private:
  // One thread. Guarded by mutex_, but for what the thread itself waits with.
  struct Worker {
    std::thread thread;
    std::condition_variable_any woken;
    bool is_woken = false;
    std::shared_ptr<Line> running;  // null: none
  };

  // Sees to it that a thread comes to look for a ready strand.
  void Call() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // A thread's whole life.
  void RunWorker();
  void RunUntilIdle(Worker& worker) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Waits until called. False: in vain, for idle_timeout.
  bool WaitForCall(Worker& worker) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Takes one piece of work; null if no strand is ready.
  Work Take(Worker& worker) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Finish(Worker& worker) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Null while something runs, and to all but the first.
  Work TakeOnIdle() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Options options_;
  mutable Mutex mutex_;
  std::deque<std::shared_ptr<Line>> ready_ ABSL_GUARDED_BY(mutex_);
  std::map<std::thread::id, Worker> workers_ ABSL_GUARDED_BY(mutex_);
  // Those that wait; the one that began last is at the end.
  std::vector<Worker*> idle_ ABSL_GUARDED_BY(mutex_);
  // A thread was called, or started, and has not looked yet.
  bool is_called_ ABSL_GUARDED_BY(mutex_) = false;
  size_t running_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::thread> ended_ ABSL_GUARDED_BY(mutex_);
  bool is_shut_down_ ABSL_GUARDED_BY(mutex_) = false;
  // For the thread that runs the last piece of work.
  Work on_idle_ ABSL_GUARDED_BY(mutex_);
};

void StrandPool::Impl::Run(const std::shared_ptr<Line>& line, Work work) {
  MutexLock lock(mutex_);
  // `work` is a parameter: what is not taken is destroyed after the lock.
  if (is_shut_down_ || line->is_closed) return;
  line->waiting.push_back(std::move(work));
  if (line->is_scheduled) return;
  line->is_scheduled = true;
  ready_.push_back(line);
  Call();
}

void StrandPool::Impl::Call() {
  if (is_called_ || ready_.empty()) return;
  if (!idle_.empty()) {
    Worker& worker = *idle_.back();
    idle_.pop_back();
    worker.is_woken = true;
    worker.woken.notify_one();
    is_called_ = true;
    return;
  }
  if (workers_.size() == options_.threads_max) return;
  std::thread thread([self = shared_from_this()] { self->RunWorker(); });
  const std::thread::id id = thread.get_id();
  workers_[id].thread = std::move(thread);
  is_called_ = true;
}

void StrandPool::Impl::RunWorker() {
  std::vector<std::thread> ended;
  {
    MutexLock lock(mutex_);
    const auto worker = workers_.find(std::this_thread::get_id());
    is_called_ = false;
    RunUntilIdle(worker->second);
    if (Work on_idle = TakeOnIdle()) {
      mutex_.Unlock();
      on_idle();
      on_idle = nullptr;
      mutex_.Lock();
    }
    ended.swap(ended_);
    // Unless Join waits for us already, or has let us go.
    if (worker->second.thread.joinable()) {
      ended_.push_back(std::move(worker->second.thread));
    }
    workers_.erase(worker);
  }
  // These are about to return, if they have not.
  for (std::thread& thread : ended) thread.join();
}

void StrandPool::Impl::RunUntilIdle(Worker& worker) {
  do {
    while (Work work = Take(worker)) {
      // If there is more, somebody else sees to it meanwhile.
      Call();
      mutex_.Unlock();
      work();
      work = nullptr;
      mutex_.Lock();
      Finish(worker);
    }
  } while (!is_shut_down_ && WaitForCall(worker));
}

bool StrandPool::Impl::WaitForCall(Worker& worker) {
  worker.is_woken = false;
  idle_.push_back(&worker);
  Relockable relockable(mutex_);
  worker.woken.wait_for(
      relockable,
      absl::ToChronoNanoseconds(std::min(options_.idle_timeout, kIdleMax)),
      [&worker] { return worker.is_woken; });
  if (!worker.is_woken) {
    std::erase(idle_, &worker);
    return false;
  }
  is_called_ = false;
  return true;
}

Work StrandPool::Impl::Take(Worker& worker) {
  while (!ready_.empty()) {
    std::shared_ptr<Line> line = std::move(ready_.front());
    ready_.pop_front();
    if (line->waiting.empty()) {  // closed meanwhile
      line->is_scheduled = false;
      continue;
    }
    Work work = std::move(line->waiting.front());
    line->waiting.pop_front();
    worker.running = std::move(line);
    ++running_;
    return work;
  }
  return nullptr;
}

void StrandPool::Impl::Finish(Worker& worker) {
  const std::shared_ptr<Line> line = std::exchange(worker.running, nullptr);
  --running_;
  if (line->waiting.empty()) {
    line->is_scheduled = false;
  } else {
    ready_.push_back(line);
  }
}

void StrandPool::Impl::Close(Line& line) {
  std::deque<Work> dropped;
  MutexLock lock(mutex_);
  line.is_closed = true;
  dropped.swap(line.waiting);
}

void StrandPool::Impl::Shutdown(Work on_idle) {
  std::vector<std::deque<Work>> dropped;
  {
    MutexLock lock(mutex_);
    CHECK(!is_shut_down_);
    is_shut_down_ = true;
    on_idle_ = std::move(on_idle);
    for (const auto& line : ready_) {
      dropped.push_back(std::exchange(line->waiting, {}));
    }
    for (auto& [id, worker] : workers_) {
      if (worker.running == nullptr) continue;
      dropped.push_back(std::exchange(worker.running->waiting, {}));
    }
    for (Worker* worker : std::exchange(idle_, {})) {
      worker->is_woken = true;
      worker->woken.notify_one();
    }
    ++running_;  // what is dropped is destroyed before the pool is idle
  }
  dropped.clear();
  {
    MutexLock lock(mutex_);
    --running_;
    on_idle = TakeOnIdle();
  }
  if (on_idle) on_idle();
}

Work StrandPool::Impl::TakeOnIdle() {
  if (running_ > 0) return nullptr;
  return std::exchange(on_idle_, nullptr);
}

void StrandPool::Impl::Join() {
  std::vector<std::thread> threads;
  {
    MutexLock lock(mutex_);
    threads.swap(ended_);
    for (auto& [id, worker] : workers_) {
      threads.push_back(std::move(worker.thread));
    }
  }
  for (std::thread& thread : threads) {
    if (thread.get_id() == std::this_thread::get_id()) {
      thread.detach();
    } else {
      thread.join();
    }
  }
}

class StrandPool::PoolStrand final : public StrandPool::Strand {
 public:
  explicit PoolStrand(std::shared_ptr<Impl> pool) : pool_(std::move(pool)) {}
  ~PoolStrand() override { pool_->Close(*line_); }

  void Run(absl::AnyInvocable<void()> work) override {
    pool_->Run(line_, std::move(work));
  }

 private:
  const std::shared_ptr<Impl> pool_;
  const std::shared_ptr<Impl::Line> line_ = std::make_shared<Impl::Line>();
};

StrandPool::StrandPool(Options options)
    : impl_(std::make_shared<Impl>(options)) {}

StrandPool::~StrandPool() {
  if (!impl_->is_shut_down()) impl_->Shutdown([] {});
  impl_->Join();
}

std::unique_ptr<StrandPool::Strand> StrandPool::NewStrand() {
  return std::make_unique<PoolStrand>(impl_);
}

void StrandPool::Shutdown(absl::AnyInvocable<void()> on_idle) {
  impl_->Shutdown(std::move(on_idle));
}

bool StrandPool::IsPoolThread() const { return impl_->IsPoolThread(); }

size_t StrandPool::threads() const { return impl_->threads(); }

}  // namespace rafthttp
