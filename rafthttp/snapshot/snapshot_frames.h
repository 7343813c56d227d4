#ifndef RAFTHTTP_SNAPSHOT_SNAPSHOT_FRAMES_H_
#define RAFTHTTP_SNAPSHOT_SNAPSHOT_FRAMES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rafthttp {

// How a database travels between two of ours, in place of its bare bytes:
//
//   BE32 length | BE32 CRC32C of the data | data      length: 1 to 1 MiB
//   BE32 0      | BE32 CRC32C of the rest | BE64 CRC-64/XZ of the database
//
// Every frame but the last with data is of 1 MiB, so that a frame's place in
// the database is known, and a transfer can go on behind any of them. Nothing
// follows the end frame.
//
// The form is this project's own. Who asks GET /raft/snapshot with the header
// X-Rafthttp-Transfer and hears 200 and X-Rafthttp-Offset may post it, with
// both headers; etcd answers 405 to that, and never gets to see it.

inline constexpr size_t kSnapshotFrameBytes = 1 << 20;

// 16 hexadecimal digits that tell one transfer from all others.
inline constexpr char kSnapshotTransferHeader[] = "X-Rafthttp-Transfer";
// How many bytes of the database the receiver has, in decimal: a multiple of
// kSnapshotFrameBytes, or all of them.
inline constexpr char kSnapshotOffsetHeader[] = "X-Rafthttp-Offset";

// What goes before `data`, which must not be empty.
std::string SnapshotFrameHead(absl::string_view data);
std::string SnapshotEndFrame(uint64_t digest);

// Takes frames apart.
// Bounds: one frame is held.
class SnapshotFrameDecoder {
 public:
  enum class Event { kNeedMore, kFrame, kEnd };

  // Takes bytes off the front of `input`, up to the end of a frame, and tells
  // what they completed. kDataLoss: they are no frames, or a checksum is wrong;
  // the decoder is of no use any more.
  absl::StatusOr<Event> Next(absl::string_view& input);

  // After kFrame: its data. Once. The next goes to the memory of `spare`.
  std::string TakeData(std::string spare = {}) {
    return std::exchange(data_, std::move(spare));
  }
  // After kEnd.
  uint64_t digest() const { return digest_; }

 private:
  static constexpr size_t kHeadBytes = 8;

  std::string head_;
  std::string data_;
  size_t wanted_ = 0;  // of data; 0 while the head is gathered
  uint64_t digest_ = 0;
  bool is_short_seen_ = false;
  bool is_ended_ = false;
};

}  // namespace rafthttp

#endif  // RAFTHTTP_SNAPSHOT_SNAPSHOT_FRAMES_H_
