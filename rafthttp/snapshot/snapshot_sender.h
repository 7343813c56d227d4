#ifndef RAFTHTTP_SNAPSHOT_SNAPSHOT_SENDER_H_
#define RAFTHTTP_SNAPSHOT_SNAPSHOT_SENDER_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/delivery/strand_pool.h"
#include "rafthttp/event/backoff.h"
#include "rafthttp/event/connector.h"
#include "rafthttp/event/event_loop.h"
#include "rafthttp/handshake/answer.h"
#include "rafthttp/handshake/identity.h"
#include "rafthttp/handshake/url_picker.h"
#include "rafthttp/http1/url.h"
#include "rafthttp/snapshot/snapshot_upload.h"
#include "snap/snapshot_message.h"

namespace rafthttp {

// Sends merged snapshots to one member, one POST /raft/snapshot at a time, each
// on a connection of its own:
//
//   BE64 length of the message | the message | the database      (chunked)
//
// Only 204 means that the member has stored it and its raft has the message. A
// snapshot that fails is not sent again: raft decides.
//
// One of ours is told by its answer to a GET before that, at which etcd shakes
// its head (405). It gets frames (snapshot_frames.h) in place of the bare
// database, and when the connection breaks, the transfer goes on where the
// receiver's last whole frame ended, as long as that gets it any further.
//
// Deadlines are about progress: none bounds the whole.
//
// Threads: loop-confined; files are read by a thread of the pool's.
// Lifetime: destroy it at any moment, even inside its own callbacks; nothing is
//   reported then, but the message is closed as cancelled.
// Bounds: one snapshot under way; what SnapshotBody holds of memory.
class SnapshotSender {
 public:
  struct Options {
    Identity identity;
    absl::Duration connect_timeout = absl::Seconds(2);
    // How long the peer may take no byte at all.
    absl::Duration stall_timeout = absl::Seconds(30);
    // From the last byte to the answer: the peer syncs gigabytes, and its raft
    // takes the message.
    absl::Duration answer_timeout = absl::Minutes(5);
    // Bytes a second; 0: as fast as it goes.
    uint64_t bytes_per_second_max = 0;
    // What it slows down to, where it has a limit, while the peer's other lanes
    // are busy (Yield). Never less, so that it arrives.
    uint64_t bytes_per_second_floor = 1 << 20;
    // How often it goes on after a break, without a frame more at the receiver.
    // 0: never; nor does it ask what the peer can do, and sends as to etcd.
    int retries_max = 5;
    event::Backoff::Options retry_backoff = {.initial = absl::Milliseconds(100),
                                             .max = absl::Seconds(5),
                                             .multiplier = 2,
                                             .jitter = 0,
                                             .jitter_seed = 0};
  };

  // What became of a snapshot that Send took.
  struct Outcome {
    // OK: the peer has it. kCancelled: Stop.
    absl::Status status;
    // What the answer meant; kUnexpected where there was none. kMemberRemoved
    // means that the cluster has removed us.
    Answer answer = Answer::kUnexpected;
    int http_status = 0;  // 0: no answer
    http1::Url url;
    // Of the database, as far as they went.
    uint64_t sent_bytes = 0;
    uint64_t total_bytes = 0;  // message and database
    // How often it broke off and went on.
    int breaks = 0;
    // In frames, to one of ours.
    bool is_framed = false;
    absl::Duration took;
  };
  class Events {
   public:
    // Once for each Send that was OK, in a later turn. May destroy the sender.
    virtual void OnSnapshotSent(SnapshotSender& sender,
                                const Outcome& outcome) = 0;

   protected:
    ~Events() = default;
  };

  // All that is referred to must outlive the sender. `pool` may be null: then
  // files are read on the loop.
  SnapshotSender(event::EventLoop& loop, event::Connector& connector,
                 StrandPool* pool, UrlPicker& urls, Events& events,
                 Options options);
  ~SnapshotSender();
  SnapshotSender(const SnapshotSender&) = delete;
  SnapshotSender& operator=(const SnapshotSender&) = delete;

  // Begins to send. The message is closed with the outcome, in any case.
  //   kResourceExhausted  one is under way
  absl::Status Send(snap::SnapshotMessage message);

  // Ends the one under way, reported as `status`. Send may follow.
  void Stop(absl::Status status);

  // While set, one that has a limit goes no faster than the floor.
  void Yield(bool is_yielding);

  bool is_sending() const { return transfer_ != nullptr; }
  // Of the one under way: of the database, as far as the kernel took them. Less
  // than before after a break.
  uint64_t sent_bytes() const;

 private:
  class Transfer;

  void SetPace();
  void OnTransferEnd(Outcome outcome);

  event::EventLoop& loop_;
  event::Connector& connector_;
  StrandPool* const pool_;
  UrlPicker& urls_;
  Events& events_;
  const Options options_;
  const std::shared_ptr<SnapshotPace> pace_;
  bool is_yielding_ = false;
  std::unique_ptr<Transfer> transfer_;
};

}  // namespace rafthttp

#endif  // RAFTHTTP_SNAPSHOT_SNAPSHOT_SENDER_H_
