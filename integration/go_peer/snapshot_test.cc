// Snapshots between us and Go's rafthttp, and snapshot files between us and
// Go's snap package.
#include <stdlib.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "integration/go_peer/go_member.h"
#include "nlohmann/json.hpp"
#include "rafthttp/base/check.h"
#include "rafthttp/base/mutex.h"
#include "rafthttp/rafthttp.h"
#include "raftpb/raft.pb.h"

namespace rafthttp::integration {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kCluster = 0xc1a5;
constexpr uint64_t kOurs = 0xf00000000000000a;
constexpr uint64_t kGos = 0x8e9e05c52164694d;

std::string Hex(uint64_t id) { return MemberId(id).ToHex(); }

// Remembers the last snapshot that came, and the last outcome.
class SnapshotRaft final : public Raft {
 public:
  absl::Status Process(std::stop_token, raftpb::Message&& message) override {
    MutexLock lock(mutex_);
    if (message.type() == raftpb::MsgSnap) received_ = std::move(message);
    changed_.NotifyAll();
    return absl::OkStatus();
  }
  bool IsIdRemoved(MemberId) override { return false; }
  void ReportUnreachable(MemberId) override {}
  void ReportSnapshot(MemberId, SnapshotStatus status) override {
    MutexLock lock(mutex_);
    reported_ = status;
    changed_.NotifyAll();
  }
  raftpb::Message AwaitReceived() {
    MutexLock lock(mutex_);
    while (!received_) changed_.Wait(mutex_);
    return *std::exchange(received_, std::nullopt);
  }
  SnapshotStatus AwaitReported() {
    MutexLock lock(mutex_);
    while (!reported_) changed_.Wait(mutex_);
    return *std::exchange(reported_, std::nullopt);
  }

 private:
  Mutex mutex_;
  Condition changed_;
  std::optional<raftpb::Message> received_ ABSL_GUARDED_BY(mutex_);
  std::optional<SnapshotStatus> reported_ ABSL_GUARDED_BY(mutex_);
};

class GoSnapshotTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!GoMember::IsThere()) GTEST_SKIP();
    const char* const tmp = getenv("TEST_TMPDIR");
    folder_ = absl::StrCat(tmp != nullptr ? tmp : "/tmp", "/snapXXXXXX");
    CHECK(mkdtemp(folder_.data()) != nullptr);
    for (const char* name : {"/ours", "/gos"}) {
      std::filesystem::create_directory(folder_ + name);
    }
    go_ = std::make_unique<GoMember>(kGos, kCluster, "http://127.0.0.1:0",
                                     folder_ + "/gos");
    snapshotter_.emplace(files_, folder_ + "/ours");
    Options options;
    options.id = MemberId(kOurs);
    options.cluster_id = ClusterId(kCluster);
    options.raft = &raft_;
    options.listen_urls = {"http://127.0.0.1:0"};
    options.version = Version{3, 4, 23};
    options.snapshotter = &*snapshotter_;
    auto ours = Transport::Create(std::move(options));
    CHECK(ours.ok());
    ours_ = *std::move(ours);
    CHECK(ours_->Start().ok());
    CHECK(ours_->AddPeer(MemberId(kGos), {go_->url()}).ok());
    go_->Do({{"do", "add_peer"},
             {"id", Hex(kOurs)},
             {"urls", {ours_->listen_urls()[0]}}});
  }
  void TearDown() override {
    ours_.reset();
    go_.reset();
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  std::string Sha256(const std::string& path) {
    return go_->Do({{"do", "sha256"}, {"path", path}});
  }
  std::string MakeFile(uint64_t bytes) {
    const std::string path = folder_ + "/source";
    go_->Do({{"do", "make_file"}, {"path", path}, {"bytes", bytes}});
    return path;
  }
  void PushBothWays(uint64_t bytes);

  std::string folder_;
  snap::PosixFileSystem files_;
  std::optional<snap::Snapshotter> snapshotter_;
  SnapshotRaft raft_;
  std::unique_ptr<GoMember> go_;
  std::unique_ptr<Transport> ours_;
};

