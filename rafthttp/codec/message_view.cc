#include "rafthttp/codec/message_view.h"

#include "absl/strings/str_cat.h"
#include "rafthttp/base/check.h"
#include "rafthttp/codec/wire_reader.h"
#include "raftpb/message_type.h"

namespace rafthttp::codec {
namespace {

// Messages within messages (3.6's responses), and groups.
constexpr int kDepthMax = 16;
// What may come in numbers where a view cannot hold it, and protobuf would make
// much of little: one byte of a packed ID becomes eight, two bytes of an
// unknown field sixteen, two of an empty response a whole message.
constexpr size_t kUnviewedFieldsMax = 1 << 16;

constexpr char kForeignWireType[] = "a known field with a foreign wire type";
constexpr char kTooMany[] = "more repeated or unknown fields than any real one";

constexpr uint32_t Bit(uint32_t field) { return uint32_t{1} << field; }

constexpr uint32_t VarintTag(uint32_t field) {
  return WireTag(field, kWireVarint);
}
constexpr uint32_t BytesTag(uint32_t field) {
  return WireTag(field, kWireBytes);
}

// Of a varint.
bool IsLastByte(char byte) { return static_cast<uint8_t>(byte) < 0x80; }

// A varint of up to 9 bytes, without a look at the end of the input: there must
// be that many, or its last byte before. Null: it is longer.
const char* ReadVarintUnchecked(const char* at, uint64_t* value) {
  uint64_t read = 0;
  for (int shift = 0; shift < 63; shift += 7) {
    const auto byte = static_cast<uint8_t>(*at++);
    read |= uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) {
      *value = read;
      return at;
    }
  }
  return nullptr;
}

// What every raft writes: type, term, index and data, once each and in this
// order. False: it is something else, or malformed, and `*entry` is untouched
// but for values that ReadEntry overwrites.
bool ReadUsualEntry(absl::string_view bytes, EntryView* entry) {
  // Three fields of two bytes, and room for what ReadVarintUnchecked reads in
  // term and index before it could leave `bytes`.
  constexpr size_t kBytesMin = 2 + 11 + 11 + 11;
  if (bytes.size() < kBytesMin) return false;
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  if (at[0] != VarintTag(1) || !IsLastByte(at[1]) || at[2] != VarintTag(2))
    return false;
  uint64_t term = 0;
  uint64_t index = 0;
  uint64_t size = 0;
  const int32_t type = at[1];
  at = ReadVarintUnchecked(at + 3, &term);
  if (at == nullptr || *at != VarintTag(3)) return false;
  at = ReadVarintUnchecked(at + 1, &index);
  if (at == nullptr || *at != BytesTag(4)) return false;
  at = ReadVarintUnchecked(at + 1, &size);
  if (at == nullptr || size != static_cast<uint64_t>(end - at)) return false;
  entry->type = type;
  entry->term = term;
  entry->index = index;
  entry->data = absl::string_view(at, size);
  entry->fields = Bit(1) | Bit(2) | Bit(3) | Bit(4);
  return true;
}

// What etcd's raft writes where there are neither entries nor data: each number
// once and in order. False: it is something else, or malformed, and `*view` is
// to be reset.
bool ReadUsualHead(absl::string_view bytes, MessageView* view) {
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  // The field, if it comes next.
  const auto read = [&at, end](uint32_t tag, uint64_t* value) {
    if (end - at < 2 || *at != static_cast<char>(tag)) return false;
    if (IsLastByte(at[1])) {
      *value = static_cast<uint8_t>(at[1]);
      at += 2;
      return true;
    }
    // The last byte of all ends it, if nothing before does.
    if (end - at < 10 && !IsLastByte(end[-1])) return false;
    at = ReadVarintUnchecked(at + 1, value);
    return at != nullptr;
  };
  uint64_t type = 0;
  uint64_t reject = 0;
  if (!read(VarintTag(MessageView::kType), &type) ||
      !read(VarintTag(MessageView::kTo), &view->to) ||
      !read(VarintTag(MessageView::kFrom), &view->from) ||
      !read(VarintTag(MessageView::kTerm), &view->term) ||
      !read(VarintTag(MessageView::kLogTerm), &view->log_term) ||
      !read(VarintTag(MessageView::kIndex), &view->index) ||
      !read(VarintTag(MessageView::kCommit), &view->commit) ||
      !read(VarintTag(MessageView::kReject), &reject) ||
      !read(VarintTag(MessageView::kRejectHint), &view->reject_hint) ||
      at != end) {
    return false;
  }
  view->type = static_cast<int32_t>(type);
  view->reject = reject != 0;
  view->fields = Bit(MessageView::kType) | Bit(MessageView::kTo) |
                 Bit(MessageView::kFrom) | Bit(MessageView::kTerm) |
                 Bit(MessageView::kLogTerm) | Bit(MessageView::kIndex) |
                 Bit(MessageView::kCommit) | Bit(MessageView::kReject) |
                 Bit(MessageView::kRejectHint);
  return true;
}

bool ReadEntry(WireReader& reader, EntryView* entry) {
  uint32_t tag = 0;
  uint64_t value = 0;
  while (!reader.done()) {
    const char* const field_at = reader.at();
    if (!reader.ReadTag(&tag)) return false;
    switch (tag) {
      case VarintTag(1):
        if (!reader.ReadVarint(&value)) return false;
        entry->type = static_cast<int32_t>(value);
        break;
      case VarintTag(2):
        if (!reader.ReadVarint(&entry->term)) return false;
        break;
      case VarintTag(3):
        if (!reader.ReadVarint(&entry->index)) return false;
        break;
      case BytesTag(4):
        if (!reader.ReadBytes(&entry->data)) return false;
        break;
      default:
        if (tag >> 3 <= 4) return reader.FailAt(field_at, kForeignWireType);
        if (!reader.Skip(tag, kDepthMax)) return false;
        continue;
    }
    entry->fields |= Bit(tag >> 3);
  }
  return true;
}

// The parts of a message that views do not take apart are only checked: what
// each known field must be, so that nobody's decoder refuses it later.
enum class Kind {
  kVarint,
  kBytes,
  kIds,
  kConfState,
  kMetadata,
  kSnapshot,
  kEntry,
  kMessage
};
struct FieldRule {
  uint32_t number;
  Kind kind;
};

absl::Span<const FieldRule> RulesOf(Kind kind) {
  static constexpr FieldRule kConfStateRules[] = {{1, Kind::kIds},
                                                  {2, Kind::kIds},
                                                  {3, Kind::kIds},
                                                  {4, Kind::kIds},
                                                  {5, Kind::kVarint}};
  static constexpr FieldRule kMetadataRules[] = {
      {1, Kind::kConfState}, {2, Kind::kVarint}, {3, Kind::kVarint}};
  static constexpr FieldRule kSnapshotRules[] = {{1, Kind::kBytes},
                                                 {2, Kind::kMetadata}};
  static constexpr FieldRule kEntryRules[] = {{1, Kind::kVarint},
                                              {2, Kind::kVarint},
                                              {3, Kind::kVarint},
                                              {4, Kind::kBytes}};
  static constexpr FieldRule kMessageRules[] = {
      {1, Kind::kVarint},  {2, Kind::kVarint},  {3, Kind::kVarint},
      {4, Kind::kVarint},  {5, Kind::kVarint},  {6, Kind::kVarint},
      {7, Kind::kEntry},   {8, Kind::kVarint},  {9, Kind::kSnapshot},
      {10, Kind::kVarint}, {11, Kind::kVarint}, {12, Kind::kBytes},
      {13, Kind::kVarint}, {14, Kind::kMessage}};
  switch (kind) {
    case Kind::kConfState:
      return kConfStateRules;
    case Kind::kMetadata:
      return kMetadataRules;
    case Kind::kSnapshot:
      return kSnapshotRules;
    case Kind::kEntry:
      return kEntryRules;
    case Kind::kMessage:
      return kMessageRules;
    default:
      return {};
  }
}

// Checks `bytes` as a message of kind `kind`. On failure `*reader` tells why.
// `*fields_left` counts down what protobuf would allocate for.
bool CheckMessage(Kind kind, WireReader& reader, int depth_max,
                  size_t* fields_left) {
  uint32_t tag = 0;
  uint64_t value = 0;
  absl::string_view bytes;
  const absl::Span<const FieldRule> rules = RulesOf(kind);
  while (!reader.done()) {
    const char* const field_at = reader.at();
    if (!reader.ReadTag(&tag)) return false;
    const FieldRule* rule = nullptr;
    for (const FieldRule& candidate : rules) {
      if (candidate.number == tag >> 3) rule = &candidate;
    }
    const uint32_t wire_type = tag & 7;
    if (rule == nullptr) {
      if ((*fields_left)-- == 0) return reader.FailAt(field_at, kTooMany);
      if (!reader.Skip(tag, depth_max)) return false;
    } else if (rule->kind == Kind::kVarint) {
      if (wire_type != kWireVarint) {
        return reader.FailAt(field_at, kForeignWireType);
      }
      if (!reader.ReadVarint(&value)) return false;
    } else if (rule->kind == Kind::kIds && wire_type == kWireVarint) {
      if ((*fields_left)-- == 0) return reader.FailAt(field_at, kTooMany);
      if (!reader.ReadVarint(&value)) return false;
    } else {
      if (wire_type != kWireBytes) {
        return reader.FailAt(field_at, kForeignWireType);
      }
      if (!reader.ReadBytes(&bytes)) return false;
      WireReader part(bytes);
      if (rule->kind == Kind::kIds) {
        while (!part.done()) {
          if ((*fields_left)-- == 0) return reader.FailAt(field_at, kTooMany);
          if (!part.ReadVarint(&value)) return reader.FailLike(part);
        }
      } else if (rule->kind != Kind::kBytes) {
        if ((*fields_left)-- == 0) return reader.FailAt(field_at, kTooMany);
        if (depth_max == 0) {
          return reader.FailAt(field_at, "messages nested too deep");
        }
        if (!CheckMessage(rule->kind, part, depth_max - 1, fields_left)) {
          return reader.FailLike(part);
        }
      }
    }
  }
  return true;
}

bool CheckPart(Kind kind, absl::string_view bytes, WireReader& reader,
               size_t* fields_left) {
  WireReader part(bytes);
  return CheckMessage(kind, part, kDepthMax, fields_left) ||
         reader.FailLike(part);
}

constexpr char kTooManyEntries[] = "more entries than the limit";

bool ReadMessage(WireReader& reader, size_t entries_max,
                 std::vector<EntryView>* entries, MessageView* view) {
  size_t unviewed_left = kUnviewedFieldsMax;
  uint32_t tag = 0;
  uint64_t value = 0;
  absl::string_view bytes;
  while (!reader.done()) {
    const char* const field_at = reader.at();
    if (!reader.ReadTag(&tag)) return false;
    switch (tag) {
      case VarintTag(MessageView::kType):
        if (!reader.ReadVarint(&value)) return false;
        view->type = static_cast<int32_t>(value);
        break;
      case VarintTag(MessageView::kTo):
        if (!reader.ReadVarint(&view->to)) return false;
        break;
      case VarintTag(MessageView::kFrom):
        if (!reader.ReadVarint(&view->from)) return false;
        break;
      case VarintTag(MessageView::kTerm):
        if (!reader.ReadVarint(&view->term)) return false;
        break;
      case VarintTag(MessageView::kLogTerm):
        if (!reader.ReadVarint(&view->log_term)) return false;
        break;
      case VarintTag(MessageView::kIndex):
        if (!reader.ReadVarint(&view->index)) return false;
        break;
      case BytesTag(MessageView::kEntries): {
        if (!reader.ReadBytes(&bytes)) return false;
        if (entries->size() == entries_max) {
          return reader.FailAt(field_at, kTooManyEntries);
        }
        WireReader part(bytes);
        EntryView* const entry = &entries->emplace_back();
        if (!ReadUsualEntry(bytes, entry) && !ReadEntry(part, entry)) {
          return reader.FailLike(part);
        }
        break;
      }
      case VarintTag(MessageView::kCommit):
        if (!reader.ReadVarint(&view->commit)) return false;
        break;
      case BytesTag(MessageView::kSnapshot):
        if (view->has(MessageView::kSnapshot)) {
          return reader.FailAt(field_at, "a second snapshot");
        }
        if (!reader.ReadBytes(&view->snapshot)) return false;
        if (!CheckPart(Kind::kSnapshot, view->snapshot, reader,
                       &unviewed_left)) {
          return false;
        }
        break;
      case VarintTag(MessageView::kReject):
        if (!reader.ReadVarint(&value)) return false;
        view->reject = value != 0;
        break;
      case VarintTag(MessageView::kRejectHint):
        if (!reader.ReadVarint(&view->reject_hint)) return false;
        break;
      case BytesTag(MessageView::kContext):
        if (!reader.ReadBytes(&view->context)) return false;
        break;
      case VarintTag(MessageView::kVote):
        if (!reader.ReadVarint(&view->vote)) return false;
        break;
      case BytesTag(MessageView::kResponses):
        if (!reader.ReadBytes(&bytes)) return false;
        if (unviewed_left-- == 0) return reader.FailAt(field_at, kTooMany);
        if (!CheckPart(Kind::kMessage, bytes, reader, &unviewed_left)) {
          return false;
        }
        break;
      default:
        if (tag >> 3 <= MessageView::kResponses) {
          return reader.FailAt(field_at, kForeignWireType);
        }
        if (!reader.Skip(tag, kDepthMax)) return false;
        continue;
    }
    view->fields |= Bit(tag >> 3);
  }
  return true;
}

absl::Status StatusOf(const WireReader& reader, absl::string_view bytes,
                      uint64_t base_offset, absl::string_view what) {
  const std::string text = absl::StrCat(
      "bad ", what, " at offset ",
      base_offset + static_cast<uint64_t>(reader.error_at() - bytes.data()),
      ": ", reader.error());
  const bool is_over_limit =
      reader.error() == kTooMany || reader.error() == kTooManyEntries;
  return is_over_limit ? absl::ResourceExhaustedError(text)
                       : absl::DataLossError(text);
}

// protobuf has a set in which unknown numbers of an enum field wait.
void AddUnknownNumber(int32_t number,
                      google::protobuf::UnknownFieldSet* unknown_fields) {
  unknown_fields->AddVarint(
      1, static_cast<uint64_t>(static_cast<int64_t>(number)));
}

EntryView ViewOf(const raftpb::Entry& entry) {
  EntryView view;
  view.type = raftpb::EntryTypeNumber(entry);
  view.term = entry.term();
  view.index = entry.index();
  view.data = entry.data();
  view.fields = Bit(1) | Bit(2) | Bit(3) | (entry.has_data() ? Bit(4) : 0);
  return view;
}

// `*entry` is empty.
void FillEntry(const EntryView& view, raftpb::Entry* entry) {
  if ((view.fields & Bit(1)) != 0) {
    if (raftpb::EntryType_IsValid(view.type)) {
      entry->set_type(static_cast<raftpb::EntryType>(view.type));
    } else {
      AddUnknownNumber(view.type, entry->mutable_unknown_fields());
    }
  }
  if ((view.fields & Bit(2)) != 0) entry->set_term(view.term);
  if ((view.fields & Bit(3)) != 0) entry->set_index(view.index);
  if ((view.fields & Bit(4)) != 0) {
    entry->set_data(view.data.data(), view.data.size());
  }
}

// Responses never cross the network (only 3.6's local threads use them), so a
// view does not list them; they are looked up again when somebody asks.
void AddResponses(absl::string_view encoded, raftpb::Message* message) {
  WireReader reader(encoded);
  uint32_t tag = 0;
  absl::string_view bytes;
  while (!reader.done()) {
    CHECK(reader.ReadTag(&tag));
    if (tag == BytesTag(MessageView::kResponses)) {
      CHECK(reader.ReadBytes(&bytes));
      const bool is_parsed = message->add_responses()->ParseFromArray(
          bytes.data(), static_cast<int>(bytes.size()));
      CHECK(is_parsed);
    } else {
      CHECK(reader.Skip(tag, kDepthMax));
    }
  }
}

}  // namespace

