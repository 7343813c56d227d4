#include "rafthttp/delivery/delivery.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <latch>
#include <memory>
#include <optional>
#include <random>
#include <semaphore>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rafthttp/base/mutex.h"
#include "rafthttp/base/raft.h"
#include "rafthttp/codec/message_view.h"
#include "rafthttp/delivery/strand_pool.h"
#include "rafthttp/event/testing/sim_loop.h"
#include "rafthttp/event/uv_loop.h"
#include "raftpb/raft.pb.h"

namespace rafthttp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr int kTurnsMax = 1000000;
constexpr MemberId kPeer(7);

raftpb::Message MessageOf(raftpb::MessageType type, uint64_t index,
                          size_t data_bytes = 0) {
  raftpb::Message message;
  message.set_type(type);
  message.set_to(1);
  message.set_from(kPeer.value());
  message.set_index(index);
  if (data_bytes > 0) {
    message.add_entries()->set_data(std::string(data_bytes, 'x'));
  }
  return message;
}

// Writes down what it is told, and does what a test wants it to.
class FakeRaft final : public Raft {
 public:
  using OnMessage = std::function<absl::Status(const raftpb::Message&)>;

  absl::Status Process(std::stop_token, raftpb::Message&& message) override {
    const raftpb::Message taken = std::move(message);
    Record(absl::StrCat(taken.type() == raftpb::MsgProp ? "prop " : "",
                        taken.index()));
    return on_message_ ? on_message_(taken) : absl::OkStatus();
  }
  bool IsIdRemoved(MemberId) override { return false; }
  void ReportUnreachable(MemberId id) override {
    Record(absl::StrCat("unreachable ", id.ToHex()));
  }
  void ReportSnapshot(MemberId id, SnapshotStatus status) override {
    Record(absl::StrCat(
        status == SnapshotStatus::kFinish ? "snapshot " : "no snapshot ",
        id.ToHex()));
  }

  void set_on_message(OnMessage on_message) {
    on_message_ = std::move(on_message);
  }
  std::vector<std::string> records() const {
    MutexLock lock(mutex_);
    return records_;
  }
  size_t count() const { return records().size(); }

 private:
  void Record(std::string text) {
    MutexLock lock(mutex_);
    records_.push_back(std::move(text));
  }

  OnMessage on_message_;  // set before anything is delivered
  mutable Mutex mutex_;
  std::vector<std::string> records_ ABSL_GUARDED_BY(mutex_);
};

class RecordingEvents final : public Delivery::Events {
 public:
  void OnDeliveryRoom() override {
    ++rooms;
    if (on_room) on_room();
  }
  void OnProcessFailed(uint64_t messages, const absl::Status& status) override {
    failed.push_back(absl::StrCat(messages, " ", status.message()));
    if (on_failed) on_failed();
  }

  int rooms = 0;
  std::vector<std::string> failed;
  std::function<void()> on_room;
  std::function<void()> on_failed;
};

void DeliverView(Delivery& delivery, const raftpb::Message& message) {
  codec::ViewStorage storage;
  delivery.Deliver(codec::ViewOf(message, &storage));
}

// Without a pool, in virtual time.
class InlineDeliveryTest : public testing::Test {
 protected:
  InlineDeliveryTest() {
    delivery_.emplace(loop_, raft_, nullptr, stop_.get_token(), events_,
                      Delivery::Options{.peer = kPeer});
  }

  void RunAll() { loop_.RunFor(absl::Seconds(1)); }

  event::SimLoop loop_;
  FakeRaft raft_;
  RecordingEvents events_;
  std::stop_source stop_;
  std::optional<Delivery> delivery_;
};

