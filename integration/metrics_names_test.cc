// Our metrics beside those of a real etcd: what has etcd's name has its type,
// its labels, and its buckets.
#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "integration/cluster_fixture.h"
#include "prometheus/registry.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/event/event_loop.h"
#include "rafthttp/event/uv_connector.h"
#include "rafthttp/event/uv_loop.h"
#include "rafthttp/http1/client.h"
#include "rafthttp/http1/request.h"
#include "rafthttp/http1/url.h"
#include "rafthttp/metrics/metrics_text.h"
#include "rafthttp/metrics/prometheus_recorder.h"
#include "rafthttp/metrics/testing/exposition.h"
#include "rafthttp/stats/metrics_recorder.h"
#include "tools/etcdclient/etcd_client.h"
#include "tools/etcdpb/rpc.pb.h"

namespace rafthttp::integration {
namespace {

using Metrics = std::map<std::string, MetricText>;

constexpr int kTurnsMax = 1000000;

// Of etcd's own log, that many entries are left when it is compacted
// (3.4, 3.5).
constexpr int kEntriesKept = 5000;

std::set<std::string> NetworkNames(const Metrics& metrics) {
  std::set<std::string> names;
  for (const auto& [name, metric] : metrics) {
    if (absl::StartsWith(name, "etcd_network_")) names.insert(name);
  }
  return names;
}

Metrics Parse(absl::string_view text) {
  auto parsed = ParseExposition(text);
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  return parsed.ok() ? *std::move(parsed) : Metrics();
}

Metrics Ours() {
  prometheus::Registry registry;
  const auto recorder = PrometheusRecorder::Create(
      registry, {.local = MemberId(1), .labels = {}});
  EXPECT_TRUE(recorder.ok()) << recorder.status();
  if (!recorder.ok()) return {};
  const auto peer = (*recorder)->AddPeer(MemberId(2));
  return Parse(MetricsText(registry));
}

class MetricsNamesTest : public ClusterTest {
 protected:
  absl::StatusOr<http1::Response> Fetch(http1::Request request) {
    std::optional<absl::StatusOr<http1::Response>> result;
    const auto call =
        client_.Fetch(std::move(request), {.timeout = kPatience},
                      [&result](absl::StatusOr<http1::Response> response) {
                        result = std::move(response);
                      });
    loop_.RunUntil([&result] { return result.has_value(); }, kTurnsMax);
    if (!result) return absl::DeadlineExceededError("no answer");
    return *std::move(result);
  }

  absl::StatusOr<http1::Response> Get(const std::string& url) {
    const auto parsed = http1::ParseUrl(url);
    if (!parsed.ok()) return parsed.status();
    http1::Request request;
    request.url = *parsed;
    return Fetch(std::move(request));
  }

  // Posts to member `i`, as another of its cluster, what is no message.
  void PostGarbage(size_t i) {
    const auto members = Get(cluster().peer_url(i) + "/members");
    ASSERT_TRUE(members.ok()) << members.status();
    const auto cluster_id = members->head.headers.Get("X-Etcd-Cluster-ID");
    ASSERT_TRUE(cluster_id.has_value());
    http1::Request request;
    request.method = "POST";
    request.url = *http1::ParseUrl(cluster().peer_url(i) + "/raft");
    request.headers.Add("X-Etcd-Cluster-ID", *cluster_id);
    request.headers.Add("X-Server-Version", "3.4.0");
    request.headers.Add("X-Min-Cluster-Version", "3.0.0");
    request.body = "garbage";
    const auto posted = Fetch(request);
    ASSERT_TRUE(posted.ok()) << posted.status();
    EXPECT_EQ(posted->head.status, 400);
    // A snapshot that shows no version at all.
    http1::Request snapshot;
    snapshot.method = "POST";
    snapshot.url = *http1::ParseUrl(cluster().peer_url(i) + "/raft/snapshot");
    const auto refused = Fetch(std::move(snapshot));
    ASSERT_TRUE(refused.ok()) << refused.status();
    EXPECT_EQ(refused->head.status, 412);
  }

