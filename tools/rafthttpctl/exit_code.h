#ifndef TOOLS_RAFTHTTPCTL_EXIT_CODE_H_
#define TOOLS_RAFTHTTPCTL_EXIT_CODE_H_

#include "absl/status/status.h"
#include "rafthttp/stream/close_reason.h"

namespace rafthttpctl {

// How the program ends; scripts rely on these.
enum class ExitCode : int {
  kDone = 0,
  kCheckFailed = 1,
  kUsage = 2,
  kUnreachable = 3,
  kTlsOrAuth = 4,
  kIdentityMismatch = 5,  // cluster, member, removed
};

// The only place where a failure becomes a number. kDone for OK.
ExitCode ExitCodeOf(const absl::Status& status);
ExitCode ExitCodeOf(rafthttp::CloseReason reason);

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_EXIT_CODE_H_
