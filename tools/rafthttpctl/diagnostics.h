#ifndef TOOLS_RAFTHTTPCTL_DIAGNOSTICS_H_
#define TOOLS_RAFTHTTPCTL_DIAGNOSTICS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "tools/rafthttpctl/exit_code.h"

namespace rafthttpctl {

// `text` without what could command a terminal or begin another line.
std::string OneLine(absl::string_view text);

// One line on stderr, made safe for a terminal.
void PrintNote(absl::string_view text);

// Says what failed, in one line, and how to exit for it.
ExitCode Fail(const absl::Status& status);
ExitCode Fail(ExitCode code, absl::string_view text);

// What https peer URLs are answered with.
ExitCode FailForTlsPeer(absl::string_view url);

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_DIAGNOSTICS_H_
