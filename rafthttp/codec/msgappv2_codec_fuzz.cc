#include <cstddef>
#include <cstdint>
#include <memory>

#include "rafthttp/base/ids.h"
#include "rafthttp/codec/codec_fuzzing.h"
#include "rafthttp/codec/msgappv2_codec.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace codec = rafthttp::codec;
  constexpr rafthttp::MemberId kWriter(0x11);
  constexpr rafthttp::MemberId kReader(0x22);
  codec::FuzzCodec(
      {.new_decoder =
           [=] {
             return std::make_unique<codec::MsgAppV2Decoder>(kReader, kWriter);
           },
       .new_encoder =
           [=] {
             return std::make_unique<codec::MsgAppV2Encoder>(kWriter, kReader);
           }},
      absl::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
