#ifndef RAFTHTTP_METRICS_FAMILIES_H_
#define RAFTHTTP_METRICS_FAMILIES_H_

#include "prometheus/counter.h"
#include "prometheus/family.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"

namespace rafthttp {

// All families of metrics that a transport feeds, in the embedder's registry;
// made there unless another transport of the process has done so.
//
// What means the same as in etcd has etcd's name, labels, and buckets, so that
// dashboards and alerts go on working. What etcd does not have begins with
// "rafthttp_". Members are hex IDs.
struct Families {
  // `registry` must outlive this. Throws, as prometheus-cpp does, where one of
  // the names is taken by something else.
  explicit Families(prometheus::Registry& registry);

  using CounterFamily = prometheus::Family<prometheus::Counter>;
  using GaugeFamily = prometheus::Family<prometheus::Gauge>;
  using HistogramFamily = prometheus::Family<prometheus::Histogram>;

  // etcd's: "etcd_network_" and the name.
  GaugeFamily& active_peers;                                 // Local, Remote
  CounterFamily& disconnected_peers_total;                   // Local, Remote
  CounterFamily& peer_sent_bytes_total;                      // To
  CounterFamily& peer_received_bytes_total;                  // From
  CounterFamily& peer_sent_failures_total;                   // To
  CounterFamily& peer_received_failures_total;               // From
  HistogramFamily& peer_round_trip_time_seconds;             // To
  CounterFamily& snapshot_send_success;                      // To
  CounterFamily& snapshot_send_failures;                     // To
  GaugeFamily& snapshot_send_inflights_total;                // To
  HistogramFamily& snapshot_send_total_duration_seconds;     // To
  CounterFamily& snapshot_receive_success;                   // From
  CounterFamily& snapshot_receive_failures;                  // From
  GaugeFamily& snapshot_receive_inflights_total;             // From
  HistogramFamily& snapshot_receive_total_duration_seconds;  // From

  // Ours: "rafthttp_" and the name.
  CounterFamily& sent_messages_total;        // peer, lane
  CounterFamily& received_messages_total;    // peer
  CounterFamily& dropped_messages_total;     // peer, lane, reason
  GaugeFamily& queue_messages;               // peer, lane
  GaugeFamily& queue_bytes;                  // peer, lane
  GaugeFamily& queue_age_seconds;            // peer, lane
  CounterFamily& streams_opened_total;       // peer, stream, end
  CounterFamily& streams_closed_total;       // peer, stream, end, reason
  CounterFamily& stream_redials_total;       // peer, stream, reason
  GaugeFamily& clock_offset_seconds;         // peer
  CounterFamily& probe_failures_total;       // peer
  GaugeFamily& connections_open;             // none
  CounterFamily& connections_refused_total;  // reason

  // Upper bounds in seconds, for each series of a histogram.
  const prometheus::Histogram::BucketBoundaries round_trip_buckets;
  const prometheus::Histogram::BucketBoundaries snapshot_buckets;
};

}  // namespace rafthttp

#endif  // RAFTHTTP_METRICS_FAMILIES_H_
