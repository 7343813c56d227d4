#include "tools/rafthttpctl/peer_api.h"

#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rafthttpctl {
namespace {

using rafthttp::ClusterId;
using rafthttp::MemberId;
using rafthttp::http1::Response;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

Response ResponseOf(int status, std::string body) {
  Response response;
  response.head.status = status;
  response.head.headers.Add("X-Etcd-Cluster-Id", "15f22ffeda2243cf");
  response.body = std::move(body);
  return response;
}

TEST(PeerApiTest, ReadsMembersWhoseIdsExceedADouble) {
  const auto members = ReadMembers(ResponseOf(
      200,
      R"([{"id":14623186154410151935,"peerURLs":["http://a:1","http://b:1"],)"
      R"("name":"n1","clientURLs":["http://a:2"]},)"
      R"({"id":14623186154410151936,"peerURLs":[],"isLearner":true}])"
      "\n"));
  ASSERT_TRUE(members.ok()) << members.status();
  EXPECT_EQ(members->cluster, ClusterId(0x15f22ffeda2243cf));
  ASSERT_EQ(members->members.size(), 2u);
  // Neighbours that a double cannot tell apart.
  EXPECT_EQ(members->members[0].id, MemberId(14623186154410151935u));
  EXPECT_EQ(members->members[1].id, MemberId(14623186154410151936u));
  EXPECT_THAT(members->members[0].peer_urls,
              ElementsAre("http://a:1", "http://b:1"));
  EXPECT_FALSE(members->members[0].is_learner);
  EXPECT_TRUE(members->members[1].is_learner);
  EXPECT_EQ(members->members[1].name, "");
  EXPECT_THAT(members->members[1].client_urls, IsEmpty());
}

TEST(PeerApiTest, A404IsAPeerThatIsNoEtcd) {
  EXPECT_TRUE(absl::IsNotFound(ReadMembers(ResponseOf(404, "x")).status()));
  EXPECT_TRUE(absl::IsNotFound(ReadVersion(ResponseOf(404, "x")).status()));
}

TEST(PeerApiTest, OtherJsonIsNotTakenForEtcds) {
  for (const char* body :
       {"", "x", "{}", "[1]", R"([{"id":"12"}])", R"([{"id":-1}])",
        R"([{"id":1.5}])", R"([{"name":"n"}])", "[", "[[[[[["}) {
    EXPECT_TRUE(absl::IsDataLoss(ReadMembers(ResponseOf(200, body)).status()))
        << body;
  }
  Response without_cluster = ResponseOf(200, "[]");
  without_cluster.head.headers.Remove("X-Etcd-Cluster-Id");
  EXPECT_TRUE(absl::IsDataLoss(ReadMembers(without_cluster).status()));
  EXPECT_TRUE(absl::IsDataLoss(ReadMembers(ResponseOf(500, "[]")).status()));
  EXPECT_TRUE(absl::IsDataLoss(ReadVersion(ResponseOf(200, "[]")).status()));
}

TEST(PeerApiTest, ReadsVersions) {
  const auto version = ReadVersion(ResponseOf(
      200, R"({"etcdserver":"3.4.23","etcdcluster":"not_decided","new":1})"));
  ASSERT_TRUE(version.ok()) << version.status();
  EXPECT_EQ(version->server, "3.4.23");
  EXPECT_EQ(version->cluster, "not_decided");
}

TEST(PeerApiTest, ReadsTheClockOfAProbe) {
  const auto probe = ReadProbe(
      ResponseOf(200, R"({"OK":true,"Now":"2026-11-22T08:10:49.603947601Z"})"
                      "\n"));
  ASSERT_TRUE(probe.ok()) << probe.status();
  EXPECT_EQ(
      absl::FormatTime("%Y-%m-%dT%H:%M:%E9S", probe->now, absl::UTCTimeZone()),
      "2026-11-22T08:10:49.603947601");
  const auto zoned = ReadProbe(
      ResponseOf(200, R"({"OK":true,"Now":"2026-11-22T09:10:49+01:00"})"));
  ASSERT_TRUE(zoned.ok()) << zoned.status();
  EXPECT_EQ(zoned->now, absl::FromUnixSeconds(1795335049));
  for (const char* body :
       {"[]", R"({"OK":false,"Now":"2026-11-22T08:10:49Z"})", R"({"OK":true})",
        R"({"OK":true,"Now":"yesterday"})", R"({"OK":1,"Now":1})"}) {
    EXPECT_TRUE(absl::IsDataLoss(ReadProbe(ResponseOf(200, body)).status()))
        << body;
  }
}

}  // namespace
}  // namespace rafthttpctl
