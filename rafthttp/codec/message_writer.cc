#include "rafthttp/codec/message_writer.h"

#include "absl/strings/str_cat.h"
#include "rafthttp/codec/wire_reader.h"
#include "raftpb/message_type.h"
#include "raftpb/raft.pb.h"

namespace rafthttp::codec {
namespace {

// int32 numbers of enums go as protobuf writes them: negative ones in ten
// bytes.
uint64_t EnumVarint(int32_t number) {
  return static_cast<uint64_t>(static_cast<int64_t>(number));
}

// Whether a view says so or not: what has bytes, has data.
bool HasData(const EntryView& entry) {
  return (entry.fields >> 4 & 1) != 0 || !entry.data.empty();
}

bool WritesSnapshot(const MessageView& message) {
  return message.type == raftpb::MsgSnap;
}

// A field with a one-byte tag; so are all here.
size_t FieldBytes(uint64_t value) { return 1 + VarintBytes(value); }
void WriteField(uint32_t field, uint64_t value, WireWriter* writer) {
  writer->Byte(static_cast<char>(WireTag(field, kWireVarint)));
  writer->Varint(value);
}

// All of an entry but its data, which comes last.
size_t HeadBytes(const EntryView& entry) {
  return FieldBytes(EnumVarint(entry.type)) + FieldBytes(entry.term) +
         FieldBytes(entry.index) +
         (HasData(entry) ? FieldBytes(entry.data.size()) : 0);
}

char* WriteVarintField(uint32_t field, uint64_t value, char* at) {
  *at++ = static_cast<char>(WireTag(field, kWireVarint));
  return WriteVarint(value, at);
}

void WriteBytesHead(uint32_t field, size_t size, WireWriter* writer) {
  writer->Byte(static_cast<char>(WireTag(field, kWireBytes)));
  writer->Varint(size);
}

}  // namespace

size_t TotalBytes(const EntryView& entry) {
  return HeadBytes(entry) + (HasData(entry) ? entry.data.size() : 0);
}

WireSize SizeOf(const EntryView& entry, const WireBuffer& out) {
  WireSize size;
  size.Add(HeadBytes(entry));
  if (HasData(entry)) {
    size.AddData(entry.data.size(), out);
  }
  return size;
}

void Write(const EntryView& entry, WireWriter* writer) {
  WriteField(1, EnumVarint(entry.type), writer);
  WriteField(2, entry.term, writer);
  WriteField(3, entry.index, writer);
  if (HasData(entry)) {
    WriteBytesHead(4, entry.data.size(), writer);
    writer->Data(entry.data);
  }
}

char* WriteEntry(const EntryView& entry, char* at) {
  at = WriteVarintField(1, EnumVarint(entry.type), at);
  at = WriteVarintField(2, entry.term, at);
  at = WriteVarintField(3, entry.index, at);
  if (!HasData(entry)) return at;
  *at++ = static_cast<char>(WireTag(4, kWireBytes));
  at = WriteVarint(entry.data.size(), at);
  std::memcpy(at, entry.data.data(), entry.data.size());
  return at + entry.data.size();
}

char* WriteHead(const MessageHead& head, absl::string_view context, char* at,
                char** context_at) {
  at = WriteVarintField(MessageHead::kType, EnumVarint(head.type), at);
  at = WriteVarintField(MessageHead::kTo, head.to, at);
  at = WriteVarintField(MessageHead::kFrom, head.from, at);
  at = WriteVarintField(MessageHead::kTerm, head.term, at);
  at = WriteVarintField(MessageHead::kLogTerm, head.log_term, at);
  at = WriteVarintField(MessageHead::kIndex, head.index, at);
  at = WriteVarintField(MessageHead::kCommit, head.commit, at);
  at = WriteVarintField(MessageHead::kReject, head.reject ? 1 : 0, at);
  at = WriteVarintField(MessageHead::kRejectHint, head.reject_hint, at);
  *context_at = at;
  if (head.has(MessageHead::kContext)) {
    *at++ = static_cast<char>(WireTag(MessageHead::kContext, kWireBytes));
    at = WriteVarint(context.size(), at);
    *context_at = at;
    if (!context.empty()) std::memcpy(at, context.data(), context.size());
    at += context.size();
  }
  if (head.vote != 0) at = WriteVarintField(MessageHead::kVote, head.vote, at);
  return at;
}

size_t TotalBytes(const MessageView& message) {
  size_t entries_bytes = 0;
  for (const EntryView& entry : message.entries) {
    entries_bytes += EntryFieldBytes(TotalBytes(entry));
  }
  size_t bytes = TotalBytes(message, message.context.size(), entries_bytes);
  if (WritesSnapshot(message))
    bytes += EntryFieldBytes(message.snapshot.size());
  return bytes;
}

size_t EntryFieldBytes(size_t bytes) { return FieldBytes(bytes) + bytes; }

size_t TotalBytes(const MessageHead& head, size_t context_bytes,
                  size_t entries_bytes) {
  size_t bytes = FieldBytes(EnumVarint(head.type)) + FieldBytes(head.to) +
                 FieldBytes(head.from) + FieldBytes(head.term) +
                 FieldBytes(head.log_term) + FieldBytes(head.index) +
                 entries_bytes + FieldBytes(head.commit) + 2 +
                 FieldBytes(head.reject_hint);
  if (head.has(MessageHead::kContext)) {
    bytes += FieldBytes(context_bytes) + context_bytes;
  }
  if (head.vote != 0) bytes += FieldBytes(head.vote);
  return bytes;
}

size_t TotalBytes(const raftpb::Message& message) {
  ViewStorage storage;
  return TotalBytes(ViewOf(message, &storage));
}

WireSize SizeOf(const MessageView& message, const WireBuffer& out) {
  WireSize size;
  size.Add(FieldBytes(EnumVarint(message.type)) + FieldBytes(message.to) +
           FieldBytes(message.from) + FieldBytes(message.term) +
           FieldBytes(message.log_term) + FieldBytes(message.index));
  for (const EntryView& entry : message.entries) {
    const WireSize entry_size = SizeOf(entry, out);
    size.Add(FieldBytes(entry_size.total));
    size += entry_size;
  }
  size.Add(FieldBytes(message.commit));
  if (WritesSnapshot(message)) {
    size.Add(FieldBytes(message.snapshot.size()));
    size.Add(message.snapshot.size());
  }
  size.Add(2 + FieldBytes(message.reject_hint));
  if (message.has(MessageView::kContext)) {
    size.Add(FieldBytes(message.context.size()));
    size.AddData(message.context.size(), out);
  }
  if (message.vote != 0) size.Add(FieldBytes(message.vote));
  return size;
}

void Write(const MessageView& message, WireWriter* writer) {
  WriteField(MessageView::kType, EnumVarint(message.type), writer);
  WriteField(MessageView::kTo, message.to, writer);
  WriteField(MessageView::kFrom, message.from, writer);
  WriteField(MessageView::kTerm, message.term, writer);
  WriteField(MessageView::kLogTerm, message.log_term, writer);
  WriteField(MessageView::kIndex, message.index, writer);
  for (const EntryView& entry : message.entries) {
    WriteBytesHead(MessageView::kEntries, TotalBytes(entry), writer);
    Write(entry, writer);
  }
  WriteField(MessageView::kCommit, message.commit, writer);
  if (WritesSnapshot(message)) {
    WriteBytesHead(MessageView::kSnapshot, message.snapshot.size(), writer);
    writer->Copy(message.snapshot);
  }
  WriteField(MessageView::kReject, message.reject ? 1 : 0, writer);
  WriteField(MessageView::kRejectHint, message.reject_hint, writer);
  if (message.has(MessageView::kContext)) {
    WriteBytesHead(MessageView::kContext, message.context.size(), writer);
    writer->Data(message.context);
  }
  if (message.vote != 0) {
    WriteField(MessageView::kVote, message.vote, writer);
  }
}

absl::Status CheckWritable(const MessageView& message, const Limits& limits) {
  if (message.has(MessageView::kResponses)) {
    return absl::InvalidArgumentError(
        "a message with responses never crosses the network");
  }
  if (message.entries.size() > limits.entries_max) {
    return absl::ResourceExhaustedError(
        absl::StrCat(message.entries.size(),
                     " entries in a message, over the "
                     "limit of ",
                     limits.entries_max));
  }
  return WritesSnapshot(message) ? CheckSnapshot(message.snapshot)
                                 : absl::OkStatus();
}

void AppendEncoded(const MessageView& message, std::string* out) {
  if (!message.encoded.empty() || message.fields == 0) {
    out->append(message.encoded.data(), message.encoded.size());
    return;
  }
  WireBuffer buffer;
  {
    WireWriter writer(&buffer, SizeOf(message, buffer).copied);
    Write(message, &writer);
  }
  buffer.AppendTo(out);
}

}  // namespace rafthttp::codec
