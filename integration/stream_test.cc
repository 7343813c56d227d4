// Looking at a peer port: dial, members, and the stream of a member.
#include <signal.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration/cluster_fixture.h"

namespace rafthttp::integration {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class StreamTest : public ClusterTest {
 protected:
  std::unique_ptr<Child> TailStream(size_t of, const std::string& id,
                                    std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {
        "tail", "--stream", cluster().peer_url(of), "--id", id, "-w", "json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return RunCtl(std::move(arguments));
  }
  // The only record that `child` prints; its exit code must be `code`.
  json OnlyRecord(Child& child, int code = 0) {
    const auto record = ReadRecord(child, kPatience);
    EXPECT_EQ(child.ExitCode(kPatience), code) << child.Errors();
    EXPECT_FALSE(child.ReadLine(kPatience).has_value());
    EXPECT_LE(child.ErrorLines(), 6u) << child.Errors();
    return record.value_or(json::object());
  }
  void ExpectRefused(Child& child, int code, const std::string& why) {
    EXPECT_EQ(child.ExitCode(kPatience), code) << child.Errors();
    EXPECT_THAT(child.Errors(), HasSubstr(why));
    EXPECT_LE(child.ErrorLines(), 6u) << child.Errors();
  }
};

TEST_P(StreamTest, LooksAtALiveCluster) {
  StartCluster(3);
  ASSERT_FALSE(HasFatalFailure());
  const size_t leader = Leader();
  const size_t follower = (leader + 1) % 3;

  // dial: each peer, one record each.
  const auto dial = RunCtl(
      {"dial", cluster().peer_url(0), cluster().peer_url(1), "-w", "json"});
  for (size_t i = 0; i < 2; ++i) {
    const auto record = ReadRecord(*dial, kPatience);
    ASSERT_TRUE(record.has_value()) << dial->Errors();
    EXPECT_EQ((*record)["url"], cluster().peer_url(i));
    EXPECT_EQ((*record)["id"], IdOf(i));
    EXPECT_EQ((*record)["name"], cluster().name(i));
    EXPECT_EQ((*record)["members"], 3);
    EXPECT_EQ((*record)["version"]["etcdserver"], GetParam().version);
    EXPECT_GT((*record)["probe"]["roundTripSeconds"], 0);
    EXPECT_TRUE((*record)["problems"].empty());
  }
  EXPECT_EQ(dial->ExitCode(kPatience), 0) << dial->Errors();
  EXPECT_EQ(dial->Errors(), "");

  // members, both ways.
  const auto by_url = RunCtl({"members", cluster().peer_url(0), "-w", "json"});
  const json peers = OnlyRecord(*by_url);
  const auto by_endpoints = RunCtl(
      {"members", "--endpoints", cluster().client_endpoints(), "-w", "json"});
  const json clients = OnlyRecord(*by_endpoints);
  EXPECT_EQ(peers["clusterId"], clients["clusterId"]);
  EXPECT_EQ(clients["leader"], IdOf(leader));
  ASSERT_EQ(peers["members"].size(), 3u);
  ASSERT_EQ(clients["members"].size(), 3u);
  for (const json& member : clients["members"]) {
    EXPECT_FALSE(member["isLearner"]);
    EXPECT_EQ(member["isLeader"], member["id"] == IdOf(leader));
  }

  // A stream that somebody has.
  const std::string id = IdOf(follower);
  const auto refused = TailStream(leader, id);
  ExpectRefused(*refused, 1, id);
  EXPECT_THAT(refused->Errors(), HasSubstr("--steal"));
  const auto dialled = RunCtl({"dial", cluster().peer_url(leader), "--stream",
                               "message", "--id", id, "-w", "json"});
  OnlyRecord(*dialled, 1);
  const auto unknown = TailStream(leader, "1234567");
  ExpectRefused(*unknown, 5, "1234567");

  // Its owner takes it back at once, again and again, so that only now and then
  // a message is seen.
  const auto stolen = TailStream(leader, id, {"--steal"});
  std::atomic<bool> is_seen = false;
  std::thread writer([this, &is_seen] {
    const auto client = Client();
    etcdserverpb::PutRequest request;
    request.set_key("key");
    const absl::Time deadline = absl::Now() + kPatience;
    while (!is_seen && absl::Now() < deadline) {
      client->Put(request).status().IgnoreError();
    }
  });
  const auto message = ReadUntil(
      *stolen, [](const json& record) { return record.contains("type"); });
  is_seen = true;
  writer.join();
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ((*message)["from"], IdOf(leader));
  EXPECT_EQ((*message)["to"], id);
  stolen->Signal(SIGINT);
  EXPECT_EQ(stolen->ExitCode(kPatience), 0) << stolen->Errors();
  EXPECT_TRUE(EndsWithSummary(*stolen));
  // Its owner takes it back, and the cluster is well.
  EXPECT_TRUE(cluster().WaitUntilHealthy(follower, kPatience).ok());
}

TEST_P(StreamTest, StandsInForAMemberThatIsDown) {
  StartCluster(3);
  ASSERT_FALSE(HasFatalFailure());
  const size_t leader = Leader();
  const size_t down = (leader + 1) % 3;
  const std::string id = IdOf(down);
  cluster().Kill(down);

  const auto dialled = RunCtl({"dial", cluster().peer_url(leader), "--stream",
                               "msgapp", "--id", id, "-w", "json"});
  const json report = OnlyRecord(*dialled);
  EXPECT_EQ(report["stream"]["answer"], "opened") << report;
  EXPECT_EQ(report["stream"]["to"], IdOf(leader)) << report;

  const auto tail = TailStream(leader, id, {"--count", "3"});
  std::vector<std::string> opened;
  const auto message = ReadUntil(*tail, [&opened](const json& record) {
    if (IsEvent(record, "stream_opened")) opened.push_back(record["stream"]);
    return record.contains("type");
  });
  ASSERT_TRUE(message.has_value());
  EXPECT_THAT(opened, testing::IsSubsetOf({"message", "msgapp"}));
  EXPECT_EQ((*message)["from"], IdOf(leader));
  EXPECT_EQ((*message)["to"], id);
  EXPECT_EQ(tail->ExitCode(kPatience), 0) << tail->Errors();
  EXPECT_TRUE(EndsWithSummary(*tail));

  const auto elsewhere = TailStream(leader, id, {"--cluster-id", "deadbeef"});
  ExpectRefused(*elsewhere, 5, "cluster_mismatch");
  const auto other = TailStream(leader, id, {"--peer", "1234567"});
  ExpectRefused(*other, 5, "to_mismatch");
}

INSTANTIATE_TEST_SUITE_P(Etcds, StreamTest, testing::ValuesIn(EtcdsToTest()),
                         NameOfEtcd);

}  // namespace
}  // namespace rafthttp::integration
