#ifndef INTEGRATION_CHILD_H_
#define INTEGRATION_CHILD_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tools/throwaway_etcd/child_process.h"

namespace rafthttp::integration {

// A program run as a user runs it: what it prints, and how it ends.
//
// Threads: one at a time. Lifetime: the destructor kills it.
class Child {
 public:
  using End = rafthttpctl::ChildProcess::End;

  // Fails the process where the program cannot be run at all: a test without
  // it has nothing to say. Standard output is a pipe, or the file `stdout_path`
  // where that is given.
  static std::unique_ptr<Child> Run(const std::string& program,
                                    std::vector<std::string> arguments,
                                    const std::string& stdout_path = "");
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // The next line of its output without its end, or nothing: `timeout` is over
  // or the output is. What is not read is waited for by the program.
  std::optional<std::string> ReadLine(absl::Duration timeout);
  // All that follows, until it closes its output or `timeout` is over.
  std::string ReadRest(absl::Duration timeout);
  // As a reader that has seen enough.
  void CloseOutput();
  bool is_output_over() const { return is_output_over_; }

  void Signal(int number) { process_->Signal(number); }
  pid_t pid() const { return process_->pid(); }
  bool IsRunning() { return process_->IsRunning(); }
  // How it ended, within `timeout`. Reads what it prints meanwhile, so that it
  // can end: ReadLine gives that later.
  std::optional<End> Wait(absl::Duration timeout);
  // Its exit code, or minus the signal's number; a failure of the test where it
  // has not ended within `timeout`.
  int ExitCode(absl::Duration timeout);

  // What it has written to standard error so far.
  std::string Errors() const;
  size_t ErrorLines() const;
  // Whether Errors() comes to hold `text` within `timeout`.
  bool AwaitError(absl::string_view text, absl::Duration timeout);

  // The most memory that it has occupied at once (VmHWM), while it runs.
  size_t PeakMemoryBytes() const;

 private:
  Child() = default;
  // Reads once; false if nothing came within `timeout`.
  bool Fill(absl::Duration timeout);

  std::unique_ptr<rafthttpctl::ChildProcess> process_;
  int stdout_fd_ = -1;
  int stderr_fd_ = -1;  // a file without a name
  bool is_output_over_ = false;
  std::string buffer_;
  size_t buffer_first_ = 0;
};

}  // namespace rafthttp::integration

#endif  // INTEGRATION_CHILD_H_