  // A member's families that are of interest and not known yet.
  void Gather(size_t i, Metrics* theirs) {
    const auto response =
        Get(absl::StrCat("http://", cluster().client_endpoint(i), "/metrics"));
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->head.headers.Get("Content-Type"), kMetricsContentType);
    for (auto& [name, metric] : Parse(response->body)) {
      if (absl::StartsWith(name, "etcd_network_")) {
        theirs->emplace(name, std::move(metric));
      }
    }
  }

  // So many that a member that is down misses what the others then forget.
  void PutMany(int count) {
    std::atomic<int> left = count;
    std::vector<std::thread> writers;
    for (int i = 0; i < 16; ++i) {
      writers.emplace_back([this, &left] {
        const auto client = Client();
        etcdserverpb::PutRequest request;
        request.set_key("key");
        const absl::Time deadline = absl::Now() + kPatience;
        while (left > 0 && absl::Now() < deadline) {
          if (client->Put(request).ok()) --left;
        }
      });
    }
    for (std::thread& writer : writers) writer.join();
    ASSERT_LE(left, 0);
  }

  // Lets the cluster go on for a moment before it is asked again.
  void Pause() {
    bool is_over = false;
    const auto timer = loop_.NewTimer([&is_over] { is_over = true; });
    timer->Start(absl::Milliseconds(200));
    loop_.RunUntil([&is_over] { return is_over; }, kTurnsMax);
  }

 private:
  event::UvLoop loop_;
  event::UvConnector connector_{loop_};
  http1::Client client_{loop_, connector_, http1::Client::Options()};
};

TEST_P(MetricsNamesTest, WhatHasEtcdsNameIsTheSame) {
  StartCluster(3, {"--snapshot-count=100"});
  ASSERT_FALSE(HasFatalFailure());
  const size_t leader = Leader();
  const size_t down = (leader + 1) % 3;

  // etcd shows a family once there is something in it, so everything has to
  // happen: a request that is garbage, a peer that goes away, and one that
  // needs a snapshot.
  PostGarbage(leader);
  ASSERT_FALSE(HasFatalFailure());
  cluster().Kill(down);
  PutMany(kEntriesKept + 500);
  ASSERT_FALSE(HasFatalFailure());
  ASSERT_TRUE(cluster().Restart(down, kPatience).ok());

  const Metrics ours = Ours();
  const std::set<std::string> our_names = NetworkNames(ours);
  EXPECT_EQ(our_names.size(), 15u);
  Metrics theirs;
  const auto lack = [&] {
    std::set<std::string> names = our_names;
    // No snapshot fails here.
    names.erase("etcd_network_snapshot_send_failures");
    for (const auto& [name, metric] : theirs) names.erase(name);
    return names;
  };
  const absl::Time deadline = absl::Now() + kPatience;
  while (!lack().empty() && absl::Now() < deadline) {
    Pause();
    for (size_t i = 0; i < cluster().size(); ++i) {
      Gather(i, &theirs);
      ASSERT_FALSE(HasFatalFailure());
    }
  }
  EXPECT_EQ(lack(), std::set<std::string>()) << "we have them, etcd does not";

  for (auto& [name, metric] : theirs) {
    // Of the client port, and 3.6's membership.
    if (absl::StartsWith(name, "etcd_network_client_grpc_")) continue;
    if (name == "etcd_network_known_peers") continue;
    SCOPED_TRACE(name);
    const auto found = ours.find(name);
    if (found == ours.end()) {
      ADD_FAILURE() << "etcd has it, we do not";
      continue;
    }
    EXPECT_EQ(found->second.type, metric.type);
    EXPECT_EQ(found->second.label_names(), metric.label_names());
    if (metric.type != "histogram") continue;
    EXPECT_FALSE(metric.buckets().empty());
    EXPECT_EQ(found->second.buckets(), metric.buckets());
  }
}

INSTANTIATE_TEST_SUITE_P(Etcds, MetricsNamesTest,
                         testing::ValuesIn(EtcdsToTest()), NameOfEtcd);

}  // namespace
}  // namespace rafthttp::integration
