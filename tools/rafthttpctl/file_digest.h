#ifndef TOOLS_RAFTHTTPCTL_FILE_DIGEST_H_
#define TOOLS_RAFTHTTPCTL_FILE_DIGEST_H_

#include <string>

#include "absl/status/statusor.h"
#include "snap/file_system.h"

namespace rafthttpctl {

// SHA-256 of the file at `path`, in lower-case hex, as sha256sum prints it.
// Reads all of it, and blocks.
absl::StatusOr<std::string> Sha256Of(rafthttp::snap::FileSystem& files,
                                     const std::string& path);

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_FILE_DIGEST_H_
