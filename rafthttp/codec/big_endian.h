#ifndef RAFTHTTP_CODEC_BIG_ENDIAN_H_
#define RAFTHTTP_CODEC_BIG_ENDIAN_H_

#include <cstddef>
#include <cstdint>

namespace rafthttp::codec {

// BE64, in which both codecs write every length, count and index. Compilers
// make one instruction of each of these.

constexpr size_t kBigEndianBytes = 8;

inline uint64_t LoadBigEndian(const char* from) {
  uint64_t value = 0;
  for (size_t i = 0; i < kBigEndianBytes; ++i) {
    value = value << 8 | static_cast<uint8_t>(from[i]);
  }
  return value;
}

inline void StoreBigEndian(uint64_t value, char* to) {
  for (size_t i = kBigEndianBytes; i-- > 0; value >>= 8) {
    to[i] = static_cast<char>(value & 0xff);
  }
}

}  // namespace rafthttp::codec

#endif  // RAFTHTTP_CODEC_BIG_ENDIAN_H_
