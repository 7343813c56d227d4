#ifndef RAFTHTTP_SNAPSHOT_SNAPSHOT_BODY_H_
#define RAFTHTTP_SNAPSHOT_SNAPSHOT_BODY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "snap/snapshot_message.h"

namespace rafthttp {

// What follows the message in a snapshot's body, piece by piece: the database's
// bare bytes, as etcd takes them, or frames of it (snapshot_frames.h), which
// can begin at an offset.
//
// Threads: one at a time; Begin and Next read files, and block.
// Bounds: one frame is held, and 8 bytes for each MiB that has been framed.
class SnapshotBody {
 public:
  // The next bytes of the body: `head`, then `data` or a part of the source's
  // file. Views are good until the next call.
  struct Piece {
    absl::string_view head;
    absl::string_view data;
    uint64_t file_offset = 0;
    uint64_t file_bytes = 0;

    // Of the database.
    uint64_t database_bytes() const { return data.size() + file_bytes; }
    bool is_end() const { return head.empty() && database_bytes() == 0; }
  };

  explicit SnapshotBody(std::shared_ptr<snap::SnapshotMessage> message);

  // From the first byte to the last, as etcd takes it.
  void BeginPlain();
  // Frames from `offset` on.
  //   kDataLoss  none of those before has ended there
  absl::Status BeginFramed(uint64_t offset);

  // With at most `bytes_max` of the database, more than none. `use_file`: where
  // the source is one, and its bytes need not be looked at, they stay there.
  //   kDataLoss  the source has more or less than it said
  absl::StatusOr<Piece> Next(uint64_t bytes_max, bool use_file);

  // The source's, that a piece of a file is in.
  int file() const { return message_->source().descriptor(); }
  uint64_t size_bytes() const { return message_->source().size_bytes(); }

 private:
  absl::Status Fill(uint64_t size);
  absl::string_view filled() const { return {buffer_.data(), filled_}; }
  absl::Status CheckEnd();
  absl::StatusOr<Piece> NextPlain(uint64_t bytes_max, bool use_file);
  absl::StatusOr<Piece> NextFramed(uint64_t bytes_max);

  const std::shared_ptr<snap::SnapshotMessage> message_;
  bool is_framed_ = false;
  bool is_ended_ = false;
  uint64_t offset_ = 0;  // up to which it has been read
  std::string buffer_;
  size_t filled_ = 0;  // of the buffer, by what was read last
  size_t taken_ = 0;   // of that, where it is a frame
  std::string head_;
  // The CRC-64 of the first i frames.
  std::vector<uint64_t> digests_ = {0};
};

}  // namespace rafthttp

#endif  // RAFTHTTP_SNAPSHOT_SNAPSHOT_BODY_H_
