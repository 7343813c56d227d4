#ifndef SNAP_DB_WRITER_H_
#define SNAP_DB_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "snap/file_system.h"

namespace rafthttp::snap {

// Writes a database that is being received: to a temporary file, which gets its
// name, `%016x.snap.db`, only once it is complete and synced.
//
//   Create -> Append ... -> Finish
//
// After a crash at any point there is either that file, whole, or none of that
// name; temporary ones go when a Snapshotter cleans up.
//
// Threads: one at a time; every method blocks.
// Lifetime: an unfinished file is removed by the destructor.
class DbWriter {
 public:
  // `files` must outlive the writer. The temporary file is `tmp` and digits, in
  // `folder`.
  static absl::StatusOr<std::unique_ptr<DbWriter>> Create(
      FileSystem& files, const std::string& folder);
  ~DbWriter();
  DbWriter(const DbWriter&) = delete;
  DbWriter& operator=(const DbWriter&) = delete;

  absl::Status Append(absl::string_view bytes);
  uint64_t size_bytes() const { return size_bytes_; }

  // Syncs, renames, and syncs the folder; returns the path. If there is a
  // database of that index already, that one stays, as in etcd. The last call.
  //   kDataLoss  it has not `expected_bytes`
  absl::StatusOr<std::string> Finish(uint64_t index, uint64_t expected_bytes);

 private:
  DbWriter(FileSystem& files, std::string folder, std::string path,
           std::unique_ptr<File> file);

  FileSystem& files_;
  const std::string folder_;
  const std::string path_;
  std::unique_ptr<File> file_;  // null once it is finished, or has failed to be
  bool is_there_ = true;        // under its temporary name
  uint64_t size_bytes_ = 0;
};

}  // namespace rafthttp::snap

#endif  // SNAP_DB_WRITER_H_
