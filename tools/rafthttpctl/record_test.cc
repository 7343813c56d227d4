#include "tools/rafthttpctl/record.h"

#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "google/protobuf/descriptor.pb.h"
#include "gtest/gtest.h"
#include "tools/rafthttpctl/entry_decoder.h"

namespace rafthttpctl {
namespace {

using Json = nlohmann::ordered_json;
using ::testing::HasSubstr;
using ::testing::Not;

// InternalRaftRequest{header{ID 7}, put{key, value}}.
std::string Put(absl::string_view key, absl::string_view value) {
  const auto field = [](int number, absl::string_view bytes) {
    return absl::StrCat(std::string(1, static_cast<char>(number << 3 | 2)),
                        std::string(1, static_cast<char>(bytes.size())), bytes);
  };
  return absl::StrCat(field(4, field(1, key) + field(2, value)),
                      absl::HexStringToBytes("a206020807"));
}

// InternalRaftRequest{auth_user_add{name "bob", password "hunter2"}}.
std::string UserAdd() {
  const std::string body =
      absl::StrCat(absl::HexStringToBytes("0a03"), "bob",
                   absl::HexStringToBytes("1207"), "hunter2");
  return absl::StrCat(absl::HexStringToBytes("e244"),
                      std::string(1, static_cast<char>(body.size())), body);
}

raftpb::Message Append() {
  raftpb::Message message;
  message.set_type(raftpb::MsgApp);
  message.set_from(0x2a7c96ad52bc3e9);
  message.set_to(0xcb4d3019f580a15e);
  message.set_term(2);
  message.set_logterm(2);
  message.set_index(9);
  message.set_commit(10);
  raftpb::Entry& entry = *message.add_entries();
  entry.set_type(raftpb::EntryNormal);
  entry.set_term(2);
  entry.set_index(10);
  entry.set_data(Put("key1", "val1"));
  return message;
}

RecordInput InputOf(const raftpb::Message& message) {
  RecordInput input;
  input.source = "stream";
  input.message = &message;
  input.bytes = 67;
  return input;
}

Json RecordOf(const raftpb::Message& message, RecordOptions options = {}) {
  return MessageRecord(InputOf(message), options);
}

std::shared_ptr<const EntryDecoder> Decoder(absl::string_view spec,
                                            bool shows_secrets = false) {
  auto decoder = NewEntryDecoder(spec, shows_secrets);
  EXPECT_TRUE(decoder.ok()) << decoder.status();
  return *std::move(decoder);
}

TEST(RecordTest, IsTheExampleOfTheContract) {
  const raftpb::Message message = Append();
  RecordInput input = InputOf(message);
  input.time = absl::FromUnixMicros(1795334712123456);
  input.stream = "msgapp";
  EXPECT_EQ(
      ToLine(MessageRecord(input, {})),
      R"({"v":1,"time":"2026-11-22T08:05:12.123456Z","source":"stream",)"
      R"("stream":"msgapp","from":"2a7c96ad52bc3e9","to":"cb4d3019f580a15e",)"
      R"("type":"MsgApp","term":2,"logTerm":2,"index":9,"commit":10,)"
      R"("bytes":67,"entries":[{"index":10,"term":2,"type":"EntryNormal",)"
      R"("bytes":27,"op":{"kind":"put","key":"key1","value":"val1",)"
      R"("lease":"0"}}]})");
}

TEST(RecordTest, LeavesOutWhatTheTypeDoesNotUse) {
  raftpb::Message message;
  message.set_type(raftpb::MsgHeartbeat);
  message.set_from(1);
  message.set_to(2);
  message.set_term(3);
  message.set_logterm(0);
  message.set_index(0);
  message.set_commit(0);
  message.set_reject(false);
  message.set_rejecthint(0);
  // etcd before 3.6 writes this into every message.
  message.mutable_snapshot()->mutable_metadata()->mutable_conf_state();
  EXPECT_EQ(ToLine(RecordOf(message)),
            R"({"v":1,"source":"stream","from":"1","to":"2",)"
            R"("type":"MsgHeartbeat","term":3,"commit":0,"bytes":67})");
}

TEST(RecordTest, ShowsRejectionsContextsAndSnapshots) {
  raftpb::Message message;
  message.set_type(raftpb::MsgAppResp);
  message.set_index(6);
  message.set_reject(true);
  message.set_context(std::string("\0\xff", 2));
  Json record = RecordOf(message);
  EXPECT_EQ(record["reject"], true);
  // A hint of zero is one too.
  EXPECT_EQ(record["rejectHint"], 0);
  EXPECT_EQ(record["context"], "AP8=");

  message.Clear();
  message.set_type(raftpb::MsgSnap);
  message.mutable_snapshot()->set_data("hi");
  auto& metadata = *message.mutable_snapshot()->mutable_metadata();
  metadata.set_index(10);
  metadata.set_term(2);
  metadata.mutable_conf_state()->add_voters(0xab);
  metadata.mutable_conf_state()->add_learners(3);
  EXPECT_EQ(RecordOf(message)["snapshot"].dump(),
            R"({"index":10,"term":2,"bytes":2,)"
            R"("confState":{"voters":["ab"],"learners":["3"]}})");
}

TEST(RecordTest, GreatNumbersAreStrings) {
  raftpb::Message message;
  message.set_type(raftpb::MsgHeartbeatResp);
  message.set_term(uint64_t{1} << 53);
  message.set_commit((uint64_t{1} << 53) + 1);
  message.set_from(UINT64_MAX);
  const Json record = RecordOf(message);
  EXPECT_EQ(record["term"].dump(), "9007199254740992");
  EXPECT_EQ(record["commit"].dump(), R"("9007199254740993")");
  EXPECT_EQ(record["from"], "ffffffffffffffff");
}

TEST(RecordTest, SyncIsSaidWhereItIsKnown) {
  const raftpb::Message message = Append();
  RecordInput input = InputOf(message);
  input.sync = false;
  EXPECT_EQ(MessageRecord(input, {})["sync"], false);
}

TEST(RecordTest, UnknownTypesKeepTheirNumber) {
  raftpb::Message message;
  ASSERT_TRUE(message.ParseFromString(absl::HexStringToBytes("082a10011802")));
  EXPECT_EQ(RecordOf(message)["type"], "MsgUnknown(42)");
  raftpb::Entry entry;
  ASSERT_TRUE(entry.ParseFromString(absl::HexStringToBytes("0809")));
  EXPECT_EQ(EntryJson(entry, {})["type"], "EntryUnknown(9)");
}

TEST(RecordTest, ThePayloadIsShownAsAskedFor) {
  raftpb::Message message = Append();
  message.mutable_entries(0)->set_data("a\xff");
  RecordOptions options;
  options.entries = Decoder("raw");
  const auto entry = [&] { return RecordOf(message, options)["entries"][0]; };
  EXPECT_EQ(entry().dump(),
            R"({"index":10,"term":2,"type":"EntryNormal","bytes":10,)"
            R"("dataBase64":"Yf8="})");
  options.payload = PayloadMode::kUtf8;
  EXPECT_EQ(entry()["data"], "a\xef\xbf\xbd");
  options.payload = PayloadMode::kBase64;
  EXPECT_EQ(entry()["dataBase64"], "Yf8=");
  options.payload = PayloadMode::kNone;
  EXPECT_EQ(entry().dump(),
            R"({"index":10,"term":2,"type":"EntryNormal","bytes":10})");
  message.mutable_entries(0)->set_data("abc");
  options.payload = PayloadMode::kAuto;
  EXPECT_EQ(entry()["data"], "abc");
}

TEST(RecordTest, WithoutPayloadOpsKeepTheirKeysOnly) {
  RecordOptions options;
  options.payload = PayloadMode::kNone;
  const Json record = RecordOf(Append(), options);
  EXPECT_EQ(record["entries"][0]["op"]["key"], "key1");
  EXPECT_THAT(ToLine(record), Not(HasSubstr("val1")));
}

TEST(RecordTest, RawComesWithBase64Only) {
  const raftpb::Message message = Append();
  RecordInput input = InputOf(message);
  input.raw = "raw";
  RecordOptions options;
  EXPECT_FALSE(MessageRecord(input, options).contains("raw"));
  options.payload = PayloadMode::kBase64;
  EXPECT_EQ(MessageRecord(input, options)["raw"], "cmF3");
}

TEST(RecordTest, SecretsDoNotLeakThroughThePayload) {
  raftpb::Message message = Append();
  message.mutable_entries(0)->set_data(UserAdd());
  const std::string encoded = message.SerializeAsString();
  RecordInput input = InputOf(message);
  input.raw = encoded;
  for (const PayloadMode payload : {PayloadMode::kNone, PayloadMode::kAuto,
                                    PayloadMode::kUtf8, PayloadMode::kBase64}) {
    RecordOptions options;
    options.payload = payload;
    const std::string line = ToLine(MessageRecord(input, options));
    EXPECT_THAT(line, Not(HasSubstr("hunter2")));
    EXPECT_THAT(line, Not(HasSubstr(absl::Base64Escape(UserAdd()))));
    EXPECT_THAT(line, Not(HasSubstr(absl::Base64Escape(encoded))));
    options.entries = Decoder("etcd", /*shows_secrets=*/true);
    const Json record = MessageRecord(input, options);
    if (payload == PayloadMode::kBase64) {
      EXPECT_EQ(record["raw"], absl::Base64Escape(encoded));
    } else {
      EXPECT_THAT(ToLine(record), HasSubstr("hunter2"));
    }
  }
}

TEST(RecordTest, RawEntriesStillShowTheMembership) {
  raftpb::Message message = Append();
  message.mutable_entries(0)->set_type(raftpb::EntryConfChange);
  message.mutable_entries(0)->set_data(
      absl::HexStringToBytes("08101003180522027b7d"));
  RecordOptions options;
  options.entries = Decoder("raw");
  EXPECT_EQ(RecordOf(message, options)["entries"][0]["op"]["kind"],
            "conf_change");
  EXPECT_FALSE(options.entries->knows_keys());
}

class ProtoEntriesTest : public testing::Test {
 protected:
  // message app.Command { string name = 1; uint64 count = 2; }
  ProtoEntriesTest() {
    google::protobuf::FileDescriptorSet files;
    google::protobuf::FileDescriptorProto& file = *files.add_file();
    file.set_name("app.proto");
    file.set_package("app");
    google::protobuf::DescriptorProto& type = *file.add_message_type();
    type.set_name("Command");
    AddField("name", 1, google::protobuf::FieldDescriptorProto::TYPE_STRING,
             &type);
    AddField("count", 2, google::protobuf::FieldDescriptorProto::TYPE_UINT64,
             &type);
    Write(files.SerializeAsString());
  }
  static void AddField(const char* name, int number,
                       google::protobuf::FieldDescriptorProto::Type type,
                       google::protobuf::DescriptorProto* message) {
    google::protobuf::FieldDescriptorProto& field = *message->add_field();
    field.set_name(name);
    field.set_number(number);
    field.set_type(type);
    field.set_label(google::protobuf::FieldDescriptorProto::LABEL_OPTIONAL);
  }
  void Write(const std::string& bytes) {
    std::ofstream(path_, std::ios::binary) << bytes;
  }
  Json Op(absl::string_view hex) {
    raftpb::Entry entry;
    entry.set_data(absl::HexStringToBytes(hex));
    RecordOptions options;
    options.entries = Decoder(absl::StrCat("proto:", path_, ":app.Command"));
    return EntryJson(entry, options)["op"];
  }

