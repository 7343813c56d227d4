#include "tools/throwaway_etcd/etcd_cluster.h"

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "tools/throwaway_etcd/etcd_binary.h"

namespace rafthttpctl {
namespace {

class EtcdClusterTest : public testing::Test {
 protected:
  void SetUp() override {
    auto binary = FindEtcd();
    if (!binary.ok()) {
      if (std::getenv("CI") != nullptr) FAIL() << binary.status();
      GTEST_SKIP() << binary.status().message();
    }
    options_.binary = *std::move(binary);
  }

  EtcdCluster::Options options_;
};

TEST_F(EtcdClusterTest, AMemberComesBackOnItsData) {
  options_.members = 1;
  auto cluster = EtcdCluster::Start(options_);
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  EXPECT_TRUE((*cluster)->IsRunning(0));
  (*cluster)->Kill(0);
  EXPECT_FALSE((*cluster)->IsRunning(0));
  EXPECT_FALSE((*cluster)->WaitUntilHealthy(0, absl::ZeroDuration()).ok());
  ASSERT_TRUE((*cluster)->Restart(0).ok());
  (*cluster)->Stop(0);
  EXPECT_FALSE((*cluster)->IsRunning(0));
  const std::string log = (*cluster)->ReadLog(0);
  EXPECT_NE(log.find("received signal; shutting down"), std::string::npos);
  EXPECT_NE(log.find("restarting local member"), std::string::npos);

  const std::string folder =
      std::filesystem::path((*cluster)->log_path(0)).parent_path();
  EXPECT_TRUE(std::filesystem::exists(folder));
  cluster->reset();
  EXPECT_FALSE(std::filesystem::exists(folder));
}

TEST_F(EtcdClusterTest, ThreeMembersWithTls) {
  options_.is_peer_tls = true;
  auto cluster = EtcdCluster::Start(options_);
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  EXPECT_EQ((*cluster)->size(), 3u);
  EXPECT_EQ((*cluster)->peer_url(2).rfind("https://127.0.0.1:", 0), 0u);
}

TEST_F(EtcdClusterTest, AFlagThatEtcdDoesNotKnowIsAnErrorWithItsWords) {
  options_.members = 1;
  options_.extra_flags = {"--no-such-flag"};
  const auto cluster = EtcdCluster::Start(options_);
  ASSERT_FALSE(cluster.ok());
  EXPECT_NE(cluster.status().message().find("no-such-flag"), std::string::npos)
      << cluster.status();
}

}  // namespace
}  // namespace rafthttpctl
