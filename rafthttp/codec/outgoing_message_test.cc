#include "rafthttp/codec/outgoing_message.h"

#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/codec/limits.h"
#include "rafthttp/codec/message_codec.h"
#include "rafthttp/codec/message_view.h"
#include "rafthttp/codec/message_writer.h"
#include "rafthttp/codec/msgappv2_codec.h"
#include "rafthttp/codec/wire_buffer.h"
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
    if (i != 1) entry->set_data(std::string(5000, 'd'));
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

// Every form, by either way in, is what encoders make of the message itself.
TEST(OutgoingMessageTest, EncodesAsTheMessageItself) {
  std::mt19937_64 random(1);
  const auto number = [&random] {
    return random() >> (random() % 8 * 8 + random() % 8);
  };
  int frames = 0;
  int heads = 0;
  int others = 0;
  for (int round = 0; round < 3000; ++round) {
    raftpb::Message message;
    message.set_type(random() % 2 == 0 ? raftpb::MsgApp : raftpb::MsgHeartbeat);
    message.set_to(2);
    message.set_from(1);
    message.set_term(random() % 2 == 0 ? 0 : number());
    message.set_logterm(message.term());
    message.set_index(random() % 2 == 0 ? 0 : number());
    message.set_commit(number());
    if (random() % 4 == 0) message.set_reject(true);
    if (random() % 4 == 0) message.set_rejecthint(number());
    if (random() % 8 == 0) message.set_vote(number());
    if (random() % 4 == 0) {
      message.set_context(std::string(random() % 300, 'c'));
    }
    if (random() % 16 == 0) message.mutable_snapshot()->set_data("s");
    if (random() % 8 == 0) message.set_context(std::string(5000, 'C'));
    uint64_t index = message.index();
    for (uint64_t left = random() % 5; left > 0; --left) {
      raftpb::Entry* const entry = message.add_entries();
      entry->set_index(random() % 20 == 0 ? number() : ++index);
      entry->set_term(number());
      if (random() % 4 == 0) entry->set_type(raftpb::EntryConfChange);
      if (random() % 4 == 0) continue;
      entry->set_data(
          std::string(random() % 8 == 0 ? 5000 : random() % 200, 'd'));
    }
    ViewStorage storage;
    const MessageView view = ViewOf(message, &storage);
    OutgoingMessage by_view(view, nullptr);
    OutgoingMessage by_message{raftpb::Message(message)};
    frames += by_view.has_entry_frames();
    heads += by_view.is_head();
    others += !by_view.has_entry_frames() && !by_view.is_head();
    for (OutgoingMessage* const outgoing : {&by_view, &by_message}) {
      const OutgoingMessage moved = std::move(*outgoing);
      std::string expected;
      AppendEncoded(view, &expected);
      EXPECT_EQ(Encoded(moved), expected);
      EXPECT_EQ(moved.size_bytes(), expected.size());
      EXPECT_EQ(moved.type(), view.type);
      // On streams: after a message that goes in full, and after none.
      for (const bool is_message_stream : {true, false}) {
        if (!is_message_stream && message.type() != raftpb::MsgApp) continue;
        const auto encode = [&](bool is_outgoing) {
          std::unique_ptr<FrameEncoder> encoder;
          if (is_message_stream) {
            encoder = std::make_unique<MessageEncoder>(Limits());
          } else {
            encoder = std::make_unique<MsgAppV2Encoder>(MemberId(1),
                                                        MemberId(2), Limits());
          }
          WireBuffer buffer;
          ViewStorage other;
          std::string bytes;
          for (int i = 0; i < 2; ++i) {
            const absl::Status status =
                is_outgoing ? encoder->AppendOutgoing(moved, &other, &buffer)
                            : encoder->AppendView(view, &buffer);
            EXPECT_TRUE(status.ok()) << status;
          }
          buffer.AppendTo(&bytes);
          return bytes;
        };
        EXPECT_EQ(encode(true), encode(false));
      }
    }
  }
  EXPECT_GT(frames, 300);
  EXPECT_GT(heads, 100);
  EXPECT_GT(others, 300);
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
