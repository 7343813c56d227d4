#ifndef TOOLS_RAFTHTTPCTL_TAIL_SESSION_H_
#define TOOLS_RAFTHTTPCTL_TAIL_SESSION_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "rafthttp/event/uv_loop.h"
#include "rafthttp/event/uv_signal.h"
#include "tools/rafthttpctl/exit_code.h"
#include "tools/rafthttpctl/output.h"
#include "tools/rafthttpctl/printer.h"
#include "tools/rafthttpctl/tail_source.h"

namespace rafthttpctl {

// Runs one source until it is enough: a count, a duration, a signal, a closed
// pipe, or the source's own end. Then the source lets go of what it held, the
// summary is printed, and what is still queued is written.
//
// Threads: made and run on one thread, whose loop it owns.
class TailSession {
 public:
  struct Options {
    std::optional<uint64_t> count;
    std::optional<absl::Duration> duration;
    std::optional<absl::Duration> timeout;
    Printer::Options printer;
  };

  explicit TailSession(Options options);
  ~TailSession();

  rafthttp::event::UvLoop& loop() { return loop_; }
  Printer& printer() { return printer_; }

  // To be called by sources after each record: applies count and back-pressure.
  void AfterRecord();
  // Whether the session is over: what still arrives is not to be shown.
  bool is_done() const;

  // Runs `source` to its end. Once.
  ExitCode Run(TailSource& source);

 private:
  enum class State { kRunning, kStopping, kStopped };

  // Ends the session with `code`, if nothing ended it before.
  void Finish(ExitCode code);
  void StopSource();
  void OnSignal(int signal);

  const Options options_;
  rafthttp::event::UvLoop loop_;
  Output output_;
  Printer printer_;
  TailSource* source_ = nullptr;
  State state_ = State::kRunning;
  bool is_paused_ = false;
  bool is_output_gone_ = false;
  ExitCode exit_code_ = ExitCode::kDone;
  absl::Time signalled_at_ = absl::InfinitePast();
  std::unique_ptr<rafthttp::event::UvSignalWatcher> signals_;
  std::unique_ptr<rafthttp::event::Timer> duration_timer_;
  std::unique_ptr<rafthttp::event::Timer> timeout_timer_;
  std::unique_ptr<rafthttp::event::Timer> finish_timer_;
};

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_TAIL_SESSION_H_
