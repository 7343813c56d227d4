#include "rafthttp/codec/frame_encoder.h"

namespace rafthttp::codec {

absl::Status FrameEncoder::Append(const raftpb::Message& message,
                                  std::string* out) {
  WireBuffer buffer;
  absl::Status status = Append(message, &buffer);
  if (status.ok()) buffer.AppendTo(out);
  return status;
}

size_t FrameEncoder::EncodedSize(const raftpb::Message& message) const {
  ViewStorage storage;
  return EncodedViewSize(ViewOf(message, &storage));
}

}  // namespace rafthttp::codec
