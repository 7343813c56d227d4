// The happy path, outwards: Send puts messages into the mailbox, which wakes
// the loop; OnMail takes them all, picks a lane for each, and flushes each
// stream once. Inwards: both readers dial, a read's messages go to Delivery,
// and from there to Raft.
//
// Ways to fail:
// - No stream of the right kind is attached: the other stream, or the pipeline.
// - A stream ends with messages in its queue, a POST fails: they are dropped,
//   counted, and Raft is told that the peer is unreachable. They are not sent
//   again: by now raft may want to say something else.
// - The budget is used up: Send drops what is new; OnMail tells Raft.
// - Raft does not keep up: the readers are paused, and the peer feels it.
// - A snapshot fails: Raft is told, and decides what to send next.
// - The peer says that we were removed: on_error, once.
#include "rafthttp/peer/peer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "rafthttp/base/check.h"
#include "rafthttp/codec/message_writer.h"
#include "rafthttp/stream/close_reason.h"
#include "raftpb/message_type.h"

namespace rafthttp {
namespace {

constexpr std::array<StreamKind, 2> kKinds = {StreamKind::kMessage,
                                              StreamKind::kMsgApp};

Lane LaneOf(StreamKind kind) {
  return kind == StreamKind::kMsgApp ? Lane::kMsgApp : Lane::kMessage;
}

// As etcd's logs call them.
absl::string_view SourceName(StreamKind kind) {
  return kind == StreamKind::kMsgApp ? "stream MsgApp v2" : "stream Message";
}

// What no peer may tell our raft; etcd's would obey the last.
bool IsForRaft(int32_t type) {
  return !raftpb::IsLocal(type) && type != raftpb::MsgForgetLeader;
}

Tally TallyOf(int32_t type, size_t size_bytes) {
  Tally tally;
  tally.Add(type, size_bytes);
  return tally;
}

std::unique_ptr<PeerMetrics> MetricsOf(MetricsRecorder* recorder,
                                       MemberId peer) {
  return recorder == nullptr ? std::make_unique<PeerMetrics>()
                             : recorder->AddPeer(peer);
}

Delivery::Options DeliveryOptions(MemberId peer, const Peer::Options& options) {
  return {.peer = peer,
          .queue_messages_max = options.queue_messages_max,
          .queue_bytes_max = options.queue_bytes_max};
}

Pipeline::Options PipelineOptions(MemberId peer, const Peer::Options& options) {
  Pipeline::Options result;
  result.peer = peer;
  result.identity = options.identity;
  result.queue_bytes_max = options.queue_bytes_max;
  return result;
}

SnapshotSender::Options SnapshotOptions(const Peer::Options& options) {
  SnapshotSender::Options result;
  result.identity = options.identity;
  result.connect_timeout = options.dial_timeout;
  result.bytes_per_second_max = options.snapshot_bytes_per_second_max;
  return result;
}

}  // namespace

Peer::Peer(const PeerEnvironment& environment, std::shared_ptr<Mailbox> mailbox,
           std::vector<http1::Url> urls, Options options)
    : env_(environment),
      mailbox_(std::move(mailbox)),
      options_(std::move(options)),
      metrics_(MetricsOf(env_.metrics, mailbox_->member())),
      follower_stats_(env_.leader_stats == nullptr
                          ? nullptr
                          : env_.leader_stats->Follower(mailbox_->member())),
      status_(options_.identity.self, *mailbox_, env_.logger, *metrics_),
      urls_(urls),
      delivery_(env_.loop, env_.raft, env_.pool, env_.stop, *this,
                DeliveryOptions(mailbox_->member(), options_)),
      pipeline_(env_.loop, env_.client, urls_, *this,
                PipelineOptions(mailbox_->member(), options_)),
      snapshot_sender_(env_.loop, env_.connector, env_.disk_pool, urls_, *this,
                       SnapshotOptions(options_)),
      probes_(env_.loop, env_.client, env_.fresh_client, urls, env_.wall_clock,
              *metrics_, env_.logger, Subject()) {
  for (const StreamKind kind : kKinds) {
    StreamReader::Options reading;
    reading.kind = kind;
    reading.peer = id();
    reading.identity = options_.identity;
    reading.dial_timeout = options_.dial_timeout;
    reading.redials_per_second_max = options_.dial_retries_per_second;
    reading.limits = options_.limits;
    readers_[static_cast<size_t>(kind)] = std::make_unique<StreamReader>(
        env_.loop, env_.connector, urls_,
        static_cast<StreamReader::Events&>(*this), std::move(reading));
    StreamWriter::Options writing;
    writing.kind = kind;
    writing.self = options_.identity.self;
    writing.peer = id();
    writing.limits = options_.limits;
    writers_[static_cast<size_t>(kind)] = std::make_unique<StreamWriter>(
        env_.loop, static_cast<StreamWriter::Events&>(*this), writing);
  }
}

Peer::~Peer() { mailbox_->SetReceiver(nullptr); }

void Peer::Start() {
  mailbox_->SetReceiver(this);
  for (const auto& reader : readers_) reader->Start();
  probes_.Start();
}

void Peer::Stop(DropReason reason) {
  mailbox_->SetReceiver(nullptr);
  const Tally waiting = mailbox_->Close(reason);
  if (!waiting.empty()) {
    metrics_->Dropped(Lane::kMessage, reason, waiting.messages);
  }
  for (const auto& reader : readers_) reader->Stop();
  for (const auto& writer : writers_) {
    if (writer->is_attached()) writer->Detach(reason);
  }
  pipeline_.Stop(reason);
  stop_reason_ = reason;
  snapshot_sender_.Stop(absl::CancelledError("stopped"));
  mailbox_->set_active_since(absl::InfinitePast());
  metrics_->SetActive(false);
}

StreamWriter& Peer::writer(StreamKind kind) {
  return *writers_[static_cast<size_t>(kind)];
}

StreamReader& Peer::reader(StreamKind kind) {
  return *readers_[static_cast<size_t>(kind)];
}

StreamWriter* Peer::Pick(int32_t type) {
  if (type == raftpb::MsgSnap) return nullptr;
  if (type == raftpb::MsgApp && writer(StreamKind::kMsgApp).is_attached()) {
    return &writer(StreamKind::kMsgApp);
  }
  StreamWriter& message = writer(StreamKind::kMessage);
  return message.is_attached() ? &message : nullptr;
}

void Peer::OnMail() {
  mailbox_->Take(&mail_);
  if (mail_.has_dropped) delivery_.ReportUnreachable();
  if (mail_.has_dropped_snapshot) {
    delivery_.ReportSnapshot(SnapshotStatus::kFailure);
  }
  uint64_t appends = 0;
  uint64_t append_bytes = 0;
  for (codec::OutgoingMessage& message : mail_.messages) {
    const int32_t type = message.type();
    if (type == raftpb::MsgApp) {
      ++appends;
      append_bytes += message.size_bytes();
    }
    StreamWriter* const writer = Pick(type);
    if (writer == nullptr) {
      Post(std::move(message));
      continue;
    }
    ledger_.Take(LaneOf(writer->kind()), type);
    writer->Append(std::move(message));
  }
  mail_.messages.clear();
  for (const auto& writer : writers_) {
    if (writer->is_attached()) writer->Flush();
  }
  if (snapshot_sender_.is_sending()) PaceSnapshot();
  if (appends > 0 && env_.server_stats != nullptr) {
    env_.server_stats->SendAppendReqs(appends, append_bytes, env_.wall_clock());
  }
  if (env_.metrics != nullptr) MeasureQueues();
}

void Peer::Post(codec::OutgoingMessage message) {
  const int32_t type = message.type();
  const size_t size_bytes = message.size_bytes();
  ledger_.Take(Lane::kPipeline, type);
  if (pipeline_.Append(std::move(message)).ok()) return;
  CountDropped(Lane::kPipeline, TallyOf(type, size_bytes),
               DropReason::kQueueFull);
  delivery_.ReportUnreachable();
  if (type == raftpb::MsgSnap) {
    delivery_.ReportSnapshot(SnapshotStatus::kFailure);
  }
}

void Peer::CountWritten(Lane lane, const Tally& tally) {
  ledger_.Write(lane, tally);
  mailbox_->Release(tally);
  metrics_->Sent(lane, tally.messages, tally.bytes);
  if (snapshot_sender_.is_sending()) PaceSnapshot();
}

void Peer::CountDropped(Lane lane, const Tally& tally, DropReason reason) {
  ledger_.Drop(lane, tally, reason);
  mailbox_->Release(tally);
  metrics_->Dropped(lane, reason, tally.messages);
  // What etcd counts as a failure to send.
  if (reason == DropReason::kQueueFull || reason == DropReason::kPostFailed ||
      reason == DropReason::kStreamBroken) {
    metrics_->SendFailed(tally.messages);
  }
}

void Peer::MeasureQueues() {
  const absl::Time now = env_.loop.Now();
  const auto measure = [&](Lane lane, size_t messages, size_t bytes,
                           absl::Time oldest) {
    metrics_->SetQueue(lane, messages, bytes,
                       messages == 0 ? absl::ZeroDuration() : now - oldest);
  };
  for (const auto& writer : writers_) {
    measure(LaneOf(writer->kind()), writer->queued_messages(),
            writer->queued_bytes(), writer->oldest_at());
  }
  measure(Lane::kPipeline, pipeline_.queued_messages(),
          pipeline_.queued_bytes(), pipeline_.oldest_at());
}

// What we read.

void Peer::OnStreamOpened(StreamReader& reader,
                          const StreamReader::Opened& opened) {
  status_.Activate(env_.wall_clock());
  metrics_->StreamOpened(LaneOf(reader.kind()), StreamEnd::kDialled);
  Log(Severity::kInfo, absl::StrCat("opened ", SourceName(reader.kind()),
                                    " at ", opened.url.ToString(), ", version ",
                                    opened.version.ToString()));
}

void Peer::OnStreamMessage(StreamReader&, const codec::MessageView& message) {
  ++batch_messages_;
  if (env_.metrics != nullptr) {
    batch_bytes_ += message.encoded.empty() ? codec::TotalBytes(message)
                                            : message.encoded.size();
  }
  if (is_paused_) return;
  if (env_.views != nullptr && IsForRaft(message.type)) {
    env_.views->ProcessView(message);
  } else {
    // Which counts those that are not.
    delivery_.Deliver(message);
  }
}

void Peer::OnStreamLinkHeartbeat(StreamReader&) {
  if (env_.metrics != nullptr) MeasureQueues();
}

void Peer::OnStreamBatchEnd(StreamReader&) {
  if (batch_messages_ == 0) return;
  metrics_->Received(std::exchange(batch_messages_, 0),
                     std::exchange(batch_bytes_, 0));
  delivery_.EndBatch();
  if (env_.views != nullptr) env_.views->OnViewsEnd();
  const uint64_t dropped = delivery_.drops().proposals;
  if (dropped > proposals_dropped_) {
    metrics_->ReceiveFailed(dropped - proposals_dropped_);
    proposals_dropped_ = dropped;
  }
  if (delivery_.is_full()) {
    for (const auto& reader : readers_) reader->set_is_paused(true);
  }
}

void Peer::OnDeliveryRoom() {
  for (const auto& reader : readers_) reader->set_is_paused(false);
}

void Peer::OnProcessFailed(uint64_t messages, const absl::Status& status) {
  Log(Severity::kWarning,
      absl::StrCat("Raft refused ", messages,
                   " messages, the last with: ", status.ToString()));
}

void Peer::OnStreamClosed(StreamReader& reader,
                          const StreamReader::Closed& closed) {
  const absl::string_view reason = CloseReasonName(closed.reason);
  const Lane lane = LaneOf(reader.kind());
  if (closed.was_open) {
    metrics_->StreamClosed(lane, StreamEnd::kDialled, reason);
    Log(Severity::kWarning,
        absl::StrCat("lost ", SourceName(reader.kind()), " (", reason,
                     "): ", closed.status.message()));
  }
  metrics_->StreamRedialled(lane, reason);
  if (closed.reason == CloseReason::kMemberRemoved) {
    ReportRemoved(closed.status.message());
  }
  // As etcd: neither an orderly end nor a version that we do not speak says
  // anything about the peer's health.
  if (closed.reason == CloseReason::kPeerEof ||
      closed.reason == CloseReason::kVersion) {
    return;
  }
  status_.Deactivate(closed.was_open ? "read" : "dial",
                     SourceName(reader.kind()), reason,
                     closed.status.message());
}

void Peer::ReportRemoved(absl::string_view how) {
  if (std::exchange(is_removed_reported_, true)) return;
  Log(Severity::kError,
      absl::StrCat("the cluster has removed this member for good: ", how));
  if (env_.on_error) {
    env_.on_error(absl::PermissionDeniedError(
        "the member has been permanently removed from the cluster"));
  }
}

void Peer::Receive(raftpb::Message message, size_t body_bytes,
                   absl::AnyInvocable<void(absl::Status)> on_processed) {
  // Even while paused: etcd, too, drops only what comes by stream.
  metrics_->Received(1, body_bytes);
  delivery_.Deliver(std::move(message), std::move(on_processed));
}

void Peer::ReceiveFailed() { metrics_->ReceiveFailed(1); }

// What we write.

void Peer::AttachStream(StreamKind kind,
                        std::unique_ptr<event::ByteStream> stream) {
  writer(kind).Attach(std::move(stream));
}

void Peer::OnWriterAttached(StreamWriter& writer) {
  status_.Activate(env_.wall_clock());
  const Lane lane = LaneOf(writer.kind());
  if (std::exchange(is_attached_[static_cast<size_t>(writer.kind())], true)) {
    metrics_->StreamClosed(lane, StreamEnd::kAccepted, "replaced");
  }
  metrics_->StreamOpened(lane, StreamEnd::kAccepted);
  Log(Severity::kInfo, absl::StrCat("accepted ", SourceName(writer.kind()),
                                    " from ", writer.remote_address()));
}

void Peer::OnWriterDetached(StreamWriter& writer,
                            StreamWriter::DetachReason reason,
                            const absl::Status& status) {
  is_attached_[static_cast<size_t>(writer.kind())] = false;
  const absl::string_view name = DetachReasonName(reason);
  metrics_->StreamClosed(LaneOf(writer.kind()), StreamEnd::kAccepted, name);
  if (reason == StreamWriter::DetachReason::kDetached) return;
  Log(Severity::kWarning,
      absl::StrCat("lost accepted ", SourceName(writer.kind()), " (", name,
                   "): ", status.message()));
  // A peer that ends its stream in order is well.
  if (reason == StreamWriter::DetachReason::kPeerClosed && status.ok()) return;
  status_.Deactivate("write", SourceName(writer.kind()), name,
                     status.message());
}

void Peer::OnWritten(StreamWriter& writer, const Tally& tally) {
  CountWritten(LaneOf(writer.kind()), tally);
  const uint64_t appends = tally.by_type[TypeSlot(kMsgAppNumber)];
  if (appends > 0 && follower_stats_ != nullptr) {
    // etcd tells the time to encode one, which here is far below what its
    // milliseconds can show.
    follower_stats_->Succ(absl::ZeroDuration(), appends);
  }
}

void Peer::OnDropped(StreamWriter& writer, const Tally& tally,
                     DropReason reason) {
  CountDropped(LaneOf(writer.kind()), tally, reason);
  const uint64_t appends = tally.by_type[TypeSlot(kMsgAppNumber)];
  if (appends > 0 && follower_stats_ != nullptr) follower_stats_->Fail(appends);
  delivery_.ReportUnreachable();
}

void Peer::OnPosted(Pipeline&, int32_t type, size_t size_bytes,
                    absl::Duration round_trip) {
  CountWritten(Lane::kPipeline, TallyOf(type, size_bytes));
  status_.Activate(env_.wall_clock());
  if (type == raftpb::MsgApp && follower_stats_ != nullptr) {
    follower_stats_->Succ(round_trip);
  }
  if (type == raftpb::MsgSnap) {
    delivery_.ReportSnapshot(SnapshotStatus::kFinish);
  }
}

void Peer::OnPostFailed(Pipeline&, int32_t type, size_t size_bytes,
                        DropReason reason, Answer answer,
                        const absl::Status& status) {
  CountDropped(Lane::kPipeline, TallyOf(type, size_bytes), reason);
  if (type == raftpb::MsgApp && follower_stats_ != nullptr) {
    follower_stats_->Fail();
  }
  delivery_.ReportUnreachable();
  if (type == raftpb::MsgSnap) {
    delivery_.ReportSnapshot(SnapshotStatus::kFailure);
  }
  if (reason != DropReason::kPostFailed) return;
  if (answer == Answer::kMemberRemoved) ReportRemoved(status.message());
  status_.Deactivate("write", "pipeline",
                     absl::StatusCodeToString(status.code()), status.message());
}

// Snapshots.

void Peer::SendSnapshot(snap::SnapshotMessage message) {
  const uint64_t bytes = message.total_bytes();
  ++snapshots_;
  snapshot_bytes_ += bytes;
  ledger_.Take(Lane::kSnapshot, raftpb::MsgSnap);
  metrics_->SnapshotSendBegan();
  const absl::Status status = snapshot_sender_.Send(std::move(message));
  if (status.ok()) {
    snapshot_bytes_queued_ = bytes;
    PaceSnapshot();
    return;
  }
  ledger_.Drop(Lane::kSnapshot, TallyOf(raftpb::MsgSnap, bytes),
               DropReason::kQueueFull);
  metrics_->Dropped(Lane::kSnapshot, DropReason::kQueueFull, 1);
  metrics_->SendFailed(1);
  metrics_->SnapshotSendEnded(/*is_ok=*/false, absl::ZeroDuration());
  Log(Severity::kWarning, status.message());
  delivery_.ReportSnapshot(SnapshotStatus::kFailure);
}

void Peer::OnSnapshotSent(SnapshotSender&,
                          const SnapshotSender::Outcome& outcome) {
  snapshot_bytes_queued_ = 0;
  const Tally tally = TallyOf(raftpb::MsgSnap, outcome.total_bytes);
  metrics_->SnapshotSendEnded(outcome.status.ok(), outcome.took);
  if (outcome.status.ok()) {
    ledger_.Write(Lane::kSnapshot, tally);
    metrics_->Sent(Lane::kSnapshot, 1, outcome.total_bytes);
    status_.Activate(env_.wall_clock());
    Log(Severity::kInfo,
        absl::StrCat("sent a snapshot of ", outcome.total_bytes, " bytes in ",
                     absl::FormatDuration(outcome.took),
                     outcome.breaks == 0
                         ? ""
                         : absl::StrCat(", having gone on after ",
                                        outcome.breaks, " breaks")));
    delivery_.ReportSnapshot(SnapshotStatus::kFinish);
    return;
  }
  const bool is_stopped = absl::IsCancelled(outcome.status);
  const DropReason reason = is_stopped ? stop_reason_ : DropReason::kPostFailed;
  ledger_.Drop(Lane::kSnapshot, tally, reason);
  metrics_->Dropped(Lane::kSnapshot, reason, 1);
  metrics_->SendFailed(1);
  Log(Severity::kWarning,
      absl::StrCat("a snapshot failed after ", outcome.sent_bytes, " of ",
                   outcome.total_bytes, " bytes: ", outcome.status.message()));
  if (is_stopped) return;
  if (outcome.answer == Answer::kMemberRemoved) {
    ReportRemoved(outcome.status.message());
  }
  delivery_.ReportUnreachable();
  delivery_.ReportSnapshot(SnapshotStatus::kFailure);
  status_.Deactivate("post", "sendMsgSnap",
                     absl::StatusCodeToString(outcome.status.code()),
                     outcome.status.message());
}

void Peer::PaceSnapshot() {
  size_t waiting = pipeline_.queued_bytes();
  for (const auto& writer : writers_) waiting += writer->queued_bytes();
  snapshot_sender_.Yield(waiting > 0);
}

void Peer::SnapshotReceiveBegan() { metrics_->SnapshotReceiveBegan(); }

void Peer::SnapshotReceiveEnded(bool is_ok, absl::Duration took) {
  metrics_->SnapshotReceiveEnded(is_ok, took);
  if (!is_ok) metrics_->ReceiveFailed(1);
}

void Peer::UpdateUrls(std::vector<http1::Url> urls) {
  probes_.UpdateUrls(urls);
  urls_.Update(std::move(urls));
}

void Peer::set_is_paused(bool is_paused) { is_paused_ = is_paused; }

LedgerReport Peer::Report() const {
  LedgerReport report;
  ledger_.AppendTo(&report);
  for (const auto& writer : writers_) {
    report.queued += writer->queued_messages();
    report.queued_bytes += writer->queued_bytes();
  }
  report.queued += pipeline_.queued_messages();
  report.queued_bytes += pipeline_.queued_bytes();
  report.enqueued += snapshots_;
  report.enqueued_bytes += snapshot_bytes_;
  report.queued += snapshot_sender_.is_sending() ? 1 : 0;
  report.queued_bytes += snapshot_bytes_queued_;
  mailbox_->AppendTo(&report);
  return report;
}

std::string Peer::Subject() const {
  return absl::StrCat(options_.identity.self.ToHex(), ", peer ", id().ToHex(),
                      ": ");
}

void Peer::Log(Severity severity, absl::string_view text) const {
  if (env_.logger == nullptr) return;
  env_.logger->Log(severity, absl::StrCat(Subject(), text));
}

}  // namespace rafthttp
