#ifndef TOOLS_RAFTHTTPCTL_SNAPSHOT_PLAN_H_
#define TOOLS_RAFTHTTPCTL_SNAPSHOT_PLAN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "rafthttp/base/ids.h"
#include "raftpb/raft.pb.h"
#include "snap/file_system.h"

namespace rafthttpctl {

// What push-snapshot is asked to send.
struct SnapshotRequest {
  std::string file;
  std::string db_file;
  std::optional<rafthttp::MemberId> from;
  std::optional<rafthttp::MemberId> to;
  std::optional<uint64_t> term;
  std::optional<uint64_t> index;
  std::optional<std::vector<rafthttp::MemberId>> conf_state;
};

// What that comes to, as far as the files tell: the message, and its database.
struct SnapshotPlan {
  raftpb::Message message;
  std::string db_path;
  uint64_t db_bytes = 0;
  // From the files or the flags; otherwise it is to be looked up.
  bool has_conf_state = false;
};

// Reads FILE:
//   *.snap      metadata and data; its database is --db, or the .snap.db of the
//               same index beside it
//   *.snap.db   a database, whose name tells the index
//   other       a database; --index tells its index
// Flags win over what the files say.
//   kInvalidArgument  what is missing, or cannot be read, and what to say
absl::StatusOr<SnapshotPlan> PlanSnapshot(rafthttp::snap::FileSystem& files,
                                          const SnapshotRequest& request);

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_SNAPSHOT_PLAN_H_
