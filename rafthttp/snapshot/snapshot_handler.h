#ifndef RAFTHTTP_SNAPSHOT_SNAPSHOT_HANDLER_H_
#define RAFTHTTP_SNAPSHOT_SNAPSHOT_HANDLER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/codec/limits.h"
#include "rafthttp/delivery/strand_pool.h"
#include "rafthttp/event/event_loop.h"
#include "rafthttp/handshake/identity.h"
#include "rafthttp/http1/exchange.h"
#include "rafthttp/http1/handler.h"
#include "rafthttp/http1/headers.h"
#include "rafthttp/http1/url.h"
#include "rafthttp/snapshot/partial_snapshots.h"
#include "raftpb/raft.pb.h"
#include "snap/snapshotter.h"

namespace rafthttp {

// Answers POST /raft/snapshot: the message first, then the database, which goes
// to a file of the snapshotter's folder as it comes. Raft sees the message once
// that file is complete and synced.
//
//   method      405
//   versions    400 malformed, 412 "incompatible version"
//   cluster     412 "cluster ID mismatch"
//   too many    503
//   message     400 "failed to decode raft message (...)", "wrong raft message
//               type"
//   database    500 "failed to save KV snapshot (...)"
//   Raft        204, or the error's own answer, or 500 "failed to process raft
//               message (...)"
//
// A second snapshot from the same sender replaces one that is being received:
// the sender has only one under way, so that the first is a connection whose
// end we have not heard of yet.
//
// One of ours asks first, and sends frames (snapshot_frames.h):
//
//   GET, X-Rafthttp-Transfer   200, X-Rafthttp-Offset: what is here of it
//   POST, both headers         as above; 409 and X-Rafthttp-Offset where that
//                              differs; 400 and X-Rafthttp-Offset for a frame
//                              that is wrong, and may be sent again; 400 "the
//                              snapshot's digest is wrong"
//
// What broke off after a whole frame is kept for a while (PartialSnapshots).
//
// Threads: loop-confined; files are written by a thread of the pool's.
// Lifetime: destroy it at any moment; requests under way are closed without an
//   answer, and their files removed.
// Bounds: receives_max at once, each with about 3 MiB of memory besides its
//   message; then the peer feels that the disk is slow. As many that broke off.
class SnapshotHandler final : public http1::Handler {
 public:
  struct Options {
    Identity identity;
    codec::Limits limits;
    size_t receives_max = 8;
    // How long what broke off waits for its sender.
    absl::Duration partial_timeout = absl::Minutes(1);
  };
  // How the receiving of one ended.
  struct Received {
    MemberId from;  // zero where it does not say
    absl::string_view remote_address;
    uint64_t index = 0;
    uint64_t message_bytes = 0;
    uint64_t database_bytes = 0;
    absl::Duration took;
    // OK: stored, and taken by Raft.
    absl::Status status;
  };
  // Who takes what was received.
  class Receiver {
   public:
    // A sender has shown where it can be reached (X-PeerURLs).
    virtual void OnSender(MemberId from, std::vector<http1::Url> urls) = 0;
    // A message has been read, and its database is to come.
    virtual void OnSnapshotBegan(MemberId from) = 0;
    // The file is there. `on_processed` runs once in a later turn, or never;
    // then the request is not answered.
    virtual void Receive(
        raftpb::Message message, size_t body_bytes,
        absl::AnyInvocable<void(absl::Status)> on_processed) = 0;
    // Once for each POST that came so far as to have a body.
    virtual void OnSnapshotEnded(const Received& received) = 0;

   protected:
    ~Receiver() = default;
  };

  // All that is referred to must outlive the handler. `pool` may be null: then
  // files are written on the loop.
  SnapshotHandler(event::EventLoop& loop, StrandPool* pool,
                  snap::Snapshotter& snapshotter, Receiver& receiver,
                  Options options);
  ~SnapshotHandler() override;

  void Serve(std::unique_ptr<http1::Exchange> exchange) override;

  size_t receives() const { return receives_.size(); }
  size_t partials() const { return partials_.size(); }

 private:
  class Receive;

  // What a request says about a transfer.
  struct Announced;

  void ServeGet(http1::Exchange& exchange, const Announced& announced);
  void ServePost(std::unique_ptr<http1::Exchange> exchange,
                 const Announced& announced);
  // Ends those of the sender's that are under way, but keeps what there is of
  // the announced transfer.
  void EndOthers(const Announced& announced);
  void OnReceived(Receive& receive, absl::Status status);
  http1::Headers OwnHeaders() const;
  http1::Headers HeadersWithOffset(uint64_t offset) const;

  event::EventLoop& loop_;
  StrandPool* const pool_;
  snap::Snapshotter& snapshotter_;
  Receiver& receiver_;
  const Options options_;
  uint64_t next_receive_ = 0;
  std::map<uint64_t, std::unique_ptr<Receive>> receives_;
  PartialSnapshots partials_;
  // So that what comes back from Raft later finds out that we are gone.
  const std::shared_ptr<SnapshotHandler*> self_;
};

}  // namespace rafthttp

#endif  // RAFTHTTP_SNAPSHOT_SNAPSHOT_HANDLER_H_
