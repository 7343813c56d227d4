#ifndef TOOLS_RAFTHTTPCTL_RECORD_FLAGS_H_
#define TOOLS_RAFTHTTPCTL_RECORD_FLAGS_H_

#include <cstddef>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "rafthttp/base/ids.h"
#include "tools/rafthttpctl/filter.h"
#include "tools/rafthttpctl/record.h"

namespace CLI {
class App;
}  // namespace CLI

namespace rafthttpctl {

// The flags that say which messages to show, and how much of them: the same for
// every verb that shows records.
struct RecordFlags {
  std::string types;
  std::optional<rafthttp::MemberId> from;
  std::optional<rafthttp::MemberId> to;
  size_t bytes_min = 0;
  std::string key_prefix;
  bool no_heartbeats = false;
  std::string payload = "auto";
  std::string entries = "etcd";
  bool show_secrets = false;
};

void AddRecordFlags(CLI::App& verb, RecordFlags& flags);

// kInvalidArgument for what cannot be.
absl::Status ReadRecordFlags(const RecordFlags& flags, RecordOptions& record,
                             FilterOptions& filter);

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_RECORD_FLAGS_H_
