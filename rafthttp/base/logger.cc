#include "rafthttp/base/logger.h"

#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"

namespace rafthttp {

absl::string_view SeverityName(Severity severity) {
  switch (severity) {
    case Severity::kDebug:
      return "debug";
    case Severity::kInfo:
      return "info";
    case Severity::kWarning:
      return "warning";
    case Severity::kError:
      return "error";
  }
  return "unknown";
}

void StderrLogger::Log(Severity severity, absl::string_view line) {
  if (severity < least_) return;
  // In one piece, so that lines of several threads do not mix.
  const std::string text =
      absl::StrCat("rafthttp: ", SeverityName(severity), ": ", line, "\n");
  std::fwrite(text.data(), 1, text.size(), stderr);
}

}  // namespace rafthttp
