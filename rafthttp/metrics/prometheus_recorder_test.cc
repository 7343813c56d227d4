#include "rafthttp/metrics/prometheus_recorder.h"

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "prometheus/counter.h"
#include "prometheus/gauge.h"
#include "prometheus/registry.h"
#include "rafthttp/base/drop_reason.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/base/lane.h"
#include "rafthttp/metrics/metrics_text.h"
#include "rafthttp/metrics/testing/exposition.h"
#include "rafthttp/stats/metrics_recorder.h"

namespace rafthttp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

using Labels = std::map<std::string, std::string>;

constexpr MemberId kSelf(0xa);
constexpr MemberId kPeer(0xb);

class PrometheusRecorderTest : public testing::Test {
 protected:
  PrometheusRecorderTest() : recorder_(NewRecorder()) {}

  std::unique_ptr<PrometheusRecorder> NewRecorder(Labels labels = {}) {
    auto created =
        PrometheusRecorder::Create(registry_, {kSelf, std::move(labels)});
    EXPECT_TRUE(created.ok()) << created.status();
    return *std::move(created);
  }

  std::map<std::string, MetricText> Scrape() {
    auto parsed = ParseExposition(MetricsText(registry_));
    EXPECT_TRUE(parsed.ok()) << parsed.status();
    return *std::move(parsed);
  }

  // The value of one sample, -1 where there is none. A histogram's is named
  // with its suffix.
  double ValueOf(const std::string& name, const Labels& labels) {
    for (const auto& [family, metric] : Scrape()) {
      for (const Sample& sample : metric.samples) {
        if (sample.name == name && sample.labels == labels) return sample.value;
      }
    }
    return -1;
  }

  // How many samples mention `peer`.
  int SamplesOf(MemberId peer) {
    int samples = 0;
    for (const auto& [family, metric] : Scrape()) {
      for (const Sample& sample : metric.samples) {
        for (const auto& [label, value] : sample.labels) {
          if (value == peer.ToHex()) ++samples;
        }
      }
    }
    return samples;
  }

  prometheus::Registry registry_;
  std::unique_ptr<PrometheusRecorder> recorder_;
};

TEST_F(PrometheusRecorderTest, EverythingHasItsPlace) {
  const auto peer = recorder_->AddPeer(kPeer);
  const Labels pair = {{"Local", "a"}, {"Remote", "b"}};
  const Labels to = {{"To", "b"}};
  const Labels from = {{"From", "b"}};
  const Labels ours = {{"peer", "b"}};
  const Labels message = {{"peer", "b"}, {"lane", "message"}};

  peer->Sent(Lane::kMessage, 3, 300);
  peer->Sent(Lane::kMsgApp, 2, 50);
  EXPECT_EQ(ValueOf("etcd_network_peer_sent_bytes_total", to), 350);
  EXPECT_EQ(ValueOf("rafthttp_sent_messages_total", message), 3);
  EXPECT_EQ(ValueOf("rafthttp_sent_messages_total",
                    {{"peer", "b"}, {"lane", "msgapp"}}),
            2);

  peer->Received(5, 70);
  EXPECT_EQ(ValueOf("etcd_network_peer_received_bytes_total", from), 70);
  EXPECT_EQ(ValueOf("rafthttp_received_messages_total", ours), 5);

  peer->SendFailed(2);
  EXPECT_EQ(ValueOf("etcd_network_peer_sent_failures_total", to), 2);
  peer->ReceiveFailed(4);
  EXPECT_EQ(ValueOf("etcd_network_peer_received_failures_total", from), 4);

  const Labels dropped = {
      {"peer", "b"}, {"lane", "pipeline"}, {"reason", "queue_full"}};
  EXPECT_EQ(ValueOf("rafthttp_dropped_messages_total", dropped), -1);
  peer->Dropped(Lane::kPipeline, DropReason::kQueueFull, 6);
  peer->Dropped(Lane::kPipeline, DropReason::kQueueFull, 1);
  peer->Dropped(Lane::kPipeline, DropReason::kStopped, 1);
  EXPECT_EQ(ValueOf("rafthttp_dropped_messages_total", dropped), 7);

  peer->SetQueue(Lane::kMessage, 8, 900, absl::Milliseconds(1500));
  EXPECT_EQ(ValueOf("rafthttp_queue_messages", message), 8);
  EXPECT_EQ(ValueOf("rafthttp_queue_bytes", message), 900);
  EXPECT_EQ(ValueOf("rafthttp_queue_age_seconds", message), 1.5);

  const Labels stream = {{"peer", "b"}, {"stream", "msgapp"}};
  Labels dialled = stream;
  dialled["end"] = "dialled";
  peer->StreamOpened(Lane::kMsgApp, StreamEnd::kDialled);
  EXPECT_EQ(ValueOf("rafthttp_streams_opened_total", dialled), 1);
  peer->StreamClosed(Lane::kMsgApp, StreamEnd::kDialled, "peer_eof");
  dialled["reason"] = "peer_eof";
  EXPECT_EQ(ValueOf("rafthttp_streams_closed_total", dialled), 1);
  peer->StreamRedialled(Lane::kMsgApp, "peer_eof");
  Labels redialled = stream;
  redialled["reason"] = "peer_eof";
  EXPECT_EQ(ValueOf("rafthttp_stream_redials_total", redialled), 1);
  peer->StreamOpened(Lane::kMessage, StreamEnd::kAccepted);
  EXPECT_EQ(
      ValueOf("rafthttp_streams_opened_total",
              {{"peer", "b"}, {"stream", "message"}, {"end", "accepted"}}),
      1);

  peer->SetClockOffset(-absl::Milliseconds(250));
  EXPECT_EQ(ValueOf("rafthttp_clock_offset_seconds", ours), -0.25);
  peer->ProbeFailed();
  EXPECT_EQ(ValueOf("rafthttp_probe_failures_total", ours), 1);
  EXPECT_EQ(ValueOf("etcd_network_active_peers", pair), 0);
}

