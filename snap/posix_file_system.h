#ifndef SNAP_POSIX_FILE_SYSTEM_H_
#define SNAP_POSIX_FILE_SYSTEM_H_

#include <memory>
#include <string>
#include <vector>

#include "snap/file_system.h"

namespace rafthttp::snap {

// The operating system's files.
class PosixFileSystem final : public FileSystem {
 public:
  absl::StatusOr<std::unique_ptr<File>> OpenForRead(
      const std::string& path) override;
  absl::StatusOr<std::unique_ptr<File>> OpenForAppend(
      const std::string& path) override;
  absl::StatusOr<std::unique_ptr<File>> Create(
      const std::string& path) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& path) override;
  absl::StatusOr<std::vector<std::string>> List(
      const std::string& folder) override;
  absl::Status SyncFolder(const std::string& folder) override;
  absl::StatusOr<bool> Exists(const std::string& path) override;
};

}  // namespace rafthttp::snap

#endif  // SNAP_POSIX_FILE_SYSTEM_H_
