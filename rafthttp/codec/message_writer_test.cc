#include "rafthttp/codec/message_writer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "rafthttp/codec/codec_testing.h"

namespace rafthttp::codec {
namespace {

std::string Encoded(const MessageView& message) {
  std::string out = "before:";
  AppendEncoded(message, &out);
  EXPECT_EQ(out.substr(0, 7), "before:");
  return out.substr(7);
}

TEST(AppendEncodedTest, GivesBackWhatWasReceived) {
  for (absl::string_view hex :
       {"", "0803", "0803 7801", "40 05 08 03",
        "08081000180020002800300040004a0a12080a0228001000180050005800"}) {
    const std::string bytes = FromHex(hex);
    std::vector<EntryView> entries;
    MessageView view;
    ASSERT_TRUE(ParseMessage(bytes, Limits(), 0, &entries, &view).ok());
    EXPECT_EQ(Encoded(view), bytes);
  }
}

TEST(AppendEncodedTest, RebuildsWhatNeverWasBytes) {
  const std::string bytes = FromHex(
      "0803100118022002280230063a0b080010021807220361626340055000 5800");
  raftpb::Message message;
  ASSERT_TRUE(message.ParseFromString(bytes));
  ViewStorage storage;
  EXPECT_EQ(Encoded(ViewOf(message, &storage)), bytes);
  EXPECT_EQ(Encoded(LinkHeartbeat()),
            FromHex("080810001800200028003000400050005800"));
  // In one piece, however large.
  const std::string large(100000, 'x');
  message.mutable_entries(0)->set_data(large);
  const MessageView view = ViewOf(message, &storage);
  EXPECT_EQ(Encoded(view).size(), TotalBytes(view));
  raftpb::Message parsed;
  ASSERT_TRUE(parsed.ParseFromString(Encoded(view)));
  EXPECT_EQ(parsed.entries(0).data(), large);
}

TEST(TotalBytesTest, CountsEveryVarintRight) {
  // One message for each length of a varint, and both sides of each border.
  for (int bits = 0; bits < 64; ++bits) {
    for (const uint64_t value :
         {uint64_t{1} << bits, (uint64_t{1} << bits) - 1}) {
      raftpb::Message message;
      message.set_term(value);
      message.set_vote(value);
      message.add_entries()->set_index(value);
      message.mutable_entries(0)->set_data(
          std::string(static_cast<size_t>(value % 70000), 'x'));
      ViewStorage storage;
      const MessageView view = ViewOf(message, &storage);
      const std::string encoded = Encoded(view);
      EXPECT_EQ(encoded.size(), TotalBytes(view));
      raftpb::Message parsed;
      ASSERT_TRUE(parsed.ParseFromString(encoded));
      EXPECT_EQ(CanonicalValues(parsed), CanonicalValues(message));
    }
  }
}

}  // namespace
}  // namespace rafthttp::codec
