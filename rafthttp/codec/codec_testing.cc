#include "rafthttp/codec/codec_testing.h"

#include <cstddef>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"

namespace rafthttp::codec {
namespace {

bool HasUnknownType(const google::protobuf::UnknownFieldSet& fields) {
  for (int i = 0; i < fields.field_count(); ++i) {
    if (fields.field(i).number() == 1) return true;
  }
  return false;
}

// Takes away what views and protobuf treat differently on purpose: unknown
// fields, of which a view keeps only a type's number, and the type itself where
// a number that protobuf knows and one that it does not were both given.
void Simplify(raftpb::Message* message) {
  if (HasUnknownType(message->unknown_fields())) message->clear_type();
  for (raftpb::Entry& entry : *message->mutable_entries()) {
    if (HasUnknownType(entry.unknown_fields())) entry.clear_type();
  }
  message->DiscardUnknownFields();
}

}  // namespace

std::string FromHex(absl::string_view hex) {
  return absl::HexStringToBytes(absl::StrReplaceAll(hex, {{" ", ""}}));
}

std::string Canonical(const raftpb::Message& message) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream output(&stream);
    output.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&output);
  }
  return bytes;
}

std::string CanonicalValues(const raftpb::Message& message) {
  raftpb::Message values = message;
  values.set_type(values.type());
  values.set_to(values.to());
  values.set_from(values.from());
  values.set_term(values.term());
  values.set_logterm(values.logterm());
  values.set_index(values.index());
  values.set_commit(values.commit());
  values.set_reject(values.reject());
  values.set_rejecthint(values.rejecthint());
  values.set_vote(values.vote());
  if (values.type() == raftpb::MsgSnap) {
    values.mutable_snapshot();
  } else {
    values.clear_snapshot();
  }
  for (raftpb::Entry& entry : *values.mutable_entries()) {
    entry.set_type(entry.type());
    entry.set_term(entry.term());
    entry.set_index(entry.index());
  }
  return Canonical(values);
}

void RecordingSink::OnLinkHeartbeat(const MessageView& heartbeat) {
  OnMessage(heartbeat);
  records_.back().is_link_heartbeat = true;
}

void RecordingSink::OnMessage(const MessageView& message) {
  Record& record = records_.emplace_back();
  record.type = message.type;
  record.encoded = std::string(message.encoded);
  message.CopyTo(&record.message);
}

std::vector<raftpb::Message> RecordingSink::messages() const {
  std::vector<raftpb::Message> messages;
  for (const Record& record : records_) {
    if (!record.is_link_heartbeat) messages.push_back(record.message);
  }
  return messages;
}

int RecordingSink::link_heartbeats() const {
  return static_cast<int>(records_.size() - messages().size());
}

std::string RecordingSink::Fingerprint() const {
  std::string text;
  for (const Record& record : records_) {
    absl::StrAppend(&text, record.is_link_heartbeat ? "heartbeat " : "message ",
                    record.type, " ",
                    absl::BytesToHexString(Canonical(record.message)), " ",
                    absl::BytesToHexString(record.encoded), "\n");
  }
  return text;
}

void ForEachSplit(
    absl::string_view bytes,
    const std::function<void(absl::Span<const absl::string_view>)>& check) {
  check({bytes});
  for (size_t i = 1; i < bytes.size(); ++i) {
    check({bytes.substr(0, i), bytes.substr(i)});
  }
  std::vector<absl::string_view> single_bytes;
  for (size_t i = 0; i < bytes.size(); ++i) {
    single_bytes.push_back(bytes.substr(i, 1));
  }
  check(single_bytes);
}

absl::Status DecodeAll(FrameDecoder& decoder,
                       absl::Span<const absl::string_view> pieces,
                       FrameSink& sink) {
  for (absl::string_view piece : pieces) {
    // A copy of its own, so that reading behind a piece is found by ASan.
    const std::vector<char> copy(piece.begin(), piece.end());
    absl::Status status =
        decoder.Decode(absl::string_view(copy.data(), copy.size()), sink);
    if (!status.ok()) return status;
  }
  return decoder.Finish();
}

std::string CompareWithProtobuf(absl::string_view bytes) {
  std::vector<EntryView> entries;
  MessageView view;
  const absl::Status status =
      ParseMessage(bytes, Limits(), /*base_offset=*/0, &entries, &view);
  raftpb::Message parsed;
  const bool is_parsed =
      parsed.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  if (!status.ok()) {
    if (!is_parsed || status.code() == absl::StatusCode::kResourceExhausted) {
      return "";
    }
    for (absl::string_view announced :
         {"a known field with a foreign wire type", "a second snapshot",
          "a field number out of range", "nested too deep"}) {
      if (absl::StrContains(status.message(), announced)) return "";
    }
    return absl::StrCat("only protobuf takes it: ", status.message());
  }
  if (!is_parsed) return "only the view takes it";

  raftpb::Message copied;
  copied.set_commit(1);  // Which CopyTo must forget.
  view.CopyTo(&copied);
  ViewStorage storage;
  const MessageView again = ViewOf(copied, &storage);
  if (again.type != view.type) return "the type was lost";
  for (size_t i = 0; i < view.entries.size(); ++i) {
    if (again.entries[i].type != view.entries[i].type) {
      return "an entry's type was lost";
    }
  }
  Simplify(&parsed);
  // A view has one number; a known one that came before an unknown one, or
  // after it, is only seen by protobuf.
  const bool is_same_type =
      raftpb::MessageType_IsValid(view.type) && parsed.has_type();
  if (!is_same_type) {
    parsed.clear_type();
    copied.clear_type();
  }
  if (parsed.entries_size() == copied.entries_size()) {
    for (int i = 0; i < parsed.entries_size(); ++i) {
      if (parsed.entries(i).has_type() && copied.entries(i).has_type())
        continue;
      parsed.mutable_entries(i)->clear_type();
      copied.mutable_entries(i)->clear_type();
    }
  }
  copied.DiscardUnknownFields();
  if (Canonical(parsed) != Canonical(copied)) return "the messages differ";
  return "";
}

}  // namespace rafthttp::codec
