#ifndef RAFTHTTP_METRICS_PROMETHEUS_RECORDER_H_
#define RAFTHTTP_METRICS_PROMETHEUS_RECORDER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/base/mutex.h"
#include "rafthttp/stats/metrics_recorder.h"

namespace prometheus {
class Registry;
}  // namespace prometheus

namespace rafthttp {

// A transport's metrics in a Prometheus registry: see families.h for which.
//
// Place: the embedder makes one per transport and sets it in its options; the
//   registry is the embedder's, who may have more in it and serves it
//   (metrics_handler.h, or its own way).
// Threads: thread-safe.
// Lifetime: destroy it after the transport, before the registry. A peer's
// series
//   leave the registry with the peer, all others with the recorder; the
//   families stay, without series.
// Bounds: some 100 series per peer, and one for each reason that occurred.
class PrometheusRecorder final : public MetricsRecorder {
 public:
  struct Options {
    // Whose transport it is.
    MemberId local;
    // Labels of every series, to tell members in one process apart.
    std::map<std::string, std::string> labels;
  };

  //   kInvalidArgument     a label's name is not one, or is taken by a metric
  //   kAlreadyExists       the registry has a recorder with these labels
  //   kFailedPrecondition  the registry has something else under our names
  static absl::StatusOr<std::unique_ptr<PrometheusRecorder>> Create(
      prometheus::Registry& registry, Options options);
  // No peer may be left.
  ~PrometheusRecorder() override;

  std::unique_ptr<PeerMetrics> AddPeer(MemberId peer) override;

  // Counted for From="UNKNOWN_SENDER", whoever it was: a series for each, as in
  // etcd, would be as many as strangers like.
  void StrangerReceived(uint64_t messages, uint64_t bytes) override;
  void StrangerReceiveFailed() override;
  // For From="UNKNOWN_SNAPSHOT_SENDER", as in etcd.
  void StrangerSnapshotReceiveFailed() override;

  void ConnectionOpened() override;
  void ConnectionClosed() override;
  void ConnectionRefused(absl::string_view reason) override;

 private:
  class OwnSeries;
  class PeerSeries;
  class Peer;
  struct Entry;

  explicit PrometheusRecorder(std::unique_ptr<OwnSeries> own);
  void RemovePeer(MemberId peer);

  const std::unique_ptr<OwnSeries> own_;
  Mutex mutex_;
  std::map<MemberId, Entry> peers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace rafthttp

#endif  // RAFTHTTP_METRICS_PROMETHEUS_RECORDER_H_
