#include "tools/etcdclient/worker.h"

namespace rafthttpctl {

Worker::Worker(rafthttp::event::EventLoop& loop)
    : loop_(loop), thread_([this] { RunThread(); }) {}

Worker::~Worker() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    is_stopping_ = true;
    queue_.clear();
  }
  wakeup_.notify_one();
  thread_.join();
}

void Worker::Enqueue(absl::AnyInvocable<void()> work) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    queue_.push_back(std::move(work));
  }
  wakeup_.notify_one();
}

void Worker::RunThread() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    wakeup_.wait(lock, [this] { return is_stopping_ || !queue_.empty(); });
    if (is_stopping_) return;
    absl::AnyInvocable<void()> work = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    work();
    work = nullptr;
    lock.lock();
  }
}

}  // namespace rafthttpctl
