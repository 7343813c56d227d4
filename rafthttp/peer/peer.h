#ifndef RAFTHTTP_PEER_PEER_H_
#define RAFTHTTP_PEER_PEER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "rafthttp/base/drop_reason.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/base/lane.h"
#include "rafthttp/base/ledger.h"
#include "rafthttp/base/logger.h"
#include "rafthttp/base/raft.h"
#include "rafthttp/base/tally.h"
#include "rafthttp/codec/limits.h"
#include "rafthttp/codec/message_view.h"
#include "rafthttp/delivery/delivery.h"
#include "rafthttp/delivery/strand_pool.h"
#include "rafthttp/delivery/view_receiver.h"
#include "rafthttp/event/byte_stream.h"
#include "rafthttp/event/connector.h"
#include "rafthttp/event/event_loop.h"
#include "rafthttp/handshake/answer.h"
#include "rafthttp/handshake/identity.h"
#include "rafthttp/handshake/url_picker.h"
#include "rafthttp/http1/client.h"
#include "rafthttp/http1/url.h"
#include "rafthttp/peer/mailbox.h"
#include "rafthttp/peer/peer_probes.h"
#include "rafthttp/peer/peer_status.h"
#include "rafthttp/pipeline/pipeline.h"
#include "rafthttp/snapshot/snapshot_sender.h"
#include "rafthttp/stats/leader_stats.h"
#include "rafthttp/stats/metrics_recorder.h"
#include "rafthttp/stats/server_stats.h"
#include "rafthttp/stream/stream_kind.h"
#include "rafthttp/stream/stream_reader.h"
#include "rafthttp/stream/stream_writer.h"
#include "raftpb/raft.pb.h"
#include "snap/snapshot_message.h"

