#ifndef SNAP_SNAPSHOTTER_H_
#define SNAP_SNAPSHOTTER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "rafthttp/base/logger.h"
#include "raftpb/raft.pb.h"
#include "snap/db_writer.h"
#include "snap/file_system.h"
#include "snap/names.h"

namespace rafthttp::snap {

// The snapshot files of one member, in etcd's folder DATA/member/snap, exactly
// as etcd writes and reads them (etcd's snap.Snapshotter); names.h lists them.
//
// What differs: a .snap is written to a temporary file first, synced and
// renamed, and every rename is followed by a sync of the folder, so that a
// crash leaves the old state or the new one. (etcd writes to the final name,
// and relies on the checksum.)
//
// Threads: thread-safe, as it keeps no state; every method blocks. Two that
//   write the same file at once are the caller's bug.
class Snapshotter {
 public:
  // `folder` must exist; `files`, and `logger` unless it is null, must outlive
  // the snapshotter.
  Snapshotter(FileSystem& files, std::string folder, Logger* logger = nullptr);

  const std::string& folder() const { return folder_; }
  FileSystem& files() { return files_; }

  // Before anything else after a start: removes what a crash left behind:
  // databases that were being received, defragmentations.
  absl::Status CleanUp();

  // Writes a .snap. One of index 0 is none, and does nothing.
  absl::Status SaveSnap(const raftpb::Snapshot& snapshot);

  // The newest .snap that can be read, by term and index. One that cannot is
  // renamed to *.broken, and the next is tried. kNotFound if there is none.
  absl::StatusOr<raftpb::Snapshot> Load();
  // The newest of those that the WAL names, too; others are left alone.
  absl::StatusOr<raftpb::Snapshot> LoadNewestAvailable(
      absl::Span<const SnapId> among);

  // For a database that is being received.
  absl::StatusOr<std::unique_ptr<DbWriter>> NewDbWriter();
  // Writes all that `read` yields (0: the end) as the database of `index`, and
  // returns how many bytes that were.
  absl::StatusOr<uint64_t> SaveDbFrom(
      absl::FunctionRef<absl::StatusOr<size_t>(char* out, size_t size)> read,
      uint64_t index);
  // Where it is. kNotFound: "snap: snapshot file doesn't exist".
  absl::StatusOr<std::string> DbFilePath(uint64_t index);

  // Removes the databases of older indexes than the snapshot's. What cannot be
  // removed is logged, and stays.
  absl::Status ReleaseSnapDbs(const raftpb::Snapshot& snapshot);

 private:
  std::string Path(absl::string_view name) const;
  absl::StatusOr<std::string> ReadFile(const std::string& path);
  absl::StatusOr<raftpb::Snapshot> LoadMatching(
      absl::FunctionRef<bool(SnapId)> matches);
  void Warn(absl::string_view text) const;

  FileSystem& files_;
  const std::string folder_;
  Logger* const logger_;
};

}  // namespace rafthttp::snap

#endif  // SNAP_SNAPSHOTTER_H_
