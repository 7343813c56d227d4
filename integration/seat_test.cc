// The learner's seat: taken, left, left behind, taken up, and lost.
#include <signal.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
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

// etcd's log line about a learner that it does not take yet.
constexpr char kRefusal[] = "rejecting member add request";

class SeatTest : public ClusterTest {};

TEST_P(SeatTest, LeavesOnEitherSignal) {
  StartCluster(1);
  ASSERT_FALSE(HasFatalFailure());
  const auto before = MemberLines();
  for (const int signal : {SIGINT, SIGTERM}) {
    const auto tail = TailLearner();
    ASSERT_TRUE(AwaitFollowing(*tail));
    EXPECT_TRUE(Learner().has_value());
    Put("key", "value");
    ASSERT_TRUE(AwaitPut(*tail, "key"));
    tail->Signal(signal);
    EXPECT_EQ(tail->ExitCode(kPatience), 0) << tail->Errors();
    EXPECT_TRUE(EndsWithSummary(*tail));
    EXPECT_EQ(MemberLines(), before);
    EXPECT_LE(tail->ErrorLines(), 6u) << tail->Errors();
  }
}

// As timeout(1) does it: once to the program, once to its process group.
TEST_P(SeatTest, TheSameSignalTwiceInOneMomentIsOneWish) {
  StartCluster(1);
  ASSERT_FALSE(HasFatalFailure());
  const auto before = MemberLines();
  const auto tail = TailLearner();
  ASSERT_TRUE(AwaitFollowing(*tail));
  tail->Signal(SIGINT);
  tail->Signal(SIGTERM);
  EXPECT_EQ(tail->ExitCode(kPatience), 0) << tail->Errors();
  EXPECT_TRUE(EndsWithSummary(*tail));
  EXPECT_EQ(MemberLines(), before);
}

TEST_P(SeatTest, ASignalWhileJoiningLeavesNobodyBehind) {
  // A voter is down, so that the join is tried over and over.
  StartCluster(3);
  ASSERT_FALSE(HasFatalFailure());
  const auto before = MemberLines();
  cluster().Kill(2);
  const auto tail = TailLearner({"--dial-timeout", "120s"});
  // The join has no other sign than the cluster's refusals.
  const absl::Time deadline = absl::Now() + kPatience;
  const auto refusals = [this] {
    return absl::StrContains(cluster().ReadLog(0), kRefusal) ||
           absl::StrContains(cluster().ReadLog(1), kRefusal);
  };
  while (!refusals() && absl::Now() < deadline) Members();
  ASSERT_TRUE(refusals());
  tail->Signal(SIGINT);
  EXPECT_EQ(tail->ExitCode(kPatience), 0) << tail->Errors();
  ASSERT_TRUE(cluster().Restart(2).ok());
  EXPECT_EQ(MemberLines(), before);
}

TEST_P(SeatTest, KeptAndTakenUpAgain) {
  StartCluster(1);
  ASSERT_FALSE(HasFatalFailure());
  const auto before = MemberLines();
  const auto first = TailLearner({"--keep"});
  ASSERT_TRUE(AwaitFollowing(*first));
  const auto id = Learner();
  ASSERT_TRUE(id.has_value());
  first->Signal(SIGINT);
  EXPECT_EQ(first->ExitCode(kPatience), 0) << first->Errors();
  EXPECT_EQ(Learner(), id);
  EXPECT_THAT(first->Errors(), HasSubstr(*id));

  const auto second = TailLearner({"--id", *id});
  ASSERT_TRUE(AwaitFollowing(*second));
  EXPECT_EQ(Learner(), id);
  Put("again", "value");
  EXPECT_TRUE(AwaitPut(*second, "again"));
  second->Signal(SIGINT);
  EXPECT_EQ(second->ExitCode(kPatience), 0) << second->Errors();
  EXPECT_EQ(MemberLines(), before);

  const auto third = TailLearner({"--id", *id});
  EXPECT_EQ(third->ExitCode(kPatience), 5) << third->Errors();
  EXPECT_THAT(third->Errors(), HasSubstr(*id));
}

