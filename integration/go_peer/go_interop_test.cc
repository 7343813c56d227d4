// Our transport and Go's in one cluster: whatever one sends, the other takes,
// by every way, and each refuses what it has to refuse.
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration/go_peer/go_member.h"
#include "integration/numbered_raft.h"
#include "nlohmann/json.hpp"
#include "rafthttp/rafthttp.h"
#include "raftpb/raft.pb.h"

namespace rafthttp::integration {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

constexpr uint64_t kCluster = 0xc1a5;
// Beyond what an int64 or a double holds.
constexpr uint64_t kOurs = 0xf00000000000000a;
constexpr uint64_t kGos = 0x8e9e05c52164694d;

std::string Hex(uint64_t id) { return MemberId(id).ToHex(); }

// Remembers what it was told, and lets a test wait for it.
class TestLog final : public Logger {
 public:
  void Log(Severity, absl::string_view line) override {
    MutexLock lock(mutex_);
    lines_.emplace_back(line);
    changed_.NotifyAll();
  }
  void Await(absl::string_view text) {
    MutexLock lock(mutex_);
    while (!Has(text)) changed_.Wait(mutex_);
  }

 private:
  bool Has(absl::string_view text) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    for (const std::string& line : lines_) {
      if (absl::StrContains(line, text)) return true;
    }
    return false;
  }

  Mutex mutex_;
  Condition changed_;
  std::vector<std::string> lines_ ABSL_GUARDED_BY(mutex_);
};

// Counts what the probers find.
class TestMetrics final : public MetricsRecorder {
 public:
  std::unique_ptr<PeerMetrics> AddPeer(MemberId) override {
    return std::make_unique<Peer>(*this);
  }
  void AwaitRoundTrips(int count) {
    MutexLock lock(mutex_);
    while (round_trips_ < count) changed_.Wait(mutex_);
  }

 private:
  class Peer final : public PeerMetrics {
   public:
    explicit Peer(TestMetrics& metrics) : metrics_(metrics) {}
    void RoundTrip(absl::Duration smoothed) override {
      EXPECT_GT(smoothed, absl::ZeroDuration());
      MutexLock lock(metrics_.mutex_);
      ++metrics_.round_trips_;
      metrics_.changed_.NotifyAll();
    }

   private:
    TestMetrics& metrics_;
  };

  Mutex mutex_;
  Condition changed_;
  int round_trips_ ABSL_GUARDED_BY(mutex_) = 0;
};

class GoInteropTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!GoMember::IsThere()) GTEST_SKIP();
    go_ = std::make_unique<GoMember>(kGos, kCluster);
  }

  Options OurOptions() {
    Options options;
    options.id = MemberId(kOurs);
    options.cluster_id = ClusterId(kCluster);
    options.raft = &raft_;
    options.listen_urls = {"http://127.0.0.1:0"};
    options.version = Version{3, 4, 23};
    options.logger = &log_;
    options.metrics = &metrics_;
    options.on_error = [this](const absl::Status& status) {
      log_.Log(Severity::kError, absl::StrCat("on_error: ", status.message()));
    };
    return options;
  }

  void StartOurs(Options options) {
    auto ours = Transport::Create(std::move(options));
    ASSERT_TRUE(ours.ok()) << ours.status();
    ours_ = *std::move(ours);
    ASSERT_TRUE(ours_->Start().ok());
  }
  void StartOurs() { StartOurs(OurOptions()); }

  std::string our_url() { return ours_->listen_urls()[0]; }
  void OursKnowsGo() {
    ASSERT_TRUE(ours_->AddPeer(MemberId(kGos), {go_->url()}).ok());
  }
  void GoKnowsOurs() {
    go_->Do({{"do", "add_peer"}, {"id", Hex(kOurs)}, {"urls", {our_url()}}});
  }
  // Until messages go by stream, both ways.
  void AwaitStreams() {
    go_->Do({{"do", "await_streams"}, {"id", Hex(kOurs)}});
    log_.Await("accepted stream Message");
    log_.Await("accepted stream MsgApp v2");
    log_.Await("opened stream Message");
    log_.Await("opened stream MsgApp v2");
  }
  void Meet() {
    StartOurs();
    OursKnowsGo();
    GoKnowsOurs();
    AwaitStreams();
  }

  SendResult Send(raftpb::MessageType type, uint64_t number, size_t bytes = 0) {
    return ours_->Send(NumberedMessage(type, kOurs, kGos, number, bytes));
  }
  Json GoReceived(const std::string& type, uint64_t count) {
    return go_->Do(
        {{"do", "await_received"}, {"type", type}, {"count", count}});
  }
  void GoSends(const std::string& type, uint64_t first, uint64_t count,
               size_t bytes = 0) {
    go_->Do({{"do", "send"},
             {"id", Hex(kOurs)},
             {"type", type},
             {"first", first},
             {"count", count},
             {"bytes", bytes}});
  }

  NumberedRaft raft_;
  TestLog log_;
  TestMetrics metrics_;
  std::unique_ptr<GoMember> go_;
  std::unique_ptr<Transport> ours_;
};

