#ifndef RAFTPB_CONF_CHANGE_H_
#define RAFTPB_CONF_CHANGE_H_

#include "absl/status/statusor.h"
#include "raftpb/raft.pb.h"

namespace raftpb {

// The same change in the newer form, which can say all that the older can but
// its request ID.
ConfChangeV2 AsV2(const ConfChange& change);

// The membership change that `entry` carries, whichever form it has. An
// EntryConfChangeV2 without data is the order to leave a joint configuration: a
// change with nothing in it.
//   kFailedPrecondition  `entry` is of another type
//   kDataLoss            its data is no change
absl::StatusOr<ConfChangeV2> ConfChangeFromEntry(const Entry& entry);

}  // namespace raftpb

#endif  // RAFTPB_CONF_CHANGE_H_
