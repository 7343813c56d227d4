#include <cstddef>
#include <cstdint>
#include <memory>

#include "rafthttp/codec/codec_fuzzing.h"
#include "rafthttp/codec/message_codec.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace codec = rafthttp::codec;
  codec::FuzzCodec(
      {.new_decoder = [] { return std::make_unique<codec::MessageDecoder>(); },
       .new_encoder = [] { return std::make_unique<codec::MessageEncoder>(); }},
      absl::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