void EntryView::CopyTo(raftpb::Entry* entry) const {
  entry->Clear();
  FillEntry(*this, entry);
}

bool MessageView::is_link_heartbeat() const {
  return type == raftpb::MsgHeartbeat && from == 0 && to == 0;
}

void MessageView::CopyTo(raftpb::Message* message) const {
  message->Clear();
  if (has(kType)) {
    if (raftpb::MessageType_IsValid(type)) {
      message->set_type(static_cast<raftpb::MessageType>(type));
    } else {
      AddUnknownNumber(type, message->mutable_unknown_fields());
    }
  }
  if (has(kTo)) message->set_to(to);
  if (has(kFrom)) message->set_from(from);
  if (has(kTerm)) message->set_term(term);
  if (has(kLogTerm)) message->set_logterm(log_term);
  if (has(kIndex)) message->set_index(index);
  if (!entries.empty()) {
    message->mutable_entries()->Reserve(static_cast<int>(entries.size()));
    for (const EntryView& entry : entries) {
      FillEntry(entry, message->add_entries());
    }
  }
  if (has(kCommit)) message->set_commit(commit);
  if (has(kSnapshot)) {
    const bool is_parsed = message->mutable_snapshot()->ParseFromArray(
        snapshot.data(), static_cast<int>(snapshot.size()));
    CHECK(is_parsed);
  }
  if (has(kReject)) message->set_reject(reject);
  if (has(kRejectHint)) message->set_rejecthint(reject_hint);
  if (has(kContext)) message->set_context(context.data(), context.size());
  if (has(kVote)) message->set_vote(vote);
  if (has(kResponses)) AddResponses(encoded, message);
}

