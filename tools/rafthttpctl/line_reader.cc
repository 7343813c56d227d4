#include "tools/rafthttpctl/line_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "rafthttp/base/check.h"

namespace rafthttpctl {

LineReader::LineReader(rafthttp::event::EventLoop& loop, int fd)
    : loop_(loop), fd_(fd), self_(std::make_shared<LineReader*>(this)) {
  CHECK(pipe2(stop_pipe_, O_CLOEXEC) == 0);
  thread_ = std::thread([this] { ReadLines(); });
}

LineReader::~LineReader() {
  *self_ = nullptr;
  {
    rafthttp::MutexLock lock(mutex_);
    is_stopping_ = true;
    changed_.NotifyAll();
  }
  close(stop_pipe_[1]);
  thread_.join();
  close(stop_pipe_[0]);
}

void LineReader::Next(OnLine on_line) {
  CHECK(on_line_ == nullptr);
  on_line_ = std::move(on_line);
  rafthttp::MutexLock lock(mutex_);
  is_wanted_ = true;
  changed_.NotifyAll();
}

void LineReader::ReadLines() {
  for (;;) {
    {
      rafthttp::MutexLock lock(mutex_);
      while (!is_wanted_ && !is_stopping_) changed_.Wait(mutex_);
      if (is_stopping_) return;
      is_wanted_ = false;
    }
    loop_.Post([self = self_, line = ReadLine()]() mutable {
      if (*self == nullptr) return;
      OnLine on_line = std::exchange((*self)->on_line_, nullptr);
      on_line(std::move(line));
    });
  }
}

std::optional<std::string> LineReader::ReadLine() {
  for (;;) {
    const size_t end = unread_.find('\n');
    if (end != std::string::npos) {
      std::string line = unread_.substr(0, end);
      unread_.erase(0, end + 1);
      return line;
    }
    pollfd polled[] = {{.fd = fd_, .events = POLLIN, .revents = 0},
                       {.fd = stop_pipe_[0], .events = POLLIN, .revents = 0}};
    if (poll(polled, 2, -1) < 0 && errno != EINTR) return std::nullopt;
    if (polled[1].revents != 0) return std::nullopt;
    if (polled[0].revents == 0) continue;
    char buffer[65536];
    const ssize_t size = read(fd_, buffer, sizeof(buffer));
    if (size < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (size <= 0) {
      if (unread_.empty()) return std::nullopt;
      return std::exchange(unread_, std::string());
    }
    unread_.append(buffer, static_cast<size_t>(size));
  }
}

}  // namespace rafthttpctl
