#include "tools/rafthttpctl/exit_code.h"

#include "rafthttp/base/check.h"
#include "rafthttp/http1/http_error.h"

namespace rafthttpctl {

using rafthttp::CloseReason;

ExitCode ExitCodeOf(const absl::Status& status) {
  // What speaks no HTTP, or breaks off, is no peer that we have reached.
  if (rafthttp::http1::HttpErrorOf(status) !=
      rafthttp::http1::HttpError::kNone) {
    return ExitCode::kUnreachable;
  }
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return ExitCode::kDone;
    case absl::StatusCode::kInvalidArgument:
      return ExitCode::kUsage;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kUnknown:
      return ExitCode::kUnreachable;
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
      return ExitCode::kTlsOrAuth;
    case absl::StatusCode::kNotFound:
      return ExitCode::kIdentityMismatch;
    default:
      return ExitCode::kCheckFailed;
  }
}

ExitCode ExitCodeOf(CloseReason reason) {
  switch (reason) {
    case CloseReason::kPeerEof:
    case CloseReason::kReset:
    case CloseReason::kReadTimeout:
    case CloseReason::kNotResolved:
    case CloseReason::kRefused:
    case CloseReason::kUnreachable:
    case CloseReason::kDialTimeout:
    case CloseReason::kNotHttp:
      return ExitCode::kUnreachable;
    case CloseReason::kNotFound:
    case CloseReason::kMemberRemoved:
    case CloseReason::kClusterMismatch:
    case CloseReason::kToMismatch:
      return ExitCode::kIdentityMismatch;
    case CloseReason::kBadFrame:
    case CloseReason::kVersion:
    case CloseReason::kUnexpectedStatus:
      return ExitCode::kCheckFailed;
  }
  CHECK(false);
}

}  // namespace rafthttpctl
