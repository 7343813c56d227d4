// Test messages to a real etcd's peer port.
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration/cluster_fixture.h"

namespace rafthttp::integration {
namespace {

using testing::HasSubstr;

class SendTest : public ClusterTest {
 protected:
  std::unique_ptr<Child> Send(std::vector<std::string> more) {
    std::vector<std::string> arguments = {"send", cluster().peer_url(0), "-w",
                                          "json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return RunCtl(std::move(arguments));
  }
};

TEST_P(SendTest, IsAnsweredByTheMember) {
  StartCluster(1);
  ASSERT_FALSE(HasFatalFailure());

  // Its addressee is the member that lives there.
  auto child = Send({"--from", "abc", "--type", "MsgHeartbeatResp"});
  auto answer = ReadRecord(*child, kPatience);
  ASSERT_TRUE(answer.has_value()) << child->Errors();
  EXPECT_EQ((*answer)["event"], "answer");
  EXPECT_EQ((*answer)["status"], 204);
  EXPECT_EQ((*answer)["from"], "abc");
  EXPECT_EQ((*answer)["to"], IdOf(0));
  EXPECT_EQ((*answer)["type"], "MsgHeartbeatResp");
  EXPECT_EQ(child->ExitCode(kPatience), 0) << child->Errors();

  child = Send({"--from", "abc", "--count", "3", "--rate", "1000/s"});
  for (int i = 0; i < 3; ++i) {
    answer = ReadRecord(*child, kPatience);
    ASSERT_TRUE(answer.has_value());
    EXPECT_EQ((*answer)["status"], 204);
  }
  answer = ReadRecord(*child, kPatience);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ((*answer)["sent"], 3);
  EXPECT_EQ((*answer)["answers"]["204"], 3);
  EXPECT_EQ(child->ExitCode(kPatience), 0);

  // Another cluster's.
  child = Send({"--from", "abc", "--cluster-id", "77"});
  answer = ReadRecord(*child, kPatience);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ((*answer)["status"], 412);
  EXPECT_EQ((*answer)["body"], "cluster ID mismatch");
  EXPECT_EQ(child->ExitCode(kPatience), 5);

  // A line of JSON; what does not decode never leaves.
  child = Send({"-d", R"({"type":"MsgHeartbeat","from":"abc","raw":"//8="})"});
  EXPECT_EQ(child->ExitCode(kPatience), 2);
  EXPECT_EQ(child->ErrorLines(), 1u) << child->Errors();
  EXPECT_THAT(child->Errors(), HasSubstr("line 1"));
}

INSTANTIATE_TEST_SUITE_P(Etcds, SendTest, testing::ValuesIn(EtcdsToTest()),
                         NameOfEtcd);

}  // namespace
}  // namespace rafthttp::integration
