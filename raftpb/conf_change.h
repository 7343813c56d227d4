#ifndef RAFTPB_CONF_CHANGE_H_
#define RAFTPB_CONF_CHANGE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "raftpb/raft.pb.h"

// Changes of the membership, in both of their forms, and what raft makes of
// them (raftpb/confchange.go and raft.go of etcd).
//
// As for messages, numbers that this build has no name for are possible, and
// type() and transition() then read as the first of their enum: AddNode, Auto.
namespace raftpb {

// The same change in the newer form, which can say all that the older can but
// its request ID. A type without a name stays what it is.
ConfChangeV2 AsV2(const ConfChange& change);

// The membership change that `entry` carries, whichever form it has. An
// EntryConfChangeV2 without data is the order to leave a joint configuration: a
// change with nothing in it.
//   kFailedPrecondition  `entry` is of another type
//   kDataLoss            its data is no change
absl::StatusOr<ConfChangeV2> ConfChangeFromEntry(const Entry& entry);

// The entry, without term and index, by which etcd proposes `change`: the older
// form as EntryConfChange, the newer as EntryConfChangeV2, and neither is ever
// turned into the other. The data is what etcd would write, zeros included.
Entry EntryOf(const ConfChange& change);
Entry EntryOf(const ConfChangeV2& change);
// The entry for no change at all, by which raft itself leaves a joint
// configuration: EntryConfChangeV2 without data. (A leader of 3.4 writes an
// empty ConfChangeV2 instead, which means the same.)
Entry LeaveJointEntry();

// The type of a change as it stands on the wire.
int32_t ChangeTypeNumber(const ConfChangeSingle& change);

// Whether `change` goes by way of a joint configuration, in which the old and
// the new voters both have to agree: if it asks for that, or makes more than
// one change. A transition without a name counts as asked for; etcd panics.
bool EntersJoint(const ConfChangeV2& change);
// Whether the leader ends that joint configuration by itself, as soon as it is
// applied. It does unless told JointExplicit; false if none is entered.
bool LeavesJointByItself(const ConfChangeV2& change);
// Whether `change` is the order to leave a joint configuration: it has nothing
// in it but, at most, a context.
bool IsLeaveJoint(const ConfChangeV2& change);

}  // namespace raftpb

#endif  // RAFTPB_CONF_CHANGE_H_
