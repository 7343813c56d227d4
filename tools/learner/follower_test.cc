#include "tools/learner/follower.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rafthttpctl {
namespace {

using rafthttp::MemberId;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr uint64_t kSelf = 9;

// Writes what it hears as text, and keeps the log as a reader would see it.
class RecordingEvents final : public Follower::Events {
 public:
  void OnLeader(MemberId leader, uint64_t term) override {
    heard.push_back(absl::StrCat("leader ", leader.ToHex(), " term ", term));
  }
  void OnRewind(uint64_t index, uint64_t) override {
    heard.push_back(absl::StrCat("rewind ", index));
    ASSERT_GT(index, committed) << "took back what was committed";
    while (!log.empty() && log.back().index >= index) log.pop_back();
  }
  void OnEntries(const raftpb::Message& message, int first, int end) override {
    for (int i = first; i < end; ++i) {
      const raftpb::Entry& entry = message.entries(i);
      heard.push_back(absl::StrCat("entry ", entry.index(), "/", entry.term()));
      if (!log.empty()) {
        ASSERT_EQ(entry.index(), log.back().index + 1);
      }
      log.push_back({entry.index(), entry.term()});
    }
  }
  void OnSnapshot(const raftpb::Snapshot& snapshot) override {
    log.clear();
    committed = snapshot.metadata().index();
    heard.push_back(absl::StrCat("snapshot ", committed));
  }
  void OnCommit(uint64_t index) override {
    ASSERT_GT(index, committed);
    committed = index;
    heard.push_back(absl::StrCat("commit ", index));
  }
  void OnPromotion(const raftpb::Entry& entry) override {
    heard.push_back(absl::StrCat("promotion ", entry.index()));
  }
  void OnInconsistent(uint64_t commit) override {
    heard.push_back(absl::StrCat("inconsistent ", commit));
  }

  std::vector<std::string> Take() { return std::exchange(heard, {}); }

  std::vector<std::string> heard;
  std::vector<TermLog::Position> log;
  uint64_t committed = 0;
};

raftpb::Entry EntryOf(uint64_t index, uint64_t term, std::string data = "x") {
  raftpb::Entry entry;
  entry.set_type(raftpb::EntryNormal);
  entry.set_index(index);
  entry.set_term(term);
  entry.set_data(std::move(data));
  return entry;
}

raftpb::Message AppendOf(uint64_t from, uint64_t term, TermLog::Position prev,
                         const std::vector<uint64_t>& entry_terms,
                         uint64_t commit = 0) {
  raftpb::Message message;
  message.set_type(raftpb::MsgApp);
  message.set_from(from);
  message.set_to(kSelf);
  message.set_term(term);
  message.set_index(prev.index);
  message.set_logterm(prev.term);
  message.set_commit(commit);
  uint64_t index = prev.index;
  for (uint64_t entry_term : entry_terms) {
    *message.add_entries() = EntryOf(++index, entry_term);
  }
  return message;
}

raftpb::Message HeartbeatOf(uint64_t from, uint64_t term, uint64_t commit) {
  raftpb::Message message;
  message.set_type(raftpb::MsgHeartbeat);
  message.set_from(from);
  message.set_to(kSelf);
  message.set_term(term);
  message.set_commit(commit);
  return message;
}

class FollowerTest : public ::testing::Test {
 protected:
  raftpb::Message Answered(const raftpb::Message& message) {
    std::optional<raftpb::Message> answer = follower_.Step(message);
    EXPECT_TRUE(answer.has_value());
    return answer.value_or(raftpb::Message());
  }