TEST_F(InlineDeliveryTest, CallsRaftAtOnce) {
  std::string data;
  raft_.set_on_message([&](const raftpb::Message& message) {
    for (const auto& entry : message.entries()) data += entry.data();
    return absl::OkStatus();
  });
  DeliverView(*delivery_, MessageOf(raftpb::MsgApp, 1, 3));
  EXPECT_THAT(raft_.records(), ElementsAre("1"));
  DeliverView(*delivery_, MessageOf(raftpb::MsgApp, 2, 100 << 10));
  DeliverView(*delivery_, MessageOf(raftpb::MsgProp, 3));
  // Nothing is left over from those before.
  DeliverView(*delivery_, MessageOf(raftpb::MsgApp, 4, 2));
  delivery_->EndBatch();
  EXPECT_THAT(raft_.records(), ElementsAre("1", "2", "prop 3", "4"));
  EXPECT_EQ(data, std::string((100 << 10) + 5, 'x'));
  EXPECT_EQ(delivery_->queued_messages(), 0u);
  EXPECT_EQ(delivery_->queued_bytes(), 0u);
  EXPECT_FALSE(delivery_->is_full());
}

TEST_F(InlineDeliveryTest, PassesTheStopOn) {
  class StopRaft final : public Raft {
   public:
    absl::Status Process(std::stop_token stop, raftpb::Message&&) override {
      stop_ = stop;
      return absl::OkStatus();
    }
    bool IsIdRemoved(MemberId) override { return false; }
    void ReportUnreachable(MemberId) override {}
    void ReportSnapshot(MemberId, SnapshotStatus) override {}
    std::stop_token stop_;
  } raft;
  Delivery delivery(loop_, raft, nullptr, stop_.get_token(), events_, {});
  DeliverView(delivery, MessageOf(raftpb::MsgApp, 1));
  EXPECT_FALSE(raft.stop_.stop_requested());
  stop_.request_stop();
  EXPECT_TRUE(raft.stop_.stop_requested());
}

TEST_F(InlineDeliveryTest, TellsFailuresOncePerBatchInALaterTurn) {
  raft_.set_on_message([](const raftpb::Message& message) {
    return absl::AbortedError(absl::StrCat("refused ", message.index()));
  });
  DeliverView(*delivery_, MessageOf(raftpb::MsgApp, 1));
  DeliverView(*delivery_, MessageOf(raftpb::MsgApp, 2));
  delivery_->EndBatch();
  EXPECT_THAT(events_.failed, IsEmpty());
  RunAll();
  EXPECT_THAT(events_.failed, ElementsAre("2 refused 2"));
  delivery_->EndBatch();
  RunAll();
  EXPECT_EQ(events_.failed.size(), 1u);
}

TEST_F(InlineDeliveryTest, AnExceptionIsAnError) {
  raft_.set_on_message([](const raftpb::Message& message) -> absl::Status {
    if (message.index() == 1) throw std::runtime_error("no disk");
    throw 2;
  });
  DeliverView(*delivery_, MessageOf(raftpb::MsgApp, 1));
  delivery_->EndBatch();
  DeliverView(*delivery_, MessageOf(raftpb::MsgApp, 2));
  delivery_->EndBatch();
  RunAll();
  EXPECT_THAT(events_.failed,
              ElementsAre("1 Process threw an exception: no disk",
                          "1 Process threw an exception"));
}

TEST_F(InlineDeliveryTest, DropsWhatIsNotForRaft) {
  for (const raftpb::MessageType type :
       {raftpb::MsgHup, raftpb::MsgUnreachable, raftpb::MsgStorageAppend,
        raftpb::MsgForgetLeader}) {
    DeliverView(*delivery_, MessageOf(type, 1));
  }
  delivery_->EndBatch();
  RunAll();
  EXPECT_THAT(raft_.records(), IsEmpty());
  EXPECT_EQ(delivery_->drops().not_for_raft, 4u);
  EXPECT_THAT(
      events_.failed,
      ElementsAre("4 MsgForgetLeader is not for other members to send"));

  // A sender by POST is not told, as in etcd.
  std::optional<absl::Status> processed;
  delivery_->Deliver(MessageOf(raftpb::MsgBeat, 1),
                     [&](absl::Status status) { processed = status; });
  RunAll();
  EXPECT_EQ(processed, absl::OkStatus());
  EXPECT_EQ(delivery_->drops().not_for_raft, 5u);
  EXPECT_THAT(raft_.records(), IsEmpty());
}