MessageView LinkHeartbeat() {
  MessageView view;
  view.type = raftpb::MsgHeartbeat;
  view.Set(MessageView::kType);
  return view;
}

MessageView ViewOf(const raftpb::Message& message, ViewStorage* storage) {
  MessageView view;
  view.type = raftpb::TypeNumber(message);
  view.to = message.to();
  view.from = message.from();
  view.term = message.term();
  view.log_term = message.logterm();
  view.index = message.index();
  view.commit = message.commit();
  view.reject = message.reject();
  view.reject_hint = message.rejecthint();
  view.context = message.context();
  view.vote = message.vote();
  storage->entries.clear();
  for (const raftpb::Entry& entry : message.entries()) {
    storage->entries.push_back(ViewOf(entry));
  }
  view.entries = storage->entries;
  for (const MessageView::Field field :
       {MessageView::kType, MessageView::kTo, MessageView::kFrom,
        MessageView::kTerm, MessageView::kLogTerm, MessageView::kIndex,
        MessageView::kCommit, MessageView::kReject, MessageView::kRejectHint}) {
    view.Set(field);
  }
  if (!view.entries.empty()) view.Set(MessageView::kEntries);
  if (message.has_context()) view.Set(MessageView::kContext);
  if (message.has_vote()) view.Set(MessageView::kVote);
  if (message.responses_size() > 0) view.Set(MessageView::kResponses);
  if (message.has_snapshot()) {
    view.Set(MessageView::kSnapshot);
    storage->snapshot = message.snapshot().SerializeAsString();
    view.snapshot = storage->snapshot;
  }
  return view;
}

