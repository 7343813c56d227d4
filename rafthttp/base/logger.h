#ifndef RAFTHTTP_BASE_LOGGER_H_
#define RAFTHTTP_BASE_LOGGER_H_

#include "absl/strings/string_view.h"

namespace rafthttp {

enum class Severity { kDebug, kInfo, kWarning, kError };

// "debug", "info", "warning", "error".
absl::string_view SeverityName(Severity severity);

// Where the transport says what happens to it: one line per change of state,
// never one per message.
//
// Threads: called on the transport's loops; must be thread-safe and not block.
class Logger {
 public:
  virtual ~Logger() = default;
  // `line` has no line break at its end.
  virtual void Log(Severity severity, absl::string_view line) = 0;
};

// Writes lines to stderr, from `least` on.
class StderrLogger final : public Logger {
 public:
  explicit StderrLogger(Severity least = Severity::kInfo) : least_(least) {}
  void Log(Severity severity, absl::string_view line) override;

 private:
  const Severity least_;
};

}  // namespace rafthttp

#endif  // RAFTHTTP_BASE_LOGGER_H_