  RecordingEvents events_;
  Follower follower_{MemberId(kSelf), events_};
};

raftpb::Message SnapOf(uint64_t from, uint64_t term, TermLog::Position at) {
  raftpb::Message message;
  message.set_type(raftpb::MsgSnap);
  message.set_from(from);
  message.set_to(kSelf);
  message.set_term(term);
  message.mutable_snapshot()->mutable_metadata()->set_index(at.index);
  message.mutable_snapshot()->mutable_metadata()->set_term(at.term);
  return message;
}

TEST(FollowerFromStartTest, RefusesWhatDoesNotBeginAtTheBeginning) {
  RecordingEvents events;
  Follower follower(MemberId(kSelf), events, Follower::Start::kFromStart);
  auto answer = follower.Step(AppendOf(1, 4, {6, 3}, {3}));
  ASSERT_TRUE(answer.has_value());
  EXPECT_TRUE(answer->reject());
  EXPECT_EQ(answer->index(), 6u);
  EXPECT_EQ(answer->rejecthint(), 0u);
  answer = follower.Step(AppendOf(1, 4, {0, 0}, {1, 1, 2}, /*commit=*/2));
  ASSERT_TRUE(answer.has_value());
  EXPECT_FALSE(answer->reject());
  EXPECT_EQ(answer->index(), 3u);
  EXPECT_THAT(events.Take(), ElementsAre("leader 1 term 4", "entry 1/1",
                                         "entry 2/1", "entry 3/2", "commit 2"));
}

TEST(FollowerFromStartTest, ASnapshotTakesThePlaceOfWhatWasBefore) {
  RecordingEvents events;
  Follower follower(MemberId(kSelf), events, Follower::Start::kFromStart);
  follower.Step(AppendOf(1, 4, {0, 0}, {1, 1}));
  auto answer = follower.Step(SnapOf(1, 4, {50, 3}));
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->type(), raftpb::MsgAppResp);
  EXPECT_EQ(answer->index(), 50u);
  EXPECT_FALSE(answer->reject());
  EXPECT_EQ(follower.commit(), 50u);
  events.Take();
  answer = follower.Step(AppendOf(1, 4, {50, 3}, {4}, /*commit=*/51));
  EXPECT_EQ(answer->index(), 51u);
  EXPECT_THAT(events.Take(), ElementsAre("entry 51/4", "commit 51"));
  // One that comes late, or from a deposed leader, changes nothing.
  answer = follower.Step(SnapOf(1, 4, {49, 3}));
  EXPECT_EQ(answer->index(), 51u);
  follower.Step(SnapOf(2, 3, {90, 3}));
  EXPECT_EQ(follower.commit(), 51u);
  EXPECT_THAT(events.Take(), IsEmpty());
}

TEST_F(FollowerTest, AcknowledgesTheFirstProbeAsMatching) {
  const raftpb::Message answer =
      Answered(AppendOf(1, 4, {6, 3}, {3, 4}, /*commit=*/7));
  EXPECT_EQ(answer.type(), raftpb::MsgAppResp);
  EXPECT_EQ(answer.from(), kSelf);
  EXPECT_EQ(answer.to(), 1u);
  EXPECT_EQ(answer.term(), 4u);
  EXPECT_EQ(answer.index(), 8u);
  EXPECT_FALSE(answer.reject());
  EXPECT_THAT(events_.Take(), ElementsAre("leader 1 term 4", "entry 7/3",
                                          "entry 8/4", "commit 7"));
}

TEST_F(FollowerTest, AnswersHeartbeatsWithTheirContext) {
  raftpb::Message heartbeat = HeartbeatOf(1, 4, 5);
  heartbeat.set_context("ctx");
  const raftpb::Message answer = Answered(heartbeat);
  EXPECT_EQ(answer.type(), raftpb::MsgHeartbeatResp);
  EXPECT_EQ(answer.context(), "ctx");
  EXPECT_FALSE(Answered(HeartbeatOf(1, 4, 5)).has_context());
  // Without a log its commit says nothing about ours.
  EXPECT_EQ(follower_.commit(), 0u);
}

TEST_F(FollowerTest, DeliversOverlappingEntriesOnce) {
  Answered(AppendOf(1, 2, {5, 2}, {2, 2, 2}));
  events_.Take();
  EXPECT_EQ(Answered(AppendOf(1, 2, {6, 2}, {2, 2, 2, 2})).index(), 10u);
  EXPECT_THAT(events_.Take(), ElementsAre("entry 9/2", "entry 10/2"));
  EXPECT_EQ(Answered(AppendOf(1, 2, {5, 2}, {2})).index(), 6u);
  EXPECT_THAT(events_.Take(), IsEmpty());
}

