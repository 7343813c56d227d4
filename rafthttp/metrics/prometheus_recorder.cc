#include "rafthttp/metrics/prometheus_recorder.h"

#include <array>
#include <atomic>
#include <deque>
#include <exception>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "prometheus/check_names.h"
#include "prometheus/counter.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/labels.h"
#include "prometheus/registry.h"
#include "rafthttp/base/check.h"
#include "rafthttp/base/drop_reason.h"
#include "rafthttp/base/lane.h"
#include "rafthttp/metrics/families.h"
#include "rafthttp/metrics/series.h"

namespace rafthttp {
namespace {

using prometheus::Labels;
using CounterSeries = Series<prometheus::Counter>;
using GaugeSeries = Series<prometheus::Gauge>;
using HistogramSeries = Series<prometheus::Histogram>;

constexpr std::array kLanesInOrder = {Lane::kMsgApp, Lane::kMessage,
                                      Lane::kPipeline, Lane::kSnapshot};
static_assert(kLanesInOrder.size() == kLanes);
constexpr std::array kStreams = {Lane::kMsgApp, Lane::kMessage};
constexpr std::array kEnds = {StreamEnd::kDialled, StreamEnd::kAccepted};

// `labels` and one more.
Labels With(Labels labels, const std::string& name, absl::string_view value) {
  labels[name] = std::string(value);
  return labels;
}

// Names that a label of the embedder's cannot have.
bool IsTaken(const std::string& label) {
  for (const absl::string_view ours :
       {"Local", "Remote", "To", "From", "peer", "lane", "stream", "end",
        "reason", "le", "quantile"}) {
    if (ours == label) return true;
  }
  return false;
}

size_t StreamIndex(Lane stream) {
  CHECK(stream == Lane::kMsgApp || stream == Lane::kMessage);
  return stream == Lane::kMsgApp ? 0 : 1;
}

struct LaneSeries {
  LaneSeries(Families& families, const Labels& labels)
      : sent(families.sent_messages_total, labels),
        dropped(families.dropped_messages_total, labels),
        queue_messages(families.queue_messages, labels),
        queue_bytes(families.queue_bytes, labels),
        queue_age(families.queue_age_seconds, labels) {}

  CounterSeries sent;
  SeriesByReason dropped;
  GaugeSeries queue_messages;
  GaugeSeries queue_bytes;
  GaugeSeries queue_age;
};

struct StreamEndSeries {
  StreamEndSeries(Families& families, const Labels& labels)
      : opened(families.streams_opened_total, labels),
        closed(families.streams_closed_total, labels) {}

  CounterSeries opened;
  SeriesByReason closed;
};

struct StreamSeries {
  StreamSeries(Families& families, const Labels& labels)
      : redials(families.stream_redials_total, labels) {
    for (const StreamEnd end : kEnds) {
      ends.emplace_back(families, With(labels, "end", StreamEndName(end)));
    }
  }

  SeriesByReason redials;
  std::deque<StreamEndSeries> ends;  // by StreamEnd
};

// One direction of snapshots.
struct SnapshotSeries {
  SnapshotSeries(Families::CounterFamily& success_family,
                 Families::CounterFamily& failures_family,
                 Families::GaugeFamily& inflights_family,
                 Families::HistogramFamily& duration_family,
                 const Families& families, const Labels& labels)
      : success(success_family, labels),
        failures(failures_family, labels),
        inflights(inflights_family, labels),
        duration(duration_family, labels, families.snapshot_buckets) {}

  void Begin() { inflights->Increment(); }
  void End(bool is_ok, absl::Duration took) {
    inflights->Decrement();
    if (!is_ok) {
      failures->Increment();
      return;
    }
    success->Increment();
    duration->Observe(absl::ToDoubleSeconds(took));
  }

  CounterSeries success;
  CounterSeries failures;
  GaugeSeries inflights;
  HistogramSeries duration;
};

}  // namespace

// What is not about one peer, and the families of it all.
class PrometheusRecorder::OwnSeries {
 public:
  OwnSeries(std::unique_ptr<Families> families, Options options)
      : families_(std::move(families)),
        options_(std::move(options)),
        stranger_received_(families_->peer_received_bytes_total,
                           Stranger("UNKNOWN_SENDER")),
        stranger_failures_(families_->peer_received_failures_total,
                           Stranger("UNKNOWN_SENDER")),
        stranger_snapshot_failures_(families_->snapshot_receive_failures,
                                    Stranger("UNKNOWN_SNAPSHOT_SENDER")),
        connections_open_(families_->connections_open, labels()),
        connections_refused_(families_->connections_refused_total, labels()) {}

  Families& families() { return *families_; }
  const Labels& labels() const { return options_.labels; }
  MemberId local() const { return options_.local; }

  CounterSeries& stranger_received() { return stranger_received_; }
  CounterSeries& stranger_failures() { return stranger_failures_; }
  CounterSeries& stranger_snapshot_failures() {
    return stranger_snapshot_failures_;
  }
  GaugeSeries& connections_open() { return connections_open_; }
  SeriesByReason& connections_refused() { return connections_refused_; }

