#ifndef RAFTHTTP_CODEC_CODEC_FUZZING_H_
#define RAFTHTTP_CODEC_CODEC_FUZZING_H_

#include <functional>
#include <memory>

#include "absl/strings/string_view.h"
#include "rafthttp/codec/frame_decoder.h"
#include "rafthttp/codec/frame_encoder.h"

namespace rafthttp::codec {

// Makes a codec as it is at the start of a connection.
struct CodecFactory {
  std::function<std::unique_ptr<FrameDecoder>()> new_decoder;
  std::function<std::unique_ptr<FrameEncoder>()> new_encoder;
};

// Decodes `stream` and aborts unless
//   - it decodes the same in one piece, in two and in many,
//   - each message that came as raftpb bytes is what protobuf makes of them,
//   - what was decoded, encoded and decoded again is the same,
//   - the decoder holds no more than the bytes that came warrant.
void FuzzCodec(const CodecFactory& codec, absl::string_view stream);

}  // namespace rafthttp::codec

#endif  // RAFTHTTP_CODEC_CODEC_FUZZING_H_