TEST_F(GoInteropTest, AHundredThousandAppendsEachWayComeOnceAndInOrder) {
  Meet();
  constexpr uint64_t kAll = 100000;
  constexpr uint64_t kBurst = 2000;  // fits the queues of either side
  for (uint64_t first = 1; first <= kAll; first += kBurst) {
    for (uint64_t i = first; i < first + kBurst; ++i) {
      ASSERT_EQ(Send(raftpb::MsgApp, i, i % 300).queued, 1u);
    }
    GoSends("MsgApp", first, kBurst, first % 300);
    GoReceived("MsgApp", first + kBurst - 1);
    raft_.AwaitReceived(raftpb::MsgApp, first + kBurst - 1);
  }
  const Json theirs = GoReceived("MsgApp", kAll);
  EXPECT_EQ(theirs["count"], kAll);
  EXPECT_EQ(theirs["repeated"], 0);
  EXPECT_EQ(theirs["disorder"], 0);
  EXPECT_EQ(theirs["bad"], 0);
  const NumberedRaft::Tally ours = raft_.AwaitReceived(raftpb::MsgApp, kAll);
  EXPECT_EQ(ours.count, kAll);
  EXPECT_EQ(ours.repeated, 0u);
  EXPECT_EQ(ours.disorder, 0u);
  EXPECT_EQ(ours.bad, 0u);
}

TEST_F(GoInteropTest, AllOtherTypesGoByTheMessageStream) {
  Meet();
  const std::vector<raftpb::MessageType> types = {
      raftpb::MsgProp,           raftpb::MsgAppResp,
      raftpb::MsgVote,           raftpb::MsgVoteResp,
      raftpb::MsgHeartbeat,      raftpb::MsgHeartbeatResp,
      raftpb::MsgTransferLeader, raftpb::MsgTimeoutNow,
      raftpb::MsgReadIndex,      raftpb::MsgReadIndexResp,
      raftpb::MsgPreVote,        raftpb::MsgPreVoteResp};
  for (const raftpb::MessageType type : types) {
    for (uint64_t i = 1; i <= 50; ++i) Send(type, i);
    const std::string name = raftpb::MessageType_Name(type);
    GoSends(name, 1, 50);
    const Json theirs = GoReceived(name, 50);
    EXPECT_EQ(theirs["disorder"], 0) << name;
    EXPECT_EQ(theirs["bad"], 0) << name;
    EXPECT_EQ(raft_.AwaitReceived(type, 50).disorder, 0u) << name;
  }
}

TEST_F(GoInteropTest, LargeEntriesBothWays) {
  Meet();
  for (const size_t bytes :
       {size_t{4} << 10, size_t{64} << 10, size_t{1} << 20, size_t{9} << 20}) {
    const uint64_t number = bytes;
    Send(raftpb::MsgApp, number, bytes);
    GoSends("MsgApp", number, 1, bytes);
  }
  EXPECT_EQ(GoReceived("MsgApp", 4)["bad"], 0);
  EXPECT_EQ(raft_.AwaitReceived(raftpb::MsgApp, 4).bad, 0u);
}

TEST_F(GoInteropTest, WithoutStreamsMessagesGoByPost) {
  StartOurs();
  // Neither dials the other for streams: we know it as a remote, and it gets
  // 404 from us.
  ASSERT_TRUE(ours_->AddRemote(MemberId(kGos), {go_->url()}).ok());
  GoKnowsOurs();
  for (uint64_t i = 1; i <= 40; ++i) Send(raftpb::MsgApp, i, 100);
  GoSends("MsgApp", 1, 40, 100);
  EXPECT_EQ(GoReceived("MsgApp", 40)["bad"], 0);
  const NumberedRaft::Tally ours = raft_.AwaitReceived(raftpb::MsgApp, 40);
  EXPECT_EQ(ours.bad, 0u);
  EXPECT_EQ(ours.repeated, 0u);
}

TEST_F(GoInteropTest, ASnapshotWithoutAFileGoesByPostAndIsReported) {
  Meet();
  Send(raftpb::MsgSnap, 5, 3 << 20);
  GoSends("MsgSnap", 5, 1, 3 << 20);
  GoReceived("MsgSnap", 1);
  raft_.AwaitReceived(raftpb::MsgSnap, 1);
  raft_.AwaitSnapshot(SnapshotStatus::kFinish);
  go_->Do({{"do", "await_snapshot"}, {"name", "finish"}});
}

TEST_F(GoInteropTest, GoSaysThatWeWereRemoved) {
  StartOurs();
  go_->Do({{"do", "mark_removed"}, {"id", Hex(kOurs)}});
  GoKnowsOurs();
  OursKnowsGo();
  log_.Await("has removed this member for good");
  log_.Await("on_error: the member has been permanently removed");
}

