#include "tools/rafthttpctl/filter.h"

#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rafthttpctl {
namespace {

using Json = nlohmann::ordered_json;
using rafthttp::MemberId;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

raftpb::Message MessageOf(raftpb::MessageType type, uint64_t from,
                          uint64_t to) {
  raftpb::Message message;
  message.set_type(type);
  message.set_from(from);
  message.set_to(to);
  return message;
}

// Asks both forms of the question.
bool Passes(const FilterOptions& options, const raftpb::Message& message,
            size_t bytes) {
  const Filter filter(options);
  Json record;
  record["from"] = MemberId(message.from()).ToHex();
  record["to"] = MemberId(message.to()).ToHex();
  record["type"] = raftpb::MessageType_Name(message.type());
  record["bytes"] = bytes;
  const bool passes = filter.Passes(message, bytes);
  EXPECT_EQ(filter.Passes(record), passes) << record;
  return passes;
}

TEST(FilterTest, EmptyOptionsLetEverythingPass) {
  EXPECT_TRUE(Passes({}, MessageOf(raftpb::MsgHeartbeat, 1, 2), 0));
  EXPECT_TRUE(Filter({}).Passes(Json::object()));
}

TEST(FilterTest, EachOptionDecides) {
  const raftpb::Message append = MessageOf(raftpb::MsgApp, 0xa, 0xb);
  FilterOptions options;
  options.types = {raftpb::MsgApp};
  EXPECT_TRUE(Passes(options, append, 10));
  EXPECT_FALSE(Passes(options, MessageOf(raftpb::MsgVote, 0xa, 0xb), 10));
  options = {};
  options.from = MemberId(0xa);
  EXPECT_TRUE(Passes(options, append, 10));
  EXPECT_FALSE(Passes(options, MessageOf(raftpb::MsgApp, 0xb, 0xa), 10));
  options = {};
  options.to = MemberId(0xb);
  EXPECT_TRUE(Passes(options, append, 10));
  EXPECT_FALSE(Passes(options, MessageOf(raftpb::MsgApp, 0xb, 0xa), 10));
  options = {};
  options.bytes_min = 10;
  EXPECT_TRUE(Passes(options, append, 10));
  EXPECT_FALSE(Passes(options, append, 9));
  options = {};
  options.no_heartbeats = true;
  EXPECT_TRUE(Passes(options, append, 10));
  EXPECT_FALSE(Passes(options, MessageOf(raftpb::MsgHeartbeat, 1, 2), 10));
  EXPECT_FALSE(Passes(options, MessageOf(raftpb::MsgHeartbeatResp, 1, 2), 10));
}

TEST(FilterTest, EventsAlwaysPass) {
  FilterOptions options;
  options.types = {raftpb::MsgApp};
  options.from = MemberId(1);
  options.key_prefix = "a";
  const Filter filter(options);
  Json event = {{"v", 1}, {"event", "gap"}};
  EXPECT_TRUE(filter.Passes(event));
  EXPECT_TRUE(filter.KeepKeys(&event));
}

TEST(FilterTest, OnlyEntriesThatTouchTheKeysStay) {
  FilterOptions options;
  options.key_prefix = "a/";
  const Filter filter(options);
  Json record = Json::parse(R"({"type":"MsgApp","entries":[
      {"index":1,"op":{"kind":"put","key":"a/1","value":"x"}},
      {"index":2,"op":{"kind":"put","key":"b","value":"a/"}},
      {"index":3,"op":{"kind":"empty"}},
      {"index":4},
      {"index":5,"op":{"kind":"delete_range","key":"a","rangeEnd":"b"}}]})");
  EXPECT_TRUE(filter.KeepKeys(&record));
  ASSERT_EQ(record["entries"].size(), size_t{2});
  EXPECT_EQ(record["entries"][0]["index"], 1);
  EXPECT_EQ(record["entries"][1]["index"], 5);

  record = Json::parse(R"({"entries":[{"op":{"kind":"put","key":"b"}}]})");
  EXPECT_FALSE(filter.KeepKeys(&record));
  record = Json::parse(R"({"type":"MsgHeartbeat"})");
  EXPECT_FALSE(filter.KeepKeys(&record));
}

TEST(FilterTest, RecordsOfStrangersDoNoHarm) {
  FilterOptions options;
  options.types = {raftpb::MsgHup};
  options.from = MemberId(1);
  options.bytes_min = 1;
  options.key_prefix = "a";
  const Filter filter(options);
  for (
      const char* text :
      {R"({"type":7,"from":{},"bytes":"many","entries":7})",
       R"({"type":"x","from":"xyz","bytes":-1,"entries":[1,[],{"op":1}]})",
       R"({"entries":[{"op":{"kind":1}},{"op":{"kind":"put","key":[]}},)"
       R"({"op":{"kind":"txn","success":[1,{"kind":"put"}],"failure":{}}}]})"}) {
    Json record = Json::parse(text);
    EXPECT_FALSE(filter.Passes(record)) << text;
    EXPECT_FALSE(filter.KeepKeys(&record)) << text;
  }
}

TEST(ParseTypesTest, TakesNamesInEveryForm) {
  EXPECT_THAT(
      *ParseTypes("MsgApp, msgvote,Heartbeat"),
      ElementsAre(raftpb::MsgApp, raftpb::MsgVote, raftpb::MsgHeartbeat));
  EXPECT_THAT(*ParseTypes("MsgUnknown(42)"), ElementsAre(42));
}

TEST(ParseTypesTest, NamesWhatItDoesNotKnow) {
  const auto types = ParseTypes("MsgApp,MsgApple");
  EXPECT_TRUE(absl::IsInvalidArgument(types.status()));
  EXPECT_THAT(std::string(types.status().message()),
              testing::AllOf(HasSubstr("\"MsgApple\""), HasSubstr("MsgHup"),
                             HasSubstr("MsgForgetLeader")));
  EXPECT_FALSE(ParseTypes(",").ok());
}

}  // namespace
}  // namespace rafthttpctl
