#ifndef RAFTHTTP_BASE_LANE_H_
#define RAFTHTTP_BASE_LANE_H_

#include <cstddef>

#include "absl/strings/string_view.h"

namespace rafthttp {

// The ways by which a message can travel to one peer. Each has a queue and a
// budget of its own, so that what is urgent never waits behind what is large.
enum class Lane {
  kMsgApp,    // stream "msgapp": MsgApp in its compact form
  kMessage,   // stream "message": everything else, in order
  kPipeline,  // POST /raft: what has no stream, and MsgSnap without a source
  kSnapshot,  // POST /raft/snapshot: a merged snapshot
};
inline constexpr size_t kLanes = 4;

// "msgapp", "message", "pipeline", "snapshot".
absl::string_view LaneName(Lane lane);

}  // namespace rafthttp

#endif  // RAFTHTTP_BASE_LANE_H_
