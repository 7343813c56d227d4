#ifndef RAFTHTTP_EVENT_UV_LOOP_H_
#define RAFTHTTP_EVENT_UV_LOOP_H_

#include <uv.h>

#include <atomic>
#include <cstddef>
#include <deque>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "rafthttp/base/mutex.h"
#include "rafthttp/event/event_loop.h"
#include "rafthttp/event/timer_queue.h"

namespace rafthttp::event {

// The event loop on libuv, with a uv_loop_t of its own or an embedder's.
//
// Place: everything else named Uv is made on one of these.
// Threads: as EventLoop says; Post is the only method for other threads, and
//   they must be done with it before the loop is destroyed.
// Lifetime: must outlive what is made on it. It keeps uv_run busy until it is
//   destroyed.
// Process: a loop makes the process ignore SIGPIPE unless somebody has decided
//   otherwise before, since libuv's writes to a broken connection raise it.
class UvLoop final : public EventLoop {
 public:
  // Owns its uv_loop_t. The destructor waits for name lookups under way, which
  // cannot be interrupted, and CHECKs that nothing made on the loop is left.
  UvLoop();
  // Runs on `embedder_loop`, which must outlive this. The destructor does not
  // run that loop (it may be called from inside one of its callbacks, posted
  // work included, but not from a timer of ours): handles are closed, and gone
  // after the loop's next turns.
  explicit UvLoop(uv_loop_t& embedder_loop);
  ~UvLoop() override;
  UvLoop(const UvLoop&) = delete;
  UvLoop& operator=(const UvLoop&) = delete;

  // EventLoop:
  absl::Time Now() const override;  // to the millisecond
  std::unique_ptr<Timer> NewTimer(absl::AnyInvocable<void()> on_fire) override;
  void Post(absl::AnyInvocable<void()> work) override;
  bool IsCurrent() const override;

  // Runs until Stop() is called. An embedder runs its loop itself.
  void Run();
  void Stop();

  // For tests: runs until `predicate` holds (true), or `max_turns` rounds of
  // the loop have passed or ten seconds without any event (whether it holds
  // then).
  bool RunUntil(absl::FunctionRef<bool()> predicate, int max_turns);

  // For wrappers of libuv handles:

  uv_loop_t* uv() { return uv_; }
  // Where all streams of the loop read to, one after the other: valid only from
  // libuv's alloc callback to the end of the read callback after it.
  absl::Span<char> read_buffer() { return absl::MakeSpan(read_buffer_); }

 private:
  struct Handles;
  using Work = absl::AnyInvocable<void()>;

  UvLoop(std::unique_ptr<uv_loop_t> owned, uv_loop_t* uv);
  std::thread::id BeginRun();
  void EndRun(std::thread::id maker);
  void RunPosted();
  void PrepareToWait();
  void RunTimers();

  const std::unique_ptr<uv_loop_t> owned_;  // null on an embedder's loop
  uv_loop_t* const uv_;
  std::atomic<std::thread::id> thread_;  // who made it, then who runs it
  Handles* handles_;                     // deletes itself once closed
  TimerQueue timers_;
  std::vector<char> read_buffer_;
  bool is_running_ = false;
  bool is_stepping_ = false;  // by RunUntil

  std::deque<Work> batch_;  // taken out of posted_, not begun
  Mutex mutex_;
  std::deque<Work> posted_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace rafthttp::event

#endif  // RAFTHTTP_EVENT_UV_LOOP_H_