TEST_F(InlineDeliveryTest, AnUnknownTypeIsForRaft) {
  codec::MessageView message;
  message.type = 42;
  message.Set(codec::MessageView::kType);
  delivery_->Deliver(message);
  EXPECT_EQ(raft_.count(), 1u);
}

TEST_F(InlineDeliveryTest, APostIsProcessedAtOnceAndToldLater) {
  raft_.set_on_message([](const raftpb::Message& message) {
    return message.index() == 2 ? absl::AbortedError("refused")
                                : absl::OkStatus();
  });
  std::vector<std::string> processed;
  for (uint64_t i = 1; i <= 2; ++i) {
    delivery_->Deliver(MessageOf(raftpb::MsgApp, i), [&](absl::Status status) {
      processed.push_back(status.ToString());
    });
  }
  EXPECT_THAT(raft_.records(), ElementsAre("1", "2"));
  EXPECT_THAT(processed, IsEmpty());
  RunAll();
  EXPECT_THAT(processed, ElementsAre("OK", "ABORTED: refused"));
  EXPECT_THAT(events_.failed, ElementsAre("1 refused"));
}

TEST_F(InlineDeliveryTest, ReportsComeLaterButBeforeWhatComesAfter) {
  delivery_->ReportUnreachable();
  delivery_->ReportSnapshot(SnapshotStatus::kFailure);
  delivery_->ReportUnreachable();  // one with the first
  EXPECT_THAT(raft_.records(), IsEmpty());
  DeliverView(*delivery_, MessageOf(raftpb::MsgApp, 1));
  delivery_->ReportSnapshot(SnapshotStatus::kFinish);
  delivery_->ReportUnreachable();
  RunAll();
  EXPECT_THAT(raft_.records(), ElementsAre("unreachable 7", "no snapshot 7",
                                           "1", "snapshot 7", "unreachable 7"));
}

TEST_F(InlineDeliveryTest, DestroyedItTellsNothing) {
  raft_.set_on_message(
      [](const raftpb::Message&) { return absl::AbortedError("refused"); });
  DeliverView(*delivery_, MessageOf(raftpb::MsgApp, 1));
  delivery_->EndBatch();
  auto guard = std::make_shared<int>();
  delivery_->Deliver(MessageOf(raftpb::MsgApp, 2),
                     [guard](absl::Status) { FAIL(); });
  delivery_->ReportUnreachable();
  delivery_.reset();
  EXPECT_EQ(guard.use_count(), 1);
  RunAll();
  EXPECT_THAT(events_.failed, IsEmpty());
  EXPECT_THAT(raft_.records(), ElementsAre("1", "2"));
}

TEST_F(InlineDeliveryTest, MayBeDestroyedInsideItsEvents) {
  raft_.set_on_message(
      [](const raftpb::Message&) { return absl::AbortedError("refused"); });
  events_.on_failed = [this] { delivery_.reset(); };
  delivery_->Deliver(MessageOf(raftpb::MsgApp, 1),
                     [](absl::Status) { FAIL(); });
  RunAll();
  EXPECT_FALSE(delivery_.has_value());
}

TEST_F(InlineDeliveryTest, MayBeDestroyedInsideACompletion) {
  delivery_->Deliver(MessageOf(raftpb::MsgApp, 1),
                     [this](absl::Status) { delivery_.reset(); });
  delivery_->Deliver(MessageOf(raftpb::MsgApp, 2),
                     [](absl::Status) { FAIL(); });
  RunAll();
  EXPECT_FALSE(delivery_.has_value());
}

// On strands, with real threads and a real loop.
class StrandDeliveryTest : public testing::Test {
 protected:
  StrandDeliveryTest() { Make({.peer = kPeer}); }
  ~StrandDeliveryTest() override {
    delivery_.reset();
    if (!is_shut_down_) ShutDownPool();
  }

