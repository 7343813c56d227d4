#include "tools/throwaway_etcd/etcd_binary.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "gtest/gtest.h"

namespace rafthttpctl {
namespace {

namespace fs = std::filesystem;

// An environment variable that is as before afterwards.
class ScopedVariable {
 public:
  ScopedVariable(const char* name, const std::string& value) : name_(name) {
    const char* before = std::getenv(name);
    if (before != nullptr) before_ = before;
    setenv(name, value.c_str(), 1);
  }
  ~ScopedVariable() {
    if (before_) {
      setenv(name_.c_str(), before_->c_str(), 1);
    } else {
      unsetenv(name_.c_str());
    }
  }

 private:
  const std::string name_;
  std::optional<std::string> before_;
};

class EtcdBinaryTest : public testing::Test {
 protected:
  EtcdBinaryTest()
      : folder_(fs::path(testing::TempDir()) /
                testing::UnitTest::GetInstance()->current_test_info()->name()),
        etcd_("RAFTHTTP_ETCD", ""),
        path_("PATH", (folder_ / "bin").native()),
        cache_("XDG_CACHE_HOME", folder_.native()) {}

  // A program at `path` that says it is etcd of this version.
  void Write(const fs::path& path, const std::string& version) {
    fs::create_directories(path.parent_path());
    std::ofstream(path) << "#!/bin/sh\necho 'etcd Version: " << version
                        << "'\necho 'Git SHA: 0'\n";
    fs::permissions(path, fs::perms::owner_all);
  }
  fs::path InCache(const std::string& version) {
    return folder_ / "rafthttp/etcd" / version / "etcd";
  }

  const fs::path folder_;
  const ScopedVariable etcd_;
  const ScopedVariable path_;
  const ScopedVariable cache_;
};

TEST_F(EtcdBinaryTest, SaysWhereItLooked) {
  const auto binary = FindEtcd();
  ASSERT_TRUE(absl::IsNotFound(binary.status())) << binary.status();
  EXPECT_NE(binary.status().message().find(EtcdCacheFolder()),
            std::string::npos);
  EXPECT_TRUE(FindAllEtcds().empty());
}

TEST_F(EtcdBinaryTest, TakesTheNewestOfTheCache) {
  Write(InCache("3.4.23"), "3.4.23");
  Write(InCache("3.10.0"), "3.10.0");
  Write(InCache("3.5.16"), "3.5.16");
  const auto binary = FindEtcd();
  ASSERT_TRUE(binary.ok()) << binary.status();
  EXPECT_EQ(binary->version, "3.10.0");
  EXPECT_EQ(binary->etcdctl, "");
  EXPECT_TRUE(binary->IsAtLeast(3, 10));
  EXPECT_TRUE(binary->IsAtLeast(3, 6));
  EXPECT_FALSE(binary->IsAtLeast(3, 11));
  EXPECT_FALSE(binary->IsAtLeast(4, 0));
}

TEST_F(EtcdBinaryTest, PathComesBeforeTheCacheAndTheVariableBeforeBoth) {
  Write(InCache("3.5.16"), "3.5.16");
  Write(folder_ / "bin/etcd", "3.4.1");
  Write(folder_ / "bin/etcdctl", "3.4.1");
  auto binary = FindEtcd();
  ASSERT_TRUE(binary.ok()) << binary.status();
  EXPECT_EQ(binary->version, "3.4.1");
  EXPECT_EQ(binary->etcdctl, (folder_ / "bin/etcdctl").native());

  Write(folder_ / "mine/etcd", "3.6.0");
  const ScopedVariable mine("RAFTHTTP_ETCD", (folder_ / "mine").native());
  binary = FindEtcd();
  ASSERT_TRUE(binary.ok()) << binary.status();
  EXPECT_EQ(binary->version, "3.6.0");
  EXPECT_EQ(binary->etcd, (folder_ / "mine/etcd").native());
}

TEST_F(EtcdBinaryTest, AVariableThatLeadsNowhereIsNotPassedOver) {
  Write(folder_ / "bin/etcd", "3.4.1");
  const ScopedVariable mine("RAFTHTTP_ETCD", "/nonexistent");
  const auto binary = FindEtcd();
  ASSERT_FALSE(binary.ok());
  EXPECT_NE(binary.status().message().find("$RAFTHTTP_ETCD"),
            std::string::npos);
}

TEST_F(EtcdBinaryTest, ListsEachVersionOnce) {
  Write(InCache("3.4.23"), "3.4.23");
  Write(InCache("3.5.16"), "3.5.16");
  Write(folder_ / "bin/etcd", "3.5.16");
  const auto all = FindAllEtcds();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].etcd, (folder_ / "bin/etcd").native());
  EXPECT_EQ(all[1].version, "3.4.23");
}

TEST_F(EtcdBinaryTest, AProgramThatIsNoEtcdIsRefused) {
  const fs::path path = folder_ / "mine/etcd";
  fs::create_directories(path.parent_path());
  std::ofstream(path) << "#!/bin/sh\necho hello\n";
  fs::permissions(path, fs::perms::owner_all);
  EXPECT_TRUE(absl::IsUnavailable(EtcdAt(path.native()).status()));
  EXPECT_TRUE(absl::IsNotFound(EtcdAt("/nonexistent").status()));
}

}  // namespace
}  // namespace rafthttpctl
