#include "rafthttp/base/drop_reason.h"

namespace rafthttp {

absl::string_view DropReasonName(DropReason reason) {
  switch (reason) {
    case DropReason::kQueueFull:
      return "queue_full";
    case DropReason::kProcessFull:
      return "process_full";
    case DropReason::kPaused:
      return "paused";
    case DropReason::kStreamBroken:
      return "stream_broken";
    case DropReason::kStreamReplaced:
      return "stream_replaced";
    case DropReason::kPostFailed:
      return "post_failed";
    case DropReason::kNotEncodable:
      return "not_encodable";
    case DropReason::kPeerRemoved:
      return "peer_removed";
    case DropReason::kStopped:
      return "stopped";
  }
  return "unknown";
}

}  // namespace rafthttp