TEST_F(PrometheusRecorderTest, CountsWhenAPeerTurnsInactive) {
  const auto peer = recorder_->AddPeer(kPeer);
  const Labels pair = {{"Local", "a"}, {"Remote", "b"}};
  // It was not active before.
  peer->SetActive(false);
  EXPECT_EQ(ValueOf("etcd_network_disconnected_peers_total", pair), 0);
  peer->SetActive(true);
  EXPECT_EQ(ValueOf("etcd_network_active_peers", pair), 1);
  peer->SetActive(false);
  peer->SetActive(false);
  EXPECT_EQ(ValueOf("etcd_network_active_peers", pair), 0);
  EXPECT_EQ(ValueOf("etcd_network_disconnected_peers_total", pair), 1);
}

TEST_F(PrometheusRecorderTest, RoundTripsFallIntoEtcdsBuckets) {
  const auto peer = recorder_->AddPeer(kPeer);
  const std::string name = "etcd_network_peer_round_trip_time_seconds";
  peer->RoundTrip(absl::Microseconds(100));
  peer->RoundTrip(absl::Microseconds(101));
  peer->RoundTrip(absl::Seconds(5));
  EXPECT_EQ(ValueOf(name + "_bucket", {{"To", "b"}, {"le", "0.0001"}}), 1);
  EXPECT_EQ(ValueOf(name + "_bucket", {{"To", "b"}, {"le", "0.0002"}}), 2);
  EXPECT_EQ(ValueOf(name + "_bucket", {{"To", "b"}, {"le", "3.2768"}}), 2);
  EXPECT_EQ(ValueOf(name + "_count", {{"To", "b"}}), 3);
  EXPECT_DOUBLE_EQ(ValueOf(name + "_sum", {{"To", "b"}}), 5.000201);
  EXPECT_THAT(Scrape()[name].buckets(),
              ElementsAre(ElementsAre(
                  "0.0001", "0.0002", "0.0004", "0.0008", "0.0016", "0.0032",
                  "0.0064", "0.0128", "0.0256", "0.0512", "0.1024", "0.2048",
                  "0.4096", "0.8192", "1.6384", "3.2768", "+Inf")));
}