TEST_P(SeatTest, AKilledRunsLearnerIsNamedAndReplaced) {
  StartCluster(1);
  ASSERT_FALSE(HasFatalFailure());
  const auto before = MemberLines();
  {
    const auto killed = TailLearner();
    ASSERT_TRUE(AwaitFollowing(*killed));
    killed->Signal(SIGKILL);
    EXPECT_EQ(killed->ExitCode(kPatience), -SIGKILL);
  }
  const auto left = Learner();
  ASSERT_TRUE(left.has_value());

  const auto refused = TailLearner();
  EXPECT_EQ(refused->ExitCode(kPatience), 1);
  EXPECT_THAT(refused->Errors(), HasSubstr(*left));
  EXPECT_THAT(refused->Errors(), HasSubstr("--replace"));
  EXPECT_LE(refused->ErrorLines(), 6u) << refused->Errors();
  EXPECT_EQ(Learner(), left);

  const auto replacing = TailLearner({"--replace"});
  ASSERT_TRUE(AwaitFollowing(*replacing));
  EXPECT_NE(Learner(), left);
  replacing->Signal(SIGINT);
  EXPECT_EQ(replacing->ExitCode(kPatience), 0) << replacing->Errors();
  EXPECT_EQ(MemberLines(), before);
}

TEST_P(SeatTest, PromotedItLeavesLoudly) {
  StartCluster(3);
  ASSERT_FALSE(HasFatalFailure());
  const auto before = MemberLines();
  const auto tail = TailLearner();
  ASSERT_TRUE(AwaitFollowing(*tail));
  const auto id = Learner();
  ASSERT_TRUE(id.has_value());
  // etcd promotes only whom it sees to have caught up, which takes a moment.
  Put("key", "value");
  ASSERT_TRUE(AwaitPut(*tail, "key"));
  std::pair<int, std::string> promoted;
  const absl::Time deadline = absl::Now() + kPatience;
  do {
    promoted = Etcdctl({"member", "promote", *id});
  } while (promoted.first != 0 &&
           absl::StrContains(promoted.second, "not in sync") &&
           absl::Now() < deadline);
  // Its answer may be lost, as the promoted member leaves at once.
  EXPECT_EQ(tail->ExitCode(kPatience), 1) << promoted.second << tail->Errors();
  EXPECT_THAT(tail->Errors(), HasSubstr("voter"));
  EXPECT_LE(tail->ErrorLines(), 6u) << tail->Errors();
  EXPECT_EQ(MemberLines(), before);
  // And the cluster lives.
  Put("after", "value");
}

TEST_P(SeatTest, RemovedBySomebodyItEndsWith5) {
  StartCluster(1);
  ASSERT_FALSE(HasFatalFailure());
  const auto before = MemberLines();
  const auto tail = TailLearner();
  ASSERT_TRUE(AwaitFollowing(*tail));
  const auto id = Learner();
  ASSERT_TRUE(id.has_value());
  EXPECT_EQ(Etcdctl({"member", "remove", *id}).first, 0);
  EXPECT_EQ(tail->ExitCode(kPatience), 5) << tail->Errors();
  EXPECT_THAT(tail->Errors(), HasSubstr("removed"));
  EXPECT_TRUE(EndsWithSummary(*tail));
  EXPECT_EQ(MemberLines(), before);
}

TEST_P(SeatTest, AVoterThatIsDownIsNamed) {
  StartCluster(3);
  ASSERT_FALSE(HasFatalFailure());
  const auto before = MemberLines();
  const std::string id = IdOf(1);
  cluster().Kill(1);
  const auto tail = TailLearner({"--dial-timeout", "6s"});
  EXPECT_EQ(tail->ExitCode(kPatience), 1) << tail->Errors();
  EXPECT_THAT(tail->Errors(), HasSubstr(id));
  EXPECT_THAT(tail->Errors(), HasSubstr("tail --stream http://127.0.0.1:"));
  EXPECT_LE(tail->ErrorLines(), 6u) << tail->Errors();
  EXPECT_EQ(MemberLines(), before);
}

