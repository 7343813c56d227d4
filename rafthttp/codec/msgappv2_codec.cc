#include "rafthttp/codec/msgappv2_codec.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "rafthttp/codec/big_endian.h"
#include "rafthttp/codec/message_writer.h"
#include "rafthttp/codec/wire_writer.h"

namespace rafthttp::codec {
namespace {

enum FrameKind : char {
  kLinkHeartbeatFrame = 0,
  kAppendFrame = 1,
  kMessageFrame = 2,
};

// The kind, and a length or count.
constexpr size_t kHeadBytes = 1 + kBigEndianBytes;

// What an append frame tells, or leaves for the decoder to know.
constexpr uint32_t kAppendFields =
    1u << MessageView::kType | 1u << MessageView::kTo |
    1u << MessageView::kFrom | 1u << MessageView::kTerm |
    1u << MessageView::kLogTerm | 1u << MessageView::kIndex |
    1u << MessageView::kCommit;

// What both ends know after a full message.
AppendState StateAfter(const MessageView& message) {
  return {.term = message.term,
          .index = message.entries.empty() ? message.index
                                           : message.entries.back().index};
}

absl::Status OverLimit(uint64_t offset, absl::string_view what, uint64_t value,
                       size_t limit) {
  return absl::ResourceExhaustedError(
      absl::StrCat("msgapp frame at offset ", offset, ": ", what, " ", value,
                   " is over the limit of ", limit));
}

}  // namespace

absl::Status MsgAppV2Decoder::Decode(absl::string_view bytes, FrameSink& sink) {
  return gatherer_.Feed(
      bytes,
      [this](absl::string_view prefix, size_t* size) {
        return Measure(prefix, size);
      },
      [this, &sink](absl::string_view frame) { return Take(frame, sink); });
}

size_t MsgAppV2Decoder::memory_bytes() const {
  return gatherer_.capacity() + entries_.capacity() * sizeof(EntryView);
}

absl::Status MsgAppV2Decoder::Measure(absl::string_view prefix, size_t* size) {
  switch (prefix[0]) {
    case kLinkHeartbeatFrame:
      *size = 1;
      return absl::OkStatus();
    case kAppendFrame:
      return MeasureAppend(prefix, size);
    case kMessageFrame: {
      *size = kHeadBytes;
      if (prefix.size() < kHeadBytes) return absl::OkStatus();
      const uint64_t length = LoadBigEndian(prefix.data() + 1);
      if (length > limits_.message_bytes_max) {
        return OverLimit(gatherer_.frame_offset(), "length", length,
                         limits_.message_bytes_max);
      }
      *size += static_cast<size_t>(length);
      return absl::OkStatus();
    }
    default:
      return absl::DataLossError(absl::StrCat(
          "msgapp frame at offset ", gatherer_.frame_offset(),
          ": no frame begins with byte ", static_cast<uint8_t>(prefix[0])));
  }
}

absl::Status MsgAppV2Decoder::MeasureAppend(absl::string_view prefix,
                                            size_t* size) {
  if (measured_bytes_ == 0) {
    *size = kHeadBytes;
    if (prefix.size() < kHeadBytes) return absl::OkStatus();
    const uint64_t count = LoadBigEndian(prefix.data() + 1);
    if (count > limits_.entries_max) {
      return OverLimit(gatherer_.frame_offset(), "entry count", count,
                       limits_.entries_max);
    }
    measured_bytes_ = kHeadBytes;
    unmeasured_entries_ = count;
  }
  // Each entry has a length, and the last is followed by the commit index, so
  // there are always eight more bytes to come.
  *size = measured_bytes_ + kBigEndianBytes;
  while (unmeasured_entries_ > 0 && *size <= prefix.size()) {
    const uint64_t length = LoadBigEndian(prefix.data() + measured_bytes_);
    if (length > limits_.entry_bytes_max) {
      return OverLimit(gatherer_.frame_offset() + measured_bytes_,
                       "entry length", length, limits_.entry_bytes_max);
    }
    --unmeasured_entries_;
    measured_bytes_ = *size + static_cast<size_t>(length);
    *size = measured_bytes_ + kBigEndianBytes;
    const uint64_t size_min =
        *size + unmeasured_entries_ * uint64_t{kBigEndianBytes};
    if (size_min > limits_.append_bytes_max) {
      return OverLimit(gatherer_.frame_offset(), "size of at least", size_min,
                       limits_.append_bytes_max);
    }
  }
  return absl::OkStatus();
}

absl::Status MsgAppV2Decoder::Take(absl::string_view frame, FrameSink& sink) {
  switch (frame[0]) {
    case kLinkHeartbeatFrame:
      sink.OnLinkHeartbeat(LinkHeartbeat());
      return absl::OkStatus();
    case kAppendFrame:
      return TakeAppend(frame, sink);
    default:
      return TakeMessage(frame, sink);
  }
}

absl::Status MsgAppV2Decoder::TakeAppend(absl::string_view frame,
                                         FrameSink& sink) {
  measured_bytes_ = 0;
  const uint64_t count = LoadBigEndian(frame.data() + 1);
  if (count > std::numeric_limits<uint64_t>::max() - state_.index) {
    return absl::DataLossError(
        absl::StrCat("msgapp frame at offset ", gatherer_.frame_offset(), ": ",
                     count, " entries after index ", state_.index));
  }
  entries_.clear();
  const char* at = frame.data() + kHeadBytes;
  for (uint64_t i = 0; i < count; ++i) {
    const size_t length = static_cast<size_t>(LoadBigEndian(at));
    at += kBigEndianBytes;
    EntryView& entry = entries_.emplace_back();
    absl::Status status =
        ParseEntry(absl::string_view(at, length), OffsetOf(frame, at), &entry);
    if (!status.ok()) return status;
    if (entry.index != state_.index + i + 1) {
      return absl::DataLossError(absl::StrCat(
          "msgapp entry at offset ", OffsetOf(frame, at), ": index ",
          entry.index, " where ", state_.index + i + 1, " is next"));
    }
    at += length;
  }

  MessageView message;
  message.type = raftpb::MsgApp;
  message.to = local_.value();
  message.from = remote_.value();
  message.term = state_.term;
  message.log_term = state_.term;
  message.index = state_.index;
  message.entries = entries_;
  message.commit = LoadBigEndian(at);
  message.fields = kAppendFields;
  if (count > 0) message.Set(MessageView::kEntries);
  state_.index += count;
  sink.OnMessage(message);
  TrimEntries(&entries_);
  return absl::OkStatus();
}

absl::Status MsgAppV2Decoder::TakeMessage(absl::string_view frame,
                                          FrameSink& sink) {
  const absl::string_view body = frame.substr(kHeadBytes);
  MessageView message;
  absl::Status status = ParseMessage(
      body, limits_, OffsetOf(frame, body.data()), &entries_, &message);
  if (!status.ok()) return status;
  state_ = StateAfter(message);
  if (message.is_link_heartbeat()) {
    sink.OnLinkHeartbeat(message);
  } else {
    sink.OnMessage(message);
  }
  TrimEntries(&entries_);
  return absl::OkStatus();
}

uint64_t MsgAppV2Decoder::OffsetOf(absl::string_view frame,
                                   const char* at) const {
  return gatherer_.frame_offset() + static_cast<uint64_t>(at - frame.data());
}

absl::Status MsgAppV2Encoder::AppendView(const MessageView& message,
                                         WireBuffer* out) {
  if (message.is_link_heartbeat()) {
    AppendLinkHeartbeat(out);
    return absl::OkStatus();
  }
  if (message.type != raftpb::MsgApp) {
    return absl::InvalidArgumentError(
        absl::StrCat("a message of type ", message.type, " on stream msgapp"));
  }
  absl::Status status = CheckWritable(message, limits_);
  if (!status.ok()) return status;
  return IsCompact(message) ? AppendCompact(message, out)
                            : AppendFull(message, out);
}

size_t MsgAppV2Encoder::EncodedViewSize(const MessageView& message) const {
  if (message.is_link_heartbeat()) return 1;
  if (!IsCompact(message)) return kHeadBytes + TotalBytes(message);
  size_t size = kHeadBytes + kBigEndianBytes;
  for (const EntryView& entry : message.entries) {
    size += kBigEndianBytes + TotalBytes(entry);
  }
  return size;
}

void MsgAppV2Encoder::AppendLinkHeartbeat(WireBuffer* out) {
  *out->Extend(1) = kLinkHeartbeatFrame;
}

absl::Status MsgAppV2Encoder::AppendOutgoing(const OutgoingMessage& message,
                                             ViewStorage* storage,
                                             WireBuffer* out) {
  if (!message.has_entry_frames() || message.type() != raftpb::MsgApp ||
      !HasCompactHead(message.head())) {
    return AppendView(message.View(storage), out);
  }
  const OutgoingMessage::EntryFrames frames = message.entry_frames();
  const size_t size = kHeadBytes + frames.bytes.size() + kBigEndianBytes;
  if (!frames.are_consecutive || frames.count > limits_.entries_max ||
      frames.entry_bytes_max > limits_.entry_bytes_max ||
      size > limits_.append_bytes_max) {
    // It says what is wrong, if anything.
    return AppendView(message.View(storage), out);
  }
  const size_t referred_bytes =
      out->refers(frames.bytes.size()) ? frames.bytes.size() : 0;
  WireWriter writer(out, size - referred_bytes);
  writer.Byte(kAppendFrame);
  writer.BigEndian(frames.count);
  writer.Data(frames.bytes);
  writer.BigEndian(message.head().commit);
  state_.index += frames.count;
  return absl::OkStatus();
}

bool MsgAppV2Encoder::HasCompactHead(const MessageHead& message) const {
  if (message.index != state_.index || message.log_term != state_.term ||
      message.log_term != message.term) {
    return false;
  }
  // What the frame leaves out the decoder fills in from its connection.
  if (message.from != local_.value() || message.to != remote_.value() ||
      message.has(MessageView::kContext) || message.reject ||
      message.reject_hint != 0 || message.vote != 0) {
    return false;
  }
  return true;
}

bool MsgAppV2Encoder::IsCompact(const MessageView& message) const {
  if (!HasCompactHead(message)) return false;
  uint64_t index = message.index;
  for (const EntryView& entry : message.entries) {
    // An index of zero would mean that the count went beyond the last one.
    if (entry.index == 0 || entry.index != ++index) return false;
  }
  return true;
}

absl::Status MsgAppV2Encoder::AppendCompact(const MessageView& message,
                                            WireBuffer* out) {
  WireSize size;
  size.Add(kHeadBytes + kBigEndianBytes);
  for (const EntryView& entry : message.entries) {
    const WireSize entry_size = SizeOf(entry, *out);
    if (entry_size.total > limits_.entry_bytes_max) {
      return absl::ResourceExhaustedError(
          absl::StrCat("an entry of ", entry_size.total,
                       " bytes, over the limit of ", limits_.entry_bytes_max));
    }
    size.Add(kBigEndianBytes);
    size += entry_size;
  }
  if (size.total > limits_.append_bytes_max) {
    return absl::ResourceExhaustedError(
        absl::StrCat("an append of ", size.total, " bytes, over the limit of ",
                     limits_.append_bytes_max));
  }
  WireWriter writer(out, size.copied);
  writer.Byte(kAppendFrame);
  writer.BigEndian(message.entries.size());
  for (const EntryView& entry : message.entries) {
    writer.BigEndian(TotalBytes(entry));
    Write(entry, &writer);
  }
  writer.BigEndian(message.commit);
  state_.index += message.entries.size();
  return absl::OkStatus();
}

absl::Status MsgAppV2Encoder::AppendFull(const MessageView& message,
                                         WireBuffer* out) {
  const WireSize size = SizeOf(message, *out);
  if (size.total > limits_.message_bytes_max) {
    return absl::ResourceExhaustedError(
        absl::StrCat("a message of ", size.total, " bytes, over the limit of ",
                     limits_.message_bytes_max));
  }
  WireWriter writer(out, kHeadBytes + size.copied);
  writer.Byte(kMessageFrame);
  writer.BigEndian(size.total);
  Write(message, &writer);
  state_ = StateAfter(message);
  return absl::OkStatus();
}

}  // namespace rafthttp::codec
