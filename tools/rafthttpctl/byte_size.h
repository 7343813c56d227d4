#ifndef TOOLS_RAFTHTTPCTL_BYTE_SIZE_H_
#define TOOLS_RAFTHTTPCTL_BYTE_SIZE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rafthttpctl {

// Reads "50MiB", "1.5 GiB", "500KB", "1000" (bytes), each with or without a
// "/s". kInvalidArgument for what is none, or is 0.
absl::StatusOr<uint64_t> ParseByteSize(absl::string_view text);

// "0 B", "1.5 KiB", "230 MiB": three digits that matter.
std::string FormatByteSize(uint64_t bytes);

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_BYTE_SIZE_H_
