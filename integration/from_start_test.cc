// A learner that begins at the start of a log that is compacted: etcd pushes
// its snapshot to us, and the tail goes on behind it.
#include <signal.h>

#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration/cluster_fixture.h"

namespace rafthttp::integration {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

class FromStartTest : public ClusterTest {
 protected:
  // From several threads, as one waits for the disk each time.
  void PutMany(int puts) {
    constexpr int kThreads = 8;
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([this, i, puts] {
        const auto client = Client();
        for (int k = i; k < puts; k += kThreads) {
          etcdserverpb::PutRequest request;
          request.set_key(absl::StrCat("key", k));
          request.set_value("value");
          EXPECT_TRUE(client->Put(request).ok());
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  json SnapshotStatus(const std::string& path) {
    const auto [code, output] =
        Etcdctl({"snapshot", "status", path, "-w", "json"});
    EXPECT_EQ(code, 0) << output;
    return json::parse(output.substr(output.find('{')), nullptr, false);
  }
};

TEST_P(FromStartTest, TakesTheSnapshotOfACompactedLogAndGoesOn) {
  // It keeps the last 5,000 entries.
  StartCluster(1, {"--snapshot-count=100"});
  ASSERT_FALSE(HasFatalFailure());
  PutMany(6000);

  // The snapshot files that etcd writes meanwhile.
  size_t snaps = 0;
  for (const auto& place : std::filesystem::directory_iterator(
           cluster().data_folder(0) + "/member/snap")) {
    if (place.path().extension() != ".snap") continue;
    ++snaps;
    const auto decode = RunCtl({"decode", place.path(), "-w", "json"});
    const auto record = ReadRecord(*decode, kPatience);
    ASSERT_TRUE(record.has_value()) << decode->Errors();
    EXPECT_GE((*record)["snapshot"]["index"], 100);
    EXPECT_EQ((*record)["snapshot"]["confState"]["voters"], json({IdOf(0)}));
    EXPECT_EQ((*record)["members"][0]["id"], IdOf(0));
    EXPECT_EQ((*record)["members"][0]["peerURLs"],
              json({cluster().peer_url(0)}));
    EXPECT_EQ(decode->ExitCode(kPatience), 0);
  }
  EXPECT_GT(snaps, 0u);

  const std::string folder = absl::StrCat(testing::TempDir(), "/kept");
  const auto tail = TailLearner({"--from-start", "--dir", folder});
  const auto snapshot = ReadUntil(*tail, [](const json& record) {
    return IsEvent(record, "snapshot_received");
  });
  ASSERT_TRUE(snapshot.has_value());
  const uint64_t index = (*snapshot)["index"];
  EXPECT_GT(index, 5000u);
  const std::string path = (*snapshot)["path"];
  EXPECT_EQ(path, absl::StrFormat("%s/%016x.snap.db", folder, index));

  // Its contents are etcd's own: what a backup taken now has.
  const std::string backup = absl::StrCat(testing::TempDir(), "/backup.db");
  std::filesystem::remove(backup);
  const auto [code, output] = Etcdctl({"snapshot", "save", backup});
  ASSERT_EQ(code, 0) << output;
  const json ours = SnapshotStatus(path);
  const json theirs = SnapshotStatus(backup);
  EXPECT_EQ(ours["revision"], 6001);
  EXPECT_EQ(ours["revision"], theirs["revision"]);
  EXPECT_EQ(ours["totalKey"], theirs["totalKey"]);
  EXPECT_EQ(ours["hash"], theirs["hash"]);

  // The very next entry is the next one to come.
  Put("after", "the snapshot");
  const auto record = ReadUntil(
      *tail, [](const json& candidate) { return !KeysPut(candidate).empty(); });
  ASSERT_TRUE(record.has_value());
  EXPECT_THAT(KeysPut(*record), ElementsAre("after"));
  EXPECT_EQ((*record)["entries"][0]["index"], index + 1);
  tail->Signal(SIGINT);
  EXPECT_TRUE(EndsWithSummary(*tail));
  EXPECT_EQ(tail->ExitCode(kPatience), 0) << tail->Errors();
  EXPECT_FALSE(Learner().has_value());
}

TEST_P(FromStartTest, BeginsWithTheFirstEntryWhereTheLogIsWhole) {
  StartCluster(1);
  ASSERT_FALSE(HasFatalFailure());
  Put("first", "1");
  const auto tail = TailLearner({"--from-start"});
  uint64_t next = 1;
  bool is_first_seen = false;
  while (!is_first_seen) {
    const auto record = ReadUntil(*tail, [](const json& candidate) {
      return candidate.contains("entries");
    });
    ASSERT_TRUE(record.has_value());
    for (const json& entry : (*record)["entries"]) {
      EXPECT_EQ(entry["index"], next++);
    }
    for (const std::string& key : KeysPut(*record)) {
      is_first_seen = is_first_seen || key == "first";
    }
  }
  tail->Signal(SIGTERM);
  EXPECT_TRUE(EndsWithSummary(*tail));
  EXPECT_EQ(tail->ExitCode(kPatience), 0) << tail->Errors();
}

TEST_P(FromStartTest, WhatBelongsToItIsRefusedElsewhere) {
  auto tail = RunCtl({"tail", "--learner", "--endpoints", "127.0.0.1:1",
                      "--listen", "127.0.0.1:0"});
  EXPECT_EQ(tail->ExitCode(kPatience), 2);
  EXPECT_THAT(tail->Errors(), HasSubstr("--from-start"));
  tail = RunCtl({"tail", "--learner", "--from-start", "--endpoints",
                 "127.0.0.1:1", "--listen", "nowhere"});
  EXPECT_EQ(tail->ExitCode(kPatience), 2);
}

INSTANTIATE_TEST_SUITE_P(Etcds, FromStartTest, testing::ValuesIn(EtcdsToTest()),
                         NameOfEtcd);

}  // namespace
}  // namespace rafthttp::integration
