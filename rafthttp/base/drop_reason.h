#ifndef RAFTHTTP_BASE_DROP_REASON_H_
#define RAFTHTTP_BASE_DROP_REASON_H_

#include <cstddef>

#include "absl/strings/string_view.h"

namespace rafthttp {

// Why a message that was given to Send did not reach the peer's connection.
enum class DropReason {
  kQueueFull,       // over the count or bytes that may wait for this peer
  kProcessFull,     // over the bytes that may wait for all peers together
  kPaused,          // Pause or CutPeer, as in tests
  kStreamBroken,    // waited for, or was being written to, a stream that ended
  kStreamReplaced,  // the same, and the peer had opened another one
  kPostFailed,      // POST /raft was not answered with 204
  kNotEncodable,    // no peer could read it: over a limit, or not valid
  kPeerRemoved,     // RemovePeer, or the peer says that it was removed
  kStopped,         // the transport stopped
};
inline constexpr size_t kDropReasons = 9;

// "queue_full", "stream_broken": the names that users see and match on.
absl::string_view DropReasonName(DropReason reason);

}  // namespace rafthttp

#endif  // RAFTHTTP_BASE_DROP_REASON_H_
