#ifndef TOOLS_LIBRAFT_BRIDGE_LITTLE_ENDIAN_H_
#define TOOLS_LIBRAFT_BRIDGE_LITTLE_ENDIAN_H_

#include <cstddef>
#include <cstdint>

namespace libraft_bridge {

// The 8 bytes in which libraft writes all its numbers.
inline constexpr size_t kWordBytes = 8;

inline uint64_t LoadLittleEndian(const char* from) {
  uint64_t value = 0;
  for (size_t i = kWordBytes; i > 0; --i) {
    value = value << 8 | static_cast<unsigned char>(from[i - 1]);
  }
  return value;
}

inline void StoreLittleEndian(uint64_t value, char* to) {
  for (size_t i = 0; i < kWordBytes; ++i) {
    to[i] = static_cast<char>(value >> (8 * i));
  }
}

// `bytes` in whole words.
constexpr size_t RoundUpToWords(size_t bytes) {
  return (bytes + kWordBytes - 1) / kWordBytes * kWordBytes;
}

}  // namespace libraft_bridge

#endif  // TOOLS_LIBRAFT_BRIDGE_LITTLE_ENDIAN_H_
