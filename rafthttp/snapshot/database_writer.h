#ifndef RAFTHTTP_SNAPSHOT_DATABASE_WRITER_H_
#define RAFTHTTP_SNAPSHOT_DATABASE_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "rafthttp/delivery/strand_pool.h"
#include "rafthttp/event/event_loop.h"
#include "rafthttp/snapshot/disk_work.h"
#include "snap/db_writer.h"
#include "snap/snapshotter.h"

namespace rafthttp {

// Takes a database that is being received to its file, beside the loop.
//
//   Append ... -> Finish -> saved | failed
//
// Threads: loop-confined; the file is written by a thread of the pool's.
// Lifetime: destroy it at any moment, even inside its own callbacks: an
//   unfinished file is removed. It may go from one owner to another between.
// Bounds: it holds what was appended and is not written yet. Who appends no
//   more while is_full() keeps that to about kPendingBytesMax.
class DatabaseWriter {
 public:
  static constexpr size_t kPendingBytesMax = 2 << 20;

  class Events {
   public:
    // It is full no more.
    virtual void OnDatabaseRoom() = 0;
    // The last, each: the disk refused; or Finish has done its work.
    virtual void OnDatabaseFailed(const absl::Status& status) = 0;
    virtual void OnDatabaseSaved() = 0;

   protected:
    ~Events() = default;
  };

  // Creates the file. `loop`, `pool` and `snapshotter` must outlive the writer;
  // `pool` may be null: then files are written on the loop.
  DatabaseWriter(event::EventLoop& loop, StrandPool* pool,
                 snap::Snapshotter& snapshotter);
  ~DatabaseWriter();

  // Who hears of it; null: nobody, for now. A failure meanwhile is in status().
  void Attach(Events* events) { events_ = events; }
  const absl::Status& status() const { return status_; }

  void Append(std::string block);
  // A block that was written, for its memory; empty if there is none.
  std::string TakeSpare() { return std::exchange(spare_, {}); }
  bool is_full() const { return pending_bytes_ >= kPendingBytesMax; }
  // Of all that was appended: how much, and its CRC-64.
  uint64_t size_bytes() const { return size_bytes_; }
  uint64_t digest() const { return digest_; }

  // Gives the file its name, when all of it is written and synced.
  void Finish(uint64_t index);

 private:
  // Shared with the disk's thread.
  struct Shared {
    std::unique_ptr<snap::DbWriter> file;
  };

  void OnWritten(std::string block, const absl::Status& status);
  void Fail(const absl::Status& status);

  Events* events_ = nullptr;
  absl::Status status_;
  uint64_t size_bytes_ = 0;
  uint64_t digest_ = 0;
  size_t pending_bytes_ = 0;
  std::string spare_;
  std::shared_ptr<Shared> shared_;
  DiskWork disk_;
};

}  // namespace rafthttp

#endif  // RAFTHTTP_SNAPSHOT_DATABASE_WRITER_H_
