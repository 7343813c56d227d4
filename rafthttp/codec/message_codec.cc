#include "rafthttp/codec/message_codec.h"

#include "absl/strings/str_cat.h"
#include "rafthttp/base/check.h"
#include "rafthttp/codec/big_endian.h"
#include "rafthttp/codec/message_writer.h"
#include "rafthttp/codec/wire_writer.h"

namespace rafthttp::codec {

absl::Status MessageDecoder::Decode(absl::string_view bytes, FrameSink& sink) {
  return gatherer_.Feed(
      bytes,
      [this](absl::string_view prefix, size_t* size) {
        return Measure(prefix, size);
      },
      [this, &sink](absl::string_view frame) { return Take(frame, sink); });
}

size_t MessageDecoder::memory_bytes() const {
  return gatherer_.capacity() + entries_.capacity() * sizeof(EntryView);
}

absl::Status MessageDecoder::Measure(absl::string_view prefix,
                                     size_t* size) const {
  *size = kBigEndianBytes;
  if (prefix.size() < kBigEndianBytes) return absl::OkStatus();
  const uint64_t length = LoadBigEndian(prefix.data());
  if (length > limits_.message_bytes_max) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "message frame at offset ", gatherer_.frame_offset(), ": length ",
        length, " is over the limit of ", limits_.message_bytes_max));
  }
  *size += static_cast<size_t>(length);
  return absl::OkStatus();
}

absl::Status MessageDecoder::Take(absl::string_view frame, FrameSink& sink) {
  MessageView message;
  absl::Status status = ParseMessage(frame.substr(kBigEndianBytes), limits_,
                                     gatherer_.frame_offset() + kBigEndianBytes,
                                     &entries_, &message);
  if (!status.ok()) return status;
  if (message.is_link_heartbeat()) {
    sink.OnLinkHeartbeat(message);
  } else {
    sink.OnMessage(message);
  }
  TrimEntries(&entries_);
  return absl::OkStatus();
}

absl::Status MessageEncoder::AppendView(const MessageView& message,
                                        WireBuffer* out) {
  absl::Status status = CheckWritable(message, limits_);
  if (!status.ok()) return status;
  const WireSize size = SizeOf(message, *out);
  if (size.total > limits_.message_bytes_max) {
    return absl::ResourceExhaustedError(
        absl::StrCat("a message of ", size.total, " bytes, over the limit of ",
                     limits_.message_bytes_max));
  }
  WireWriter writer(out, kBigEndianBytes + size.copied);
  writer.BigEndian(size.total);
  Write(message, &writer);
  return absl::OkStatus();
}

absl::Status MessageEncoder::AppendOutgoing(const OutgoingMessage& message,
                                            ViewStorage* storage,
                                            WireBuffer* out) {
  if (!message.is_head() || message.size_bytes() > limits_.message_bytes_max) {
    return AppendView(message.View(storage), out);
  }
  const absl::string_view encoded = message.encoded_head();
  WireWriter writer(out, kBigEndianBytes + encoded.size());
  writer.BigEndian(encoded.size());
  writer.Copy(encoded);
  return absl::OkStatus();
}

size_t MessageEncoder::EncodedViewSize(const MessageView& message) const {
  return kBigEndianBytes + TotalBytes(message);
}

void MessageEncoder::AppendLinkHeartbeat(WireBuffer* out) {
  const absl::Status status = AppendView(LinkHeartbeat(), out);
  CHECK(status.ok());
}

}  // namespace rafthttp::codec
