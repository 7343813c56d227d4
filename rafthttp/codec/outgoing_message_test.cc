#include "rafthttp/codec/outgoing_message.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "rafthttp/codec/message_view.h"
#include "rafthttp/codec/message_writer.h"
#include "raftpb/raft.pb.h"

namespace rafthttp::codec {
namespace {

raftpb::Message Append() {
  raftpb::Message message;
  message.set_type(raftpb::MsgApp);
  message.set_to(2);
  message.set_from(1);
  message.set_term(300);
  message.set_index(70000);
  message.set_context("c");
  for (int i = 0; i < 3; ++i) {
    raftpb::Entry* entry = message.add_entries();
    entry->set_index(70001 + static_cast<uint64_t>(i));
    entry->set_term(300);
    if (i != 1) entry->set_data(std::string(200, 'd'));
  }
  return message;
}

std::string Encoded(const OutgoingMessage& message) {
  ViewStorage storage;
  std::string bytes;
  AppendEncoded(message.View(&storage), &bytes);
  return bytes;
}

TEST(OutgoingMessageTest, KnowsItsSizeWithoutBeingEncoded) {
  raftpb::Message snapshot;
  snapshot.set_type(raftpb::MsgSnap);
  snapshot.mutable_snapshot()->set_data(std::string(1000, 's'));
  raftpb::Message heartbeat;
  heartbeat.set_type(raftpb::MsgHeartbeat);
  for (raftpb::Message message : {Append(), snapshot, heartbeat}) {
    const OutgoingMessage outgoing(std::move(message));
    EXPECT_EQ(outgoing.size_bytes(), Encoded(outgoing).size());
  }
}

TEST(OutgoingMessageTest, MovesWithoutMovingWhatItsViewsReferTo) {
  OutgoingMessage message(Append());
  ViewStorage storage;
  const MessageView view = message.View(&storage);
  std::vector<OutgoingMessage> elsewhere;
  elsewhere.push_back(std::move(message));
  ViewStorage other;
  const MessageView moved = elsewhere[0].View(&other);
  EXPECT_EQ(view.entries[0].data.data(), moved.entries[0].data.data());
  EXPECT_EQ(view.context.data(), moved.context.data());
}

TEST(OutgoingMessageTest, SharesDataThatItsOwnerKeepsAlive) {
  auto data = std::make_shared<const std::string>("shared by all followers");
  const std::weak_ptr<const std::string> watched = data;
  std::vector<EntryView> entries(1);
  entries[0].index = 5;
  entries[0].data = *data;
  MessageView head;
  head.type = raftpb::MsgApp;
  head.to = 3;
  head.entries = entries;
  {
    const OutgoingMessage message(head, data);
    data.reset();
    entries.clear();
    EXPECT_EQ(message.to(), 3u);
    EXPECT_EQ(message.type(), raftpb::MsgApp);
    ViewStorage storage;
    EXPECT_EQ(message.View(&storage).entries[0].data,
              "shared by all followers");
    EXPECT_EQ(message.size_bytes(), Encoded(message).size());
  }
  EXPECT_TRUE(watched.expired());
}

}  // namespace
}  // namespace rafthttp::codec