TEST_F(GoInteropTest, WeSayThatGoWasRemoved) {
  StartOurs();
  raft_.MarkRemoved(MemberId(kGos));
  OursKnowsGo();
  GoKnowsOurs();
  EXPECT_THAT(go_->Do({{"do", "await_error"}}).get<std::string>(),
              HasSubstr("permanently removed"));
}

TEST_F(GoInteropTest, AnotherClusterIsRefusedBothWays) {
  Options options = OurOptions();
  options.cluster_id = ClusterId(kCluster + 1);
  StartOurs(std::move(options));
  OursKnowsGo();
  GoKnowsOurs();
  log_.Await("cluster ID mismatch");
  Send(raftpb::MsgHeartbeat, 1);
  GoSends("MsgHeartbeat", 1, 1);
  raft_.AwaitUnreachable(MemberId(kGos));
  go_->Do({{"do", "await_unreachable"}, {"id", Hex(kOurs)}});
  EXPECT_EQ(raft_.received(raftpb::MsgHeartbeat), 0u);
  EXPECT_EQ(go_->Do({{"do", "received"}}).dump(), "{}");
  EXPECT_EQ(ours_->ActivePeers(), 0u);
}

TEST_F(GoInteropTest, StreamsForAnotherMemberAreRefused) {
  StartOurs();
  // We take Go for somebody else.
  GoKnowsOurs();
  ASSERT_TRUE(ours_->AddPeer(MemberId(0x77), {go_->url()}).ok());
  log_.Await("to field mismatch");
}

TEST_F(GoInteropTest, PausedPeersLoseWhatIsSentMeanwhile) {
  Meet();
  go_->Do({{"do", "pause"}});
  GoSends("MsgHeartbeat", 1, 10);
  Send(raftpb::MsgHeartbeat, 1);
  go_->Do({{"do", "resume"}});
  GoSends("MsgHeartbeat", 100, 1);
  EXPECT_EQ(raft_.AwaitReceived(raftpb::MsgHeartbeat, 1).last, 100u);

  ours_->Pause();
  EXPECT_EQ(Send(raftpb::MsgHeartbeat, 200).dropped, 1u);
  ours_->Resume();
  EXPECT_EQ(Send(raftpb::MsgHeartbeat, 300).queued, 1u);
  go_->Do({{"do", "await_received"}, {"type", "MsgHeartbeat"}, {"count", 1}});
}

TEST_F(GoInteropTest, ARestartOfEitherSideIsOvercome) {
  Meet();
  Send(raftpb::MsgApp, 1, 10);
  GoReceived("MsgApp", 1);

  const std::string go_url = go_->url();
  go_->Kill();
  log_.Await("lost stream");
  go_ = std::make_unique<GoMember>(kGos, kCluster, go_url);
  GoKnowsOurs();
  go_->Do({{"do", "await_streams"}, {"id", Hex(kOurs)}});
  go_->Do({{"do", "await_active"}, {"id", Hex(kOurs)}, {"flag", true}});
  // A new process, and a stream whose encoder has to begin anew.
  for (uint64_t i = 2; i < 12; ++i) Send(raftpb::MsgApp, i, 10);
  EXPECT_EQ(GoReceived("MsgApp", 10)["bad"], 0);

  Options options = OurOptions();
  options.listen_urls = {our_url()};
  ASSERT_TRUE(ours_->StopAndWait().ok());
  go_->Do({{"do", "await_active"}, {"id", Hex(kOurs)}, {"flag", false}});
  StartOurs(std::move(options));
  OursKnowsGo();
  go_->Do({{"do", "await_active"}, {"id", Hex(kOurs)}, {"flag", true}});
  raft_.Forget();
  GoSends("MsgApp", 50, 10, 10);
  EXPECT_EQ(raft_.AwaitReceived(raftpb::MsgApp, 10).bad, 0u);
}

TEST_F(GoInteropTest, ProbesAreAnswered) {
  Meet();
  // Both of them.
  metrics_.AwaitRoundTrips(2);
}

TEST_F(GoInteropTest, ARaftThatRefusesIsToldBySilenceOnStreamsAndBy500OnPosts) {
  StartOurs();
  ASSERT_TRUE(ours_->AddRemote(MemberId(kGos), {go_->url()}).ok());
  GoKnowsOurs();
  raft_.set_outcome(absl::InternalError("told to fail"));
  GoSends("MsgHeartbeat", 1, 1);
  go_->Do({{"do", "await_unreachable"}, {"id", Hex(kOurs)}});
  go_->Do({{"do", "fail"}, {"flag", true}});
  Send(raftpb::MsgHeartbeat, 1);
  // Go cuts its own 500 off in the middle.
  log_.Await("failed to write");
}

}  // namespace
}  // namespace rafthttp::integration