TEST_F(FollowerTest, RejectsAGapWithAHint) {
  Answered(AppendOf(1, 2, {5, 2}, {2}));
  const raftpb::Message answer = Answered(AppendOf(1, 2, {9, 2}, {2}));
  EXPECT_TRUE(answer.reject());
  EXPECT_EQ(answer.index(), 9u);
  EXPECT_EQ(answer.rejecthint(), 6u);
  EXPECT_EQ(answer.logterm(), 2u);
}

TEST_F(FollowerTest, ProbeBelowTheCommitIsAnsweredByTheCommit) {
  Answered(AppendOf(1, 2, {5, 2}, {2, 2, 2}, /*commit=*/8));
  const raftpb::Message answer = Answered(AppendOf(1, 2, {6, 2}, {2}));
  EXPECT_EQ(answer.index(), 8u);
  EXPECT_FALSE(answer.reject());
}

TEST_F(FollowerTest, ANewLeaderRewindsWhatItDoesNotHave) {
  Answered(AppendOf(1, 2, {5, 2}, {2, 2, 2}, /*commit=*/6));
  events_.Take();
  EXPECT_EQ(Answered(AppendOf(3, 4, {7, 2}, {4})).index(), 8u);
  EXPECT_THAT(events_.Take(),
              ElementsAre("leader 3 term 4", "rewind 8", "entry 8/4"));
  EXPECT_THAT(events_.log,
              ElementsAre(TermLog::Position{6, 2}, TermLog::Position{7, 2},
                          TermLog::Position{8, 4}));
}

TEST_F(FollowerTest, ADeposedLeaderHearsTheTerm) {
  Answered(AppendOf(3, 4, {5, 2}, {4}));
  const raftpb::Message answer = Answered(AppendOf(1, 2, {5, 2}, {2, 2}));
  EXPECT_EQ(answer.type(), raftpb::MsgAppResp);
  EXPECT_EQ(answer.index(), 0u);
  EXPECT_EQ(answer.term(), 4u);
  EXPECT_EQ(follower_.last(), (TermLog::Position{6, 4}));
}

TEST_F(FollowerTest, AStartThatNoLeaderHasIsTakenBack) {
  // The start, 10/3, was never committed, and the next leader's log ends at 8.
  Answered(AppendOf(1, 3, {10, 3}, {3}));
  events_.Take();
  EXPECT_TRUE(Answered(AppendOf(2, 4, {10, 2}, {})).reject());
  EXPECT_EQ(Answered(AppendOf(2, 4, {8, 2}, {4})).index(), 9u);
  // That much could be true of a log that goes on as ours does.
  EXPECT_THAT(events_.Take(), ElementsAre("leader 2 term 4"));
  EXPECT_EQ(Answered(AppendOf(2, 4, {9, 4}, {4, 4})).index(), 11u);
  EXPECT_THAT(events_.Take(),
              ElementsAre("rewind 10", "entry 10/4", "entry 11/4"));
}

TEST_F(FollowerTest, FullTakesNothingAndAcknowledgesNothing) {
  Answered(AppendOf(1, 2, {5, 2}, {2}));
  events_.Take();
  follower_.set_is_full(true);
  EXPECT_EQ(Answered(AppendOf(1, 2, {6, 2}, {2, 2})).index(), 6u);
  EXPECT_THAT(events_.Take(), IsEmpty());
  follower_.set_is_full(false);
  EXPECT_EQ(Answered(AppendOf(1, 2, {6, 2}, {2, 2})).index(), 8u);
}

raftpb::Entry PromotionOf(uint64_t index, uint64_t term, uint64_t node) {
  raftpb::ConfChange change;
  change.set_type(raftpb::ConfChangeAddNode);
  change.set_node_id(node);
  raftpb::Entry entry = EntryOf(index, term, change.SerializeAsString());
  entry.set_type(raftpb::EntryConfChange);
  return entry;
}

