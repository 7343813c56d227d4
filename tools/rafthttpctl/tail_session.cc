#include "tools/rafthttpctl/tail_session.h"

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "tools/rafthttpctl/diagnostics.h"

namespace rafthttpctl {
namespace {

// How long the last records may take to be written; whoever reads them does so
// within this, or not at all.
constexpr absl::Duration kFlushTimeout = absl::Seconds(2);

// Signals closer together than this are no second thought.
constexpr absl::Duration kSameWish = absl::Milliseconds(300);

}  // namespace

TailSession::TailSession(Options options)
    : options_(std::move(options)),
      output_(loop_, STDOUT_FILENO, {}),
      printer_(output_, options_.printer),
      duration_timer_(loop_.NewTimer([this] { Finish(ExitCode::kDone); })),
      timeout_timer_(loop_.NewTimer([this] {
        const ExitCode code = source_->PatienceLost();
        if (code != ExitCode::kDone) PrintNote("--timeout is over");
        Finish(code);
      })),
      finish_timer_(loop_.NewTimer([this] { StopSource(); })) {}

TailSession::~TailSession() = default;

ExitCode TailSession::Run(TailSource& source) {
  source_ = &source;
  auto signals = rafthttp::event::UvSignalWatcher::Create(
      loop_, {SIGINT, SIGTERM}, [this](int signal) { OnSignal(signal); });
  if (!signals.ok()) return Fail(signals.status());
  signals_ = *std::move(signals);
  if (options_.duration) duration_timer_->Start(*options_.duration);
  if (options_.timeout) timeout_timer_->Start(*options_.timeout);
  output_.set_on_drained([this] {
    if (!std::exchange(is_paused_, false)) return;
    if (state_ == State::kRunning) source_->set_is_paused(false);
  });
  // A closed pipe is how `head` says that it has seen enough.
  output_.set_on_closed([this] {
    is_output_gone_ = true;
    Finish(ExitCode::kDone);
  });
  output_.set_on_error([this](absl::Status status) {
    is_output_gone_ = true;
    PrintNote(std::string(status.message()));
    Finish(ExitCode::kCheckFailed);
  });
  source_->Start([this](ExitCode code) { Finish(code); });
  loop_.Run();
  return exit_code_;
}

void TailSession::AfterRecord() {
  if (options_.count && printer_.messages() >= *options_.count) {
    Finish(ExitCode::kDone);
    return;
  }
  if (output_.is_full() && !is_paused_ && state_ == State::kRunning) {
    is_paused_ = true;
    source_->set_is_paused(true);
  }
}

bool TailSession::is_done() const { return state_ != State::kRunning; }

void TailSession::Finish(ExitCode code) {
  if (exit_code_ == ExitCode::kDone) exit_code_ = code;
  if (state_ != State::kRunning) return;
  state_ = State::kStopping;
  duration_timer_->Cancel();
  timeout_timer_->Cancel();
  // Not from inside a callback of the source.
  finish_timer_->Start(absl::ZeroDuration());
}

void TailSession::StopSource() {
  source_->Stop([this](ExitCode code) {
    if (exit_code_ == ExitCode::kDone) exit_code_ = code;
    // A source that failed before it showed anything has nothing to sum up.
    const bool has_summary =
        !printer_.is_empty() || exit_code_ == ExitCode::kDone;
    if (has_summary && !is_output_gone_) printer_.PrintSummary();
    state_ = State::kStopped;
    const absl::Status finished = output_.Finish(kFlushTimeout);
    if (!finished.ok() && !is_output_gone_) {
      PrintNote(std::string(finished.message()));
    }
    signals_.reset();
    loop_.Stop();
  });
}

void TailSession::OnSignal(int) {
  if (signalled_at_ == absl::InfinitePast()) {
    signalled_at_ = loop_.Now();
    Finish(ExitCode::kDone);
    return;
  }
  // One wish can come twice: timeout(1) signals the program and its group.
  if (loop_.Now() - signalled_at_ < kSameWish) return;
  // Asked twice: nobody wants to wait for the cluster.
  PrintNote("interrupted while leaving");
  std::_Exit(130);
}

}  // namespace rafthttpctl
