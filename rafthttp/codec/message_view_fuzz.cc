#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "rafthttp/base/check.h"
#include "rafthttp/codec/codec_testing.h"

// Views against protobuf on bare messages: fuzzing gets deeper without a frame
// around them, whose length it would have to keep right.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  CHECK(rafthttp::codec::CompareWithProtobuf(
            absl::string_view(reinterpret_cast<const char*>(data), size))
            .empty());
  return 0;
}
