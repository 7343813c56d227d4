#ifndef SNAP_CRC_H_
#define SNAP_CRC_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace rafthttp::snap {

// CRC-32C (Castagnoli; reflected, all ones before and after) of what `crc` is
// the checksum of, and `bytes` behind it. It begins with 0.
//
//   ExtendCrc32c(0, "123456789") == 0xe3069283
uint32_t ExtendCrc32c(uint32_t crc, absl::string_view bytes);

// The same with CRC-64/XZ (ECMA-182's polynomial).
//
//   ExtendCrc64(0, "123456789") == 0x995dc9bbdf1939fa
uint64_t ExtendCrc64(uint64_t crc, absl::string_view bytes);

}  // namespace rafthttp::snap

#endif  // SNAP_CRC_H_
