#ifndef TOOLS_THROWAWAY_ETCD_CHILD_PROCESS_H_
#define TOOLS_THROWAWAY_ETCD_CHILD_PROCESS_H_

#include <sys/types.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace rafthttpctl {

// A program that runs beside us and never outlives us.
//
// The kernel is asked to kill it when we end (PR_SET_PDEATHSIG), which it does
// when the *thread* that forked ends: so each child has a thread of its own,
// which forks it and then waits for it.
//
// Threads: any.
// Lifetime: the destructor kills the child (SIGKILL) and waits for it.
class ChildProcess {
 public:
  struct Options {
    std::string program;  // a path
    std::vector<std::string> arguments;
    // "NAME=value", in place of or besides those that we have.
    std::vector<std::string> environment;
    // Descriptors that become the child's; -1 is /dev/null. No other
    // descriptor of ours gets there.
    int stdin_fd = -1;
    int stdout_fd = -1;
    int stderr_fd = -1;
  };

  // How a child ended.
  struct End {
    int code = 0;    // its exit code, unless a signal ended it
    int signal = 0;  // that signal, or 0
  };

  // Returns once the program runs. It is in a process group of its own, so that
  // Ctrl-C at a terminal reaches us alone.
  static absl::StatusOr<std::unique_ptr<ChildProcess>> Spawn(Options options);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  // Does nothing once the child has ended.
  void Signal(int number);
  // How it ended, as soon as it has; nothing if it has not by `timeout`.
  std::optional<End> WaitFor(absl::Duration timeout);
  bool IsRunning() { return !WaitFor(absl::ZeroDuration()).has_value(); }

 private:
  ChildProcess() = default;
  void Run(const Options& options);
  void Reap();

  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_:
  bool is_spawned_ = false;
  int spawn_errno_ = 0;
  std::optional<End> end_;

  pid_t pid_ = -1;
  std::thread thread_;
};

}  // namespace rafthttpctl

#endif  // TOOLS_THROWAWAY_ETCD_CHILD_PROCESS_H_
