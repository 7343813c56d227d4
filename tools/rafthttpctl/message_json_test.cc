#include "tools/rafthttpctl/message_json.h"

#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "raftpb/raft.pb.h"
#include "tools/rafthttpctl/record.h"

namespace rafthttpctl {
namespace {

using Json = nlohmann::ordered_json;
using ::testing::HasSubstr;

raftpb::Message Append() {
  raftpb::Message message;
  message.set_type(raftpb::MsgApp);
  message.set_from(0x2a7c96ad52bc3e9);
  message.set_to(0xcb4d3019f580a15e);
  message.set_term(uint64_t{1} << 60);
  message.set_logterm(7);
  message.set_index(9);
  message.set_commit(8);
  raftpb::Entry* const entry = message.add_entries();
  entry->set_type(raftpb::EntryConfChange);
  entry->set_term(7);
  entry->set_index(10);
  entry->set_data(std::string("\0\xff binary", 9));
  return message;
}

Json RecordOf(const raftpb::Message& message, PayloadMode payload,
              absl::string_view raw = "") {
  RecordInput input;
  input.source = "test";
  input.message = &message;
  input.raw = raw;
  RecordOptions options;
  options.payload = payload;
  return MessageRecord(input, options);
}

TEST(MessageJsonTest, WhatTailPrintsIsReadBackBitForBit) {
  raftpb::Message message = Append();
  // As a newer member might write it: our own encoder would not.
  const std::string raw = message.SerializeAsString() + "\x90\x01\x05";
  const auto read = MessageOf(RecordOf(message, PayloadMode::kBase64, raw));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->bytes, raw);
}

TEST(MessageJsonTest, FieldsMakeTheMessageWhereThereIsNoRaw) {
  for (const raftpb::MessageType type :
       {raftpb::MsgApp, raftpb::MsgHeartbeat, raftpb::MsgHeartbeatResp,
        raftpb::MsgAppResp, raftpb::MsgVote, raftpb::MsgProp}) {
    raftpb::Message message = Append();
    message.set_type(type);
    message.set_reject(type == raftpb::MsgAppResp);
    message.set_rejecthint(type == raftpb::MsgAppResp ? 3 : 0);
    message.set_context("ctx");
    const auto read = MessageOf(RecordOf(message, PayloadMode::kBase64));
    ASSERT_TRUE(read.ok()) << read.status();
    raftpb::Message again;
    ASSERT_TRUE(again.ParseFromString(read->bytes));
    EXPECT_EQ(again.from(), message.from());
    EXPECT_EQ(again.to(), message.to());
    EXPECT_EQ(again.term(), message.term());
    EXPECT_EQ(again.index(), message.index());
    EXPECT_EQ(again.commit(), message.commit());
    EXPECT_EQ(again.reject(), message.reject());
    EXPECT_EQ(again.rejecthint(), message.rejecthint());
    EXPECT_EQ(again.context(), "ctx");
    ASSERT_EQ(again.entries_size(), 1);
    EXPECT_EQ(again.entries(0).SerializeAsString(),
              message.entries(0).SerializeAsString());
  }
}

TEST(MessageJsonTest, SaysWhatIsWrong) {
  const auto error = [](const char* json) {
    return std::string(MessageOf(Json::parse(json)).status().message());
  };
  EXPECT_THAT(error(R"({})"), HasSubstr("\"type\" is missing"));
  EXPECT_THAT(error(R"({"type":"MsgNone"})"), HasSubstr("MsgNone"));
  EXPECT_THAT(error(R"({"type":"MsgApp","from":"xyz"})"), HasSubstr("from"));
  EXPECT_THAT(error(R"({"type":"MsgApp","term":-1})"), HasSubstr("term"));
  EXPECT_THAT(error(R"({"type":"MsgApp","entries":[{"op":{"kind":"put"}}]})"),
              HasSubstr("--payload base64"));
  EXPECT_THAT(error(R"({"raw":"AAAA"})"), HasSubstr("raftpb.Message"));
  EXPECT_THAT(error(R"({"raw":"!"})"), HasSubstr("base64"));
  EXPECT_THAT(error(R"({"rawRedacted":true})"), HasSubstr("--show-secrets"));
}

}  // namespace
}  // namespace rafthttpctl
