// A look at a cluster that is well, at one that is not, and at two at once.
#include <signal.h>

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration/cluster_fixture.h"

namespace rafthttp::integration {
namespace {

using nlohmann::json;
using testing::Contains;
using testing::HasSubstr;

class DoctorTest : public ClusterTest {
 protected:
  // All that it prints.
  std::vector<json> Look(std::vector<std::string> arguments, int code) {
    arguments.insert(arguments.begin(), "doctor");
    arguments.insert(arguments.end(), {"-w", "json"});
    const auto child = RunCtl(std::move(arguments));
    std::vector<json> records;
    while (const auto record = ReadRecord(*child, kPatience)) {
      records.push_back(*record);
    }
    EXPECT_EQ(child->ExitCode(kPatience), code) << child->Errors();
    return records;
  }
  static size_t Count(const std::vector<json>& records, const char* event) {
    size_t count = 0;
    for (const json& record : records) count += record["event"] == event;
    return count;
  }
  static std::vector<std::string> Codes(const std::vector<json>& records) {
    std::vector<std::string> codes;
    for (const json& record : records) {
      if (record["event"] == "advice") codes.push_back(record["code"]);
    }
    return codes;
  }
};

TEST_P(DoctorTest, TellsAHealthyClusterFromOneThatHasLostAMember) {
  StartCluster(3);
  ASSERT_FALSE(HasFatalFailure());
  // From one URL it finds the others.
  std::vector<json> records = Look({cluster().peer_url(0)}, 0);
  EXPECT_EQ(Count(records, "member"), 3u);
  EXPECT_EQ(Count(records, "pair"), 3u);
  EXPECT_EQ(Count(records, "advice"), 0u);
  for (const json& record : records) {
    if (record["event"] != "pair") continue;
    EXPECT_EQ(record["listsAgree"], true);
  }
  records = Look({"--endpoints", cluster().client_endpoints()}, 0);
  size_t leaders = 0;
  for (const json& record : records) leaders += record.contains("isLeader");
  EXPECT_EQ(leaders, 1u);

  cluster().Kill(2);
  records = Look({cluster().peer_url(0)}, 1);
  EXPECT_THAT(Codes(records), Contains("unreachable"));
  EXPECT_THAT(Codes(records), Contains("quorum_margin"));
}

TEST_P(DoctorTest, NobodyThere) {
  const std::vector<json> records = Look({"http://127.0.0.1:1"}, 3);
  EXPECT_THAT(Codes(records), Contains("unreachable"));
  const auto usage = RunCtl({"doctor"});
  EXPECT_EQ(usage->ExitCode(kPatience), 2);
  const auto bad = RunCtl({"doctor", "nonsense"});
  EXPECT_EQ(bad->ExitCode(kPatience), 2);
}

INSTANTIATE_TEST_SUITE_P(Etcds, DoctorTest, testing::ValuesIn(EtcdsToTest()),
                         NameOfEtcd);

}  // namespace
}  // namespace rafthttp::integration
