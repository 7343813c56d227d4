#include "tools/rafthttpctl/stream_events.h"

#include <string>

#include "tools/rafthttpctl/record.h"

namespace rafthttpctl {

using rafthttp::MemberId;
using rafthttp::StreamKind;
using rafthttp::StreamReader;

nlohmann::ordered_json StreamEvents::Opened(
    MemberId member, StreamKind kind, const StreamReader::Opened& opened) {
  closed_.erase({member, kind});
  nlohmann::ordered_json event = EventRecord("stream_opened", absl::Now());
  event["stream"] = std::string(StreamKindName(kind));
  event["member"] = member.ToHex();
  event["url"] = opened.url.ToString();
  event["version"] = opened.version.ToString();
  return event;
}

std::optional<nlohmann::ordered_json> StreamEvents::Closed(
    MemberId member, StreamKind kind, const StreamReader::Closed& closed) {
  const auto [entry, is_new] = closed_.insert({{member, kind}, closed.reason});
  if (!is_new && entry->second == closed.reason) return std::nullopt;
  entry->second = closed.reason;
  nlohmann::ordered_json event = EventRecord("stream_closed", absl::Now());
  event["stream"] = std::string(StreamKindName(kind));
  event["member"] = member.ToHex();
  event["reason"] = std::string(CloseReasonName(closed.reason));
  event["error"] = std::string(closed.status.message());
  return event;
}

}  // namespace rafthttpctl
