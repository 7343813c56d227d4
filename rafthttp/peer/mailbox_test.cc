#include "rafthttp/peer/mailbox.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "rafthttp/base/drop_reason.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/base/ledger.h"
#include "rafthttp/base/tally.h"
#include "rafthttp/codec/outgoing_message.h"
#include "rafthttp/event/testing/sim_loop.h"
#include "raftpb/raft.pb.h"

namespace rafthttp {
namespace {

codec::OutgoingMessage MessageOf(raftpb::MessageType type, size_t data_bytes) {
  raftpb::Message message;
  message.set_type(type);
  message.set_to(2);
  if (data_bytes > 0) message.set_context(std::string(data_bytes, 'c'));
  return codec::OutgoingMessage(std::move(message));
}

class CountingReceiver final : public Mailbox::Receiver {
 public:
  void OnMail() override { ++calls; }
  int calls = 0;
};

class MailboxTest : public ::testing::Test {
 protected:
  std::shared_ptr<Mailbox> NewMailbox(Mailbox::Options options) {
    options.member = MemberId(2);
    return std::make_shared<Mailbox>(loop_, std::move(options),
                                     process_budget_);
  }
  static Mailbox::PutResult Put(Mailbox& mailbox, raftpb::MessageType type,
                                size_t data_bytes = 0) {
    const auto result =
        mailbox.Put(1, [&] { return MessageOf(type, data_bytes); });
    EXPECT_TRUE(result.has_value());
    return *result;
  }
  static Tally TallyOf(const Mailbox::Mail& mail) {
    Tally tally;
    for (const codec::OutgoingMessage& message : mail.messages) {
      tally.Add(message.type(), message.size_bytes());
    }
    return tally;
  }
  static LedgerReport ReportOf(const Mailbox& mailbox) {
    LedgerReport report;
    mailbox.AppendTo(&report);
    return report;
  }

