#include "snap/posix_file_system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace rafthttp::snap {
namespace {

absl::Status StatusFromErrno(int error, absl::string_view operation,
                             absl::string_view path) {
  const std::string text =
      absl::StrCat(operation, " ", path, ": ", strerror(error));
  switch (error) {
    case ENOENT:
      return absl::NotFoundError(text);
    case EEXIST:
      return absl::AlreadyExistsError(text);
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
      return absl::ResourceExhaustedError(text);
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::PermissionDeniedError(text);
    default:
      return absl::UnavailableError(text);
  }
}

class PosixFile final : public File {
 public:
  PosixFile(std::string path, int descriptor)
      : path_(std::move(path)), descriptor_(descriptor) {}
  ~PosixFile() override { close(descriptor_); }
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;

  absl::Status Append(absl::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return StatusFromErrno(errno, "write", path_);
      bytes.remove_prefix(static_cast<size_t>(written));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<size_t> ReadAt(uint64_t offset, char* out,
                                size_t size) override {
    size_t have = 0;
    while (have < size) {
      const ssize_t got = pread(descriptor_, out + have, size - have,
                                static_cast<off_t>(offset + have));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return StatusFromErrno(errno, "read", path_);
      if (got == 0) break;
      have += static_cast<size_t>(got);
    }
    return have;
  }

  absl::StatusOr<uint64_t> Size() override {
    struct stat about;
    if (fstat(descriptor_, &about) != 0) {
      return StatusFromErrno(errno, "stat", path_);
    }
    return static_cast<uint64_t>(about.st_size);
  }

  absl::Status Truncate(uint64_t size) override {
    if (ftruncate(descriptor_, static_cast<off_t>(size)) != 0) {
      return StatusFromErrno(errno, "truncate", path_);
    }
    return absl::OkStatus();
  }

  absl::Status Sync() override {
    if (fsync(descriptor_) != 0) return StatusFromErrno(errno, "sync", path_);
    return absl::OkStatus();
  }

 private:
  const std::string path_;
  const int descriptor_;
};

absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path, int flags,
                                           absl::string_view operation) {
  const int descriptor = open(path.c_str(), flags | O_CLOEXEC, 0600);
  if (descriptor < 0) return StatusFromErrno(errno, operation, path);
  return std::make_unique<PosixFile>(path, descriptor);
}

}  // namespace

absl::StatusOr<std::unique_ptr<File>> PosixFileSystem::OpenForRead(
    const std::string& path) {
  return Open(path, O_RDONLY, "open");
}

absl::StatusOr<std::unique_ptr<File>> PosixFileSystem::OpenForAppend(
    const std::string& path) {
  return Open(path, O_RDWR | O_APPEND, "open");
}

absl::StatusOr<std::unique_ptr<File>> PosixFileSystem::Create(
    const std::string& path) {
  return Open(path, O_RDWR | O_APPEND | O_CREAT | O_EXCL, "create");
}

absl::Status PosixFileSystem::Rename(const std::string& from,
                                     const std::string& to) {
  if (rename(from.c_str(), to.c_str()) != 0) {
    return StatusFromErrno(errno, "rename", absl::StrCat(from, " to ", to));
  }
  return absl::OkStatus();
}

absl::Status PosixFileSystem::Remove(const std::string& path) {
  if (unlink(path.c_str()) != 0) return StatusFromErrno(errno, "remove", path);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> PosixFileSystem::List(
    const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator place(folder, error), end;
       !error && place != end; place.increment(error)) {
    names.push_back(place->path().filename().string());
  }
  if (error) return StatusFromErrno(error.value(), "list", folder);
  std::sort(names.begin(), names.end());
  return names;
}

absl::Status PosixFileSystem::SyncFolder(const std::string& folder) {
  const int descriptor =
      open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return StatusFromErrno(errno, "open", folder);
  const int result = fsync(descriptor);
  const int error = errno;
  close(descriptor);
  if (result != 0) return StatusFromErrno(error, "sync", folder);
  return absl::OkStatus();
}

absl::StatusOr<bool> PosixFileSystem::Exists(const std::string& path) {
  struct stat about;
  if (lstat(path.c_str(), &about) == 0) return true;
  if (errno == ENOENT) return false;
  return StatusFromErrno(errno, "stat", path);
}

}  // namespace rafthttp::snap
