#ifndef TOOLS_LEARNER_SEAT_SERVER_H_
#define TOOLS_LEARNER_SEAT_SERVER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "rafthttp/base/drop_reason.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/base/lane.h"
#include "rafthttp/base/tally.h"
#include "rafthttp/cluster_info/cluster_info.h"
#include "rafthttp/delivery/strand_pool.h"
#include "rafthttp/event/listener.h"
#include "rafthttp/event/uv_loop.h"
#include "rafthttp/http1/handler.h"
#include "rafthttp/http1/mux.h"
#include "rafthttp/http1/server.h"
#include "rafthttp/http1/url.h"
#include "rafthttp/pipeline/pipeline_handler.h"
#include "rafthttp/probing/probing_handler.h"
#include "rafthttp/snapshot/snapshot_handler.h"
#include "rafthttp/stream/stream_handler.h"
#include "rafthttp/stream/stream_kind.h"
#include "rafthttp/stream/stream_writer.h"
#include "raftpb/raft.pb.h"
#include "snap/snapshotter.h"
#include "tools/learner/registrar.h"

namespace rafthttpctl {

// By which the members of a cluster reach a learner's seat: what they post,
// snapshots above all, goes to the seat; their streams are accepted and kept
// alive, though nothing is said on them; /version and /members are answered, so
// that the seat holds up no upgrade.
//
// Before Seated, the paths under /raft are 404, at which etcd comes again.
//
// Threads: loop-confined. Lifetime: destroy it at any moment outside its own
//   callbacks.
class SeatServer final : private rafthttp::ClusterInfo,
                         private rafthttp::StreamHandler::Peers,
                         private rafthttp::StreamWriter::Events {
 public:
  class Events {
   public:
    // A message; a snapshot's database is stored already.
    virtual void OnPosted(rafthttp::Lane lane, raftpb::Message message,
                          size_t bytes) = 0;
    virtual void OnSnapshotFailed(
        const rafthttp::SnapshotHandler::Received& received) = 0;

   protected:
    ~Events() = default;
  };

  // All must outlive the server. `snapshotter` says where snapshots are kept.
  SeatServer(rafthttp::event::UvLoop& loop,
             rafthttp::snap::Snapshotter& snapshotter, Events& events);
  ~SeatServer();
  SeatServer(const SeatServer&) = delete;
  SeatServer& operator=(const SeatServer&) = delete;

  // Listens; returns the URL with the port that was taken. Once.
  absl::StatusOr<std::string> Listen(const rafthttp::http1::Url& url);
  // Who we are, from now on. `url` is what the cluster lists us with.
  void Seated(const Ticket& ticket, const std::string& url);

 private:
  // Serves by whichever handler there is by then.
  class Door;
  class Posts;
  class Snapshots;

  // rafthttp::ClusterInfo:
  rafthttp::ClusterVersions Versions() override;
  std::vector<rafthttp::ClusterMember> Members() override;
  // rafthttp::StreamHandler::Peers:
  bool IsIdRemoved(rafthttp::MemberId) override { return false; }
  bool IsPeer(rafthttp::MemberId) override { return true; }
  void OnUnknownSender(rafthttp::MemberId,
                       std::vector<rafthttp::http1::Url>) override {}
  void AttachStream(rafthttp::MemberId from, rafthttp::StreamKind kind,
                    std::unique_ptr<rafthttp::event::ByteStream> stream,
                    std::string unread) override;
  // rafthttp::StreamWriter::Events:
  void OnWriterAttached(rafthttp::StreamWriter&) override {}
  void OnWriterDetached(rafthttp::StreamWriter&,
                        rafthttp::StreamWriter::DetachReason,
                        const absl::Status&) override {}
  void OnWritten(rafthttp::StreamWriter&, const rafthttp::Tally&) override {}
  void OnDropped(rafthttp::StreamWriter&, const rafthttp::Tally&,
                 rafthttp::DropReason) override {}

  void TakePost(rafthttp::Lane lane, raftpb::Message message, size_t bytes,
                absl::AnyInvocable<void(absl::Status)> on_processed);

  rafthttp::event::UvLoop& loop_;
  rafthttp::snap::Snapshotter& snapshotter_;
  Events& events_;
  rafthttp::StrandPool disk_pool_;
  std::optional<Ticket> ticket_;
  std::string own_url_;
  const std::unique_ptr<Posts> posts_;
  const std::unique_ptr<Snapshots> snapshots_;
  rafthttp::ProbingHandler probing_handler_;
  // Null before Seated.
  std::unique_ptr<rafthttp::http1::Handler> version_handler_;
  std::unique_ptr<rafthttp::http1::Handler> members_handler_;
  std::unique_ptr<rafthttp::http1::Handler> pipeline_handler_;
  std::unique_ptr<rafthttp::http1::Handler> snapshot_handler_;
  std::unique_ptr<rafthttp::http1::Handler> stream_handler_;
  std::map<std::pair<rafthttp::MemberId, rafthttp::StreamKind>,
           std::unique_ptr<rafthttp::StreamWriter>>
      writers_;
  std::vector<std::unique_ptr<Door>> doors_;
  rafthttp::http1::Mux mux_;
  rafthttp::http1::Server server_;
  std::unique_ptr<rafthttp::event::Listener> listener_;
  const std::shared_ptr<SeatServer*> self_;
};

}  // namespace rafthttpctl

#endif  // TOOLS_LEARNER_SEAT_SERVER_H_