void GoSnapshotTest::PushBothWays(uint64_t bytes) {
  const std::string source = MakeFile(bytes);
  const std::string sha256 = Sha256(source);

  // Ours to Go.
  raftpb::Message message;
  message.set_type(raftpb::MsgSnap);
  message.set_from(kOurs);
  message.set_to(kGos);
  message.set_term(1);
  message.mutable_snapshot()->mutable_metadata()->set_index(7);
  message.mutable_snapshot()->mutable_metadata()->set_term(1);
  auto file = snap::FileSource::Open(files_, source);
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE(ours_
                  ->SendSnapshot(
                      snap::SnapshotMessage(message, *std::move(file), nullptr))
                  .ok());
  EXPECT_EQ(raft_.AwaitReported(), SnapshotStatus::kFinish);
  go_->Do({{"do", "await_received"}, {"type", "MsgSnap"}, {"count", 1}});
  const std::string at_go = go_->Do({{"do", "db_file"}, {"first", 7}});
  EXPECT_EQ(Sha256(at_go), sha256);
  std::filesystem::remove(at_go);

  // Go's to us.
  go_->Do({{"do", "send_snapshot"},
           {"id", Hex(kOurs)},
           {"first", 9},
           {"path", source}});
  const raftpb::Message received = raft_.AwaitReceived();
  EXPECT_EQ(received.snapshot().metadata().index(), 9u);
  EXPECT_EQ(received.from(), kGos);
  go_->Do({{"do", "await_snapshot"}, {"name", "finish"}});
  const auto at_ours = snapshotter_->DbFilePath(9);
  ASSERT_TRUE(at_ours.ok()) << at_ours.status();
  EXPECT_EQ(Sha256(*at_ours), sha256);
}

TEST_F(GoSnapshotTest, OfOneByte) { PushBothWays(1); }
TEST_F(GoSnapshotTest, Of64KiB) { PushBothWays(64 << 10); }
TEST_F(GoSnapshotTest, Of256MiB) { PushBothWays(256 << 20); }
TEST_F(GoSnapshotTest, OfOneGiB) { PushBothWays(1 << 30); }

TEST_F(GoSnapshotTest, EachLoadsTheOthersFiles) {
  go_->Do({{"do", "save_snap"}, {"id", Hex(5)}, {"first", 12}, {"bytes", 900}});
  std::filesystem::copy(folder_ + "/gos", folder_ + "/ours");
  const auto loaded = snapshotter_->Load();
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->metadata().index(), 12u);
  EXPECT_EQ(loaded->data().size(), 900u);
  EXPECT_EQ(loaded->metadata().conf_state().voters_size(), 2);
  EXPECT_EQ(loaded->metadata().conf_state().learners(0), 7u);

  raftpb::Snapshot ours = *loaded;
  ours.mutable_metadata()->set_index(13);
  ours.set_data("written by ours");
  ASSERT_TRUE(snapshotter_->SaveSnap(ours).ok());
  const std::string name = "/" + snap::SnapName({1, 13});
  std::filesystem::copy_file(folder_ + "/ours" + name, folder_ + "/gos" + name);
  Json at_go = go_->Do({{"do", "load_snap"}});
  EXPECT_EQ(at_go["index"], 13);
  EXPECT_EQ(at_go["data"], absl::BytesToHexString("written by ours"));
  EXPECT_EQ(at_go["voters"], Json({1, 5}));

  // A broken one: both set it aside, and take the one before.
  for (const char* folder : {"/ours", "/gos"}) {
    std::ofstream(folder_ + folder + name, std::ios::app) << "\xff";
  }
  at_go = go_->Do({{"do", "load_snap"}});
  EXPECT_EQ(at_go["index"], 12);
  const auto before = snapshotter_->Load();
  ASSERT_TRUE(before.ok());
  EXPECT_EQ(before->metadata().index(), 12u);
  for (const char* folder : {"/ours", "/gos"}) {
    EXPECT_TRUE(std::filesystem::exists(folder_ + folder + name + ".broken"));
  }
}

}  // namespace
}  // namespace rafthttp::integration
