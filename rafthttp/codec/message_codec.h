#ifndef RAFTHTTP_CODEC_MESSAGE_CODEC_H_
#define RAFTHTTP_CODEC_MESSAGE_CODEC_H_

#include <cstddef>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "rafthttp/codec/frame_decoder.h"
#include "rafthttp/codec/frame_encoder.h"
#include "rafthttp/codec/frame_gatherer.h"
#include "rafthttp/codec/limits.h"
#include "rafthttp/codec/message_view.h"
#include "raftpb/raft.pb.h"

namespace rafthttp::codec {

// The codec of stream "message", which carries messages of any type:
//
//   | offset | bytes | what                          |
//   |--------|-------|-------------------------------|
//   | 0      | 8     | n, big-endian                 |
//   | 8      | n     | raftpb.Message                |
//
// A link heartbeat is an ordinary frame whose message has type MsgHeartbeat and
// neither sender nor receiver. There is no state between frames.

class MessageDecoder final : public FrameDecoder {
 public:
  explicit MessageDecoder(Limits limits = {}) : limits_(limits) {}

  absl::Status Decode(absl::string_view bytes, FrameSink& sink) override;
  absl::Status Finish() const override { return gatherer_.Finish(); }
  size_t memory_bytes() const override;

 private:
  absl::Status Measure(absl::string_view prefix, size_t* size) const;
  absl::Status Take(absl::string_view frame, FrameSink& sink);

  const Limits limits_;
  FrameGatherer gatherer_;
  std::vector<EntryView> entries_;
};

class MessageEncoder final : public FrameEncoder {
 public:
  explicit MessageEncoder(Limits limits = {}) : limits_(limits) {}

  // Takes messages of every type.
  absl::Status AppendView(const MessageView& message, WireBuffer* out) override;
  absl::Status AppendOutgoing(const OutgoingMessage& message,
                              ViewStorage* storage, WireBuffer* out) override;
  size_t EncodedViewSize(const MessageView& message) const override;
  void AppendLinkHeartbeat(WireBuffer* out) override;

 private:
  const Limits limits_;
};

}  // namespace rafthttp::codec

#endif  // RAFTHTTP_CODEC_MESSAGE_CODEC_H_