  event::SimLoop loop_;
  std::shared_ptr<Mailbox::ProcessBudget> process_budget_ =
      std::make_shared<Mailbox::ProcessBudget>(1000);
};

TEST_F(MailboxTest, WakesTheLoopOncePerBurst) {
  const auto mailbox = NewMailbox({});
  CountingReceiver receiver;
  mailbox->SetReceiver(&receiver);
  for (int i = 0; i < 3; ++i) Put(*mailbox, raftpb::MsgHeartbeat);
  loop_.RunFor(absl::Seconds(1));
  EXPECT_EQ(receiver.calls, 1);
  Mailbox::Mail mail;
  mailbox->Take(&mail);
  EXPECT_EQ(mail.messages.size(), 3u);
  Put(*mailbox, raftpb::MsgHeartbeat);
  loop_.RunFor(absl::Seconds(1));
  EXPECT_EQ(receiver.calls, 2);
  mailbox->SetReceiver(nullptr);
}

TEST_F(MailboxTest, TellsAReceiverThatComesLateOfWhatWasPutInBefore) {
  const auto mailbox = NewMailbox({});
  Put(*mailbox, raftpb::MsgHeartbeat);
  loop_.RunFor(absl::Seconds(1));
  CountingReceiver receiver;
  mailbox->SetReceiver(&receiver);
  loop_.RunFor(absl::Seconds(1));
  EXPECT_EQ(receiver.calls, 1);
  mailbox->SetReceiver(nullptr);
}

TEST_F(MailboxTest, AppendsDoNotCrowdOutTheRest) {
  const auto mailbox = NewMailbox({.messages_max = 2});
  EXPECT_EQ(Put(*mailbox, raftpb::MsgApp).queued, 1u);
  EXPECT_EQ(Put(*mailbox, raftpb::MsgApp).queued, 1u);
  EXPECT_EQ(Put(*mailbox, raftpb::MsgApp).dropped, 1u);
  EXPECT_EQ(Put(*mailbox, raftpb::MsgHeartbeat).queued, 1u);
  Mailbox::Mail mail;
  mailbox->Take(&mail);
  EXPECT_TRUE(mail.has_dropped);
  EXPECT_FALSE(mail.has_dropped_snapshot);
  // Taken is not released: it waits in its lane.
  EXPECT_EQ(Put(*mailbox, raftpb::MsgApp).dropped, 1u);
  mailbox->Release(TallyOf(mail));
  EXPECT_EQ(Put(*mailbox, raftpb::MsgApp).queued, 1u);
}

TEST_F(MailboxTest, OneMessageMayExceedTheBytesIfNothingElseWaits) {
  const auto mailbox = NewMailbox({.bytes_max = 50, .message_bytes_max = 400});
  EXPECT_EQ(Put(*mailbox, raftpb::MsgHeartbeat, 100).queued, 1u);
  EXPECT_EQ(Put(*mailbox, raftpb::MsgHeartbeat).dropped, 1u);
  Mailbox::Mail mail;
  mailbox->Take(&mail);
  mailbox->Release(TallyOf(mail));
  EXPECT_EQ(Put(*mailbox, raftpb::MsgHeartbeat, 500).dropped, 1u);
  const LedgerReport report = ReportOf(*mailbox);
  ASSERT_EQ(report.lines.size(), 1u);
  EXPECT_EQ(
      report.lines[0].dropped[static_cast<size_t>(DropReason::kNotEncodable)],
      1u);
}

TEST_F(MailboxTest, AllMailboxesTogetherAreBounded) {
  const auto one = NewMailbox({});
  const auto other = NewMailbox({});
  EXPECT_EQ(Put(*one, raftpb::MsgHeartbeat, 700).queued, 1u);
  EXPECT_EQ(Put(*other, raftpb::MsgHeartbeat, 700).dropped, 1u);
  Mailbox::Mail mail;
  one->Take(&mail);
  one->Release(TallyOf(mail));
  EXPECT_EQ(Put(*other, raftpb::MsgHeartbeat, 700).queued, 1u);
}

TEST_F(MailboxTest, GivesItsShareOfTheProcessBackWhenItGoes) {
  {
    const auto mailbox = NewMailbox({});
    Put(*mailbox, raftpb::MsgHeartbeat, 700);
    EXPECT_GT(process_budget_->bytes, 700u);
  }
  loop_.RunFor(absl::Seconds(1));
  EXPECT_EQ(process_budget_->bytes, 0u);
}

TEST_F(MailboxTest, PausedDropsWithoutAlarm) {
  const auto mailbox = NewMailbox({});
  mailbox->set_is_paused(true);
  EXPECT_EQ(Put(*mailbox, raftpb::MsgHeartbeat).dropped, 1u);
  Mailbox::Mail mail;
  mailbox->Take(&mail);
  EXPECT_FALSE(mail.has_dropped);
  mailbox->set_is_paused(false);
  EXPECT_EQ(Put(*mailbox, raftpb::MsgHeartbeat).queued, 1u);
  EXPECT_TRUE(ReportOf(*mailbox).is_balanced());
}

TEST_F(MailboxTest, ClosedTakesNothingAndCountsWhatItHad) {
  const auto mailbox = NewMailbox({});
  Put(*mailbox, raftpb::MsgApp);
  Put(*mailbox, raftpb::MsgSnap);
  EXPECT_EQ(mailbox->Close(DropReason::kStopped).messages, 2u);
  EXPECT_EQ(mailbox->Close(DropReason::kStopped).messages, 0u);
  EXPECT_FALSE(mailbox->Put(1, [] {
    ADD_FAILURE() << "asked for a message";
    return MessageOf(raftpb::MsgApp, 0);
  }));
  const LedgerReport report = ReportOf(*mailbox);
  EXPECT_TRUE(report.is_balanced()) << report.ToString();
  EXPECT_EQ(report.enqueued, 2u);
  EXPECT_EQ(report.dropped, 2u);
  EXPECT_EQ(process_budget_->bytes, 0u);
}

TEST_F(MailboxTest, ADroppedSnapshotIsTold) {
  const auto mailbox = NewMailbox({.messages_max = 0});
  Put(*mailbox, raftpb::MsgSnap);
  Mailbox::Mail mail;
  mailbox->Take(&mail);
  EXPECT_TRUE(mail.has_dropped_snapshot);
}

}  // namespace
}  // namespace rafthttp