  void ShutDownPool() {
    is_shut_down_ = true;
    std::latch idle(1);
    pool_.Shutdown([&idle] { idle.count_down(); });
    idle.wait();
  }
  void Make(Delivery::Options options) {
    delivery_.emplace(loop_, raft_, &pool_, stop_.get_token(), events_,
                      options);
  }
  // Until Process holds messages of `type` back, each until it is released.
  void BlockOn(raftpb::MessageType type) {
    raft_.set_on_message([this, type](const raftpb::Message& message) {
      if (message.type() == type) {
        reached_.release();
        released_.acquire();
      }
      return absl::OkStatus();
    });
  }
  void Deliver(raftpb::MessageType type, uint64_t index,
               size_t data_bytes = 0) {
    DeliverView(*delivery_, MessageOf(type, index, data_bytes));
    delivery_->EndBatch();
  }
  bool RunUntil(const std::function<bool()>& predicate) {
    return loop_.RunUntil(predicate, kTurnsMax);
  }
  // Runs what is posted by now, and a little of what is posted meanwhile.
  void RunPosted() {
    bool is_done = false;
    loop_.Post([&is_done] { is_done = true; });
    EXPECT_TRUE(RunUntil([&] { return is_done; }));
  }
  // The pool has nothing to run: what it posted is posted.
  void AwaitRaft(size_t records) {
    while (raft_.count() < records || delivery_->queued_messages() > 0) {
      std::this_thread::yield();
    }
  }

  event::UvLoop loop_;
  FakeRaft raft_;
  RecordingEvents events_;
  std::stop_source stop_;
  std::counting_semaphore<> reached_{0};
  std::counting_semaphore<> released_{0};
  StrandPool pool_{{.threads_max = 4}};
  bool is_shut_down_ = false;
  std::optional<Delivery> delivery_;
};

TEST_F(StrandDeliveryTest, KeepsTheOrder) {
  std::vector<std::string> expected;
  for (uint64_t i = 0; i < 1000; ++i) {
    DeliverView(*delivery_, MessageOf(raftpb::MsgApp, i, i % 10));
    expected.push_back(absl::StrCat(i));
    if (i % 7 == 0) delivery_->EndBatch();
    if (i % 13 == 0) {
      // What came before it has to be on its way, too.
      delivery_->Deliver(MessageOf(raftpb::MsgAppResp, i), [](absl::Status) {});
      expected.push_back(absl::StrCat(i));
    }
  }
  delivery_->EndBatch();
  AwaitRaft(expected.size());
  EXPECT_EQ(raft_.records(), expected);
  EXPECT_EQ(delivery_->queued_bytes(), 0u);
}

TEST_F(StrandDeliveryTest, NothingIsOnItsWayBeforeTheBatchEnds) {
  DeliverView(*delivery_, MessageOf(raftpb::MsgApp, 1));
  DeliverView(*delivery_, MessageOf(raftpb::MsgProp, 2));
  EXPECT_EQ(delivery_->queued_messages(), 2u);
  EXPECT_GT(delivery_->queued_bytes(), 0u);
  EXPECT_EQ(pool_.threads(), 0u);
  delivery_->EndBatch();
  AwaitRaft(2);
}

TEST_F(StrandDeliveryTest, ABlockedProposalHoldsUpNothingElse) {
  BlockOn(raftpb::MsgProp);
  Deliver(raftpb::MsgProp, 1);
  reached_.acquire();
  Deliver(raftpb::MsgProp, 2);
  Deliver(raftpb::MsgHeartbeat, 3);
  while (raft_.count() < 2) std::this_thread::yield();
  EXPECT_THAT(raft_.records(), ElementsAre("prop 1", "3"));
  released_.release(2);
  AwaitRaft(3);
  EXPECT_THAT(raft_.records(), ElementsAre("prop 1", "3", "prop 2"));
}

TEST_F(StrandDeliveryTest, IsFullBeyondItsBudgetAndTellsWhenThereIsRoom) {
  Make({.peer = kPeer, .queue_messages_max = 4});
  BlockOn(raftpb::MsgApp);
  for (uint64_t i = 1; i <= 4; ++i) Deliver(raftpb::MsgApp, i);
  EXPECT_FALSE(delivery_->is_full());
  Deliver(raftpb::MsgApp, 5);
  EXPECT_TRUE(delivery_->is_full());
  Deliver(raftpb::MsgApp, 6);  // taken all the same
  EXPECT_EQ(delivery_->queued_messages(), 6u);
  released_.release(3);
  for (int i = 0; i < 4; ++i) reached_.acquire();
  // The fourth runs: three are left, which is more than half.
  RunPosted();
  EXPECT_EQ(events_.rooms, 0);
  EXPECT_TRUE(delivery_->is_full());
  released_.release(1);
  EXPECT_TRUE(RunUntil([&] { return events_.rooms > 0; }));
  EXPECT_FALSE(delivery_->is_full());
  released_.release(2);
  AwaitRaft(6);
  RunPosted();
  EXPECT_EQ(events_.rooms, 1);
}

