#include "rafthttp/base/ledger.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rafthttp/base/drop_reason.h"
#include "rafthttp/base/lane.h"
#include "rafthttp/base/tally.h"

namespace rafthttp {
namespace {

using ::testing::HasSubstr;

Tally TallyOf(int32_t type, int messages, size_t bytes_each) {
  Tally tally;
  for (int i = 0; i < messages; ++i) tally.Add(type, bytes_each);
  return tally;
}

LedgerReport ReportOf(const Ledger& ledger, uint64_t enqueued,
                      uint64_t queued) {
  LedgerReport report;
  ledger.AppendTo(&report);
  report.enqueued = enqueued;
  report.queued = queued;
  return report;
}

TEST(LedgerTest, BalancesWithWhatIsWrittenDroppedAndQueued) {
  Ledger ledger;
  ledger.Take(Lane::kMessage, TallyOf(8, 10, 30));
  ledger.Write(Lane::kMessage, TallyOf(8, 4, 30));
  ledger.Drop(Lane::kMessage, TallyOf(8, 3, 30), DropReason::kStreamBroken);
  const LedgerReport report = ReportOf(ledger, 10, 3);
  EXPECT_TRUE(report.is_balanced()) << report.ToString();
  ASSERT_EQ(report.lines.size(), 1u);
  EXPECT_EQ(report.lines[0].written, 4u);
  EXPECT_EQ(report.lines[0].dropped_in_all(), 3u);
  EXPECT_EQ(report.lines[0].queued, 3u);
  EXPECT_EQ(report.written_bytes, 120u);
}

TEST(LedgerTest, IsOutOfBalanceWhereTheQueuesDisagree) {
  Ledger ledger;
  ledger.Take(Lane::kMsgApp, 3);
  EXPECT_TRUE(ReportOf(ledger, 1, 1).is_balanced());
  EXPECT_FALSE(ReportOf(ledger, 1, 0).is_balanced());
  EXPECT_FALSE(ReportOf(ledger, 2, 1).is_balanced());
  EXPECT_THAT(ReportOf(ledger, 2, 1).ToString(), HasSubstr("out of balance"));
}

TEST(LedgerTest, KeepsReasonsApart) {
  Ledger ledger;
  ledger.Take(Lane::kPipeline, TallyOf(99, 5, 1));
  ledger.Drop(Lane::kPipeline, TallyOf(99, 2, 1), DropReason::kPostFailed);
  ledger.Drop(Lane::kPipeline, TallyOf(99, 3, 1), DropReason::kStopped);
  const LedgerReport report = ReportOf(ledger, 5, 0);
  ASSERT_EQ(report.lines.size(), 1u);
  EXPECT_EQ(report.lines[0].type_slot, TypeSlot(99));
  EXPECT_THAT(report.ToString(), HasSubstr("post_failed 2"));
  EXPECT_THAT(report.ToString(), HasSubstr("stopped 3"));
}

TEST(LedgerTest, ReportsOfSeveralPeersAddUp) {
  Ledger a;
  a.Take(Lane::kMessage, 8);
  Ledger b;
  b.Take(Lane::kMessage, TallyOf(8, 2, 10));
  b.Take(Lane::kMsgApp, 3);
  LedgerReport sum = ReportOf(a, 1, 1);
  sum.Add(ReportOf(b, 3, 3));
  EXPECT_TRUE(sum.is_balanced()) << sum.ToString();
  EXPECT_EQ(sum.lines.size(), 2u);
  EXPECT_EQ(sum.queued, 4u);
}

}  // namespace
}  // namespace rafthttp
