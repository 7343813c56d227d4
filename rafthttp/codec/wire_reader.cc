#include "rafthttp/codec/wire_reader.h"

namespace rafthttp::codec {

bool WireReader::Skip(uint32_t tag, int depth_max) {
  uint64_t ignored_value = 0;
  absl::string_view ignored_bytes;
  switch (tag & 7) {
    case kWireVarint:
      return ReadVarint(&ignored_value);
    case kWireFixed64:
      return SkipFixed(8);
    case kWireBytes:
      return ReadBytes(&ignored_bytes);
    case kWireFixed32:
      return SkipFixed(4);
    case kWireGroup: {
      if (depth_max == 0) return Fail("groups nested too deep");
      uint32_t inner = 0;
      while (true) {
        if (!ReadTag(&inner)) return false;
        if ((inner & 7) == kWireGroupEnd) break;
        if (!Skip(inner, depth_max - 1)) return false;
      }
      return inner >> 3 == tag >> 3 || Fail("the end of another group");
    }
    default:
      return Fail("an unknown wire type, or the end of no group");
  }
}

}  // namespace rafthttp::codec