namespace rafthttp {

// What all peers of one loop share. All of it outlives them; what may be null
// says so.
struct PeerEnvironment {
  event::EventLoop& loop;
  event::Connector& connector;
  http1::Client& client;        // keeps connections: POST /raft, probes
  http1::Client& fresh_client;  // opens one for each call: the other probes
  Raft& raft;
  StrandPool* pool;       // null: Raft is called on the loop
  StrandPool* disk_pool;  // reads files; null: the loop does
  ViewReceiver* views;    // takes what comes by stream in place of Raft, if set
  std::stop_token stop;
  std::function<absl::Time()> wall_clock;
  Logger* logger;             // may be null
  ServerStats* server_stats;  // may be null
  LeaderStats* leader_stats;  // may be null
  MetricsRecorder* metrics;   // may be null
  // The peer says that the cluster has removed us.
  std::function<void(absl::Status)> on_error;  // may be null
};

// Everything between us and one other member: both streams in both directions,
// the pipeline, snapshots, the strands on which Raft hears from it, and the
// books.
//
// Place: the transport's shard owns one per peer. Threads: loop-confined.
// Lifetime: destroy it outside of its own and Raft's callbacks. Stop first, or
//   what is queued goes unreported.
// Bounds: what waits to be sent, by the mailbox; what waits for Raft, by
//   Delivery; both streams' and the pipeline's own.
class Peer final : private StreamReader::Events,
                   private StreamWriter::Events,
                   private Pipeline::Events,
                   private SnapshotSender::Events,
                   private Delivery::Events,
                   private Mailbox::Receiver {
 public:
  struct Options {
    Identity identity;
    absl::Duration dial_timeout = absl::Seconds(2);
    double dial_retries_per_second = 10;
    codec::Limits limits;
    // Each strand's, and the pipeline's bytes.
    size_t queue_messages_max = 4096;
    size_t queue_bytes_max = 68 << 20;
    uint64_t snapshot_bytes_per_second_max = 0;  // 0: no limit
  };

  // `urls` must not be empty.
  Peer(const PeerEnvironment& environment, std::shared_ptr<Mailbox> mailbox,
       std::vector<http1::Url> urls, Options options);
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  // Begins to dial, to probe and to empty the mailbox.
  void Start();
  // Ends everything; what waits is dropped for `reason`. The books stay.
  void Stop(DropReason reason);

  // Sends a merged snapshot. One at a time: another is closed as
  // kResourceExhausted, and reported as failed.
  void SendSnapshot(snap::SnapshotMessage message);

  // The peer has opened a stream to us.
  void AttachStream(StreamKind kind, std::unique_ptr<event::ByteStream> stream);
  // The peer has posted a message to us.
  void Receive(raftpb::Message message, size_t body_bytes,
               absl::AnyInvocable<void(absl::Status)> on_processed);
  void ReceiveFailed();
  // The peer has posted a snapshot to us: its beginning, and its end.
  void SnapshotReceiveBegan();
  void SnapshotReceiveEnded(bool is_ok, absl::Duration took);
  void UpdateUrls(std::vector<http1::Url> urls);
  // While paused, what comes by stream is dropped. What is to go, the mailbox
  // drops, which is told so itself: at once, and not only here on the loop.
  void set_is_paused(bool is_paused);

  LedgerReport Report() const;

  MemberId id() const { return mailbox_->member(); }
  Mailbox& mailbox() { return *mailbox_; }

 private:
  // Mailbox::Receiver:
  void OnMail() override;
  // StreamReader::Events:
  void OnStreamOpened(StreamReader& reader,
                      const StreamReader::Opened& opened) override;
  void OnStreamMessage(StreamReader& reader,
                       const codec::MessageView& message) override;
  void OnStreamLinkHeartbeat(StreamReader& reader) override;
  void OnStreamBatchEnd(StreamReader& reader) override;
  void OnStreamClosed(StreamReader& reader,
                      const StreamReader::Closed& closed) override;
  // StreamWriter::Events:
  void OnWriterAttached(StreamWriter& writer) override;
  void OnWriterDetached(StreamWriter& writer, StreamWriter::DetachReason reason,
                        const absl::Status& status) override;
  void OnWritten(StreamWriter& writer, const Tally& tally) override;
  void OnDropped(StreamWriter& writer, const Tally& tally,
                 DropReason reason) override;
  // Pipeline::Events:
  void OnPosted(Pipeline& pipeline, int32_t type, size_t size_bytes,
                absl::Duration round_trip) override;
  void OnPostFailed(Pipeline& pipeline, int32_t type, size_t size_bytes,
                    DropReason reason, Answer answer,
                    const absl::Status& status) override;
  // SnapshotSender::Events:
  void OnSnapshotSent(SnapshotSender& sender,
                      const SnapshotSender::Outcome& outcome) override;
  // Delivery::Events:
  void OnDeliveryRoom() override;
  void OnProcessFailed(uint64_t messages, const absl::Status& status) override;

  // The stream that carries messages of `type` now; null: the pipeline.
  StreamWriter* Pick(int32_t type);
  StreamWriter& writer(StreamKind kind);
  StreamReader& reader(StreamKind kind);
  void Post(codec::OutgoingMessage message);
  // Closes the books on messages that were written, or dropped.
  void CountWritten(Lane lane, const Tally& tally);
  void CountDropped(Lane lane, const Tally& tally, DropReason reason);
  void ReportRemoved(absl::string_view how);
  // A snapshot yields to what waits on the other lanes.
  void PaceSnapshot();
  void MeasureQueues();
  // How each line of the log begins.
  std::string Subject() const;
  void Log(Severity severity, absl::string_view text) const;

  const PeerEnvironment& env_;
  const std::shared_ptr<Mailbox> mailbox_;
  const Options options_;
  const std::unique_ptr<PeerMetrics> metrics_;
  const std::shared_ptr<FollowerStats> follower_stats_;  // may be null
  PeerStatus status_;
  UrlPicker urls_;
  Ledger ledger_;
  Mailbox::Mail mail_;
  Delivery delivery_;
  std::array<std::unique_ptr<StreamReader>, 2> readers_;  // by StreamKind
  std::array<std::unique_ptr<StreamWriter>, 2> writers_;
  std::array<bool, 2> is_attached_ = {};  // as far as it is counted
  Pipeline pipeline_;
  SnapshotSender snapshot_sender_;
  uint64_t snapshots_ = 0;  // that were to be sent
  uint64_t snapshot_bytes_ = 0;
  uint64_t snapshot_bytes_queued_ = 0;
  DropReason stop_reason_ = DropReason::kPostFailed;
  PeerProbes probes_;
  bool is_paused_ = false;
  bool is_removed_reported_ = false;
  absl::Status last_refusal_;
  uint64_t proposals_dropped_ = 0;  // as far as they are counted
  // What the read under way has brought.
  uint64_t batch_messages_ = 0;
  uint64_t batch_bytes_ = 0;
};

}  // namespace rafthttp

#endif  // RAFTHTTP_PEER_PEER_H_
