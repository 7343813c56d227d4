#ifndef RAFTHTTP_TRANSPORT_LOOP_THREAD_H_
#define RAFTHTTP_TRANSPORT_LOOP_THREAD_H_

#include <memory>
#include <thread>

#include "absl/functional/any_invocable.h"
#include "rafthttp/event/connector.h"
#include "rafthttp/event/event_loop.h"
#include "rafthttp/event/uv_loop.h"

namespace rafthttp {

// A thread that runs an event loop of its own.
//
// Lifetime: Quit, then destroy; the destructor waits for the thread, unless it
//   runs on that very thread, which then ends by itself soon.
class LoopThread {
 public:
  // Returns once the loop is there. `on_end` runs on the thread as its last
  // act, when the loop is gone.
  explicit LoopThread(absl::AnyInvocable<void()> on_end);
  ~LoopThread();
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;

  // Until Quit has taken effect.
  event::UvLoop& loop() { return *loop_; }
  event::Connector& connector() { return *connector_; }

  // On the loop: ends the loop after this turn. What was made on it must be
  // gone.
  void Quit();

  // On any thread.
  bool IsCurrent() const {
    return thread_.get_id() == std::this_thread::get_id();
  }

 private:
  event::UvLoop* loop_ = nullptr;
  event::Connector* connector_ = nullptr;
  std::thread thread_;
};

}  // namespace rafthttp

#endif  // RAFTHTTP_TRANSPORT_LOOP_THREAD_H_