absl::Status ParseMessage(absl::string_view bytes, const Limits& limits,
                          uint64_t base_offset, std::vector<EntryView>* entries,
                          MessageView* view) {
  *view = MessageView();
  entries->clear();
  if (ReadUsualHead(bytes, view)) {
    view->encoded = bytes;
    return absl::OkStatus();
  }
  *view = MessageView();
  WireReader reader(bytes);
  if (!ReadMessage(reader, limits.entries_max, entries, view)) {
    return StatusOf(reader, bytes, base_offset, "raftpb.Message");
  }
  view->entries = *entries;
  view->encoded = bytes;
  return absl::OkStatus();
}

void TrimEntries(std::vector<EntryView>* entries) {
  // 10 KiB; raft's batches of small entries rarely hold more.
  constexpr size_t kKeptEntriesMax = 256;
  if (entries->capacity() > kKeptEntriesMax) {
    std::vector<EntryView>().swap(*entries);
  }
}

absl::Status ParseEntry(absl::string_view bytes, uint64_t base_offset,
                        EntryView* view) {
  if (ReadUsualEntry(bytes, view)) return absl::OkStatus();
  *view = EntryView();
  WireReader reader(bytes);
  if (!ReadEntry(reader, view)) {
    return StatusOf(reader, bytes, base_offset, "raftpb.Entry");
  }
  return absl::OkStatus();
}

absl::Status CheckSnapshot(absl::string_view bytes) {
  WireReader reader(bytes);
  size_t fields_left = kUnviewedFieldsMax;
  if (CheckMessage(Kind::kSnapshot, reader, kDepthMax, &fields_left)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      StatusOf(reader, bytes, 0, "raftpb.Snapshot").message());
}

}  // namespace rafthttp::codec
