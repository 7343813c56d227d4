#include "raftpb/conf_change.h"

#include "absl/status/status.h"

namespace raftpb {

ConfChangeV2 AsV2(const ConfChange& change) {
  ConfChangeV2 v2;
  ConfChangeSingle& single = *v2.add_changes();
  single.set_type(change.type());
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

}  // namespace raftpb
