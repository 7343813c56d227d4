#ifndef INTEGRATION_CLUSTER_FIXTURE_H_
#define INTEGRATION_CLUSTER_FIXTURE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "integration/child.h"
#include "nlohmann/json.hpp"
#include "tools/etcdclient/etcd_client.h"
#include "tools/etcdpb/rpc.pb.h"
#include "tools/throwaway_etcd/etcd_binary.h"
#include "tools/throwaway_etcd/etcd_cluster.h"

namespace rafthttp::integration {

// Longer than anything here takes on a busy machine. What is waited for so long
// is waited for by its sign, never by the clock.
inline constexpr absl::Duration kPatience = absl::Seconds(60);

// Runs rafthttpctl.
std::unique_ptr<Child> RunCtl(std::vector<std::string> arguments,
                              const std::string& stdout_path = "");

// Tests of rafthttpctl beside a real etcd, once for each version found. They
// are skipped where there is none, but fail where $CI is set.
class ClusterTest : public testing::TestWithParam<rafthttpctl::EtcdBinary> {
 protected:
  void SetUp() override;

  // Starts a cluster of this test's own.
  void StartCluster(size_t members, std::vector<std::string> extra_flags = {},
                    bool is_peer_tls = false);
  rafthttpctl::EtcdCluster& cluster() { return *cluster_; }

  // tail --learner on the cluster, as NDJSON without heartbeats.
  std::unique_ptr<Child> TailLearner(std::vector<std::string> more = {},
                                     const std::string& stdout_path = "");
  // etcdctl's exit code and output.
  std::pair<int, std::string> Etcdctl(std::vector<std::string> arguments);

  // A client of all members, whose calls take at most `call_timeout`.
  std::unique_ptr<rafthttpctl::EtcdClient> Client(
      absl::Duration call_timeout = absl::Seconds(5));
  std::unique_ptr<rafthttpctl::EtcdClient> ClientOf(
      size_t i, absl::Duration call_timeout);
  void Put(const std::string& key, const std::string& value);
  std::vector<etcdserverpb::Member> Members();
  // IDs, names and URLs, to compare before and after.
  std::vector<std::string> MemberLines();
  // The learner that the cluster lists, as hex, or nothing.
  std::optional<std::string> Learner();
  std::string IdOf(size_t i);
  // Which member leads, as soon as one does.
  size_t Leader();

  // Reads records until one satisfies `predicate`, which is returned.
  static std::optional<nlohmann::json> ReadUntil(
      Child& tail, const std::function<bool(const nlohmann::json&)>& predicate,
      absl::Duration timeout = kPatience);
  // The next record, or nothing.
  static std::optional<nlohmann::json> ReadRecord(Child& tail,
                                                  absl::Duration timeout);
  // Until the tail is on the member list and hears from a leader.
  static bool AwaitFollowing(Child& tail);
  // Until the tail has printed the put of `key`.
  static bool AwaitPut(Child& tail, const std::string& key);
  // The summary, as the last record.
  static bool EndsWithSummary(Child& tail);

 private:
  std::unique_ptr<rafthttpctl::EtcdCluster> cluster_;
};

bool IsEvent(const nlohmann::json& record, absl::string_view event);
// The keys that a record's entries put, in order.
std::vector<std::string> KeysPut(const nlohmann::json& record);

// What ClusterTest is instantiated with, and how to name it.
std::vector<rafthttpctl::EtcdBinary> EtcdsToTest();
std::string NameOfEtcd(
    const testing::TestParamInfo<rafthttpctl::EtcdBinary>& info);

}  // namespace rafthttp::integration

#endif  // INTEGRATION_CLUSTER_FIXTURE_H_
