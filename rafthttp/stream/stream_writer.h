#ifndef RAFTHTTP_STREAM_STREAM_WRITER_H_
#define RAFTHTTP_STREAM_STREAM_WRITER_H_

#include <cstddef>
#include <deque>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "rafthttp/base/destruction_watch.h"
#include "rafthttp/base/drop_reason.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/base/tally.h"
#include "rafthttp/codec/frame_encoder.h"
#include "rafthttp/codec/limits.h"
#include "rafthttp/codec/outgoing_message.h"
#include "rafthttp/event/byte_stream.h"
#include "rafthttp/event/event_loop.h"
#include "rafthttp/stream/stream_farewell.h"
#include "rafthttp/stream/stream_kind.h"

namespace rafthttp {

// Sends messages to one peer over the stream of one kind that the peer opened
// last: the body of our answer to its GET.
//
// What is queued in one turn goes out as one chunk by one writev. While the
// kernel takes no more, messages wait here unencoded; large entries are never
// copied. A link heartbeat goes out every heartbeat_interval, traffic or not.
//
// Place: Peer owns one per kind, and bounds what it queues here by the budget
//   of its mailbox; the stream handler attaches connections.
// Threads: loop-confined.
// Lifetime: destroy it at any moment, even inside its own callbacks. Nothing is
//   reported by the destructor: Detach first where it matters.
// Bounds: beside the queue, one slice (slice_bytes and a message), and for
//   StreamFarewell's time the connection before the present one. Idle for two
//   heartbeats, it keeps about 2 KiB.
class StreamWriter final : private event::ByteStream::Reader {
 public:
  struct Options {
    StreamKind kind = StreamKind::kMessage;
    MemberId self;
    MemberId peer;
    // A third of the peer's read timeout, so that two may be lost.
    absl::Duration heartbeat_interval = absl::Seconds(5) / 3;
    // The kernel took nothing for so long although something waits: the peer's
    // host is gone. Not etcd's 5 s, as a peer whose Process blocks may rightly
    // stop reading for a while. Looked at with each heartbeat.
    absl::Duration write_timeout = absl::Seconds(60);
    // How much is encoded at once, and written before other peers get their
    // turn; a single message may be more.
    size_t slice_bytes = 256 << 10;
    codec::Limits limits;
  };

  // Why a connection is not attached any more.
  enum class DetachReason {
    kReplaced,      // the peer has opened another
    kPeerClosed,    // the peer ended or reset it
    kWriteFailed,   // ... or it broke while we were writing
    kWriteTimeout,  // nothing went out for write_timeout
    kDetached,      // Detach
  };

  // Who owns the writer. Each callback may destroy it.
  class Events {
   public:
    virtual void OnWriterAttached(StreamWriter& writer) = 0;
    // The last connection is gone, and with it the queue, which was reported
    // by OnDropped just before. Not called when another replaces it at once.
    virtual void OnWriterDetached(StreamWriter& writer,
                                  StreamWriter::DetachReason reason,
                                  const absl::Status& status) = 0;
    // The kernel took all of these.
    virtual void OnWritten(StreamWriter& writer, const Tally& tally) = 0;
    // These will not be written (again).
    virtual void OnDropped(StreamWriter& writer, const Tally& tally,
                           DropReason reason) = 0;

   protected:
    ~Events() = default;
  };

  // `loop` and `events` must outlive the writer.
  StreamWriter(event::EventLoop& loop, Events& events, Options options);
  ~StreamWriter();
  StreamWriter(const StreamWriter&) = delete;
  StreamWriter& operator=(const StreamWriter&) = delete;

  // Takes a connection on which the head of our answer has been written.
  // Whatever the peer says on it is ignored. One attached before ends with its
  // final chunk, and the queue is dropped as kStreamReplaced, as etcd does: the
  // peer's decoder starts anew.
  void Attach(std::unique_ptr<event::ByteStream> stream);
  // Ends the stream, with its final chunk where nothing is half written, and
  // drops the queue for `reason`. Calls OnDropped and OnWriterDetached.
  void Detach(DropReason reason);

  bool is_attached() const { return state_ != State::kDetached; }

  // Queues `message`; only while attached. Nothing is written, and no callback
  // runs, before Flush.
  void Append(codec::OutgoingMessage&& message);
  // Writes what is queued, as far as it goes; the rest follows by itself.
  // Call it once per turn, after the last Append.
  void Flush();

  // Not yet written, the batch under way included.
  size_t queued_messages() const;
  size_t queued_bytes() const;
  // When the oldest of them was appended; InfiniteFuture if there is none.
  absl::Time oldest_at() const;

  StreamKind kind() const { return options_.kind; }
  // "" while not attached.
  std::string remote_address() const;

 private:
  enum class State {
    kDetached,
    kReady,     // between two chunks
    kFlushing,  // the same, inside Flush
    kWriting,   // the stream has the rest of a chunk
  };
  struct Queued {
    codec::OutgoingMessage message;
    absl::Time at;
  };
  struct Slice;

  // event::ByteStream::Reader:
  void OnBytes(absl::string_view bytes) override;
  void OnEnd(absl::Status status) override;

  void OnHeartbeatDue();
  bool HasStalled();
  bool IsSliceFull() const;
  // Puts `message` into the slice, or counts it as refused.
  void Encode(codec::OutgoingMessage&& message, absl::Time at);
  // Puts into the slice what is due and what fits of the queue.
  void FillSlice();
  // Writes the slice as one chunk; what the kernel does not take goes on by
  // itself. `this` may be gone afterwards, here and below.
  void WriteSlice();
  void FinishSlice();
  void Lose(DetachReason reason, const absl::Status& status);
  // Leaves the connection, and all that is bound to it but the messages.
  void Disconnect(bool is_in_order);
  // Forgets all messages and returns what they were.
  Tally TakeAll();

  event::EventLoop& loop_;
  Events& events_;
  const Options options_;

  State state_ = State::kDetached;
  std::unique_ptr<event::ByteStream> stream_;  // null while detached
  std::unique_ptr<codec::FrameEncoder> encoder_;
  size_t ignored_bytes_ = 0;
  // The connection before, on its way out.
  std::unique_ptr<StreamFarewell> farewell_;

  std::deque<Queued> queue_;  // behind the slice
  Tally queued_;              // what queue_ holds
  Tally refused_;             // not encodable, not yet reported
  // Encoded, and not yet written; null after a while without any.
  std::unique_ptr<Slice> slice_;

  const std::unique_ptr<event::Timer> heartbeat_timer_;
  const std::unique_ptr<event::Timer> flush_timer_;  // the next turn's Flush
  bool is_heartbeat_due_ = false;
  bool is_idle_ = false;  // no message since the last heartbeat
  // While kWriting: what was left to write, and since when.
  size_t stalled_bytes_ = 0;
  absl::Time stalled_since_;
  // Of the connection that it has, or of the writer.
  WatchedLife connection_life_;
};

absl::string_view DetachReasonName(StreamWriter::DetachReason reason);

}  // namespace rafthttp

#endif  // RAFTHTTP_STREAM_STREAM_WRITER_H_