 private:
  Labels Stranger(absl::string_view name) const {
    return With(labels(), "From", name);
  }

  const std::unique_ptr<Families> families_;
  const Options options_;
  CounterSeries stranger_received_;
  CounterSeries stranger_failures_;
  CounterSeries stranger_snapshot_failures_;
  GaugeSeries connections_open_;
  SeriesByReason connections_refused_;
};

class PrometheusRecorder::PeerSeries {
 public:
  PeerSeries(OwnSeries& own, MemberId peer)
      : PeerSeries(own.families(),
                   With(With(own.labels(), "Local", own.local().ToHex()),
                        "Remote", peer.ToHex()),
                   With(own.labels(), "To", peer.ToHex()),
                   With(own.labels(), "From", peer.ToHex()),
                   With(own.labels(), "peer", peer.ToHex())) {}

  void SetActive(bool is_active) {
    if (is_active_.exchange(is_active) == is_active) return;
    active_->Set(is_active ? 1 : 0);
    if (!is_active) disconnected_->Increment();
  }
  LaneSeries& lane(Lane lane) { return lanes_[static_cast<size_t>(lane)]; }
  StreamSeries& stream(Lane stream) { return streams_[StreamIndex(stream)]; }
  StreamEndSeries& stream_end(Lane lane, StreamEnd end) {
    return stream(lane).ends[static_cast<size_t>(end)];
  }
  CounterSeries& sent_bytes() { return sent_bytes_; }
  CounterSeries& sent_failures() { return sent_failures_; }
  CounterSeries& received_messages() { return received_messages_; }
  CounterSeries& received_bytes() { return received_bytes_; }
  CounterSeries& received_failures() { return received_failures_; }
  HistogramSeries& round_trip() { return round_trip_; }
  GaugeSeries& clock_offset() { return clock_offset_; }
  CounterSeries& probe_failures() { return probe_failures_; }
  SnapshotSeries& snapshot_send() { return snapshot_send_; }
  SnapshotSeries& snapshot_receive() { return snapshot_receive_; }

 private:
  PeerSeries(Families& families, const Labels& pair, const Labels& to,
             const Labels& from, const Labels& peer)
      : active_(families.active_peers, pair),
        disconnected_(families.disconnected_peers_total, pair),
        sent_bytes_(families.peer_sent_bytes_total, to),
        sent_failures_(families.peer_sent_failures_total, to),
        received_messages_(families.received_messages_total, peer),
        received_bytes_(families.peer_received_bytes_total, from),
        received_failures_(families.peer_received_failures_total, from),
        round_trip_(families.peer_round_trip_time_seconds, to,
                    families.round_trip_buckets),
        clock_offset_(families.clock_offset_seconds, peer),
        probe_failures_(families.probe_failures_total, peer),
        snapshot_send_(
            families.snapshot_send_success, families.snapshot_send_failures,
            families.snapshot_send_inflights_total,
            families.snapshot_send_total_duration_seconds, families, to),
        snapshot_receive_(families.snapshot_receive_success,
                          families.snapshot_receive_failures,
                          families.snapshot_receive_inflights_total,
                          families.snapshot_receive_total_duration_seconds,
                          families, from) {
    for (const Lane lane : kLanesInOrder) {
      lanes_.emplace_back(families, With(peer, "lane", LaneName(lane)));
    }
    for (const Lane stream : kStreams) {
      streams_.emplace_back(families, With(peer, "stream", LaneName(stream)));
    }
  }

  std::atomic<bool> is_active_ = false;
  GaugeSeries active_;
  CounterSeries disconnected_;
  CounterSeries sent_bytes_;
  CounterSeries sent_failures_;
  CounterSeries received_messages_;
  CounterSeries received_bytes_;
  CounterSeries received_failures_;
  HistogramSeries round_trip_;
  GaugeSeries clock_offset_;
  CounterSeries probe_failures_;
  SnapshotSeries snapshot_send_;
  SnapshotSeries snapshot_receive_;
  std::deque<LaneSeries> lanes_;      // by Lane
  std::deque<StreamSeries> streams_;  // by StreamIndex
};

// What the transport holds of a peer.
class PrometheusRecorder::Peer final : public PeerMetrics {
 public:
  Peer(PrometheusRecorder& recorder, MemberId id, PeerSeries& series)
      : recorder_(recorder), id_(id), series_(series) {}
  ~Peer() override { recorder_.RemovePeer(id_); }

  void SetActive(bool is_active) override { series_.SetActive(is_active); }

