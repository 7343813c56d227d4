#ifndef RAFTHTTP_SNAPSHOT_SNAPSHOT_UPLOAD_H_
#define RAFTHTTP_SNAPSHOT_SNAPSHOT_UPLOAD_H_

#include <atomic>
#include <cstdint>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "rafthttp/delivery/strand_pool.h"
#include "rafthttp/event/byte_stream.h"
#include "rafthttp/event/event_loop.h"
#include "snap/snapshot_message.h"

namespace rafthttp {

// How fast a snapshot may go, in bytes a second; 0: as fast as it can. May be
// changed from any thread while it goes.
using SnapshotPace = std::atomic<uint64_t>;

// Writes a snapshot's database as the chunks of a body under way, and the final
// chunk behind it.
//
//   SocketUpload  by a thread beside the loop: sendfile, where the source is a
//                 file; the loop feels nothing of it
//   StreamUpload  on the loop, for streams without a socket (simulated ones);
//                 only the disk is beside it
//
// Threads: loop-confined.
// Lifetime: destroy it at any moment: then it ends soon, on_done does not run,
//   and half a chunk may have been written, so that the connection is of no use
//   any more. The message lives until it has ended.
// Bounds: kSliceBytes of memory.
class SnapshotUpload {
 public:
  // OK: all is written. kDataLoss: the source had more or less than it said.
  // kCancelled: the peer has closed the connection.
  using OnDone = absl::AnyInvocable<void(absl::Status)>;

  // A chunk; what is sent again at most, after a break.
  static constexpr uint64_t kSliceBytes = 1 << 20;

  // Picks one. `stream` has no write pending, and nobody else writes to it;
  // `loop`, `pool` and `stream` must outlive the upload. `pool` may be null:
  // then it runs on the loop.
  static std::unique_ptr<SnapshotUpload> Start(
      event::EventLoop& loop, StrandPool* pool, event::ByteStream& stream,
      std::shared_ptr<snap::SnapshotMessage> message,
      std::shared_ptr<const SnapshotPace> pace, OnDone on_done);

  virtual ~SnapshotUpload() = default;
  // Of the database, as far as the kernel took them.
  virtual uint64_t sent_bytes() const = 0;
};

}  // namespace rafthttp

#endif  // RAFTHTTP_SNAPSHOT_SNAPSHOT_UPLOAD_H_
