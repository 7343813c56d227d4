#include "tools/rafthttpctl/output.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rafthttp/base/check.h"

namespace rafthttpctl {
namespace {

using Clock = std::chrono::steady_clock;

// How long Finish waits for a thread that sits in a write beyond its deadline.
constexpr std::chrono::milliseconds kLastChance(100);
// How often a thread without an eventfd looks up.
constexpr int kPollWithoutWakeUpMs = 50;

absl::Status WriteError(int error) {
  if (error == EPIPE) return absl::CancelledError("the reader has gone");
  const std::string text =
      absl::StrCat("cannot write output: ", std::strerror(error));
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) {
    return absl::ResourceExhaustedError(text);
  }
  return absl::UnavailableError(text);
}

absl::Status TooSlow(size_t bytes_lost) {
  return absl::DeadlineExceededError(absl::StrCat(
      "the output's reader does not read: ", bytes_lost, " bytes are lost"));
}

// How to write to a descriptor without blocking and without changing what other
// processes share. A pipe or terminal is opened a second time, non-blocking, by
// way of /proc; a socket has a flag for each call; a file does not block for
// long. Where none of that works, a write is so small that a descriptor which
// is ready takes it at once.
class Sink {
 public:
  explicit Sink(int fd) : fd_(fd) {
    struct stat status;
    if (fstat(fd, &status) != 0) return;
    if (S_ISSOCK(status.st_mode)) {
      is_socket_ = true;
    } else if (S_ISREG(status.st_mode)) {
      piece_bytes_max_ = SSIZE_MAX;
    } else {
      const std::string path = absl::StrCat("/proc/self/fd/", fd);
      own_fd_ =
          open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
      if (own_fd_ >= 0) piece_bytes_max_ = SSIZE_MAX;
    }
  }
  ~Sink() {
    if (own_fd_ >= 0) close(own_fd_);
  }
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;

  int fd() const { return own_fd_ >= 0 ? own_fd_ : fd_; }

  // As write(2), on a descriptor that poll said is ready.
  ssize_t Write(const char* data, size_t size) {
    if (is_socket_) return send(fd_, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    return write(fd(), data, std::min(size, piece_bytes_max_));
  }

 private:
  const int fd_;
  int own_fd_ = -1;
  bool is_socket_ = false;
  size_t piece_bytes_max_ = PIPE_BUF;
};

}  // namespace

// What the loop and the thread share, and what outlives the Output if the
// thread cannot be stopped.
class Output::Queue : public std::enable_shared_from_this<Queue> {
 public:
  Queue(rafthttp::event::EventLoop& loop, int fd, Options options)
      : options_(options),
        sink_(fd),
        wake_up_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        loop_(&loop) {}
  ~Queue() {
    if (wake_up_fd_ >= 0) close(wake_up_fd_);
  }

  // On the loop's thread.

  void Start() {
    thread_ = std::thread([self = shared_from_this()] { self->RunThread(); });
  }
  void Write(std::string text);
  bool is_full();
  absl::Status Finish(absl::Duration bound);

  absl::AnyInvocable<void()> on_drained;
  absl::AnyInvocable<void()> on_closed;
  absl::AnyInvocable<void(absl::Status)> on_error;

 private:
  // On the writer's thread.
  void RunThread();
  bool AwaitWork();
  // Waits until `events` can be done, and something new may be known.
  short Poll(short events);
  // Writes once; false once the end has come.
  bool WriteSome();
  void Fail(absl::Status status);

  void WakeUp();
  // On the loop.
  void ReportDrained();
  void ReportFailure(const absl::Status& failure);
  static int PollTimeout(Clock::time_point deadline);

  const Options options_;
  Sink sink_;
  const int wake_up_fd_;
  std::thread thread_;
  // The loop's own.
  bool is_over_ = false;
  absl::Status result_;

  // The thread's own: what it has taken, and how much of that is written.
  std::string taken_;
  size_t taken_bytes_written_ = 0;
  // A descriptor that is not open must not be polled over and over.
  bool is_fd_invalid_ = false;

