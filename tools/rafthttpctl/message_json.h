#ifndef TOOLS_RAFTHTTPCTL_MESSAGE_JSON_H_
#define TOOLS_RAFTHTTPCTL_MESSAGE_JSON_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"
#include "raftpb/raft.pb.h"

namespace rafthttpctl {

// A message that is to be sent, and its bytes.
struct SendableMessage {
  raftpb::Message message;
  // As they go into the body of a POST: what was received, bit for bit, or as
  // we encode it.
  std::string bytes;
};

// Reads a record, as `tail -w json` prints one: its `raw` if it has that, else
// its fields. Numbers may be strings, as records write those above 2^53; IDs
// are hex.
//   kInvalidArgument  says which field is wrong, or what is missing: entries
//                     whose data was not printed, say
absl::StatusOr<SendableMessage> MessageOf(const nlohmann::ordered_json& record);

// `message` and its bytes, if any peer could read them.
absl::StatusOr<SendableMessage> Sendable(raftpb::Message message);

// The same from encoded bytes, which are sent as they are.
absl::StatusOr<SendableMessage> SendableBytes(absl::string_view bytes);

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_MESSAGE_JSON_H_
