#ifndef SNAP_FILE_SYSTEM_H_
#define SNAP_FILE_SYSTEM_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rafthttp::snap {

// A file that is open. Every method blocks; one thread at a time.
class File {
 public:
  // Closes it. What was not synced may be lost at a crash.
  virtual ~File() = default;

  // Writes all of `bytes` at the end, or fails.
  virtual absl::Status Append(absl::string_view bytes) = 0;
  // How much was read; less than `size` only at the end.
  virtual absl::StatusOr<size_t> ReadAt(uint64_t offset, char* out,
                                        size_t size) = 0;
  virtual absl::StatusOr<uint64_t> Size() = 0;
  // Cuts off what is behind `size`; Append goes on there.
  virtual absl::Status Truncate(uint64_t size) = 0;
  // Until the content is on the disk (fsync).
  virtual absl::Status Sync() = 0;
};

// The seam through which all files of snapshots are reached, so that tests can
// break it: PosixFileSystem, or testing/faulty_file_system.h.
//
// Threads: thread-safe; every method blocks.
// Errors name the path and the cause: kNotFound, kAlreadyExists,
//   kResourceExhausted for a full disk, kPermissionDenied, kUnavailable.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  virtual absl::StatusOr<std::unique_ptr<File>> OpenForRead(
      const std::string& path) = 0;
  // A file that is there, to be read and gone on with.
  virtual absl::StatusOr<std::unique_ptr<File>> OpenForAppend(
      const std::string& path) = 0;
  // A new one, for its owner only. kAlreadyExists if there is one.
  virtual absl::StatusOr<std::unique_ptr<File>> Create(
      const std::string& path) = 0;
  // Takes the place of `to`, if there is such a file, at once.
  virtual absl::Status Rename(const std::string& from,
                              const std::string& to) = 0;
  virtual absl::Status Remove(const std::string& path) = 0;
  // Names, sorted.
  virtual absl::StatusOr<std::vector<std::string>> List(
      const std::string& folder) = 0;
  // Until the folder's names are on the disk.
  virtual absl::Status SyncFolder(const std::string& folder) = 0;
  virtual absl::StatusOr<bool> Exists(const std::string& path) = 0;
};

}  // namespace rafthttp::snap

#endif  // SNAP_FILE_SYSTEM_H_
