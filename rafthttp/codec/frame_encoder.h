#ifndef RAFTHTTP_CODEC_FRAME_ENCODER_H_
#define RAFTHTTP_CODEC_FRAME_ENCODER_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "rafthttp/codec/message_view.h"
#include "rafthttp/codec/outgoing_message.h"
#include "rafthttp/codec/wire_buffer.h"
#include "raftpb/raft.pb.h"

namespace rafthttp::codec {

// Turns messages into the bytes of one stream.
//
// Place: StreamWriter owns one per connection.
// Lifetime: one connection. A message that was appended counts as sent: drop
//   the encoder with the bytes if they cannot be written.
class FrameEncoder {
 public:
  virtual ~FrameEncoder() = default;

  // Appends the frame of `message`. Large data is referred to, as `*out` was
  // told: then it must live as long as the bytes are needed.
  //   kInvalidArgument    this stream does not carry such a message
  //   kResourceExhausted  it is over the limits, and no peer would take it
  // On error `*out` and the encoder are as before.
  absl::Status Append(const raftpb::Message& message, WireBuffer* out) {
    return AppendView(ViewOf(message, &storage_), out);
  }
  virtual absl::Status AppendView(const MessageView& message,
                                  WireBuffer* out) = 0;
  // The same, with `storage` for what views need.
  virtual absl::Status AppendOutgoing(const OutgoingMessage& message,
                                      ViewStorage* storage, WireBuffer* out) {
    return AppendView(message.View(storage), out);
  }
  // The same in one piece.
  absl::Status Append(const raftpb::Message& message, std::string* out);

  // How many bytes Append would add now.
  size_t EncodedSize(const raftpb::Message& message) const;
  virtual size_t EncodedViewSize(const MessageView& message) const = 0;

  virtual void AppendLinkHeartbeat(WireBuffer* out) = 0;

 private:
  ViewStorage storage_;
};

}  // namespace rafthttp::codec

#endif  // RAFTHTTP_CODEC_FRAME_ENCODER_H_
