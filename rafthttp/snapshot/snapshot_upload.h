#ifndef RAFTHTTP_SNAPSHOT_SNAPSHOT_UPLOAD_H_
#define RAFTHTTP_SNAPSHOT_SNAPSHOT_UPLOAD_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "rafthttp/event/byte_stream.h"
#include "rafthttp/event/event_loop.h"
#include "rafthttp/snapshot/disk_work.h"
#include "rafthttp/snapshot/snapshot_body.h"

namespace rafthttp {

// How fast a snapshot may go, in bytes a second; 0: as fast as it can. May be
// changed from any thread while it goes.
using SnapshotPace = std::atomic<uint64_t>;

// Writes what follows a snapshot's message as the chunks of a body under way,
// and the final chunk behind it.
//
//   SocketUpload  by a thread beside the loop, which feels nothing of it
//   StreamUpload  on the loop, for streams without a socket (simulated ones);
//                 only the disk is beside it
//
// Threads: loop-confined.
// Lifetime: destroy it at any moment: then it ends soon, on_done does not run,
//   and half a chunk may have been written, so that the connection is of no use
//   any more. The body lives until it has ended.
// Bounds: what the body holds.
class SnapshotUpload {
 public:
  // OK: all is written. kDataLoss: the source had more or less than it said.
  // kCancelled: the peer has closed the connection.
  using OnDone = absl::AnyInvocable<void(absl::Status)>;

  // The largest chunk.
  static constexpr uint64_t kSliceBytes = 1 << 20;

  // Where it begins: empty for the bare database, as etcd takes it; or frames,
  // from that offset on.
  using FramesFrom = std::optional<uint64_t>;

  // Picks one. `stream` has no write pending, and nobody else writes to it;
  // `loop` and `stream` must outlive the upload. `disk` is what `body` is read
  // by, also for uploads before and after this one; where it has no thread, the
  // upload runs on the loop.
  static std::unique_ptr<SnapshotUpload> Start(
      event::EventLoop& loop, DiskWork& disk, event::ByteStream& stream,
      std::shared_ptr<SnapshotBody> body, FramesFrom frames_from,
      std::shared_ptr<const SnapshotPace> pace, OnDone on_done);

  virtual ~SnapshotUpload() = default;
  // Of the database, from its beginning, as far as the kernel took them.
  virtual uint64_t sent_bytes() const = 0;
};

}  // namespace rafthttp

#endif  // RAFTHTTP_SNAPSHOT_SNAPSHOT_UPLOAD_H_
