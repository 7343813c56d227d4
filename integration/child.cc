#include "integration/child.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"

namespace rafthttp::integration {

using rafthttpctl::ChildProcess;

namespace {

constexpr absl::Duration kPollInterval = absl::Milliseconds(20);

[[noreturn]] void Die(absl::string_view why) {
  std::cerr << why << std::endl;
  std::abort();
}

}  // namespace

std::unique_ptr<Child> Child::Run(const std::string& program,
                                  std::vector<std::string> arguments,
                                  const std::string& stdout_path) {
  std::unique_ptr<Child> child(new Child());
  int fds[2] = {-1, -1};
  if (stdout_path.empty()) {
    if (pipe2(fds, O_CLOEXEC) != 0) Die("no pipe for a child");
  } else {
    fds[1] = open(stdout_path.c_str(), O_WRONLY | O_CLOEXEC);
    if (fds[1] < 0) Die(absl::StrCat("cannot open ", stdout_path));
    child->is_output_over_ = true;
  }
  child->stdout_fd_ = fds[0];
  child->stderr_fd_ = memfd_create("stderr", MFD_CLOEXEC);
  if (child->stderr_fd_ < 0) Die("no file for a child's errors");
  ChildProcess::Options options;
  options.program = program;
  options.arguments = std::move(arguments);
  options.environment = {"ETCDCTL_API=3"};
  options.stdout_fd = fds[1];
  options.stderr_fd = child->stderr_fd_;
  auto process = ChildProcess::Spawn(std::move(options));
  close(fds[1]);
  if (!process.ok()) Die(process.status().ToString());
  child->process_ = *std::move(process);
  return child;
}

Child::~Child() {
  process_.reset();
  CloseOutput();
  close(stderr_fd_);
}

void Child::CloseOutput() {
  if (stdout_fd_ >= 0) close(std::exchange(stdout_fd_, -1));
  is_output_over_ = true;
}

bool Child::Fill(absl::Duration timeout) {
  if (is_output_over_) return false;
  pollfd entry = {.fd = stdout_fd_, .events = POLLIN, .revents = 0};
  const int64_t wait = absl::ToInt64Milliseconds(timeout);
  if (poll(&entry, 1, static_cast<int>(std::max<int64_t>(wait, 0))) != 1) {
    return false;
  }
  char chunk[65536];
  const ssize_t got = read(stdout_fd_, chunk, sizeof(chunk));
  if (got <= 0) {
    is_output_over_ = true;
    return false;
  }
  buffer_.append(chunk, static_cast<size_t>(got));
  return true;
}

std::optional<std::string> Child::ReadLine(absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  size_t searched = buffer_first_;
  while (true) {
    const size_t end = buffer_.find('\n', searched);
    if (end != std::string::npos) {
      std::string line = buffer_.substr(buffer_first_, end - buffer_first_);
      buffer_first_ = end + 1;
      return line;
    }
    buffer_.erase(0, buffer_first_);
    buffer_first_ = 0;
    searched = buffer_.size();
    if (!Fill(deadline - absl::Now())) return std::nullopt;
  }
}

std::string Child::ReadRest(absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  while (Fill(deadline - absl::Now())) {
  }
  std::string rest = buffer_.substr(buffer_first_);
  buffer_.clear();
  buffer_first_ = 0;
  return rest;
}

std::optional<Child::End> Child::Wait(absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  while (absl::Now() < deadline) {
    if (const auto end = process_->WaitFor(kPollInterval)) return end;
    while (Fill(absl::ZeroDuration())) {
    }
  }
  return process_->WaitFor(absl::ZeroDuration());
}

int Child::ExitCode(absl::Duration timeout) {
  const auto end = Wait(timeout);
  if (!end) {
    ADD_FAILURE() << "the program has not ended; it said: " << Errors();
    return -1000;
  }
  return end->signal != 0 ? -end->signal : end->code;
}

std::string Child::Errors() const {
  std::string text;
  char chunk[4096];
  ssize_t got = 0;
  while ((got = pread(stderr_fd_, chunk, sizeof(chunk),
                      static_cast<off_t>(text.size()))) > 0) {
    text.append(chunk, static_cast<size_t>(got));
  }
  return text;
}

size_t Child::ErrorLines() const {
  const std::string text = Errors();
  return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

bool Child::AwaitError(absl::string_view text, absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  while (!absl::StrContains(Errors(), text)) {
    if (absl::Now() >= deadline) return false;
    if (process_->WaitFor(kPollInterval)) {
      return absl::StrContains(Errors(), text);
    }
  }
  return true;
}

size_t Child::PeakMemoryBytes() const {
  std::ifstream file(absl::StrCat("/proc/", pid(), "/status"));
  std::string line;
  while (std::getline(file, line)) {
    if (!absl::StartsWith(line, "VmHWM:")) continue;
    const std::vector<std::string> words =
        absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    size_t kilobytes = 0;
    if (words.size() > 1 && absl::SimpleAtoi(words[1], &kilobytes)) {
      return kilobytes * 1024;
    }
  }
  return 0;
}

}  // namespace rafthttp::integration
