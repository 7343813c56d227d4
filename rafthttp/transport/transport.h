#ifndef RAFTHTTP_TRANSPORT_TRANSPORT_H_
#define RAFTHTTP_TRANSPORT_TRANSPORT_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/base/ledger.h"
#include "rafthttp/codec/message_view.h"
#include "rafthttp/http1/handler.h"
#include "rafthttp/http1/mux.h"
#include "rafthttp/transport/environment.h"
#include "rafthttp/transport/options.h"
#include "raftpb/raft.pb.h"
#include "snap/snapshot_message.h"

namespace rafthttp {

// What Send did with the messages it was given.
struct SendResult {
  size_t queued = 0;
  size_t dropped = 0;       // over a budget, or paused; Raft hears of it too
  size_t unknown_peer = 0;  // nobody has that ID, or it was removed
  size_t skipped = 0;       // addressed to 0, raft's way to say "do not send"
};

// Carries raft's messages between the members of one cluster, exactly as etcd's
// rafthttp does: either end may be etcd itself.
//
//   RecordingRaft raft;
//   auto transport = rafthttp::Transport::Create({
//       .id = MemberId(1), .cluster_id = ClusterId(0x1000), .raft = &raft,
//       .listen_urls = {"http://127.0.0.1:2380"}});
//   (*transport)->Start();
//   (*transport)->AddPeer(MemberId(2), {"http://127.0.0.1:2381"});
//   (*transport)->Send(std::move(message));
//
// What is sent may be lost, as on any network, and raft sees to it; but every
// message is accounted for (ReadLedger).
//
// Threads: every method may be called from any thread, also from inside Raft's
//   methods and other callbacks, unless it says otherwise. None blocks but
//   StopAndWait.
// Lifetime: Stop, and destroy once that has reported. The destructor stops as
//   well, and waits for each Process that runs; on an embedder's loop it
//   belongs to that loop's thread, outside of callbacks, and leaves handles to
//   be closed by the loop's next turns.
// Errors: what panics in Go is a status here.
class Transport {
 public:
  // kInvalidArgument names the option that cannot be.
  static absl::StatusOr<std::unique_ptr<Transport>> Create(Options options);
  // The same on a given loop and network, such as simulated ones; Options::loop
  // and loop_threads mean nothing then.
  static absl::StatusOr<std::unique_ptr<Transport>> Create(
      Environment environment, Options options);
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // Routes for an embedder's own handlers, which must outlive the transport.
  // Only before Start.
  http1::Mux& mux();

  // Listens, and runs. Once. On an embedder's loop: on its thread.
  //   kUnavailable  a listen URL cannot be bound; nothing is running then
  absl::Status Start();

  // Where we listen, with the ports that were taken; after Start.
  std::vector<std::string> listen_urls() const;

  // Serves everything under /raft, /version and /members, to be mounted on a
  // server that runs on the transport's loop, until Stop.
  http1::Handler& Handler();

  // Queues each message for the member in its `to`, in order, and returns. The
  // messages are moved from.
  SendResult Send(absl::Span<raftpb::Message> messages);
  SendResult Send(raftpb::Message&& message);
  // The same without a copy of what `message` points to, which `owner` keeps
  // alive and unchanged until it is written: one entry's data can be on its way
  // to all followers at once.
  SendResult Send(const codec::MessageView& message,
                  std::shared_ptr<const void> owner);

  // Sends a merged snapshot to the member in its `to`, which must be a peer
  // (not a remote). What becomes of it is told by SnapshotMessage's on_closed,
  // on the loop, and by Raft::ReportSnapshot. One at a time to each peer.
  //   kNotFound            no such peer; it was closed as that
  //   kFailedPrecondition  not running
  absl::Status SendSnapshot(snap::SnapshotMessage message);

  // A member to exchange messages with, while running. Its URLs are tried in
  // the order of their text. Adding one that is there changes nothing.
  //   kInvalidArgument     no URL, or one that is no peer URL
  //   kFailedPrecondition  not started, or stopped
  absl::Status AddPeer(MemberId id, const std::vector<std::string>& urls);
  // A member that is only sent to, by POST: one that a newcomer heard of before
  // its log told of it. Changes nothing if it is a peer or remote already.
  absl::Status AddRemote(MemberId id, const std::vector<std::string>& urls);
  // kNotFound if there is no such peer, here and below.
  absl::Status RemovePeer(MemberId id);
  void RemoveAllPeers();
  // New connections go to the new URLs; open streams stay where they are.
  absl::Status UpdatePeer(MemberId id, const std::vector<std::string>& urls);

  // When the peer was last found active after it had not been; nullopt while it
  // is not, and for others.
  std::optional<absl::Time> ActiveSince(MemberId id) const;
  size_t ActivePeers() const;

  // What became of all that was given to Send for this peer or remote, or for
  // all together. `on_report` runs on the loop; a peer that is not there has an
  // empty report.
  void ReadLedger(MemberId id,
                  absl::AnyInvocable<void(LedgerReport)> on_report);
  void ReadLedger(absl::AnyInvocable<void(LedgerReport)> on_report);

  // For tests, as in etcd: what is sent to a peer that is cut, and what comes
  // from it, is dropped, until it is mended. Pause and Resume do so for all.
  void CutPeer(MemberId id);
  void MendPeer(MemberId id);
  void Pause();
  void Resume();

  // Takes nothing more, closes everything, requests the stop of each Process
  // that runs, and calls `on_stopped` once none does and all handles are
  // closed, on a thread of the transport's or the embedder's loop. May be
  // called again: each `on_stopped` runs once.
  void Stop(absl::AnyInvocable<void()> on_stopped);
  // The same, and waits. kFailedPrecondition on the transport's own threads and
  // on an embedder's loop's thread, which it would wait for.
  absl::Status StopAndWait();

 private:
  class Impl;
  static absl::StatusOr<std::shared_ptr<Impl>> NewImpl(Options options);
  explicit Transport(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace rafthttp

#endif  // RAFTHTTP_TRANSPORT_TRANSPORT_H_
