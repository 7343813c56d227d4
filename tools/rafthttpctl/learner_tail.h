#ifndef TOOLS_RAFTHTTPCTL_LEARNER_TAIL_H_
#define TOOLS_RAFTHTTPCTL_LEARNER_TAIL_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/base/lane.h"
#include "rafthttp/event/uv_connector.h"
#include "rafthttp/http1/url.h"
#include "rafthttp/snapshot/snapshot_handler.h"
#include "raftpb/raft.pb.h"
#include "snap/posix_file_system.h"
#include "snap/snapshotter.h"
#include "tools/etcdclient/etcd_client.h"
#include "tools/learner/etcd_registrar.h"
#include "tools/learner/seat.h"
#include "tools/learner/seat_server.h"
#include "tools/rafthttpctl/stream_events.h"
#include "tools/rafthttpctl/tail_session.h"
#include "tools/rafthttpctl/tail_source.h"

namespace rafthttpctl {

// The source behind `tail --learner`: all that a cluster replicates, from a
// learner's seat in it.
class LearnerTail final : public TailSource,
                          private Seat::Events,
                          private SeatServer::Events {
 public:
  struct Options {
    Seat::Options seat;
    EtcdRegistrar::Options registrar;
    // The learner to take up, rather than adding one.
    std::optional<rafthttp::MemberId> id;
    bool keeps_member = false;
    // With seat.from_start: where to listen (port 0 takes a free one), what to
    // have the cluster call instead, if it is another place, and where to keep
    // a snapshot; an empty folder keeps it only while the tail runs.
    std::optional<rafthttp::http1::Url> listen_url;
    std::string advertised_url;
    std::string folder;
    // Leave what is not needed unsaid.
    bool is_quiet = false;
  };

  // `session` and `client` must outlive the source.
  LearnerTail(TailSession& session, EtcdClient& client, Options options);
  ~LearnerTail() override;

  void Start(absl::AnyInvocable<void(ExitCode)> on_end) override;
  void Stop(absl::AnyInvocable<void(ExitCode)> on_stopped) override;
  void set_is_paused(bool is_paused) override;
  ExitCode PatienceLost() const override;

  // `on_following` runs once, when a leader has begun to feed us: what is
  // written to the cluster from then on will be seen. Before Start.
  void set_on_following(absl::AnyInvocable<void()> on_following) {
    on_following_ = std::move(on_following);
  }

 private:
  void OnSeated(const Ticket& ticket) override;
  void OnReceived(const Seat::Received& received) override;
  void OnLeader(rafthttp::MemberId leader, uint64_t term) override;
  void OnRewind(uint64_t index, uint64_t term) override;
  void OnSnapshot(const raftpb::Snapshot& snapshot) override;
  void OnGap(std::optional<uint64_t> after, uint64_t until) override;
  void OnStreamOpened(rafthttp::MemberId member, rafthttp::StreamKind kind,
                      const rafthttp::StreamReader::Opened& opened) override;
  void OnStreamClosed(rafthttp::MemberId member, rafthttp::StreamKind kind,
                      const rafthttp::StreamReader::Closed& closed) override;
  void OnPromoted(uint64_t index) override;
  void OnRemoved() override;
  void OnFailed(absl::Status status) override;

  // SeatServer::Events:
  void OnPosted(rafthttp::Lane lane, raftpb::Message message,
                size_t bytes) override;
  void OnSnapshotFailed(
      const rafthttp::SnapshotHandler::Received& received) override;

  // Listens, for from_start; the URL that the cluster is to list.
  absl::StatusOr<std::string> Listen();
  void End(ExitCode code);

  TailSession& session_;
  const Options options_;
  rafthttp::event::UvConnector connector_;
  EtcdClient& client_;
  rafthttp::snap::PosixFileSystem files_;
  std::string folder_;
  bool is_folder_ours_ = false;  // removed at the end
  std::optional<rafthttp::snap::Snapshotter> snapshotter_;
  std::optional<SeatServer> server_;
  std::string own_url_;
  absl::Status listen_status_;
  std::optional<EtcdRegistrar> registrar_;
  std::unique_ptr<Registrar::Call> take_up_;
  std::optional<Seat> seat_;
  absl::AnyInvocable<void(ExitCode)> on_end_;
  absl::AnyInvocable<void()> on_following_;
  ExitCode end_code_ = ExitCode::kDone;
  std::unique_ptr<rafthttp::event::Timer> end_timer_;
  StreamEvents streams_;
  bool was_seated_ = false;
  bool is_removed_ = false;
  bool is_promoted_ = false;
};

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_LEARNER_TAIL_H_
