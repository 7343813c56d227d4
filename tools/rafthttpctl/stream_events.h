#ifndef TOOLS_RAFTHTTPCTL_STREAM_EVENTS_H_
#define TOOLS_RAFTHTTPCTL_STREAM_EVENTS_H_

#include <map>
#include <optional>
#include <utility>

#include "nlohmann/json.hpp"
#include "rafthttp/base/ids.h"
#include "rafthttp/stream/close_reason.h"
#include "rafthttp/stream/stream_kind.h"
#include "rafthttp/stream/stream_reader.h"

namespace rafthttpctl {

// Turns what happens to streams into event records, without repeating a failure
// that goes on: a member that stays away is told about once.
class StreamEvents {
 public:
  nlohmann::ordered_json Opened(rafthttp::MemberId member,
                                rafthttp::StreamKind kind,
                                const rafthttp::StreamReader::Opened& opened);
  // Nothing if the stream was closed for the same reason before.
  std::optional<nlohmann::ordered_json> Closed(
      rafthttp::MemberId member, rafthttp::StreamKind kind,
      const rafthttp::StreamReader::Closed& closed);

 private:
  // Why a stream is closed; open ones are absent.
  std::map<std::pair<rafthttp::MemberId, rafthttp::StreamKind>,
           rafthttp::CloseReason>
      closed_;
};

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_STREAM_EVENTS_H_
