#ifndef SNAP_TESTING_FAULTY_FILE_SYSTEM_H_
#define SNAP_TESTING_FAULTY_FILE_SYSTEM_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "rafthttp/base/mutex.h"
#include "snap/file_system.h"

namespace rafthttp::snap {

// Files in memory, on a disk that fails when it is told to, and that forgets at
// a crash what was not synced: of a file's content any part of what was
// appended since, of a folder's names any of the changes since.
//
// Every call that changes something is numbered, from 1: a test runs once to
// count them, and then once for each with that one broken.
//
// Threads: thread-safe.
class FaultyFileSystem final : public FileSystem {
 public:
  enum class Fault {
    kError,      // it fails, and does nothing
    kDiskFull,   // an append writes half; anything else does nothing
    kPowerLoss,  // it does nothing, and nothing works until Restart
  };

  // `seed` decides what survives a crash.
  explicit FaultyFileSystem(uint64_t seed = 1);
  ~FaultyFileSystem() override;

  // Breaks the change numbered `number`.
  void BreakChange(uint64_t number, Fault fault);
  // How many changes were tried so far.
  uint64_t changes() const;
  // The machine starts again, with what the disk kept. Files that are open stay
  // dead.
  void Restart();

  // All files and their contents.
  std::map<std::string, std::string> Contents() const;
  void Put(const std::string& path, std::string content);

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

 private:
  class OpenFile;
  struct Inode {
    std::string content;
    size_t synced_bytes = 0;
  };
  using Names = std::map<std::string, std::shared_ptr<Inode>>;

  // Counts a change; what is wrong with it, if anything.
  absl::Status Change(bool* is_half = nullptr)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status CheckPower() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path);

  mutable Mutex mutex_;
  std::mt19937_64 random_ ABSL_GUARDED_BY(mutex_);
  Names names_ ABSL_GUARDED_BY(mutex_);
  Names synced_names_ ABSL_GUARDED_BY(mutex_);
  uint64_t changes_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t broken_change_ ABSL_GUARDED_BY(mutex_) = 0;
  Fault fault_ ABSL_GUARDED_BY(mutex_) = Fault::kError;
  bool has_power_ ABSL_GUARDED_BY(mutex_) = true;
  uint64_t generation_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace rafthttp::snap

#endif  // SNAP_TESTING_FAULTY_FILE_SYSTEM_H_
