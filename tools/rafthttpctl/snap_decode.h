#ifndef TOOLS_RAFTHTTPCTL_SNAP_DECODE_H_
#define TOOLS_RAFTHTTPCTL_SNAP_DECODE_H_

#include <string>

#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"
#include "raftpb/raft.pb.h"
#include "tools/rafthttpctl/exit_code.h"

namespace rafthttpctl {

// Whether a file of that name is a .snap, or one that etcd has set aside.
bool IsSnapFileName(absl::string_view path);

// What a .snap file holds: its metadata, conf state, and, where its data is
// etcd's (the v2 store, as JSON), the members and the cluster's version.
nlohmann::ordered_json SnapFileRecord(const raftpb::Snapshot& snapshot);
// The same for people, several lines.
std::string SnapFileText(const nlohmann::ordered_json& record);

// Shows the .snap file at `path` on standard output.
//   kUsage  it cannot be read, or is broken; says how
ExitCode DecodeSnapFileAt(const std::string& path, bool is_json);

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_SNAP_DECODE_H_
