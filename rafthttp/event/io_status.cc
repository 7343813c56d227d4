#include "rafthttp/event/io_status.h"

#include <array>

#include "absl/strings/cord.h"
#include "rafthttp/base/check.h"

namespace rafthttp::event {
namespace {

// The payload's content is the cause's name.
constexpr absl::string_view kCausePayload = "rafthttp.event.IoCause";

constexpr std::array kCauses = {
    IoCause::kNotResolved, IoCause::kRefused,  IoCause::kUnreachable,
    IoCause::kReset,       IoCause::kTimedOut, IoCause::kCancelled,
    IoCause::kOther,
};

absl::StatusCode CodeOf(IoCause cause) {
  switch (cause) {
    case IoCause::kTimedOut:
      return absl::StatusCode::kDeadlineExceeded;
    case IoCause::kCancelled:
      return absl::StatusCode::kCancelled;
    default:
      return absl::StatusCode::kUnavailable;
  }
}

}  // namespace

absl::string_view IoCauseName(IoCause cause) {
  switch (cause) {
    case IoCause::kNone:
      return "none";
    case IoCause::kNotResolved:
      return "not_resolved";
    case IoCause::kRefused:
      return "refused";
    case IoCause::kUnreachable:
      return "unreachable";
    case IoCause::kReset:
      return "reset";
    case IoCause::kTimedOut:
      return "timed_out";
    case IoCause::kCancelled:
      return "cancelled";
    case IoCause::kOther:
      return "other";
  }
  return "invalid";
}

absl::Status IoError(IoCause cause, absl::string_view message) {
  CHECK(cause != IoCause::kNone);
  absl::Status status(CodeOf(cause), message);
  status.SetPayload(kCausePayload, absl::Cord(IoCauseName(cause)));
  return status;
}

IoCause IoCauseOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kCausePayload);
  if (!payload.has_value()) return IoCause::kNone;
  for (IoCause cause : kCauses) {
    if (*payload == IoCauseName(cause)) return cause;
  }
  return IoCause::kOther;
}

}  // namespace rafthttp::event
