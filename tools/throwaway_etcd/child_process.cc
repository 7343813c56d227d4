#include "tools/throwaway_etcd/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

extern char** environ;

namespace rafthttpctl {
namespace {

constexpr absl::Duration kWaitMax = absl::Hours(1000);

// Our environment with `changes` made to it.
std::vector<std::string> Environment(const std::vector<std::string>& changes) {
  std::vector<std::string> all = changes;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const absl::string_view ours(*entry);
    const absl::string_view name = ours.substr(0, ours.find('=') + 1);
    const bool is_changed = std::any_of(
        changes.begin(), changes.end(), [name](const std::string& change) {
          return absl::string_view(change).substr(0, name.size()) == name;
        });
    if (!is_changed) all.emplace_back(ours);
  }
  return all;
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& text : strings) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// All that the forked child needs, made before the fork: from there to exec,
// only what is safe in a signal handler may be called.
struct Launch {
  const char* program;
  char* const* arguments;
  char* const* environment;
  int fds[3];
  int null_fd;
  int error_fd;
  pid_t parent;
};

[[noreturn]] void ExecInChild(const Launch& launch) {
  const auto fail = [&launch] {
    const int error = errno;
    // There is nobody left to tell that this failed as well.
    if (write(launch.error_fd, &error, sizeof(error)) < 0) _exit(126);
    _exit(127);
  };
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) fail();
  if (getppid() != launch.parent) _exit(127);  // died before it was asked
  setpgid(0, 0);

  // Copies above the three first, so that none is overwritten before its turn.
  int copies[3];
  for (int i = 0; i < 3; ++i) {
    const int fd = launch.fds[i] < 0 ? launch.null_fd : launch.fds[i];
    copies[i] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (copies[i] < 0) fail();
  }
  for (int i = 0; i < 3; ++i) {
    if (dup2(copies[i], i) < 0) fail();
  }
  // Best effort: most descriptors have the flag already.
  close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);

  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);
  execve(launch.program, launch.arguments, launch.environment);
  fail();
  _exit(127);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildProcess::Spawn(
    Options options) {
  std::unique_ptr<ChildProcess> child(new ChildProcess());
  std::unique_lock<std::mutex> lock(child->mutex_);
  child->thread_ =
      std::thread([&child = *child, &options] { child.Run(options); });
  // Run no longer looks at `options` once this is over.
  child->changed_.wait(lock, [&child] { return child->is_spawned_; });
  if (child->spawn_errno_ != 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot run ", options.program, ": ",
                     std::strerror(child->spawn_errno_)));
  }
  return child;
}

ChildProcess::~ChildProcess() {
  Signal(SIGKILL);
  if (thread_.joinable()) thread_.join();
}

void ChildProcess::Run(const Options& options) {
  std::vector<std::string> arguments = options.arguments;
  arguments.insert(arguments.begin(), options.program);
  std::vector<std::string> environment = Environment(options.environment);
  const std::vector<char*> argument_pointers = Pointers(arguments);
  const std::vector<char*> environment_pointers = Pointers(environment);
  int error_pipe[2] = {-1, -1};
  int error = 0;
  pid_t pid = -1;
  const int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null_fd < 0 || pipe2(error_pipe, O_CLOEXEC) != 0) {
    error = errno;
  } else {
    const Launch launch = {
        .program = options.program.c_str(),
        .arguments = argument_pointers.data(),
        .environment = environment_pointers.data(),
        .fds = {options.stdin_fd, options.stdout_fd, options.stderr_fd},
        .null_fd = null_fd,
        .error_fd = error_pipe[1],
        .parent = getpid()};
    pid = fork();
    if (pid == 0) ExecInChild(launch);
    if (pid < 0) error = errno;
    close(error_pipe[1]);
    ssize_t got = 0;
    do {
      got = read(error_pipe[0], &error, sizeof(error));
    } while (got < 0 && errno == EINTR);
    close(error_pipe[0]);
  }
  if (null_fd >= 0) close(null_fd);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    pid_ = pid;
    is_spawned_ = true;
    spawn_errno_ = error;
    if (pid < 0) end_ = End{.code = 127, .signal = 0};
    changed_.notify_all();
  }
  if (pid > 0) Reap();
}

void ChildProcess::Reap() {
  // The child is left to be collected until nobody can signal it any more: its
  // ID may be another's right after.
  siginfo_t info = {};
  while (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT) !=
         0) {
    if (errno != EINTR) break;
  }
  std::lock_guard<std::mutex> lock(mutex_);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  End end;
  if (info.si_code == CLD_EXITED) {
    end.code = info.si_status;
  } else {
    end.signal = info.si_status;
  }
  end_ = end;
  changed_.notify_all();
}

void ChildProcess::Signal(int number) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (pid_ > 0 && !end_) kill(pid_, number);
}

std::optional<ChildProcess::End> ChildProcess::WaitFor(absl::Duration timeout) {
  std::unique_lock<std::mutex> lock(mutex_);
  // What is longer than any program runs would overflow on the way.
  changed_.wait_for(lock,
                    absl::ToChronoNanoseconds(std::min(timeout, kWaitMax)),
                    [this] { return end_.has_value(); });
  return end_;
}

}  // namespace rafthttpctl