  void Sent(Lane lane, uint64_t messages, uint64_t bytes) override {
    series_.lane(lane).sent->Increment(static_cast<double>(messages));
    series_.sent_bytes()->Increment(static_cast<double>(bytes));
  }
  void Received(uint64_t messages, uint64_t bytes) override {
    series_.received_messages()->Increment(static_cast<double>(messages));
    series_.received_bytes()->Increment(static_cast<double>(bytes));
  }
  void SendFailed(uint64_t count) override {
    series_.sent_failures()->Increment(static_cast<double>(count));
  }
  void ReceiveFailed(uint64_t count) override {
    series_.received_failures()->Increment(static_cast<double>(count));
  }
  void Dropped(Lane lane, DropReason reason, uint64_t messages) override {
    series_.lane(lane).dropped.Increment(DropReasonName(reason),
                                         static_cast<double>(messages));
  }
  void SetQueue(Lane lane, uint64_t messages, uint64_t bytes,
                absl::Duration age) override {
    LaneSeries& series = series_.lane(lane);
    series.queue_messages->Set(static_cast<double>(messages));
    series.queue_bytes->Set(static_cast<double>(bytes));
    series.queue_age->Set(absl::ToDoubleSeconds(age));
  }

  void StreamOpened(Lane stream, StreamEnd end) override {
    series_.stream_end(stream, end).opened->Increment();
  }
  void StreamClosed(Lane stream, StreamEnd end,
                    absl::string_view reason) override {
    series_.stream_end(stream, end).closed.Increment(reason);
  }
  void StreamRedialled(Lane stream, absl::string_view reason) override {
    series_.stream(stream).redials.Increment(reason);
  }

  void RoundTrip(absl::Duration smoothed) override {
    series_.round_trip()->Observe(absl::ToDoubleSeconds(smoothed));
  }
  void SetClockOffset(absl::Duration offset) override {
    series_.clock_offset()->Set(absl::ToDoubleSeconds(offset));
  }
  void ProbeFailed() override { series_.probe_failures()->Increment(); }

  void SnapshotSendBegan() override { series_.snapshot_send().Begin(); }
  void SnapshotSendEnded(bool is_ok, absl::Duration took) override {
    series_.snapshot_send().End(is_ok, took);
  }
  void SnapshotReceiveBegan() override { series_.snapshot_receive().Begin(); }
  void SnapshotReceiveEnded(bool is_ok, absl::Duration took) override {
    series_.snapshot_receive().End(is_ok, took);
  }

 private:
  PrometheusRecorder& recorder_;
  const MemberId id_;
  PeerSeries& series_;
};

// Shared by all that hold the same peer.
struct PrometheusRecorder::Entry {
  std::unique_ptr<PeerSeries> series;
  int holders = 0;
};

absl::StatusOr<std::unique_ptr<PrometheusRecorder>> PrometheusRecorder::Create(
    prometheus::Registry& registry, Options options) {
  for (const auto& [name, value] : options.labels) {
    if (IsTaken(name) || !prometheus::CheckLabelName(name)) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", name, "\" cannot be a label of every metric"));
    }
  }
  std::unique_ptr<Families> families;
  try {
    families = std::make_unique<Families>(registry);
  } catch (const std::exception& error) {
    return absl::FailedPreconditionError(
        absl::StrCat("the registry does not take our metrics: ", error.what()));
  }
  if (families->connections_open.Has(options.labels)) {
    return absl::AlreadyExistsError(
        "the registry has metrics of another transport with the same labels");
  }
  return std::unique_ptr<PrometheusRecorder>(new PrometheusRecorder(
      std::make_unique<OwnSeries>(std::move(families), std::move(options))));
}

PrometheusRecorder::PrometheusRecorder(std::unique_ptr<OwnSeries> own)
    : own_(std::move(own)) {}

PrometheusRecorder::~PrometheusRecorder() {
  MutexLock lock(mutex_);
  CHECK(peers_.empty());
}

std::unique_ptr<PeerMetrics> PrometheusRecorder::AddPeer(MemberId peer) {
  MutexLock lock(mutex_);
  Entry& entry = peers_[peer];
  if (entry.series == nullptr) {
    entry.series = std::make_unique<PeerSeries>(*own_, peer);
  }
  ++entry.holders;
  return std::make_unique<Peer>(*this, peer, *entry.series);
}

void PrometheusRecorder::RemovePeer(MemberId peer) {
  MutexLock lock(mutex_);
  const auto found = peers_.find(peer);
  CHECK(found != peers_.end());
  if (--found->second.holders == 0) peers_.erase(found);
}

void PrometheusRecorder::StrangerReceived(uint64_t /*messages*/,
                                          uint64_t bytes) {
  own_->stranger_received()->Increment(static_cast<double>(bytes));
}

void PrometheusRecorder::StrangerReceiveFailed() {
  own_->stranger_failures()->Increment();
}

void PrometheusRecorder::StrangerSnapshotReceiveFailed() {
  own_->stranger_snapshot_failures()->Increment();
}

void PrometheusRecorder::ConnectionOpened() {
  own_->connections_open()->Increment();
}

void PrometheusRecorder::ConnectionClosed() {
  own_->connections_open()->Decrement();
}

void PrometheusRecorder::ConnectionRefused(absl::string_view reason) {
  own_->connections_refused().Increment(reason);
}

}  // namespace rafthttp