TEST_P(SeatTest, EndpointsThatAreDownAreOnesLess) {
  StartCluster(1);
  ASSERT_FALSE(HasFatalFailure());
  const auto before = MemberLines();
  const auto tail =
      RunCtl({"tail", "--learner", "-w", "json", "--endpoints",
              absl::StrCat("127.0.0.1:1,", cluster().client_endpoint(0))});
  ASSERT_TRUE(AwaitFollowing(*tail));
  Put("key", "value");
  EXPECT_TRUE(AwaitPut(*tail, "key"));
  tail->Signal(SIGINT);
  EXPECT_EQ(tail->ExitCode(kPatience), 0) << tail->Errors();
  EXPECT_EQ(MemberLines(), before);
}

// A tail that sleeps while the leader compacts its log: etcd keeps 5,000
// entries behind a snapshot.
TEST_P(SeatTest, AGapIsToldAndGoneOver) {
  StartCluster(1, {"--snapshot-count=100"});
  ASSERT_FALSE(HasFatalFailure());
  const auto before = MemberLines();
  const auto tail = TailLearner();
  ASSERT_TRUE(AwaitFollowing(*tail));
  Put("first", "value");
  // The newest entry that was told: of what is missed, all may be.
  int64_t last = 0;
  const auto note_last = [&last](const json& record) {
    if (!record.contains("entries")) return;
    for (const json& entry : record["entries"]) {
      last = entry["index"].get<int64_t>();
    }
  };
  ASSERT_TRUE(ReadUntil(*tail, [&](const json& record) {
                note_last(record);
                return !KeysPut(record).empty();
              }).has_value());

  tail->Signal(SIGSTOP);
  constexpr int kThreads = 32;
  constexpr int kPutsEach = 340;
  const auto client = Client(absl::Seconds(20));
  std::vector<std::thread> writers;
  for (int thread = 0; thread < kThreads; ++thread) {
    writers.emplace_back([&client, thread] {
      // Some of it is on its way to the tail before the leader notices: more
      // than the sockets hold must follow.
      const std::string value(2000, 'v');
      for (int i = 0; i < kPutsEach; ++i) {
        etcdserverpb::PutRequest request;
        request.set_key(absl::StrCat("missed-", thread, "-", i));
        request.set_value(value);
        const auto put = client->Put(request);
        EXPECT_TRUE(put.ok()) << put.status();
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  tail->Signal(SIGCONT);

  const auto gap = ReadUntil(*tail, [&](const json& record) {
    note_last(record);
    return IsEvent(record, "gap");
  });
  ASSERT_TRUE(gap.has_value());
  EXPECT_EQ(gap->value("reason", ""), "compacted");
  EXPECT_EQ(gap->value("after", int64_t{0}), last);
  EXPECT_GT(gap->value("until", int64_t{0}), last);
  Put("last", "value");
  const auto next = ReadUntil(
      *tail, [](const json& record) { return !KeysPut(record).empty(); });
  ASSERT_TRUE(next.has_value());
  EXPECT_THAT(KeysPut(*next), testing::Contains("last"));
  tail->Signal(SIGINT);
  EXPECT_EQ(tail->ExitCode(kPatience), 1) << tail->Errors();
  EXPECT_TRUE(EndsWithSummary(*tail));
  EXPECT_EQ(MemberLines(), before);
}

INSTANTIATE_TEST_SUITE_P(Etcds, SeatTest, testing::ValuesIn(EtcdsToTest()),
                         NameOfEtcd);

}  // namespace
}  // namespace rafthttp::integration