TEST_F(PrometheusRecorderTest, SnapshotsBothWays) {
  const auto peer = recorder_->AddPeer(kPeer);
  const std::string send = "etcd_network_snapshot_send_";
  const std::string receive = "etcd_network_snapshot_receive_";
  const Labels to = {{"To", "b"}};
  const Labels from = {{"From", "b"}};

  peer->SnapshotSendBegan();
  peer->SnapshotSendBegan();
  EXPECT_EQ(ValueOf(send + "inflights_total", to), 2);
  peer->SnapshotSendEnded(true, absl::Milliseconds(150));
  peer->SnapshotSendEnded(false, absl::Seconds(10));
  EXPECT_EQ(ValueOf(send + "inflights_total", to), 0);
  EXPECT_EQ(ValueOf(send + "success", to), 1);
  EXPECT_EQ(ValueOf(send + "failures", to), 1);
  // The failure's time does not count.
  EXPECT_EQ(ValueOf(send + "total_duration_seconds_count", to), 1);
  EXPECT_EQ(ValueOf(send + "total_duration_seconds_sum", to), 0.15);
  EXPECT_EQ(ValueOf(send + "total_duration_seconds_bucket",
                    {{"To", "b"}, {"le", "0.2"}}),
            1);

  peer->SnapshotReceiveBegan();
  EXPECT_EQ(ValueOf(receive + "inflights_total", from), 1);
  peer->SnapshotReceiveEnded(true, absl::Seconds(50));
  EXPECT_EQ(ValueOf(receive + "inflights_total", from), 0);
  EXPECT_EQ(ValueOf(receive + "success", from), 1);
  EXPECT_EQ(ValueOf(receive + "failures", from), 0);
  EXPECT_EQ(ValueOf(receive + "total_duration_seconds_bucket",
                    {{"From", "b"}, {"le", "51.2"}}),
            1);
  EXPECT_EQ(ValueOf(receive + "total_duration_seconds_bucket",
                    {{"From", "b"}, {"le", "25.6"}}),
            0);
}

TEST_F(PrometheusRecorderTest, StrangersAndConnections) {
  recorder_->StrangerReceived(2, 80);
  recorder_->StrangerReceiveFailed();
  recorder_->StrangerSnapshotReceiveFailed();
  EXPECT_EQ(ValueOf("etcd_network_peer_received_bytes_total",
                    {{"From", "UNKNOWN_SENDER"}}),
            80);
  EXPECT_EQ(ValueOf("etcd_network_peer_received_failures_total",
                    {{"From", "UNKNOWN_SENDER"}}),
            1);
  EXPECT_EQ(ValueOf("etcd_network_snapshot_receive_failures",
                    {{"From", "UNKNOWN_SNAPSHOT_SENDER"}}),
            1);
  recorder_->ConnectionOpened();
  recorder_->ConnectionOpened();
  recorder_->ConnectionClosed();
  recorder_->ConnectionRefused("too_many");
  EXPECT_EQ(ValueOf("rafthttp_connections_open", {}), 1);
  EXPECT_EQ(
      ValueOf("rafthttp_connections_refused_total", {{"reason", "too_many"}}),
      1);
}

TEST_F(PrometheusRecorderTest, APeersSeriesLeaveWithIt) {
  auto peer = recorder_->AddPeer(kPeer);
  const auto other = recorder_->AddPeer(MemberId(0xc));
  peer->Dropped(Lane::kMessage, DropReason::kStopped, 1);
  peer->StreamClosed(Lane::kMessage, StreamEnd::kAccepted, "reset");
  peer->StreamRedialled(Lane::kMessage, "reset");
  EXPECT_GT(SamplesOf(kPeer), 50);
  const int samples_of_other = SamplesOf(MemberId(0xc));
  peer.reset();
  EXPECT_EQ(SamplesOf(kPeer), 0);
  EXPECT_EQ(SamplesOf(MemberId(0xc)), samples_of_other);

  // A new one with this ID begins anew.
  peer = recorder_->AddPeer(kPeer);
  EXPECT_EQ(
      ValueOf("rafthttp_dropped_messages_total",
              {{"peer", "b"}, {"lane", "message"}, {"reason", "stopped"}}),
      -1);
}