TEST_F(StrandDeliveryTest, BytesCountAsMessagesDo) {
  Make({.peer = kPeer, .queue_bytes_max = 1000});
  BlockOn(raftpb::MsgApp);
  Deliver(raftpb::MsgApp, 1, 2000);  // one may be larger, but fills it
  EXPECT_TRUE(delivery_->is_full());
  EXPECT_GT(delivery_->queued_bytes(), 2000u);
  released_.release();
  EXPECT_TRUE(RunUntil([&] { return events_.rooms > 0; }));
  EXPECT_EQ(delivery_->queued_bytes(), 0u);
}

TEST_F(StrandDeliveryTest, RoomThatIsGoneAgainIsNotTold) {
  Make({.peer = kPeer, .queue_messages_max = 2});
  BlockOn(raftpb::MsgApp);
  for (uint64_t i = 1; i <= 3; ++i) Deliver(raftpb::MsgApp, i);
  EXPECT_TRUE(delivery_->is_full());
  released_.release(2);
  for (int i = 0; i < 3; ++i) reached_.acquire();
  // Told by the strand by now; but before the loop has heard of it:
  for (uint64_t i = 4; i <= 6; ++i) {
    delivery_->Deliver(MessageOf(raftpb::MsgApp, i), [](absl::Status) {});
  }
  RunPosted();
  EXPECT_EQ(events_.rooms, 0);
  EXPECT_TRUE(delivery_->is_full());
  released_.release(4);
  EXPECT_TRUE(RunUntil([&] { return events_.rooms > 0; }));
  EXPECT_EQ(events_.rooms, 1);
}