  std::mutex mutex_;
  std::condition_variable ended_;
  // Guarded by mutex_:
  std::string pending_;
  size_t bytes_ = 0;  // pending, and taken but not written
  bool is_full_ = false;
  bool is_finishing_ = false;
  bool has_ended_ = false;
  Clock::time_point deadline_ = Clock::time_point::max();
  absl::Status status_;
  rafthttp::event::EventLoop* loop_;  // null once nothing may be posted
};

void Output::Queue::Write(std::string text) {
  if (text.empty()) return;
  bool was_empty = false;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!status_.ok() || is_finishing_) return;
    was_empty = pending_.empty();
    bytes_ += text.size();
    if (bytes_ >= options_.queue_bytes_max) is_full_ = true;
    if (was_empty) {
      pending_ = std::move(text);
    } else {
      pending_ += text;
    }
  }
  if (was_empty) WakeUp();
}

bool Output::Queue::is_full() {
  std::lock_guard<std::mutex> lock(mutex_);
  return is_full_;
}

absl::Status Output::Queue::Finish(absl::Duration bound) {
  if (std::exchange(is_over_, true)) return result_;
  // A bound that is no bound would overflow the clock.
  const auto wait = absl::ToChronoMilliseconds(
      std::clamp(bound, absl::ZeroDuration(), absl::Hours(24)));
  std::unique_lock<std::mutex> lock(mutex_);
  loop_ = nullptr;
  is_finishing_ = true;
  deadline_ = Clock::now() + wait;
  const Clock::time_point deadline = deadline_ + kLastChance;
  lock.unlock();
  WakeUp();
  on_drained = nullptr;
  on_closed = nullptr;
  on_error = nullptr;
  lock.lock();
  ended_.wait_until(lock, deadline, [this] { return has_ended_; });
  if (has_ended_) {
    lock.unlock();
    thread_.join();
    return result_ = status_;
  }
  // It sits in a write that does not return. It holds a share of this queue, so
  // it may sit there until the process ends.
  thread_.detach();
  return result_ = TooSlow(bytes_);
}

void Output::Queue::RunThread() {
  while (AwaitWork() && WriteSome()) {
  }
  std::lock_guard<std::mutex> lock(mutex_);
  has_ended_ = true;
  ended_.notify_all();
}

bool Output::Queue::AwaitWork() {
  while (taken_.empty()) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (!pending_.empty()) {
        taken_.swap(pending_);
        break;
      }
      if (is_finishing_) return false;
    }
    // Also tells when the reader goes while there is nothing to write.
    const short ready = Poll(0);
    if ((ready & (POLLERR | POLLHUP)) != 0) {
      Fail(WriteError(EPIPE));
      return false;
    }
    if ((ready & POLLNVAL) != 0) is_fd_invalid_ = true;
  }
  return true;
}

short Output::Queue::Poll(short events) {
  int timeout = -1;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    // What is wanted may have come in the meantime.
    if (events == 0 && (!pending_.empty() || is_finishing_)) return 0;
    timeout = PollTimeout(deadline_);
  }
  if (wake_up_fd_ < 0) {
    timeout = timeout < 0 ? kPollWithoutWakeUpMs
                          : std::min(timeout, kPollWithoutWakeUpMs);
  }
  pollfd polled[2] = {
      {.fd = is_fd_invalid_ && events == 0 ? -1 : sink_.fd(),
       .events = events,
       .revents = 0},
      {.fd = wake_up_fd_, .events = POLLIN, .revents = 0},
  };
  if (poll(polled, 2, timeout) <= 0) return 0;
  if (polled[1].revents != 0) {
    uint64_t count = 0;
    static_cast<void>(!read(wake_up_fd_, &count, sizeof(count)));
  }
  return polled[0].revents;
}

