#ifndef RAFTHTTP_CODEC_FRAME_DECODER_H_
#define RAFTHTTP_CODEC_FRAME_DECODER_H_

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "rafthttp/codec/message_view.h"

namespace rafthttp::codec {

// Receives what a decoder finds, in the order of the stream. A view and what it
// points to is valid only during the call: keep it by CopyTo, into a message
// that is reused or lives in an arena where speed matters. The decoder must not
// be destroyed or called from inside.
class FrameSink {
 public:
  // Transport's own heartbeat; raft never sees it.
  virtual void OnLinkHeartbeat(const MessageView& heartbeat) = 0;
  virtual void OnMessage(const MessageView& message) = 0;

 protected:
  ~FrameSink() = default;
};

// Turns the bytes of one stream, however they were cut, into messages.
//
// Place: StreamReader owns one per connection and feeds it the dechunked body.
// Lifetime: one connection. Both codecs begin anew on the next one.
// Bounds: a frame that lies whole in `bytes` is parsed where it lies. Of any
//   other, what came is gathered: less than twice its bytes, plus the views of
//   its entries. A length or count is only ever compared, never allocated for.
// Errors: after the first one, every call returns it again. Messages that came
//   before it have been delivered.
class FrameDecoder {
 public:
  virtual ~FrameDecoder() = default;

  //   kDataLoss           malformed; says what and at which offset of the
  //   stream kResourceExhausted  a claim over the limits
  virtual absl::Status Decode(absl::string_view bytes, FrameSink& sink) = 0;

  // Says whether the stream may end here: kDataLoss in the middle of a frame,
  // with how much is missing.
  virtual absl::Status Finish() const = 0;

  // What the decoder holds on to now.
  virtual size_t memory_bytes() const = 0;
};

}  // namespace rafthttp::codec

#endif  // RAFTHTTP_CODEC_FRAME_DECODER_H_
