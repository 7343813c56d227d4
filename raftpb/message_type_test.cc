#include "raftpb/message_type.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace raftpb {
namespace {

// Types without a name, from all over the range.
std::vector<int32_t> Nameless() {
  return {-1,
          24,
          42,
          1 << 20,
          std::numeric_limits<int32_t>::min(),
          256,
          std::numeric_limits<int32_t>::max()};
}

// Which of all types are so, the nameless ones among them.
std::set<int32_t> Those(const std::function<bool(int32_t)>& is_so) {
  std::vector<int32_t> types = Nameless();
  for (int32_t type = 0; type <= 23; ++type) types.push_back(type);
  std::set<int32_t> those;
  for (const int32_t type : types) {
    if (is_so(type)) those.insert(type);
  }
  return those;
}

TEST(MessageTypeTest, Local) {
  EXPECT_EQ(Those(IsLocal),
            (std::set<int32_t>{0, 1, 10, 11, 12, 19, 20, 21, 22}));
}

TEST(MessageTypeTest, Response) {
  EXPECT_EQ(Those(IsResponse),
            (std::set<int32_t>{4, 6, 9, 10, 16, 18, 20, 22}));
}

TEST(MessageTypeTest, Termless) {
  EXPECT_EQ(Those(IsTermless), (std::set<int32_t>{2, 15}));
}

TEST(TypeNumberTest, FindsNumbersWithoutAName) {
  Message message;
  EXPECT_EQ(TypeNumber(message), MsgHup);
  message.set_type(MsgApp);
  EXPECT_EQ(TypeNumber(message), MsgApp);

  ASSERT_TRUE(message.ParseFromString("\x08\x2a"));
  EXPECT_EQ(message.type(), MsgHup);  // The trap.
  EXPECT_EQ(TypeNumber(message), 42);
  // -1, in the ten bytes that protobuf gives it.
  ASSERT_TRUE(
      message.ParseFromString("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
  EXPECT_EQ(TypeNumber(message), -1);
  // The last one counts, as it does for numbers with a name.
  ASSERT_TRUE(message.ParseFromString("\x08\x2a\x08\x2b"));
  EXPECT_EQ(TypeNumber(message), 43);
  ASSERT_TRUE(message.ParseFromString("\x08\x03\x08\x2b"));
  EXPECT_EQ(TypeNumber(message), MsgApp);
  // Field 15 is no type, nor is a field 1 of bytes.
  ASSERT_TRUE(message.ParseFromString("\x78\x2a\x0a\x01x"));
  EXPECT_EQ(TypeNumber(message), MsgHup);
}

TEST(TypeNumberTest, FindsNumbersOfEntries) {
  Entry entry;
  EXPECT_EQ(EntryTypeNumber(entry), EntryNormal);
  entry.set_type(EntryConfChangeV2);
  EXPECT_EQ(EntryTypeNumber(entry), EntryConfChangeV2);
  ASSERT_TRUE(entry.ParseFromString("\x08\x03\x10\x02"));
  EXPECT_EQ(entry.type(), EntryNormal);
  EXPECT_EQ(EntryTypeNumber(entry), 3);
}

TEST(IsLinkHeartbeatTest, IsAHeartbeatFromNobodyToNobody) {
  Message message;
  EXPECT_FALSE(IsLinkHeartbeat(message));
  message.set_type(MsgHeartbeat);
  EXPECT_TRUE(IsLinkHeartbeat(message));
  message.set_from(0);
  message.set_to(0);
  EXPECT_TRUE(IsLinkHeartbeat(message));
  message.set_to(1);
  EXPECT_FALSE(IsLinkHeartbeat(message));
  message.set_to(0);
  message.set_from(1);
  EXPECT_FALSE(IsLinkHeartbeat(message));
  message.set_from(0);
  message.set_type(MsgHeartbeatResp);
  EXPECT_FALSE(IsLinkHeartbeat(message));
}

TEST(MessageTypeNameTest, NamesEachAndReadsItBack) {
  EXPECT_EQ(MessageTypeName(0), "MsgHup");
  EXPECT_EQ(MessageTypeName(3), "MsgApp");
  EXPECT_EQ(MessageTypeName(23), "MsgForgetLeader");
  EXPECT_EQ(MessageTypeName(42), "MsgUnknown(42)");
  EXPECT_EQ(MessageTypeName(-1), "MsgUnknown(-1)");
  std::set<std::string> names;
  for (const int32_t type : Those([](int32_t) { return true; })) {
    const std::string name = MessageTypeName(type);
    EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_EQ(ParseMessageType(name), type);
  }
}

TEST(ParseMessageTypeTest, RefusesTheRest) {
  for (const char* const name :
       {"", "App", "msgapp", "MsgApp ", "3", "MsgUnknown", "MsgUnknown()",
        "MsgUnknown(3)", "MsgUnknown( 42)", "MsgUnknown(042)",
        "MsgUnknown(42) ", "MsgUnknown(4294967338)"}) {
    EXPECT_EQ(ParseMessageType(name), std::nullopt) << name;
  }
}

}  // namespace
}  // namespace raftpb