TEST_F(PrometheusRecorderTest, APeerMayComeBackBeforeItIsGone) {
  auto old = recorder_->AddPeer(kPeer);
  const auto anew = recorder_->AddPeer(kPeer);
  old->Sent(Lane::kMessage, 1, 10);
  old.reset();
  anew->Sent(Lane::kMessage, 1, 5);
  EXPECT_EQ(ValueOf("etcd_network_peer_sent_bytes_total", {{"To", "b"}}), 15);
}

TEST_F(PrometheusRecorderTest, NothingIsLeftInTheRegistry) {
  auto peer = recorder_->AddPeer(kPeer);
  peer->Dropped(Lane::kMessage, DropReason::kStopped, 1);
  recorder_->ConnectionRefused("too_many");
  peer.reset();
  recorder_.reset();
  for (const auto& [name, metric] : Scrape()) {
    EXPECT_THAT(metric.samples, IsEmpty()) << name;
  }
  // So another may take its place.
  recorder_ = NewRecorder();
}

TEST_F(PrometheusRecorderTest, SeveralMembersShareARegistryByLabels) {
  const auto labelled = NewRecorder({{"member", "m1"}});
  const auto peer = recorder_->AddPeer(kPeer);
  const auto same_peer = labelled->AddPeer(kPeer);
  peer->Sent(Lane::kMessage, 1, 10);
  same_peer->Sent(Lane::kMessage, 1, 100);
  EXPECT_EQ(ValueOf("etcd_network_peer_sent_bytes_total", {{"To", "b"}}), 10);
  EXPECT_EQ(ValueOf("etcd_network_peer_sent_bytes_total",
                    {{"To", "b"}, {"member", "m1"}}),
            100);
}

TEST_F(PrometheusRecorderTest, TellsWhatItCannotRegister) {
  const auto again = PrometheusRecorder::Create(registry_, {kSelf, {}});
  EXPECT_EQ(again.status().code(), absl::StatusCode::kAlreadyExists);
  for (const std::string name : {"peer", "To", "le", "no-name", "", "__x"}) {
    const auto labelled =
        PrometheusRecorder::Create(registry_, {kSelf, {{name, "x"}}});
    EXPECT_EQ(labelled.status().code(), absl::StatusCode::kInvalidArgument)
        << name;
  }
  prometheus::Registry other;
  prometheus::BuildGauge()
      .Name("rafthttp_received_messages_total")
      .Help("Not ours.")
      .Register(other);
  const auto taken = PrometheusRecorder::Create(other, {kSelf, {}});
  EXPECT_EQ(taken.status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(PrometheusRecorderTest, LivesBesideTheEmbeddersOwn) {
  prometheus::BuildCounter()
      .Name("mine_total")
      .Help("The embedder's.")
      .Register(registry_)
      .Add({{"x", "a\"b\\c\nd"}})
      .Increment();
  EXPECT_EQ(ValueOf("mine_total", {{"x", "a\"b\\c\nd"}}), 1);
}

TEST_F(PrometheusRecorderTest, ManyThreadsMayTellIt) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([this] {
      for (int round = 0; round < 20; ++round) {
        const auto peer = recorder_->AddPeer(kPeer);
        for (int batch = 0; batch < 50; ++batch) {
          peer->Sent(Lane::kMessage, 1, 1);
          peer->Dropped(Lane::kMessage, DropReason::kStopped, 1);
        }
        recorder_->ConnectionOpened();
        if (round % 10 == 0) MetricsText(registry_);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ValueOf("rafthttp_connections_open", {}), 60);
  EXPECT_EQ(SamplesOf(kPeer), 0);
}

// All methods of the plain recorder do nothing.
TEST(MetricsRecorderTest, ListensToNothing) {
  MetricsRecorder recorder;
  const auto peer = recorder.AddPeer(kPeer);
  ASSERT_NE(peer, nullptr);
  peer->SetActive(true);
  peer->Sent(Lane::kMessage, 1, 1);
  peer->SnapshotSendEnded(true, absl::Seconds(1));
  recorder.StrangerReceiveFailed();
  recorder.ConnectionRefused("too_many");
}

}  // namespace
}  // namespace rafthttp
