#ifndef TOOLS_RAFTHTTPCTL_FILTER_H_
#define TOOLS_RAFTHTTPCTL_FILTER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"
#include "rafthttp/base/ids.h"
#include "raftpb/raft.pb.h"

namespace rafthttpctl {

// Which messages to show; what is empty lets everything pass.
struct FilterOptions {
  std::set<int32_t> types;
  std::optional<rafthttp::MemberId> from;
  std::optional<rafthttp::MemberId> to;
  size_t bytes_min = 0;
  // Only entries that touch keys which begin so, and messages that have some.
  std::string key_prefix;
  // Neither MsgHeartbeat nor MsgHeartbeatResp.
  bool no_heartbeats = false;
};

// Reads names such as "MsgApp,MsgVote", of either case and with or without
// "Msg". kInvalidArgument names the one that is unknown, and all that are
// known.
absl::StatusOr<std::set<int32_t>> ParseTypes(absl::string_view text);

class Filter {
 public:
  explicit Filter(FilterOptions options);

  // Whether to show a message of so many bytes, its keys aside: what can be
  // said before anything is rendered.
  bool Passes(const raftpb::Message& message, size_t bytes) const;
  // The same for a record that was read. Events always pass.
  bool Passes(const nlohmann::ordered_json& record) const;

  // Takes the entries out of `*record` whose ops touch no key that is asked
  // for; says whether the record is still worth showing. Needs the ops of
  // etcd's decoder.
  bool KeepKeys(nlohmann::ordered_json* record) const;

 private:
  bool Passes(int32_t type, uint64_t from, uint64_t to, uint64_t bytes) const;

  const FilterOptions options_;
};

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_FILTER_H_
