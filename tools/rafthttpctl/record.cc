#include "tools/rafthttpctl/record.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "rafthttp/base/ids.h"
#include "raftpb/message_type.h"
#include "tools/etcdpb/operation.h"
#include "tools/etcdpb/terminal_text.h"

namespace rafthttpctl {

using Json = nlohmann::ordered_json;
using rafthttp::MemberId;

namespace {

// A transaction in a transaction takes a few levels, and protobuf reads a
// hundred of them. Printing and destroying deeper ones would need the stack.
constexpr int kNestingMax = 1000;

// The greatest integer that a double holds and so does every integer below.
constexpr uint64_t kExactMax = uint64_t{1} << 53;

// As operation.h has it.
constexpr char kRedacted[] = "(redacted)";

// Which fields a message of a type uses even where they are zero. Others are
// shown only where they are set.
struct Uses {
  bool position = false;  // logTerm and index
  bool index = false;
  bool commit = false;
  bool entries = false;
};

Uses UsesOf(int32_t type) {
  switch (type) {
    case raftpb::MsgApp:
      return {.position = true, .commit = true, .entries = true};
    case raftpb::MsgVote:
    case raftpb::MsgPreVote:
      return {.position = true};
    case raftpb::MsgAppResp:
    case raftpb::MsgReadIndexResp:
      return {.index = true};
    case raftpb::MsgHeartbeat:
      return {.commit = true};
    case raftpb::MsgProp:
      return {.entries = true};
    default:
      return {};
  }
}

std::string Hex(uint64_t id) { return MemberId(id).ToHex(); }

std::string EntryTypeName(const raftpb::Entry& entry) {
  const int32_t number = raftpb::EntryTypeNumber(entry);
  if (!raftpb::EntryType_IsValid(number)) {
    return absl::StrCat("EntryUnknown(", number, ")");
  }
  return raftpb::EntryType_Name(static_cast<raftpb::EntryType>(number));
}

void SetData(absl::string_view data, Json* json) {
  if (IsUtf8(data)) {
    (*json)["data"] = std::string(data);
  } else {
    (*json)["dataBase64"] = absl::Base64Escape(data);
  }
}

std::string ReplaceInvalidUtf8(const std::string& data) {
  if (IsUtf8(data)) return data;
  return Json::parse(
             Json(data).dump(-1, ' ', false, Json::error_handler_t::replace))
      .get<std::string>();
}

// What a terminal would obey rather than show, in valid JSON: there, ASCII
// controls are escaped anyway, but DEL, the second set of controls and what
// turns or hides text are not.
bool IsUnsafe(uint32_t code_point) {
  const auto is_in = [code_point](uint32_t first, uint32_t last) {
    return first <= code_point && code_point <= last;
  };
  return is_in(0x7f, 0x9f) || code_point == 0xad || code_point == 0x61c ||
         is_in(0x200b, 0x200f) || is_in(0x2028, 0x202e) ||
         is_in(0x2060, 0x206f) || code_point == 0xfeff ||
         is_in(0xe0000, 0xe0fff);
}

// `json` with these as escapes. They can only stand in strings.
std::string EscapeUnsafe(std::string json) {
  const auto is_plain = [](char c) {
    return static_cast<unsigned char>(c) < 0x7f;
  };
  if (std::all_of(json.begin(), json.end(), is_plain)) return json;
  std::string out;
  out.reserve(json.size());
  for (size_t i = 0; i < json.size();) {
    const auto lead = static_cast<unsigned char>(json[i]);
    const size_t bytes = lead < 0x80   ? 1
                         : lead < 0xe0 ? 2
                         : lead < 0xf0 ? 3
                                       : 4;
    uint32_t code_point = bytes == 1 ? lead : lead & (0xff >> (bytes + 1));
    for (size_t j = 1; j < bytes && i + j < json.size(); ++j) {
      code_point =
          code_point << 6 | (static_cast<unsigned char>(json[i + j]) & 0x3f);
    }
    if (!IsUnsafe(code_point)) {
      out.append(json, i, bytes);
    } else if (code_point < 0x10000) {
      absl::StrAppendFormat(&out, "\\u%04x", code_point);
    } else {
      const uint32_t offset = code_point - 0x10000;
      absl::StrAppendFormat(&out, "\\u%04x\\u%04x", 0xd800 + (offset >> 10),
                            0xdc00 + (offset & 0x3ff));
    }
    i += bytes;
  }
  return out;
}

// Takes what users stored out of an op, at any depth, and leaves what they did.
void DropPayload(Json* json) {
  if (json->is_object()) {
    for (const char* name : {"value", "valueBase64", "data", "dataBase64"}) {
      json->erase(name);
    }
  }
  if (!json->is_structured()) return;
  for (Json& element : *json) DropPayload(&element);
}

// Whether a password, hash or token was left out of `op`; then the data that it
// was made from may not be shown either.
bool IsRedacted(const Json& op) {
  const auto kind = op.find("kind");
  if (kind == op.end() || !kind->is_string()) return false;
  const auto& name = kind->get_ref<const std::string&>();
  if (name != "unknown" && !absl::StartsWith(name, "auth_")) return false;
  return std::any_of(op.begin(), op.end(),
                     [](const Json& field) { return field == kRedacted; });
}

Json Ids(const google::protobuf::RepeatedField<uint64_t>& ids) {
  Json json = Json::array();
  for (const uint64_t id : ids) json.push_back(Hex(id));
  return json;
}

bool HasRedactedEntry(const Json& record) {
  const auto entries = record.find("entries");
  if (entries == record.end()) return false;
  return std::any_of(entries->begin(), entries->end(), [](const Json& entry) {
    const auto data = entry.find("dataBase64");
    return data != entry.end() && *data == kRedacted;
  });
}

Json ConfStateJson(const raftpb::ConfState& state) {
  Json json;
  json["voters"] = Ids(state.voters());
  json["learners"] = Ids(state.learners());
  if (!state.voters_outgoing().empty()) {
    json["votersOutgoing"] = Ids(state.voters_outgoing());
  }
  if (!state.learners_next().empty()) {
    json["learnersNext"] = Ids(state.learners_next());
  }
  if (state.auto_leave()) json["autoLeave"] = true;
  return json;
}

// etcd before 3.6 writes an empty snapshot into every message.
bool IsEmpty(const raftpb::Snapshot& snapshot) {
  const raftpb::ConfState& state = snapshot.metadata().conf_state();
  return snapshot.data().empty() && snapshot.metadata().index() == 0 &&
         snapshot.metadata().term() == 0 && state.voters().empty() &&
         state.learners().empty() && state.voters_outgoing().empty() &&
         state.learners_next().empty();
}

}  // namespace

absl::StatusOr<PayloadMode> ParsePayloadMode(absl::string_view text) {
  if (text == "none") return PayloadMode::kNone;
  if (text == "auto") return PayloadMode::kAuto;
  if (text == "base64") return PayloadMode::kBase64;
  if (text == "utf8") return PayloadMode::kUtf8;
  return absl::InvalidArgumentError(absl::StrCat(
      "\"", text, "\" is no way to show data: want none, auto, base64, utf8"));
}

Json EntryJson(const raftpb::Entry& entry, const RecordOptions& options) {
  Json json;
  json["index"] = JsonNumber(entry.index());
  json["term"] = JsonNumber(entry.term());
  json["type"] = EntryTypeName(entry);
  json["bytes"] = entry.ByteSizeLong();
  Json op = options.entries != nullptr
                ? options.entries->Decode(entry)
                : OperationJson(entry, OperationOptions());
  const bool has_op = op.is_object();
  const bool is_redacted = has_op && IsRedacted(op);
  if (has_op) {
    if (options.payload == PayloadMode::kNone) DropPayload(&op);
    json["op"] = std::move(op);
  }
  switch (options.payload) {
    case PayloadMode::kNone:
      break;
    case PayloadMode::kAuto:
      if (!has_op) SetData(entry.data(), &json);
      break;
    case PayloadMode::kBase64:
      json["dataBase64"] =
          is_redacted ? kRedacted : absl::Base64Escape(entry.data());
      break;
    case PayloadMode::kUtf8:
      json["data"] = is_redacted ? kRedacted : ReplaceInvalidUtf8(entry.data());
      break;
  }
  return json;
}

Json SnapshotJson(const raftpb::Snapshot& snapshot) {
  Json json;
  json["index"] = JsonNumber(snapshot.metadata().index());
  json["term"] = JsonNumber(snapshot.metadata().term());
  json["bytes"] = snapshot.data().size();
  json["confState"] = ConfStateJson(snapshot.metadata().conf_state());
  return json;
}

Json MessageRecord(const RecordInput& input, const RecordOptions& options) {
  const raftpb::Message& message = *input.message;
  const int32_t type = raftpb::TypeNumber(message);
  const Uses uses = UsesOf(type);
  Json json;
  json["v"] = 1;
  if (input.time != absl::InfinitePast()) json["time"] = JsonTime(input.time);
  json["source"] = input.source;
  if (!input.stream.empty()) json["stream"] = input.stream;
  json["from"] = Hex(message.from());
  json["to"] = Hex(message.to());
  json["type"] = raftpb::MessageTypeName(type);
  json["term"] = JsonNumber(message.term());
  if (message.logterm() != 0 || uses.position) {
    json["logTerm"] = JsonNumber(message.logterm());
  }
  if (message.index() != 0 || uses.position || uses.index) {
    json["index"] = JsonNumber(message.index());
  }
  if (message.commit() != 0 || uses.commit) {
    json["commit"] = JsonNumber(message.commit());
  }
  if (message.vote() != 0) json["vote"] = Hex(message.vote());
  if (message.reject()) json["reject"] = true;
  if (message.rejecthint() != 0 ||
      (message.reject() && type == raftpb::MsgAppResp)) {
    json["rejectHint"] = JsonNumber(message.rejecthint());
  }
  if (!message.context().empty()) {
    json["context"] = absl::Base64Escape(message.context());
  }
  if (type == raftpb::MsgSnap || !IsEmpty(message.snapshot())) {
    json["snapshot"] = SnapshotJson(message.snapshot());
  }
  if (input.sync) json["sync"] = *input.sync;
  json["bytes"] = input.bytes;
  if (!message.entries().empty() || uses.entries) {
    Json entries = Json::array();
    for (const raftpb::Entry& entry : message.entries()) {
      entries.push_back(EntryJson(entry, options));
    }
    json["entries"] = std::move(entries);
  }
  if (options.payload == PayloadMode::kBase64 && !input.raw.empty()) {
    if (HasRedactedEntry(json)) {
      json["rawRedacted"] = true;
    } else {
      json["raw"] = absl::Base64Escape(input.raw);
    }
  }
  return json;
}

Json EventRecord(absl::string_view event, absl::Time time) {
  Json json;
  json["v"] = 1;
  json["event"] = std::string(event);
  json["time"] = JsonTime(time);
  return json;
}

Json JsonNumber(uint64_t number) {
  if (number > kExactMax) return absl::StrCat(number);
  return number;
}

std::string JsonTime(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", time, absl::UTCTimeZone());
}

std::string ToLine(const Json& record) {
  return EscapeUnsafe(
      record.dump(-1, ' ', false, Json::error_handler_t::replace));
}

absl::StatusOr<Json> ParseLine(absl::string_view line) {
  int depth = 0;
  bool is_in_string = false;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (is_in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        is_in_string = false;
      }
    } else if (c == '"') {
      is_in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kNestingMax) {
        return absl::InvalidArgumentError(
            absl::StrCat("nested deeper than any record, at offset ", i));
      }
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  Json json = Json::parse(line.begin(), line.end(), nullptr,
                          /*allow_exceptions=*/false);
  if (json.is_discarded()) {
    return absl::InvalidArgumentError("not valid JSON");
  }
  if (!json.is_object()) {
    return absl::InvalidArgumentError("not a JSON object");
  }
  return json;
}

}  // namespace rafthttpctl
