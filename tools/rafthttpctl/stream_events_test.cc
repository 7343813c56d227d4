#include "tools/rafthttpctl/stream_events.h"

#include "gtest/gtest.h"

namespace rafthttpctl {
namespace {

using rafthttp::CloseReason;
using rafthttp::MemberId;
using rafthttp::StreamKind;
using rafthttp::StreamReader;

StreamReader::Closed ClosedBy(CloseReason reason) {
  StreamReader::Closed closed;
  closed.reason = reason;
  closed.status = absl::UnavailableError("why");
  return closed;
}

TEST(StreamEventsTest, AFailureThatGoesOnIsToldOnce) {
  StreamEvents events;
  const MemberId member(0xab);
  const auto closed = [&](StreamKind kind, CloseReason reason) {
    return events.Closed(member, kind, ClosedBy(reason));
  };
  const auto first = closed(StreamKind::kMsgApp, CloseReason::kRefused);
  ASSERT_TRUE(first);
  EXPECT_EQ((*first)["event"], "stream_closed");
  EXPECT_EQ((*first)["reason"], "refused");
  EXPECT_EQ((*first)["member"], "ab");
  EXPECT_EQ((*first)["stream"], "msgapp");
  EXPECT_FALSE(closed(StreamKind::kMsgApp, CloseReason::kRefused));
  // Another stream, another reason, and the same after it was open.
  EXPECT_TRUE(closed(StreamKind::kMessage, CloseReason::kRefused));
  EXPECT_TRUE(closed(StreamKind::kMsgApp, CloseReason::kDialTimeout));
  EXPECT_FALSE(closed(StreamKind::kMsgApp, CloseReason::kDialTimeout));
  const auto opened =
      events.Opened(member, StreamKind::kMsgApp,
                    {.url = *rafthttp::http1::ParsePeerUrl("http://a:1"),
                     .version = {3, 4, 23},
                     .remote_address = ""});
  EXPECT_EQ(opened["event"], "stream_opened");
  EXPECT_EQ(opened["version"], "3.4.23");
  EXPECT_TRUE(closed(StreamKind::kMsgApp, CloseReason::kDialTimeout));
}

}  // namespace
}  // namespace rafthttpctl
