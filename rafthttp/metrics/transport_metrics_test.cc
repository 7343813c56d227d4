// A transport's metrics, scraped from its own port, as an embedder mounts them.
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "prometheus/registry.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/base/raft.h"
#include "rafthttp/event/testing/memory_network.h"
#include "rafthttp/event/testing/sim_loop.h"
#include "rafthttp/http1/client.h"
#include "rafthttp/http1/request.h"
#include "rafthttp/http1/url.h"
#include "rafthttp/metrics/metrics_handler.h"
#include "rafthttp/metrics/prometheus_recorder.h"
#include "rafthttp/testing/sim_host.h"
#include "rafthttp/transport/options.h"
#include "rafthttp/transport/transport.h"
#include "raftpb/raft.pb.h"

namespace rafthttp {
namespace {

using ::testing::HasSubstr;

class NullRaft final : public Raft {
 public:
  absl::Status Process(std::stop_token, raftpb::Message&&) override {
    return absl::OkStatus();
  }
  bool IsIdRemoved(MemberId) override { return false; }
  void ReportUnreachable(MemberId) override {}
  void ReportSnapshot(MemberId, SnapshotStatus) override {}
};

std::unique_ptr<Transport> Create(SimHost& host, uint64_t id, Raft& raft,
                                  MetricsRecorder* metrics) {
  Options options;
  options.id = MemberId(id);
  options.cluster_id = ClusterId(0x1000);
  options.raft = &raft;
  options.listen_urls = {absl::StrCat("http://", host.name(), ":2380")};
  options.delivery = DeliveryMode::kInline;
  options.metrics = metrics;
  auto transport = Transport::Create(host.environment(), std::move(options));
  EXPECT_TRUE(transport.ok()) << transport.status();
  return *std::move(transport);
}

TEST(TransportMetricsTest, AreServedOnTheTransportsOwnPort) {
  event::SimLoop loop;
  event::MemoryNetwork network(loop);
  SimHost host_a(loop, network, "a");
  SimHost host_b(loop, network, "b");
  NullRaft raft;
  prometheus::Registry registry;
  const auto recorder = PrometheusRecorder::Create(
      registry, {.local = MemberId(1), .labels = {}});
  ASSERT_TRUE(recorder.ok()) << recorder.status();
  MetricsHandler handler(registry);
  const auto a = Create(host_a, 1, raft, recorder->get());
  const auto b = Create(host_b, 2, raft, nullptr);
  a->mux().Add("/metrics", {"GET"}, handler);
  ASSERT_TRUE(a->Start().ok());
  ASSERT_TRUE(b->Start().ok());
  ASSERT_TRUE(a->AddPeer(MemberId(2), b->listen_urls()).ok());
  ASSERT_TRUE(b->AddPeer(MemberId(1), a->listen_urls()).ok());
  loop.RunFor(absl::Seconds(1));
  raftpb::Message message;
  message.set_type(raftpb::MsgHeartbeat);
  message.set_from(1);
  message.set_to(2);
  a->Send(std::move(message));
  loop.RunFor(absl::Seconds(1));

  const auto connector = network.NewConnector("scraper");
  http1::Client client(loop, *connector, {});
  http1::Request request;
  request.url = *http1::ParseUrl("http://a:2380/metrics");
  std::optional<absl::StatusOr<http1::Response>> scraped;
  const auto call = client.Fetch(std::move(request), {},
                                 [&](absl::StatusOr<http1::Response> response) {
                                   scraped = std::move(response);
                                 });
  loop.RunFor(absl::Seconds(1));
  ASSERT_TRUE(scraped && scraped->ok());
  EXPECT_EQ((*scraped)->head.status, 200);
  EXPECT_THAT(
      (*scraped)->body,
      HasSubstr("etcd_network_active_peers{Local=\"1\",Remote=\"2\"} "));
  EXPECT_THAT((*scraped)->body,
              HasSubstr("etcd_network_peer_sent_bytes_total{To=\"2\"} "));

  a->Stop([] {});
  b->Stop([] {});
  loop.RunFor(absl::Minutes(1));
}

}  // namespace
}  // namespace rafthttp
