#ifndef SNAP_SNAPSHOT_MESSAGE_H_
#define SNAP_SNAPSHOT_MESSAGE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "raftpb/raft.pb.h"
#include "snap/file_system.h"

namespace rafthttp::snap {

// The database that goes with a snapshot, to be read from front to back; from
// some earlier place again after a break, where is_seekable().
// Its methods are called on one thread at a time, which may be any, and block.
class SnapshotSource {
 public:
  virtual ~SnapshotSource() = default;

  // How long it is. One that turns out to be shorter or longer is refused.
  virtual uint64_t size_bytes() const = 0;
  // How much was read; 0 at the end only.
  virtual absl::StatusOr<size_t> ReadAt(uint64_t offset, char* out,
                                        size_t size) = 0;
  virtual bool is_seekable() const { return true; }
};

// A file, as long as it is when it is opened.
class FileSource final : public SnapshotSource {
 public:
  static absl::StatusOr<std::unique_ptr<FileSource>> Open(
      FileSystem& files, const std::string& path);

  uint64_t size_bytes() const override { return size_bytes_; }
  absl::StatusOr<size_t> ReadAt(uint64_t offset, char* out,
                                size_t size) override {
    return file_->ReadAt(offset, out, size);
  }

 private:
  FileSource(std::unique_ptr<File> file, uint64_t size_bytes)
      : file_(std::move(file)), size_bytes_(size_bytes) {}

  const std::unique_ptr<File> file_;
  const uint64_t size_bytes_;
};

// Bytes that a function yields in order, 0 at the end.
class CallbackSource final : public SnapshotSource {
 public:
  using Read =
      absl::AnyInvocable<absl::StatusOr<size_t>(char* out, size_t size)>;
  CallbackSource(uint64_t size_bytes, Read read)
      : size_bytes_(size_bytes), read_(std::move(read)) {}

  uint64_t size_bytes() const override { return size_bytes_; }
  // kUnimplemented for another offset than the next.
  absl::StatusOr<size_t> ReadAt(uint64_t offset, char* out,
                                size_t size) override;
  bool is_seekable() const override { return false; }

 private:
  const uint64_t size_bytes_;
  Read read_;
  uint64_t next_ = 0;
};

// A merged snapshot (etcd's snap.Message): the MsgSnap, whose snapshot.data is
// small, and the database that goes behind it.
//
// Threads: one at a time. Lifetime: movable; one that nobody closed is closed
//   as kCancelled when it goes.
class SnapshotMessage {
 public:
  // `on_closed` runs exactly once, with what became of it: OK once the receiver
  // has it. On the thread that closes it: the transport's loop. May be null.
  SnapshotMessage(raftpb::Message message,
                  std::unique_ptr<SnapshotSource> source,
                  absl::AnyInvocable<void(absl::Status)> on_closed);
  ~SnapshotMessage();
  SnapshotMessage(SnapshotMessage&&) = default;
  SnapshotMessage& operator=(SnapshotMessage&&) = delete;

  const raftpb::Message& message() const { return message_; }
  SnapshotSource& source() const { return *source_; }
  // Of message and database.
  uint64_t total_bytes() const;

  // Only the first call counts.
  void Close(absl::Status status);

 private:
  raftpb::Message message_;
  std::unique_ptr<SnapshotSource> source_;
  absl::AnyInvocable<void(absl::Status)> on_closed_;
};

}  // namespace rafthttp::snap

#endif  // SNAP_SNAPSHOT_MESSAGE_H_
