#include "rafthttp/event/uv_loop.h"

#include <signal.h>

#include <algorithm>
#include <utility>

#include "rafthttp/base/check.h"

namespace rafthttp::event {
namespace {

// More would not fit into the second-level cache beside what it becomes.
constexpr size_t kReadBufferBytes = 64 << 10;

// How much posted work runs before the loop looks at timers and sockets again.
constexpr size_t kPostedPerRoundMax = 256;

constexpr absl::Duration kSilenceMax = absl::Seconds(10);

std::unique_ptr<uv_loop_t> NewUvLoop() {
  auto loop = std::make_unique<uv_loop_t>();
  const int err = uv_loop_init(loop.get());
  CHECK(err == 0);
  return loop;
}

void IgnoreSigpipeUnlessHandled() {
  struct sigaction action = {};
  if (sigaction(SIGPIPE, nullptr, &action) != 0) return;
  if ((action.sa_flags & SA_SIGINFO) != 0) return;
  if (action.sa_handler != SIG_DFL) return;
  signal(SIGPIPE, SIG_IGN);
}

}  // namespace

// All timers share one uv_timer_t. It is armed for the next of them in each
// round just before the loop waits, and nowhere else: armed from its own
// callback, for a timer that re-arms itself with no delay, it would keep
// libuv 1.44 from ever leaving its timers.
//
// Work that is posted on the loop's own thread costs no system call: it is run
// after the poll of the round, and an active idle handle keeps that poll from
// waiting meanwhile. Only other threads have to wake the loop up.
struct UvLoop::Handles {
  UvLoop* owner;  // null once detached
  uv_async_t posted;
  uv_check_t after_poll;
  uv_idle_t no_wait;
  uv_prepare_t before_wait;
  uv_timer_t next_timer;
  int open = 0;

  Handles(UvLoop& loop, uv_loop_t* uv) : owner(&loop) {
    int err = uv_async_init(uv, &posted, [](uv_async_t* handle) {
      Handles& self = *static_cast<Handles*>(handle->data);
      if (self.owner != nullptr) self.owner->RunPosted();
    });
    CHECK(err == 0);
    err = uv_prepare_init(uv, &before_wait);
    CHECK(err == 0);
    err = uv_timer_init(uv, &next_timer);
    CHECK(err == 0);
    err = uv_check_init(uv, &after_poll);
    CHECK(err == 0);
    err = uv_idle_init(uv, &no_wait);
    CHECK(err == 0);
    posted.data = before_wait.data = next_timer.data = this;
    after_poll.data = no_wait.data = this;
    open = 5;
    err = uv_check_start(&after_poll, [](uv_check_t* handle) {
      static_cast<Handles*>(handle->data)->RunPostedHere();
    });
    CHECK(err == 0);
    err = uv_prepare_start(&before_wait, [](uv_prepare_t* handle) {
      static_cast<Handles*>(handle->data)->owner->PrepareToWait();
    });
    CHECK(err == 0);
  }

  // Has posted work run after this round's poll, or the next one's.
  void RunSoon() {
    if (uv_is_active(reinterpret_cast<uv_handle_t*>(&no_wait))) return;
    const int err = uv_idle_start(&no_wait, [](uv_idle_t*) {});
    CHECK(err == 0);
  }

  void RunPostedHere() {
    if (!uv_is_active(reinterpret_cast<uv_handle_t*>(&no_wait))) return;
    uv_idle_stop(&no_wait);
    owner->RunPosted();
  }

  void ArmNextTimer(absl::Time now, absl::Time due) {
    if (due == absl::InfiniteFuture()) {
      uv_timer_stop(&next_timer);
      return;
    }
    const absl::Duration delay = std::max(
        absl::Ceil(due - now, absl::Milliseconds(1)), absl::ZeroDuration());
    const int err = uv_timer_start(
        &next_timer,
        [](uv_timer_t* handle) {
          static_cast<Handles*>(handle->data)->owner->RunTimers();
        },
        static_cast<uint64_t>(absl::ToInt64Milliseconds(delay)), /*repeat=*/0);
    CHECK(err == 0);
  }

