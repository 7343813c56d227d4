#include "rafthttp/metrics/families.h"

#include <string>

namespace rafthttp {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;
using prometheus::Registry;

Families::CounterFamily& Counter(Registry& registry, const std::string& name,
                                 const std::string& help) {
  return BuildCounter().Name(name).Help(help).Register(registry);
}

Families::GaugeFamily& Gauge(Registry& registry, const std::string& name,
                             const std::string& help) {
  return BuildGauge().Name(name).Help(help).Register(registry);
}

Families::HistogramFamily& Histogram(Registry& registry,
                                     const std::string& name,
                                     const std::string& help) {
  return BuildHistogram().Name(name).Help(help).Register(registry);
}

// `count` bounds from `first` on, each twice the one before.
prometheus::Histogram::BucketBoundaries Doubling(double first, int count) {
  prometheus::Histogram::BucketBoundaries bounds;
  for (; count > 0; --count, first *= 2) bounds.push_back(first);
  return bounds;
}

}  // namespace

Families::Families(Registry& registry)
    : active_peers(Gauge(registry, "etcd_network_active_peers",
                         "Peers that are active: 1 or 0 for each.")),
      disconnected_peers_total(
          Counter(registry, "etcd_network_disconnected_peers_total",
                  "Times that an active peer became inactive.")),
      peer_sent_bytes_total(Counter(registry,
                                    "etcd_network_peer_sent_bytes_total",
                                    "Bytes of messages sent to a peer.")),
      peer_received_bytes_total(
          Counter(registry, "etcd_network_peer_received_bytes_total",
                  "Bytes of messages received from a peer.")),
      peer_sent_failures_total(Counter(registry,
                                       "etcd_network_peer_sent_failures_total",
                                       "Failures to send to a peer.")),
      peer_received_failures_total(
          Counter(registry, "etcd_network_peer_received_failures_total",
                  "Failures to receive from a peer.")),
      peer_round_trip_time_seconds(
          Histogram(registry, "etcd_network_peer_round_trip_time_seconds",
                    "Smoothed round trip of probes to a peer.")),
      snapshot_send_success(Counter(registry,
                                    "etcd_network_snapshot_send_success",
                                    "Snapshots that a peer took.")),
      snapshot_send_failures(Counter(registry,
                                     "etcd_network_snapshot_send_failures",
                                     "Snapshots that a peer did not take.")),
      snapshot_send_inflights_total(
          Gauge(registry, "etcd_network_snapshot_send_inflights_total",
                "Snapshots on their way to a peer.")),
      snapshot_send_total_duration_seconds(Histogram(
          registry, "etcd_network_snapshot_send_total_duration_seconds",
          "How long it took to send a snapshot that was taken.")),
      snapshot_receive_success(
          Counter(registry, "etcd_network_snapshot_receive_success",
                  "Snapshots received from a peer and handed to raft.")),
      snapshot_receive_failures(
          Counter(registry, "etcd_network_snapshot_receive_failures",
                  "Snapshots from a peer that were not received.")),
      snapshot_receive_inflights_total(
          Gauge(registry, "etcd_network_snapshot_receive_inflights_total",
                "Snapshots on their way from a peer.")),
      snapshot_receive_total_duration_seconds(Histogram(
          registry, "etcd_network_snapshot_receive_total_duration_seconds",
          "How long it took to receive a snapshot and hand it to raft.")),
      sent_messages_total(Counter(registry, "rafthttp_sent_messages_total",
                                  "Messages sent to a peer on a lane.")),
      received_messages_total(Counter(registry,
                                      "rafthttp_received_messages_total",
                                      "Messages received from a peer.")),
      dropped_messages_total(
          Counter(registry, "rafthttp_dropped_messages_total",
                  "Messages to a peer that were given up, and why.")),
      queue_messages(Gauge(registry, "rafthttp_queue_messages",
                           "Messages that wait for a lane to a peer.")),
      queue_bytes(Gauge(registry, "rafthttp_queue_bytes",
                        "Bytes of the messages that wait.")),
      queue_age_seconds(Gauge(registry, "rafthttp_queue_age_seconds",
                              "How long the oldest message has been waiting.")),
      streams_opened_total(Counter(registry, "rafthttp_streams_opened_total",
                                   "Streams between a peer and us.")),
      streams_closed_total(
          Counter(registry, "rafthttp_streams_closed_total",
                  "Streams that are not open any more, and why.")),
      stream_redials_total(Counter(
          registry, "rafthttp_stream_redials_total",
          "Times that a stream was or will be dialled again, and why.")),
      clock_offset_seconds(Gauge(registry, "rafthttp_clock_offset_seconds",
                                 "Our clock minus the peer's.")),
      probe_failures_total(Counter(registry, "rafthttp_probe_failures_total",
                                   "Probes that a peer did not answer.")),
      connections_open(Gauge(registry, "rafthttp_connections_open",
                             "Connections that others opened to us.")),
      connections_refused_total(
          Counter(registry, "rafthttp_connections_refused_total",
                  "Connections that were not let in, or not any longer.")),
      round_trip_buckets(Doubling(0.0001, 16)),
      snapshot_buckets(Doubling(0.1, 10)) {}

}  // namespace rafthttp
