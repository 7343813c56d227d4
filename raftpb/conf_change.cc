#include "raftpb/conf_change.h"

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "raftpb/enum_number.h"

namespace raftpb {
namespace {

int32_t ChangeTypeNumber(const ConfChange& change) {
  return EnumNumber(change.has_type(), change.type(),
                    ConfChange::kTypeFieldNumber, change.unknown_fields());
}

int32_t TransitionNumber(const ConfChangeV2& change) {
  return EnumNumber(change.has_transition(), change.transition(),
                    ConfChangeV2::kTransitionFieldNumber,
                    change.unknown_fields());
}

// Sets an enum field by its number, with a name or without.
void SetType(int32_t number, ConfChangeSingle* single) {
  if (ConfChangeType_IsValid(number)) {
    single->set_type(static_cast<ConfChangeType>(number));
  } else {
    single->mutable_unknown_fields()->AddVarint(
        ConfChangeSingle::kTypeFieldNumber,
        static_cast<uint64_t>(static_cast<int64_t>(number)));
  }
}

Entry EntryWith(EntryType type, const std::string& data) {
  Entry entry;
  entry.set_type(type);
  entry.set_data(data);
  return entry;
}

}  // namespace

ConfChangeV2 AsV2(const ConfChange& change) {
  ConfChangeV2 v2;
  ConfChangeSingle& single = *v2.add_changes();
  SetType(ChangeTypeNumber(change), &single);
  single.set_node_id(change.node_id());
  if (change.has_context()) v2.set_context(change.context());
  return v2;
}

absl::StatusOr<ConfChangeV2> ConfChangeFromEntry(const Entry& entry) {
  switch (entry.type()) {
    case EntryConfChange: {
      ConfChange change;
      if (!change.ParseFromString(entry.data())) {
        return absl::DataLossError("the entry's data is no ConfChange");
      }
      return AsV2(change);
    }
    case EntryConfChangeV2: {
      ConfChangeV2 change;
      if (!change.ParseFromString(entry.data())) {
        return absl::DataLossError("the entry's data is no ConfChangeV2");
      }
      return change;
    }
    default:
      return absl::FailedPreconditionError("the entry changes no membership");
  }
}

Entry EntryOf(const ConfChange& change) {
  ConfChange full = change;
  full.set_id(change.id());
  // Not over a number without a name, which stands among the unknown fields.
  if (ChangeTypeNumber(change) == 0) full.set_type(ConfChangeAddNode);
  full.set_node_id(change.node_id());
  return EntryWith(EntryConfChange, full.SerializeAsString());
}

Entry EntryOf(const ConfChangeV2& change) {
  ConfChangeV2 full = change;
  if (TransitionNumber(change) == 0) {
    full.set_transition(ConfChangeTransitionAuto);
  }
  for (ConfChangeSingle& single : *full.mutable_changes()) {
    if (ChangeTypeNumber(single) == 0) single.set_type(ConfChangeAddNode);
    single.set_node_id(single.node_id());
  }
  return EntryWith(EntryConfChangeV2, full.SerializeAsString());
}

Entry LeaveJointEntry() {
  Entry entry;
  entry.set_type(EntryConfChangeV2);
  return entry;
}

int32_t ChangeTypeNumber(const ConfChangeSingle& change) {
  return EnumNumber(change.has_type(), change.type(),
                    ConfChangeSingle::kTypeFieldNumber,
                    change.unknown_fields());
}

bool EntersJoint(const ConfChangeV2& change) {
  return TransitionNumber(change) != ConfChangeTransitionAuto ||
         change.changes_size() > 1;
}

bool LeavesJointByItself(const ConfChangeV2& change) {
  const int32_t transition = TransitionNumber(change);
  return EntersJoint(change) &&
         (transition == ConfChangeTransitionAuto ||
          transition == ConfChangeTransitionJointImplicit);
}

bool IsLeaveJoint(const ConfChangeV2& change) {
  return change.transition() == ConfChangeTransitionAuto &&
         change.changes().empty() && change.unknown_fields().empty();
}

}  // namespace raftpb
