#include "snap/crc.h"

#include <isa-l.h>

#include <algorithm>
#include <cstddef>

namespace rafthttp::snap {

uint32_t ExtendCrc32c(uint32_t crc, absl::string_view bytes) {
  // isal takes an int for the length, and leaves the inversions to us.
  constexpr size_t kPieceBytes = 1 << 30;
  crc = ~crc;
  while (!bytes.empty()) {
    const size_t size = std::min(bytes.size(), kPieceBytes);
    // It only reads.
    auto* const data =
        reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data()));
    crc = crc32_iscsi(data, static_cast<int>(size), crc);
    bytes.remove_prefix(size);
  }
  return ~crc;
}

uint64_t ExtendCrc64(uint64_t crc, absl::string_view bytes) {
  // This one inverts by itself.
  return crc64_ecma_refl(
      crc, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

}  // namespace rafthttp::snap