  // With a colon, as a path may have.
  const std::string path_ =
      absl::StrCat(std::getenv("TEST_TMPDIR"), "/a:b.protoset");
};

TEST_F(ProtoEntriesTest, AreDecodedByTheirDescriptor) {
  EXPECT_EQ(Op("0a026869108080808080808010").dump(),
            R"({"kind":"proto","type":"app.Command",)"
            R"("message":{"name":"hi","count":"9007199254740992"}})");
  EXPECT_EQ(Op("")["kind"], "empty");
  EXPECT_EQ(Op("0a05").dump(), R"({"kind":"unknown","data":"CgU="})");
  // Bytes that are no UTF-8 where text should be.
  EXPECT_NO_FATAL_FAILURE(ToLine(Op("0a01ff")));
}

TEST_F(ProtoEntriesTest, WhatCannotBeIsSaidAtOnce) {
  const auto error = [](absl::string_view spec) {
    const auto decoder = NewEntryDecoder(spec, false);
    EXPECT_TRUE(absl::IsInvalidArgument(decoder.status())) << spec;
    return std::string(decoder.status().message());
  };
  EXPECT_THAT(error(absl::StrCat("proto:", path_, ":app.Nothing")),
              HasSubstr("has no message type app.Nothing"));
  EXPECT_THAT(error("proto:/no/such:T"), HasSubstr("cannot read /no/such"));
  EXPECT_THAT(error("proto:"), HasSubstr("want etcd, raw or"));
  EXPECT_THAT(error("proto:file"), HasSubstr("want etcd, raw or"));
  EXPECT_THAT(error("json"), HasSubstr("want etcd, raw or"));
  Write("nonsense");
  EXPECT_THAT(error(absl::StrCat("proto:", path_, ":app.Command")),
              HasSubstr("no descriptor set"));
  Write("");
  EXPECT_THAT(error(absl::StrCat("proto:", path_, ":app.Command")),
              HasSubstr("no descriptor set"));
}

TEST(EventRecordTest, BeginsLikeEveryRecord) {
  Json event = EventRecord("gap", absl::FromUnixSeconds(0));
  event["reason"] = "compacted";
  EXPECT_EQ(ToLine(event),
            R"({"v":1,"event":"gap","time":"1970-01-01T00:00:00.000000Z",)"
            R"("reason":"compacted"})");
}

TEST(PayloadModeTest, UnknownModesAreNamed) {
  EXPECT_EQ(*ParsePayloadMode("utf8"), PayloadMode::kUtf8);
  EXPECT_THAT(std::string(ParsePayloadMode("hex").status().message()),
              HasSubstr("want none, auto, base64, utf8"));
}

TEST(ToLineTest, EscapesWhatCommandsATerminal) {
  Json json;
  json["a"] = "\x1b[2J\x7f\xc2\x9b";            // ESC, DEL, CSI in one
  json["b"] = "\xe2\x80\xae\xe2\x80\xa8";       // right-to-left override, LS
  json["c"] = "\xf3\xa0\x81\x81";               // an invisible tag
  json["d"] = "\xff\xc3\xa9 \xf0\x9f\x98\x80";  // no UTF-8, e acute, an emoji
  const std::string line = ToLine(json);
  EXPECT_EQ(line, R"({"a":"\u001b[2J\u007f\u009b","b":"\u202e\u2028",)"
                  "\"c\":\"\\udb40\\udc41\","
                  "\"d\":\"\xef\xbf\xbd\xc3\xa9 \xf0\x9f\x98\x80\"}");
  // It still says the same.
  EXPECT_EQ((*ParseLine(line))["a"], json["a"]);
  EXPECT_EQ((*ParseLine(line))["c"], json["c"]);
}

TEST(ParseLineTest, RefusesWhatIsNoRecord) {
  EXPECT_TRUE(ParseLine(R"({"a":[1,{"b":"]}\""}]})").ok());
  for (const char* line : {"", "[]", "1", "{", "{} {}", "{\"a\":}", "nul"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseLine(line).status())) << line;
  }
  const std::string deep(1000000, '[');
  EXPECT_THAT(std::string(ParseLine(deep).status().message()),
              HasSubstr("nested deeper"));
  const auto nested = [](int levels) {
    return absl::StrCat("{\"a\":", std::string(levels, '['),
                        std::string(levels, ']'), "}");
  };
  const auto deepest = ParseLine(nested(999));
  ASSERT_TRUE(deepest.ok());
  EXPECT_EQ(ToLine(*deepest), nested(999));
  EXPECT_FALSE(ParseLine(nested(1000)).ok());
}

}  // namespace
}  // namespace rafthttpctl
