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
// Files are read, and not given to sendfile: a MiB that stays in the cache from
// read to send costs less. 1 GiB to Go's rafthttp, medians of the same hour:
// 1.04 s/GB of CPU at 1.45 GB/s, by sendfile 1.28 at 0.93.
//
// Threads: one at a time; Begin and Next read files, and block.
// Bounds: one piece is held, and 8 bytes for each MiB that has been framed.
class SnapshotBody {
 public:
  // The next bytes of the body: `head`, then `data`, which is the database's.
  // Good until the next call.
  struct Piece {
    absl::string_view head;
    absl::string_view data;

    bool is_end() const { return head.empty() && data.empty(); }
  };

  explicit SnapshotBody(std::shared_ptr<snap::SnapshotMessage> message);

  // From the first byte to the last, as etcd takes it.
  void BeginPlain();
  // Frames from `offset` on.
  //   kDataLoss  none of those before has ended there
  absl::Status BeginFramed(uint64_t offset);

  // With at most `bytes_max` of the database, more than none.
  //   kDataLoss  the source has more or less than it said
  absl::StatusOr<Piece> Next(uint64_t bytes_max);

  uint64_t size_bytes() const { return message_->source().size_bytes(); }

 private:
  absl::Status Fill(uint64_t size);
  absl::string_view filled() const { return {buffer_.data(), filled_}; }
  absl::Status CheckEnd();
  absl::StatusOr<Piece> NextPlain(uint64_t bytes_max);
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