TEST_F(FollowerTest, NeitherThePromotionNorAnythingLaterIsAcknowledged) {
  raftpb::Message message = AppendOf(1, 2, {5, 2}, {2, 2}, /*commit=*/9);
  *message.add_entries() = PromotionOf(8, 2, kSelf);
  *message.add_entries() = EntryOf(9, 2);
  EXPECT_EQ(Answered(message).index(), 7u);
  EXPECT_THAT(events_.Take(),
              ElementsAre("leader 1 term 2", "entry 6/2", "entry 7/2",
                          "promotion 8", "commit 7"));
  EXPECT_FALSE(follower_.Step(AppendOf(1, 2, {7, 2}, {2})));
  EXPECT_FALSE(follower_.Step(HeartbeatOf(1, 2, 7)));
}

TEST_F(FollowerTest, AsAVoterItAcknowledgesAndDeliversNothing) {
  raftpb::Message message = AppendOf(1, 2, {5, 2}, {2});
  *message.add_entries() = PromotionOf(7, 2, kSelf);
  EXPECT_EQ(Answered(message).index(), 6u);
  follower_.AcknowledgeAsVoter();
  events_.Take();
  raftpb::Message rest = AppendOf(1, 2, {6, 2}, {}, /*commit=*/6);
  *rest.add_entries() = PromotionOf(7, 2, kSelf);
  *rest.add_entries() = EntryOf(8, 2);
  EXPECT_EQ(Answered(rest).index(), 8u);
  EXPECT_THAT(events_.Take(), ElementsAre("commit 6"));
}

TEST_F(FollowerTest, AnotherMembersPromotionIsAnEntryLikeAny) {
  raftpb::Message message = AppendOf(1, 2, {5, 2}, {});
  *message.add_entries() = PromotionOf(6, 2, kSelf + 1);
  EXPECT_EQ(Answered(message).index(), 6u);
}

TEST_F(FollowerTest, AHeartbeatThatClaimsMoreThanWeHoldIsInconsistent) {
  Answered(AppendOf(1, 2, {5, 2}, {2}));
  events_.Take();
  EXPECT_FALSE(follower_.Step(HeartbeatOf(1, 2, 7)));
  EXPECT_THAT(events_.Take(), ElementsAre("inconsistent 7"));
}

TEST_F(FollowerTest, ALeaderThatContradictsTheCommitIsInconsistent) {
  Answered(AppendOf(1, 2, {5, 2}, {2, 2}, /*commit=*/6));
  events_.Take();
  // 7 is not committed, but the message behind it also changes 6.
  raftpb::Message message = AppendOf(3, 4, {6, 2}, {4});
  EXPECT_EQ(Answered(message).index(), 7u);
  EXPECT_TRUE(Answered(AppendOf(3, 4, {6, 3}, {4})).reject());
  EXPECT_FALSE(follower_.Step(HeartbeatOf(3, 4, 9)));
  EXPECT_THAT(events_.Take(), ::testing::Contains("inconsistent 9"));
}

TEST_F(FollowerTest, EntriesWithAGapInTheirNumbersAreNotTaken) {
  raftpb::Message message = AppendOf(1, 2, {5, 2}, {2});
  *message.add_entries() = EntryOf(8, 2);
  EXPECT_EQ(Answered(message).index(), 6u);
}

TEST_F(FollowerTest, WhatIsNotForALearnerIsNotAnswered) {
  for (raftpb::MessageType type :
       {raftpb::MsgVote, raftpb::MsgPreVote, raftpb::MsgTimeoutNow,
        raftpb::MsgReadIndex, raftpb::MsgHup, raftpb::MsgProp}) {
    raftpb::Message message;
    message.set_type(type);
    message.set_from(1);
    message.set_term(7);
    EXPECT_FALSE(follower_.Step(message)) << type;
  }
  EXPECT_EQ(follower_.term(), 0u);
}

// A cluster reduced to what a learner sees of it: in each term a leader whose
// log begins with all that was committed, and which knows about the learner
// what the learner answered. Messages are lost, repeated and come late.
class ModelCluster {
 public:
  explicit ModelCluster(uint32_t seed) : random_(seed) {
    for (int i = 0; i < 5; ++i) log_.push_back(1);
    committed_ = 5;
    next_ = log_.size();
  }