bool Output::Queue::WriteSome() {
  const size_t left = taken_.size() - taken_bytes_written_;
  const short ready = Poll(POLLOUT);
  if (ready == 0) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (Clock::now() < deadline_) return true;
    status_ = TooSlow(bytes_);
    return false;
  }
  const ssize_t written =
      sink_.Write(taken_.data() + taken_bytes_written_, left);
  if (written < 0) {
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return true;
    Fail(WriteError(errno));
    return false;
  }
  taken_bytes_written_ += static_cast<size_t>(written);
  if (taken_bytes_written_ == taken_.size()) {
    taken_.clear();
    taken_bytes_written_ = 0;
    // One great record does not occupy memory for ever.
    if (taken_.capacity() > options_.queue_bytes_max) taken_.shrink_to_fit();
  }
  std::lock_guard<std::mutex> lock(mutex_);
  bytes_ -= static_cast<size_t>(written);
  // A reader that always takes a little may not hold up the end either.
  if (bytes_ > 0 && deadline_ != Clock::time_point::max() &&
      Clock::now() >= deadline_ + kLastChance / 2) {
    status_ = TooSlow(bytes_);
    return false;
  }
  if (is_full_ && bytes_ <= options_.queue_bytes_low) {
    is_full_ = false;
    if (loop_ != nullptr) {
      loop_->Post([self = shared_from_this()] { self->ReportDrained(); });
    }
  }
  return true;
}

void Output::Queue::Fail(absl::Status status) {
  std::lock_guard<std::mutex> lock(mutex_);
  status_ = std::move(status);
  pending_ = std::string();
  bytes_ = 0;
  is_full_ = false;
  if (loop_ == nullptr) return;
  loop_->Post([self = shared_from_this(), failure = status_] {
    self->ReportFailure(failure);
  });
}

// The callbacks may finish or destroy the output, which clears them all, so
// none runs in its place.

void Output::Queue::ReportDrained() {
  auto callback = std::exchange(on_drained, nullptr);
  if (!callback) return;
  callback();
  if (!is_over_ && !on_drained) on_drained = std::move(callback);
}

void Output::Queue::ReportFailure(const absl::Status& failure) {
  if (absl::IsCancelled(failure)) {
    auto callback = std::exchange(on_closed, nullptr);
    if (callback) callback();
  } else {
    auto callback = std::exchange(on_error, nullptr);
    if (callback) callback(failure);
  }
}

void Output::Queue::WakeUp() {
  if (wake_up_fd_ < 0) return;
  const uint64_t one = 1;
  static_cast<void>(!write(wake_up_fd_, &one, sizeof(one)));
}

int Output::Queue::PollTimeout(Clock::time_point deadline) {
  if (deadline == Clock::time_point::max()) return -1;
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
  return static_cast<int>(std::clamp<int64_t>(left.count(), 0, INT_MAX));
}

Output::Output(rafthttp::event::EventLoop& loop, int fd, Options options)
    : queue_(std::make_shared<Queue>(loop, fd, options)) {
  CHECK(options.queue_bytes_low < options.queue_bytes_max);
  // The thread inherits this mask: signals are for the loop, and a closed pipe
  // is told by write's error.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  queue_->Start();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Output::~Output() { Finish(absl::ZeroDuration()).IgnoreError(); }

void Output::set_on_drained(absl::AnyInvocable<void()> on_drained) {
  queue_->on_drained = std::move(on_drained);
}
void Output::set_on_closed(absl::AnyInvocable<void()> on_closed) {
  queue_->on_closed = std::move(on_closed);
}
void Output::set_on_error(absl::AnyInvocable<void(absl::Status)> on_error) {
  queue_->on_error = std::move(on_error);
}

void Output::Write(std::string text) { queue_->Write(std::move(text)); }

bool Output::is_full() const { return queue_->is_full(); }

absl::Status Output::Finish(absl::Duration bound) {
  return queue_->Finish(bound);
}

absl::Status WriteAll(int fd, absl::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<size_t>(written));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      // Somebody else made it non-blocking.
      pollfd polled = {.fd = fd, .events = POLLOUT, .revents = 0};
      poll(&polled, 1, -1);
    } else if (errno != EINTR) {
      return WriteError(errno);
    }
  }
  return absl::OkStatus();
}

}  // namespace rafthttpctl