  void CloseAndDelete() {
    owner = nullptr;
    const uv_close_cb on_closed = [](uv_handle_t* handle) {
      Handles* self = static_cast<Handles*>(handle->data);
      if (--self->open == 0) delete self;
    };
    uv_close(reinterpret_cast<uv_handle_t*>(&posted), on_closed);
    uv_close(reinterpret_cast<uv_handle_t*>(&after_poll), on_closed);
    uv_close(reinterpret_cast<uv_handle_t*>(&no_wait), on_closed);
    uv_close(reinterpret_cast<uv_handle_t*>(&before_wait), on_closed);
    uv_close(reinterpret_cast<uv_handle_t*>(&next_timer), on_closed);
  }
};

UvLoop::UvLoop() : UvLoop(NewUvLoop(), nullptr) {}

UvLoop::UvLoop(uv_loop_t& embedder_loop) : UvLoop(nullptr, &embedder_loop) {}

UvLoop::UvLoop(std::unique_ptr<uv_loop_t> owned, uv_loop_t* uv)
    : owned_(std::move(owned)),
      uv_(owned_ != nullptr ? owned_.get() : uv),
      thread_(std::this_thread::get_id()),
      handles_(new Handles(*this, uv_)),
      timers_(*this),
      read_buffer_(kReadBufferBytes) {
  IgnoreSigpipeUnlessHandled();
}

UvLoop::~UvLoop() {
  CHECK(IsCurrent());
  CHECK(!is_running_);
  // What posted work owns may use the loop, and even post, while it goes.
  for (;;) {
    std::deque<Work> dropped = std::exchange(batch_, {});
    if (dropped.empty()) {
      MutexLock lock(mutex_);
      dropped.swap(posted_);
    }
    if (dropped.empty()) break;
  }
  handles_->CloseAndDelete();
  if (owned_ == nullptr) return;

  uv_walk(
      uv_,
      [](uv_handle_t* handle, void*) {
        // Otherwise something made on this loop has outlived it.
        CHECK(uv_is_closing(handle));
      },
      nullptr);
  while (uv_run(uv_, UV_RUN_DEFAULT) != 0) {
  }
  const int err = uv_loop_close(uv_);
  CHECK(err == 0);
}

absl::Time UvLoop::Now() const {
  return absl::UnixEpoch() +
         absl::Milliseconds(static_cast<int64_t>(uv_now(uv_)));
}

std::unique_ptr<Timer> UvLoop::NewTimer(absl::AnyInvocable<void()> on_fire) {
  return timers_.NewTimer(std::move(on_fire));
}

void UvLoop::Post(absl::AnyInvocable<void()> work) {
  bool is_first = false;
  {
    MutexLock lock(mutex_);
    is_first = posted_.empty();
    posted_.push_back(std::move(work));
  }
  // Whoever found the queue empty sees to it for all who come after.
  if (!is_first) return;
  if (IsCurrent()) {
    handles_->RunSoon();
  } else {
    uv_async_send(&handles_->posted);
  }
}

bool UvLoop::IsCurrent() const {
  return thread_.load(std::memory_order_relaxed) == std::this_thread::get_id();
}

void UvLoop::Run() {
  const std::thread::id maker = BeginRun();
  uv_run(uv_, UV_RUN_DEFAULT);
  EndRun(maker);
}

std::thread::id UvLoop::BeginRun() {
  const std::thread::id maker = thread_.exchange(std::this_thread::get_id());
  CHECK(!is_running_);
  is_running_ = true;
  return maker;
}

void UvLoop::EndRun(std::thread::id maker) {
  is_running_ = false;
  thread_.store(maker);
}

void UvLoop::Stop() {
  CHECK(IsCurrent());
  uv_stop(uv_);
}

bool UvLoop::RunUntil(absl::FunctionRef<bool()> predicate, int max_turns) {
  const std::thread::id maker = BeginRun();
  is_stepping_ = true;
  bool holds = predicate();
  {
    bool is_silent = false;
    const std::unique_ptr<Timer> silence =
        NewTimer([&is_silent] { is_silent = true; });
    for (int turn = 0; turn < max_turns && !holds && !is_silent; ++turn) {
      silence->Start(kSilenceMax);
      uv_run(uv_, UV_RUN_ONCE);
      holds = predicate();
    }
  }
  is_stepping_ = false;
  EndRun(maker);
  return holds;
}

void UvLoop::RunPosted() {
  Handles* const handles = handles_;
  if (batch_.empty()) {
    MutexLock lock(mutex_);
    batch_.swap(posted_);
  }
  for (size_t left = kPostedPerRoundMax; left > 0 && !batch_.empty(); --left) {
    Work work = std::move(batch_.front());
    batch_.pop_front();
    work();
    // It may have destroyed us.
    if (handles->owner == nullptr) return;
  }
  bool is_more = !batch_.empty();
  if (!is_more) {
    MutexLock lock(mutex_);
    is_more = !posted_.empty();
  }
  if (is_more) handles->RunSoon();
}

void UvLoop::PrepareToWait() {
  thread_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  handles_->ArmNextTimer(Now(), timers_.earliest());
}

void UvLoop::RunTimers() {
  thread_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  const size_t fired = timers_.FireDue();
  // The predicate may hold now, but libuv 1.44 goes on to wait for events if
  // the timers were due when the round began; to a loop that stops it does not.
  if (fired > 0 && is_stepping_) uv_stop(uv_);
}

}  // namespace rafthttp::event
