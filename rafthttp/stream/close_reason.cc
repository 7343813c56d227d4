#include "rafthttp/stream/close_reason.h"

#include "rafthttp/base/check.h"
#include "rafthttp/event/io_status.h"

namespace rafthttp {

absl::string_view CloseReasonName(CloseReason reason) {
  switch (reason) {
    case CloseReason::kPeerEof:
      return "peer_eof";
    case CloseReason::kReset:
      return "reset";
    case CloseReason::kReadTimeout:
      return "read_timeout";
    case CloseReason::kBadFrame:
      return "bad_frame";
    case CloseReason::kNotResolved:
      return "not_resolved";
    case CloseReason::kRefused:
      return "refused";
    case CloseReason::kUnreachable:
      return "unreachable";
    case CloseReason::kDialTimeout:
      return "dial_timeout";
    case CloseReason::kNotHttp:
      return "not_http";
    case CloseReason::kNotFound:
      return "not_found";
    case CloseReason::kMemberRemoved:
      return "member_removed";
    case CloseReason::kClusterMismatch:
      return "cluster_mismatch";
    case CloseReason::kToMismatch:
      return "to_mismatch";
    case CloseReason::kVersion:
      return "version";
    case CloseReason::kUnexpectedStatus:
      return "unexpected_status";
  }
  CHECK(false);
}

bool IsTransient(CloseReason reason) {
  switch (reason) {
    case CloseReason::kMemberRemoved:
    case CloseReason::kClusterMismatch:
    case CloseReason::kToMismatch:
    case CloseReason::kVersion:
      return false;
    default:
      return true;
  }
}

CloseReason CloseReasonOfIo(const absl::Status& status, bool while_dialling) {
  switch (event::IoCauseOf(status)) {
    case event::IoCause::kNotResolved:
      return CloseReason::kNotResolved;
    case event::IoCause::kRefused:
      return CloseReason::kRefused;
    case event::IoCause::kTimedOut:
      return while_dialling ? CloseReason::kDialTimeout
                            : CloseReason::kReadTimeout;
    case event::IoCause::kReset:
      return CloseReason::kReset;
    default:
      return while_dialling ? CloseReason::kUnreachable : CloseReason::kReset;
  }
}

CloseReason CloseReasonOfAnswer(Answer answer) {
  switch (answer) {
    case Answer::kOk:
      CHECK(false);
    case Answer::kNotFound:
      return CloseReason::kNotFound;
    case Answer::kMemberRemoved:
      return CloseReason::kMemberRemoved;
    case Answer::kVersionIncompatible:
      return CloseReason::kVersion;
    case Answer::kClusterMismatch:
      return CloseReason::kClusterMismatch;
    case Answer::kToMismatch:
      return CloseReason::kToMismatch;
    case Answer::kUnexpected:
      return CloseReason::kUnexpectedStatus;
  }
  CHECK(false);
}

}  // namespace rafthttp
