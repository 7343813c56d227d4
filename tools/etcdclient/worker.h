#ifndef TOOLS_ETCDCLIENT_WORKER_H_
#define TOOLS_ETCDCLIENT_WORKER_H_

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "rafthttp/event/event_loop.h"

namespace rafthttpctl {

// Runs blocking calls on a thread of its own, in order, and brings their
// results back to a loop.
//
// Threads: loop-confined; only the calls run elsewhere.
// Lifetime: the destructor drops calls that have not begun, waits for the one
//   that has, and drops its result.
class Worker {
 public:
  // A call that was handed over. Destroying it drops the result, not the call.
  class Handle {
   public:
    virtual ~Handle() = default;
  };

  // `loop` must outlive the worker.
  explicit Worker(rafthttp::event::EventLoop& loop);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Runs `call` on the thread, then `on_done` with its result on the loop.
  template <typename Result>
  std::unique_ptr<Handle> Run(absl::AnyInvocable<Result()> call,
                              absl::AnyInvocable<void(Result)> on_done) {
    // Shared by the loop, which may drop it, and the call, which may finish
    // later; only the loop looks inside.
    auto slot = std::make_shared<Slot<Result>>();
    slot->on_done = std::move(on_done);
    Enqueue([this, slot, call = std::move(call)]() mutable {
      loop_.Post([slot, result = call()]() mutable {
        if (slot->on_done)
          std::exchange(slot->on_done, nullptr)(std::move(result));
      });
    });
    return std::make_unique<SlotHandle<Result>>(std::move(slot));
  }

 private:
  template <typename Result>
  struct Slot {
    absl::AnyInvocable<void(Result)> on_done;
  };
  template <typename Result>
  class SlotHandle final : public Handle {
   public:
    explicit SlotHandle(std::shared_ptr<Slot<Result>> slot)
        : slot_(std::move(slot)) {}
    ~SlotHandle() override { slot_->on_done = nullptr; }

   private:
    const std::shared_ptr<Slot<Result>> slot_;
  };

  void Enqueue(absl::AnyInvocable<void()> work);
  void RunThread();

  rafthttp::event::EventLoop& loop_;
  std::mutex mutex_;
  std::condition_variable wakeup_;
  // Guarded by mutex_:
  std::deque<absl::AnyInvocable<void()>> queue_;
  bool is_stopping_ = false;

  std::thread thread_;
};

}  // namespace rafthttpctl

#endif  // TOOLS_ETCDCLIENT_WORKER_H_
