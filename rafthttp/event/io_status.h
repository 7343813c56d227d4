#ifndef RAFTHTTP_EVENT_IO_STATUS_H_
#define RAFTHTTP_EVENT_IO_STATUS_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace rafthttp::event {

// Why I/O failed, where an absl::StatusCode is too coarse to act on.
enum class IoCause {
  kNone,         // an OK status, or one that did not come from I/O
  kNotResolved,  // the host name has no address
  kRefused,      // nothing listens there
  kUnreachable,  // no route to the network or host
  kReset,        // the peer, or something between, cut the connection
  kTimedOut,     // no answer within the time allowed
  kCancelled,    // we gave up
  kOther,
};

// "refused", "reset": for logs and typed reasons.
absl::string_view IoCauseName(IoCause cause);

// A status of `cause` (kDeadlineExceeded for kTimedOut, kCancelled for
// kCancelled, else kUnavailable) that IoCauseOf recognises. An IoCause of kNone
// is the caller's bug.
absl::Status IoError(IoCause cause, absl::string_view message);

IoCause IoCauseOf(const absl::Status& status);

}  // namespace rafthttp::event

#endif  // RAFTHTTP_EVENT_IO_STATUS_H_
