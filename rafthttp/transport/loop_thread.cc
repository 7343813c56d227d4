#include "rafthttp/transport/loop_thread.h"

#include <utility>

#include "rafthttp/base/mutex.h"
#include "rafthttp/event/uv_connector.h"

namespace rafthttp {

LoopThread::LoopThread(absl::AnyInvocable<void()> on_end) {
  Mutex mutex;
  Condition is_ready;
  thread_ = std::thread([&, on_end = std::move(on_end)]() mutable {
    {
      event::UvLoop loop;
      event::UvConnector connector(loop);
      {
        MutexLock lock(mutex);
        loop_ = &loop;
        connector_ = &connector;
        // Under the lock, as the constructor's frame is gone soon after.
        is_ready.NotifyOne();
      }
      loop.Run();
    }
    on_end();
  });
  MutexLock lock(mutex);
  while (loop_ == nullptr) is_ready.Wait(mutex);
}

LoopThread::~LoopThread() {
  if (IsCurrent()) {
    thread_.detach();
  } else {
    thread_.join();
  }
}

void LoopThread::Quit() { loop_->Stop(); }

}  // namespace rafthttp