TEST_F(StrandDeliveryTest, ProposalsOverTheirBudgetAreDropped) {
  Make({.peer = kPeer, .queue_messages_max = 2});
  BlockOn(raftpb::MsgProp);
  Deliver(raftpb::MsgProp, 1);
  reached_.acquire();
  DeliverView(*delivery_, MessageOf(raftpb::MsgProp, 2));
  DeliverView(*delivery_, MessageOf(raftpb::MsgProp, 3));
  DeliverView(*delivery_, MessageOf(raftpb::MsgProp, 4));
  delivery_->EndBatch();
  EXPECT_FALSE(delivery_->is_full());  // which is about the rest
  EXPECT_EQ(delivery_->drops().proposals, 2u);
  std::optional<absl::Status> processed;
  delivery_->Deliver(MessageOf(raftpb::MsgProp, 5),
                     [&](absl::Status status) { processed = status; });
  EXPECT_FALSE(processed.has_value());
  EXPECT_TRUE(RunUntil([&] { return processed.has_value(); }));
  EXPECT_EQ(processed->code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(delivery_->drops().proposals, 3u);
  EXPECT_THAT(events_.failed, ElementsAre("2 too many MsgProp wait for Raft",
                                          "1 too many MsgProp wait for Raft"));
  Deliver(raftpb::MsgApp, 6);
  released_.release(2);
  AwaitRaft(3);
}

TEST_F(StrandDeliveryTest, OneProposalMayBeLargerThanTheBudget) {
  Make({.peer = kPeer, .queue_bytes_max = 1000});
  BlockOn(raftpb::MsgProp);
  Deliver(raftpb::MsgProp, 1, 2000);
  Deliver(raftpb::MsgProp, 2, 1);
  EXPECT_EQ(delivery_->drops().proposals, 1u);
  released_.release();
  AwaitRaft(1);
  Deliver(raftpb::MsgProp, 3, 1);
  released_.release();
  AwaitRaft(2);
  EXPECT_EQ(delivery_->drops().proposals, 1u);
}

TEST_F(StrandDeliveryTest, TellsFailuresOncePerBatch) {
  raft_.set_on_message([](const raftpb::Message& message) -> absl::Status {
    if (message.index() == 3) throw std::runtime_error("no disk");
    return message.index() == 1 ? absl::OkStatus()
                                : absl::AbortedError("refused");
  });
  for (uint64_t i = 1; i <= 3; ++i) {
    DeliverView(*delivery_, MessageOf(raftpb::MsgApp, i));
  }
  delivery_->EndBatch();
  EXPECT_TRUE(RunUntil([&] { return !events_.failed.empty(); }));
  EXPECT_THAT(events_.failed,
              ElementsAre("2 Process threw an exception: no disk"));
}

TEST_F(StrandDeliveryTest, APostIsToldOnTheLoop) {
  raft_.set_on_message([this](const raftpb::Message& message) {
    EXPECT_TRUE(pool_.IsPoolThread());
    return message.index() == 2 ? absl::AbortedError("refused")
                                : absl::OkStatus();
  });
  std::vector<std::string> processed;
  for (uint64_t i = 1; i <= 2; ++i) {
    delivery_->Deliver(MessageOf(raftpb::MsgApp, i), [&](absl::Status status) {
      EXPECT_TRUE(loop_.IsCurrent());
      processed.push_back(status.ToString());
    });
  }
  EXPECT_TRUE(RunUntil([&] { return processed.size() == 2; }));
  EXPECT_THAT(processed, ElementsAre("OK", "ABORTED: refused"));
}

TEST_F(StrandDeliveryTest, ReportsOfUnreachabilityThatWaitAreOne) {
  BlockOn(raftpb::MsgApp);
  Deliver(raftpb::MsgApp, 1);
  reached_.acquire();
  DeliverView(*delivery_, MessageOf(raftpb::MsgAppResp, 2));
  for (int i = 0; i < 10; ++i) delivery_->ReportUnreachable();
  delivery_->ReportSnapshot(SnapshotStatus::kFailure);
  delivery_->ReportUnreachable();
  Deliver(raftpb::MsgAppResp, 3);
  released_.release();
  AwaitRaft(5);
  delivery_->ReportUnreachable();  // another one
  AwaitRaft(6);
  EXPECT_THAT(raft_.records(),
              ElementsAre("1", "2", "unreachable 7", "no snapshot 7", "3",
                          "unreachable 7"));
}

TEST_F(StrandDeliveryTest, DestroyedWhileProcessRuns) {
  BlockOn(raftpb::MsgApp);
  for (uint64_t i = 1; i <= 2; ++i) {
    DeliverView(*delivery_, MessageOf(raftpb::MsgApp, i));
  }
  delivery_->EndBatch();
  reached_.acquire();
  auto guard = std::make_shared<int>();
  delivery_->Deliver(MessageOf(raftpb::MsgApp, 3),
                     [guard](absl::Status) { FAIL(); });
  delivery_->ReportUnreachable();
  delivery_.reset();
  EXPECT_EQ(guard.use_count(), 1);
  released_.release();
  ShutDownPool();
  RunPosted();
  // The second of the batch that ran had not begun, so it never does.
  EXPECT_THAT(raft_.records(), ElementsAre("1"));
  EXPECT_THAT(events_.failed, IsEmpty());
}

TEST_F(StrandDeliveryTest, DestroyedWhileItsPostIsProcessed) {
  BlockOn(raftpb::MsgApp);
  delivery_->Deliver(MessageOf(raftpb::MsgApp, 1),
                     [](absl::Status) { FAIL(); });
  reached_.acquire();
  delivery_.reset();
  released_.release();
  ShutDownPool();
  RunPosted();
}

TEST_F(StrandDeliveryTest, ThePoolShutsDownWhileProcessBlocks) {
  StrandPool pool({});
  {
    Delivery delivery(loop_, raft_, &pool, stop_.get_token(), events_, {});
    raft_.set_on_message([this](const raftpb::Message&) {
      reached_.release();
      released_.acquire();
      return absl::AbortedError("stopped");
    });
    for (uint64_t i = 1; i <= 2; ++i) {
      delivery.Deliver(MessageOf(raftpb::MsgApp, i),
                       [](absl::Status) { FAIL(); });
    }
    reached_.acquire();
  }
  std::latch idle(1);
  pool.Shutdown([&idle] { idle.count_down(); });
  EXPECT_FALSE(idle.try_wait());
  released_.release();
  idle.wait();
  RunPosted();
  EXPECT_EQ(raft_.count(), 1u);
}

// Two peers at random for a while: order per strand, and nothing lost while a
// Delivery lives; each is destroyed at some random moment.
TEST(DeliveryStressTest, SurvivesRandomUse) {
  for (uint64_t seed = 1; seed <= 15; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    event::UvLoop loop;
    std::stop_source stop;
    StrandPool pool({.threads_max = 1 + seed % 4,
                     .idle_timeout = seed % 2 == 0 ? absl::ZeroDuration()
                                                   : absl::Seconds(1)});
    struct OrderedRaft final : Raft {
      absl::Status Process(std::stop_token,
                           raftpb::Message&& message) override {
        std::atomic<uint64_t>& next =
            message.type() == raftpb::MsgProp ? next_proposal : next_other;
        // Drops leave gaps among proposals.
        const uint64_t last = next.exchange(message.index() + 1);
        EXPECT_LE(last, message.index());
        if (message.type() != raftpb::MsgProp) {
          EXPECT_EQ(last, message.index());
        }
        ++processed;
        if (message.index() % 5 == 0) std::this_thread::yield();
        if (message.index() % 11 == 0) return absl::AbortedError("11");
        if (message.index() % 13 == 0) throw std::runtime_error("13");
        return absl::OkStatus();
      }
      bool IsIdRemoved(MemberId) override { return false; }
      void ReportUnreachable(MemberId) override { ++reports; }
      void ReportSnapshot(MemberId, SnapshotStatus) override { ++reports; }
      std::atomic<uint64_t> next_proposal = 0;
      std::atomic<uint64_t> next_other = 0;
      std::atomic<uint64_t> processed = 0;
      std::atomic<uint64_t> reports = 0;
    } raft;
    RecordingEvents events;
    std::optional<Delivery> delivery;
    delivery.emplace(
        loop, raft, &pool, stop.get_token(), events,
        Delivery::Options{
            .peer = kPeer, .queue_messages_max = 16, .queue_bytes_max = 1000});
    uint64_t proposals = 0;
    uint64_t others = 0;
    int waiting = 0;
    const bool ends_early = seed % 3 == 0;
    for (int step = 0; step < 400; ++step) {
      if (delivery->is_full()) {
        const int rooms = events.rooms;
        ASSERT_TRUE(
            loop.RunUntil([&] { return events.rooms > rooms; }, kTurnsMax));
      }
      for (uint64_t left = random() % 8; left > 0; --left) {
        const bool is_proposal = random() % 4 == 0;
        raftpb::Message message =
            is_proposal ? MessageOf(raftpb::MsgProp, proposals++, random() % 50)
                        : MessageOf(raftpb::MsgApp, others++, random() % 50);
        if (random() % 10 == 0) {
          ++waiting;
          delivery->Deliver(std::move(message),
                            [&waiting](absl::Status) { --waiting; });
        } else {
          DeliverView(*delivery, message);
        }
      }
      delivery->EndBatch();
      if (random() % 10 == 0) delivery->ReportUnreachable();
      if (random() % 20 == 0) {
        delivery->ReportSnapshot(SnapshotStatus::kFinish);
      }
    }
    if (!ends_early) {
      ASSERT_TRUE(loop.RunUntil([&] { return waiting == 0; }, kTurnsMax));
      while (delivery->queued_messages() > 0) std::this_thread::yield();
      EXPECT_EQ(raft.processed,
                proposals + others - delivery->drops().proposals);
    }
    delivery.reset();
    std::latch idle(1);
    pool.Shutdown([&idle] { idle.count_down(); });
    idle.wait();
  }
}

}  // namespace
}  // namespace rafthttp
