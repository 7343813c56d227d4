#ifndef TOOLS_RAFTHTTPCTL_RECORD_H_
#define TOOLS_RAFTHTTPCTL_RECORD_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"
#include "raftpb/raft.pb.h"
#include "tools/rafthttpctl/entry_decoder.h"

namespace rafthttpctl {

// Records: the JSON objects, one a line, that rafthttpctl prints. They hold
// what scripts rely on; text.h shows the same to people.

// What is shown of an entry's data beside its `op`.
enum class PayloadMode {
  // Nothing, and no values in the op either.
  kNone,
  // `data` or `dataBase64` where there is no op.
  kAuto,
  // `dataBase64`, and each record carries `raw`; neither where a secret is left
  // out of the op.
  kBase64,
  // `data`; what is not valid UTF-8 in it is replaced.
  kUtf8,
};

// Reads none, auto, base64 or utf8; kInvalidArgument otherwise.
absl::StatusOr<PayloadMode> ParsePayloadMode(absl::string_view text);

struct RecordOptions {
  PayloadMode payload = PayloadMode::kAuto;
  // Shared so that options can be copied; null for etcd's requests, with their
  // secrets left out.
  std::shared_ptr<const EntryDecoder> entries;
};

// A raft message, and how it came.
struct RecordInput {
  // InfinitePast leaves it out: of a message from a file nothing is known.
  absl::Time time = absl::InfinitePast();
  std::string source;  // "stream", "learner", ...
  std::string stream;  // "message", "msgapp", ...; empty leaves it out
  // What the peer sent, before entries were taken out of `message`.
  size_t bytes = 0;
  // The message as received; needed for PayloadMode::kBase64 only.
  absl::string_view raw;
  // Of a stream joined midway: whether term and index are known.
  std::optional<bool> sync;
  // Must outlive the call.
  const raftpb::Message* message = nullptr;
};

nlohmann::ordered_json MessageRecord(const RecordInput& input,
                                     const RecordOptions& options);

// Parts of a message, for records that hold no message.
nlohmann::ordered_json EntryJson(const raftpb::Entry& entry,
                                 const RecordOptions& options);
nlohmann::ordered_json SnapshotJson(const raftpb::Snapshot& snapshot);

// A record that is no message, to be continued with `event`'s own fields:
// "stream_opened", "stream_closed", "dropped", "leader_changed", "rewind",
// "gap", "snapshot_received", "member_stopped", "member_started",
// "cluster_summary", "listening", "identity", "summary".
nlohmann::ordered_json EventRecord(absl::string_view event, absl::Time time);

// A number that survives every JSON reader: those above 2^53 become strings.
nlohmann::ordered_json JsonNumber(uint64_t number);

// RFC 3339 with microseconds, in UTC.
std::string JsonTime(absl::Time time);

// `record` in one line without its end. Never fails: what is not valid UTF-8 is
// replaced, what could command a terminal is escaped.
std::string ToLine(const nlohmann::ordered_json& record);

// Reads what ToLine wrote, or anybody.
//   kInvalidArgument  not one JSON object, or nested deeper than any record
absl::StatusOr<nlohmann::ordered_json> ParseLine(absl::string_view line);

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_RECORD_H_