  void Run(Follower& follower, int steps) {
    for (int i = 0; i < steps; ++i) {
      switch (random_() % 12) {
        case 0:
          Elect();
          break;
        case 1:
          in_flight_.clear();  // the connection broke
          next_ = match_ + 1;
          break;
        case 2:
          committed_ += random_() % (log_.size() - committed_ + 1);
          break;
        case 3:
        case 4:
        case 5:
          log_.push_back(term_);
          break;
        case 6:
          in_flight_.push_back(
              HeartbeatOf(term_, term_, std::min(match_, committed_)));
          break;
        default:
          Append();
      }
      while (!in_flight_.empty() && random_() % 3 != 0) Deliver(follower);
    }
    // In quiet, all arrives.
    in_flight_.clear();
    next_ = match_ + 1;
    for (size_t i = 0; i < log_.size() + 5 && match_ < log_.size(); ++i) {
      Append();
      while (!in_flight_.empty()) Deliver(follower);
    }
  }

  uint64_t last() const { return log_.size(); }
  uint64_t TermAt(uint64_t index) const {
    return index == 0 ? 0 : log_[index - 1];
  }

 private:
  void Elect() {
    // The next leader has what is committed, and perhaps more.
    log_.resize(committed_ + random_() % (log_.size() - committed_ + 1));
    next_ = log_.size() + 1;
    log_.push_back(++term_);
    match_ = 0;
    if (random_() % 2 == 0) in_flight_.clear();
  }

  void Append() {
    const uint64_t previous = next_ - 1;
    std::vector<uint64_t> terms;
    for (uint64_t i = next_;
         i <= log_.size() && terms.size() < 1 + random_() % 4; ++i) {
      terms.push_back(log_[i - 1]);
    }
    raftpb::Message message =
        AppendOf(term_, term_, {previous, TermAt(previous)}, terms, committed_);
    if (match_ > 0) next_ += terms.size();  // optimistic once it replicates
    in_flight_.push_back(message);
    if (random_() % 6 == 0) in_flight_.push_back(message);
  }

  void Deliver(Follower& follower) {
    const raftpb::Message message = in_flight_.front();
    in_flight_.erase(in_flight_.begin());
    const std::optional<raftpb::Message> answer = follower.Step(message);
    if (!answer || random_() % 10 == 0) return;
    if (answer->term() != term_ || message.term() != term_) return;
    if (answer->type() != raftpb::MsgAppResp) return;
    if (answer->reject()) {
      if (answer->index() <= match_) return;  // an old one
      next_ = std::max<uint64_t>(
          1, std::min(answer->index(), answer->rejecthint() + 1));
      next_ = std::max(next_, match_ + 1);
      in_flight_.clear();
    } else {
      match_ = std::max<uint64_t>(match_, answer->index());
      next_ = std::max(next_, match_ + 1);
    }
  }

  std::mt19937 random_;
  uint64_t term_ = 1;
  std::vector<uint64_t> log_;
  uint64_t committed_ = 0;
  uint64_t match_ = 0;
  uint64_t next_ = 1;
  std::vector<raftpb::Message> in_flight_;
};

TEST(FollowerModelTest, EndsWithTheLeadersLogWhateverIsLostOrLate) {
  for (uint32_t seed = 0; seed < 3000; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    RecordingEvents events;
    Follower follower(MemberId(kSelf), events);
    ModelCluster cluster(seed);
    cluster.Run(follower, 60);
    ASSERT_TRUE(follower.last());
    EXPECT_EQ(follower.last()->index, cluster.last());
    for (const TermLog::Position& entry : events.log) {
      ASSERT_EQ(entry.term, cluster.TermAt(entry.index)) << entry.index;
    }
    if (!events.log.empty()) {
      EXPECT_EQ(events.log.back().index, cluster.last());
    }
    for (const std::string& event : events.heard) {
      EXPECT_THAT(event, ::testing::Not(::testing::HasSubstr("inconsistent")));
    }
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace rafthttpctl
