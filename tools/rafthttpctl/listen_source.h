#ifndef TOOLS_RAFTHTTPCTL_LISTEN_SOURCE_H_
#define TOOLS_RAFTHTTPCTL_LISTEN_SOURCE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/base/mutex.h"
#include "rafthttp/cluster_info/version_handler.h"
#include "rafthttp/delivery/strand_pool.h"
#include "rafthttp/event/listener.h"
#include "rafthttp/http1/exchange.h"
#include "rafthttp/http1/handler.h"
#include "rafthttp/http1/mux.h"
#include "rafthttp/http1/server.h"
#include "rafthttp/http1/url.h"
#include "rafthttp/pipeline/pipeline_handler.h"
#include "rafthttp/probing/probing_handler.h"
#include "rafthttp/rafthttp.h"
#include "rafthttp/snapshot/snapshot_handler.h"
#include "tools/rafthttpctl/tail_session.h"
#include "tools/rafthttpctl/tail_source.h"

namespace rafthttpctl {

// The source behind `listen ADDR`: a member that accepts everything, and says
// nothing.
//
//   POST /raft, /raft/snapshot   taken here, so that a record can tell how its
//                                message came
//   GET /raft/stream/...         handed to a Transport, which also dials
//   whoever
//                                opens one, and so gets what it sends by stream
//
// Who it is, it learns from the first request, where it was not told: the
// cluster and the version from any, its own ID from a stream's X-Raft-To.
//
// Flow control: while the output is full, Raft's Process blocks and posts wait
// for their answers, which their senders feel.
class ListenSource final : public TailSource,
                           private rafthttp::Raft,
                           private rafthttp::ClusterInfo,
                           private rafthttp::MetricsRecorder {
 public:
  struct Options {
    rafthttp::http1::Url address;
    std::optional<rafthttp::MemberId> id;
    std::optional<rafthttp::ClusterId> cluster;
    std::optional<rafthttp::Version> version;
    // Where others reach us, told to those whom we dial; empty: nothing.
    std::string advertised_url;
    // Whom to dial from the start.
    std::map<rafthttp::MemberId, std::vector<std::string>> peers;
    // What /members answers; empty: 404.
    std::vector<rafthttp::ClusterMember> members;
    // Where snapshots are kept; empty: they are refused.
    std::string folder;
    bool wants_raw = false;
  };

  // `session` must outlive the source.
  ListenSource(TailSession& session, Options options);
  ~ListenSource() override;

  // TailSource:
  void Start(absl::AnyInvocable<void(ExitCode)> on_end) override;
  void Stop(absl::AnyInvocable<void(ExitCode)> on_stopped) override;
  void set_is_paused(bool is_paused) override;
  ExitCode PatienceLost() const override { return ExitCode::kDone; }

 private:
  // Looks at each request before its handler does.
  class Front;
  class StreamMetrics;
  // What comes by POST, and how.
  class Posts;
  class Snapshots;

  // rafthttp::Raft, on strands:
  absl::Status Process(std::stop_token stop,
                       raftpb::Message&& message) override;
  bool IsIdRemoved(rafthttp::MemberId) override { return false; }
  void ReportUnreachable(rafthttp::MemberId) override {}
  void ReportSnapshot(rafthttp::MemberId, rafthttp::SnapshotStatus) override {}
  // rafthttp::ClusterInfo:
  rafthttp::ClusterVersions Versions() override;
  std::vector<rafthttp::ClusterMember> Members() override {
    return options_.members;
  }
  // rafthttp::MetricsRecorder:
  std::unique_ptr<rafthttp::PeerMetrics> AddPeer(
      rafthttp::MemberId peer) override;

  // Takes from the request what we do not know yet; then its handlers exist.
  void Adopt(const rafthttp::http1::RequestHead& head);
  // Before a stream is opened: its opener becomes a peer.
  void AdoptPeer(const rafthttp::http1::RequestHead& head);
  absl::Status StartTransport(rafthttp::MemberId id);
  void Show(absl::string_view stream, const raftpb::Message& message,
            size_t bytes);
  void ShowStream(absl::string_view event, rafthttp::MemberId peer,
                  rafthttp::Lane lane, rafthttp::StreamEnd end,
                  absl::string_view reason);
  // Shows what was posted, and answers once the output has room.
  void TakePost(absl::string_view stream, const raftpb::Message& message,
                size_t body_bytes,
                absl::AnyInvocable<void(absl::Status)> on_processed);
  // Tells the digest of the database that came with it, then as TakePost.
  void TakeSnapshot(raftpb::Message message, size_t body_bytes,
                    absl::AnyInvocable<void(absl::Status)> on_processed);
  void OnSnapshotFailed(const rafthttp::SnapshotHandler::Received& received);
  void End(ExitCode code);

  TailSession& session_;
  Options options_;
  absl::AnyInvocable<void(ExitCode)> on_end_;
  absl::AnyInvocable<void(ExitCode)> on_stopped_;
  ExitCode end_code_ = ExitCode::kDone;
  std::unique_ptr<rafthttp::event::Timer> end_timer_;

  rafthttp::snap::PosixFileSystem files_;
  std::unique_ptr<rafthttp::snap::Snapshotter> snapshotter_;
  std::unique_ptr<rafthttp::StrandPool> disk_pool_;
  std::unique_ptr<rafthttp::StrandPool::Strand> digests_;
  rafthttp::ProbingHandler probing_handler_;
  rafthttp::VersionHandler version_handler_;
  std::unique_ptr<rafthttp::http1::Handler> members_handler_;
  std::unique_ptr<Posts> posts_;
  std::unique_ptr<Snapshots> snapshots_;
  // Those that need to know the cluster.
  std::unique_ptr<rafthttp::PipelineHandler> pipeline_handler_;
  std::unique_ptr<rafthttp::SnapshotHandler> snapshot_handler_;
  std::vector<std::unique_ptr<Front>> fronts_;
  std::unique_ptr<rafthttp::Transport> transport_;
  rafthttp::http1::Mux mux_;
  std::unique_ptr<rafthttp::http1::Server> server_;
  std::unique_ptr<rafthttp::event::Listener> listener_;
  // Answers that wait for the output.
  std::vector<absl::AnyInvocable<void(absl::Status)>> waiting_;
  // So that what strands post finds out that we are gone.
  const std::shared_ptr<ListenSource*> self_;

  rafthttp::Mutex mutex_;
  rafthttp::Condition changed_;
  bool is_paused_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_LISTEN_SOURCE_H_
