#include "tools/rafthttpctl/message_json.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/codec/limits.h"
#include "rafthttp/codec/message_view.h"
#include "rafthttp/codec/message_writer.h"
#include "raftpb/message_type.h"

namespace rafthttpctl {

using Json = nlohmann::ordered_json;
using rafthttp::MemberId;

namespace {

absl::Status Wrong(absl::string_view field, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("\"", field, "\" ", why));
}

// Reads fields of one object, and remembers the first that is wrong.
class Fields {
 public:
  explicit Fields(const Json& json) : json_(json) {}

  const absl::Status& status() const { return status_; }
  bool Has(const char* name) const { return json_.contains(name); }

  uint64_t Number(const char* name) {
    const auto found = json_.find(name);
    if (found == json_.end()) return 0;
    if (found->is_number_unsigned()) return found->get<uint64_t>();
    uint64_t number = 0;
    if (found->is_string() &&
        absl::SimpleAtoi(found->get_ref<const std::string&>(), &number)) {
      return number;
    }
    Fail(name, "is no number");
    return 0;
  }
  uint64_t Id(const char* name) {
    const auto found = json_.find(name);
    if (found == json_.end()) return 0;
    if (found->is_string()) {
      const auto id = MemberId::FromHex(found->get_ref<const std::string&>());
      if (id.ok()) return id->value();
    }
    Fail(name, "is no ID in hex");
    return 0;
  }
  bool Bool(const char* name) {
    const auto found = json_.find(name);
    if (found == json_.end()) return false;
    if (found->is_boolean()) return found->get<bool>();
    Fail(name, "is neither true nor false");
    return false;
  }
  std::string Text(const char* name) {
    const auto found = json_.find(name);
    if (found == json_.end()) return "";
    if (found->is_string()) return found->get<std::string>();
    Fail(name, "is no string");
    return "";
  }
  std::string Base64(const char* name) {
    const std::string text = Text(name);
    std::string bytes;
    if (!absl::Base64Unescape(text, &bytes)) Fail(name, "is no base64");
    return bytes;
  }
  void Fail(absl::string_view name, absl::string_view why) {
    if (status_.ok()) status_ = Wrong(name, why);
  }

 private:
  const Json& json_;
  absl::Status status_;
};

absl::Status ReadEntry(const Json& json, raftpb::Entry* entry) {
  if (!json.is_object()) return Wrong("entries", "holds what is no object");
  Fields fields(json);
  entry->set_term(fields.Number("term"));
  entry->set_index(fields.Number("index"));
  const std::string type =
      fields.Has("type") ? fields.Text("type") : "EntryNormal";
  raftpb::EntryType number;
  if (raftpb::EntryType_Parse(type, &number)) {
    entry->set_type(number);
  } else {
    fields.Fail("type", "is no type of entry");
  }
  if (fields.Has("dataBase64")) {
    entry->set_data(fields.Base64("dataBase64"));
  } else if (fields.Has("data")) {
    entry->set_data(fields.Text("data"));
  } else if (fields.Has("op") &&
             json["op"].value("kind", std::string()) != "empty") {
    fields.Fail("entries",
                "has one without its data: print it by tail --payload base64");
  }
  return fields.status();
}

}  // namespace

absl::StatusOr<SendableMessage> SendableBytes(absl::string_view bytes) {
  rafthttp::codec::MessageView view;
  std::vector<rafthttp::codec::EntryView> entries;
  const absl::Status status = rafthttp::codec::ParseMessage(
      bytes, rafthttp::codec::Limits(), 0, &entries, &view);
  if (!status.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("no raftpb.Message: ", status.message()));
  }
  SendableMessage result;
  view.CopyTo(&result.message);
  result.bytes = std::string(bytes);
  return result;
}

absl::StatusOr<SendableMessage> Sendable(raftpb::Message message) {
  rafthttp::codec::ViewStorage storage;
  const rafthttp::codec::MessageView view =
      rafthttp::codec::ViewOf(message, &storage);
  if (absl::Status status =
          rafthttp::codec::CheckWritable(view, rafthttp::codec::Limits());
      !status.ok()) {
    return absl::InvalidArgumentError(status.message());
  }
  SendableMessage result;
  rafthttp::codec::AppendEncoded(view, &result.bytes);
  result.message = std::move(message);
  return result;
}

absl::StatusOr<SendableMessage> MessageOf(const Json& record) {
  if (!record.is_object()) return Wrong("record", "is no object");
  Fields fields(record);
  if (fields.Has("raw")) {
    const std::string bytes = fields.Base64("raw");
    if (!fields.status().ok()) return fields.status();
    return SendableBytes(bytes);
  }
  if (fields.Has("rawRedacted")) {
    return absl::InvalidArgumentError(
        "the record leaves secrets out: print it by tail --show-secrets");
  }
  if (!fields.Has("type")) return Wrong("type", "is missing");
  const std::string type = fields.Text("type");
  const auto number = raftpb::ParseMessageType(type);
  if (!number || !raftpb::MessageType_IsValid(*number)) {
    return Wrong("type", absl::StrCat("is no type of message: ", type));
  }
  raftpb::Message message;
  message.set_type(static_cast<raftpb::MessageType>(*number));
  message.set_from(fields.Id("from"));
  message.set_to(fields.Id("to"));
  message.set_term(fields.Number("term"));
  message.set_logterm(fields.Number("logTerm"));
  message.set_index(fields.Number("index"));
  message.set_commit(fields.Number("commit"));
  if (fields.Has("vote")) message.set_vote(fields.Id("vote"));
  message.set_reject(fields.Bool("reject"));
  message.set_rejecthint(fields.Number("rejectHint"));
  if (fields.Has("context")) message.set_context(fields.Base64("context"));
  if (fields.Has("snapshot")) {
    fields.Fail("snapshot",
                "cannot be made again from a record without its bytes: print "
                "it by tail --payload base64");
  }
  if (!fields.status().ok()) return fields.status();
  const auto entries = record.find("entries");
  if (entries != record.end()) {
    if (!entries->is_array()) return Wrong("entries", "is no list");
    for (const Json& entry : *entries) {
      absl::Status status = ReadEntry(entry, message.add_entries());
      if (!status.ok()) return status;
    }
  }
  return Sendable(std::move(message));
}

}  // namespace rafthttpctl
