#ifndef RAFTHTTP_STATS_METRICS_RECORDER_H_
#define RAFTHTTP_STATS_METRICS_RECORDER_H_

#include <cstdint>
#include <memory>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "rafthttp/base/drop_reason.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/base/lane.h"

namespace rafthttp {

// Which end of a stream we are.
enum class StreamEnd {
  kDialled,   // we dialled it, and read
  kAccepted,  // the peer dialled it, and we write
};

// "dialled" or "accepted".
inline absl::string_view StreamEndName(StreamEnd end) {
  return end == StreamEnd::kDialled ? "dialled" : "accepted";
}

// What the transport tells about one peer or remote, for an embedder that
// measures it. Every method does nothing unless overridden, so that methods may
// be added without breaking anybody.
//
// All are called once per batch or event, never per message, except where a
// batch is one message. Reasons are the short names that users match on
// (CloseReasonName and its like): there are few of them.
//
// Threads: thread-safe, though mostly called on the peer's loop. Must not
// block.
class PeerMetrics {
 public:
  virtual ~PeerMetrics() = default;

  // Whether the peer is held to be active; changes only.
  virtual void SetActive(bool /*is_active*/) {}

  // Streams: the kernel took the last byte. POST /raft: answered with 204.
  // Snapshots: answered with 204. `bytes` are those of the encoded messages,
  // and of a snapshot's body, without framing.
  virtual void Sent(Lane /*lane*/, uint64_t /*messages*/, uint64_t /*bytes*/) {}
  // From the peer, by any path; snapshot bodies included.
  virtual void Received(uint64_t /*messages*/, uint64_t /*bytes*/) {}
  // What etcd calls a failure: a message for which there was no room, a stream
  // that broke while writing, a POST without its 204.
  virtual void SendFailed(uint64_t /*count*/) {}
  // A message that was read and found no room, or a request that could not be
  // read.
  virtual void ReceiveFailed(uint64_t /*count*/) {}
  virtual void Dropped(Lane /*lane*/, DropReason /*reason*/,
                       uint64_t /*messages*/) {}

  // What waits on a lane right now, and for how long the oldest message has.
  // Told after each batch, and again now and then while something waits.
  virtual void SetQueue(Lane /*lane*/, uint64_t /*messages*/,
                        uint64_t /*bytes*/, absl::Duration /*age*/) {}

  // `stream` is kMsgApp or kMessage. Each stream that was opened is closed
  // once.
  virtual void StreamOpened(Lane /*stream*/, StreamEnd /*end*/) {}
  virtual void StreamClosed(Lane /*stream*/, StreamEnd /*end*/,
                            absl::string_view /*reason*/) {}
  // A stream that we dial will be dialled again: it closed, or did not open.
  virtual void StreamRedialled(Lane /*stream*/, absl::string_view /*reason*/) {}

  // The smoothed round trip of a prober, told as etcd's monitor does.
  virtual void RoundTrip(absl::Duration /*smoothed*/) {}
  // Our clock minus the peer's; told after each answered probe.
  virtual void SetClockOffset(absl::Duration /*offset*/) {}
  virtual void ProbeFailed() {}

  // Merged snapshots, by POST /raft/snapshot. Each that began ends once. Their
  // bytes and failures count in Sent, Received, SendFailed and ReceiveFailed,
  // too: the caller tells both.
  virtual void SnapshotSendBegan() {}
  virtual void SnapshotSendEnded(bool /*is_ok*/, absl::Duration /*took*/) {}
  virtual void SnapshotReceiveBegan() {}
  virtual void SnapshotReceiveEnded(bool /*is_ok*/, absl::Duration /*took*/) {}
};

// What a transport tells an embedder who measures it; this one listens to
// nothing. metrics/prometheus_recorder.h is one that does.
//
// Threads: thread-safe. Must not block.
class MetricsRecorder {
 public:
  virtual ~MetricsRecorder() = default;

  // A peer or remote was added; what is returned lives until it is removed, and
  // never longer than this recorder. Never null. Adding a peer anew may come
  // before the old one's last breath.
  virtual std::unique_ptr<PeerMetrics> AddPeer(MemberId /*peer*/) {
    return std::make_unique<PeerMetrics>();
  }

  // Requests from members that are no peers of ours, and those that do not say
  // who sends them.
  virtual void StrangerReceived(uint64_t /*messages*/, uint64_t /*bytes*/) {}
  virtual void StrangerReceiveFailed() {}
  virtual void StrangerSnapshotReceiveFailed() {}

  // Connections that our listeners accepted.
  virtual void ConnectionOpened() {}
  virtual void ConnectionClosed() {}
  virtual void ConnectionRefused(absl::string_view /*reason*/) {}
};

}  // namespace rafthttp

#endif  // RAFTHTTP_STATS_METRICS_RECORDER_H_
