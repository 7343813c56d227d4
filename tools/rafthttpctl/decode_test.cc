#include "tools/rafthttpctl/decode.h"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "rafthttp/codec/msgappv2_codec.h"
#include "raftpb/raft.pb.h"
#include "tools/rafthttpctl/exit_code.h"
#include "tools/rafthttpctl/record.h"

namespace rafthttpctl {
namespace {

using Json = nlohmann::ordered_json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

// A MsgApp from 2 to 1 with entry 7, "abc", as etcd 3.4 writes it.
constexpr char kAppendHex[] =
    "0803100118022002280130063a0b080010021807220361626340054a0a12080a02280010"
    "0018005000"
    "5800";
// A MsgHeartbeatResp from 2 to 1 in term 2, as etcd 3.6 writes it.
constexpr char kHeartbeatHex[] =
    "08091001180220022800300040005000580062080000000000000009"
    "6800";

class DecodeTest : public testing::Test {
 protected:
  DecodeTest() { options_.record.entries = *NewEntryDecoder("raw", false); }

  ExitCode Decode(const std::string& input) {
    std::istringstream in(input);
    return Decode(in);
  }
  ExitCode Decode(std::istream& in) {
    std::ostringstream err;
    records_.clear();
    text_.clear();
    const ExitCode code = RunDecode(
        options_, in,
        [this](absl::string_view lines) {
          if (!write_status_.ok()) return write_status_;
          absl::StrAppend(&text_, lines);
          if (options_.is_json) {
            const auto record = ParseLine(lines);
            EXPECT_TRUE(record.ok()) << lines;
            records_.push_back(*record);
          }
          return absl::OkStatus();
        },
        err);
    err_ = err.str();
    return code;
  }
  std::vector<std::string> Types() const {
    std::vector<std::string> types;
    for (const Json& record : records_) {
      types.push_back(record.value("type", record.value("event", "none")));
    }
    return types;
  }

  DecodeOptions options_;
  absl::Status write_status_;
  std::vector<Json> records_;
  std::string text_;
  std::string err_;
};

TEST_F(DecodeTest, AMessageInEveryForm) {
  const std::string raw = absl::HexStringToBytes(kAppendHex);
  std::string spaced;
  for (size_t i = 0; i < raw.size(); ++i) {
    absl::StrAppend(&spaced, i % 16 == 0 ? "\n" : " ",
                    absl::BytesToHexString(raw.substr(i, 1)));
  }
  const std::string base64 = absl::Base64Escape(raw);
  std::string wrapped_hex = kAppendHex;
  wrapped_hex.insert(60, "\n");
  // Each line could be a message, though no encoder would write the second.
  std::string wrapped_at_field = kAppendHex;
  wrapped_at_field.insert(16, "\n");
  std::string wrapped_base64 = base64;
  wrapped_base64.insert(20, "\r\n");
  for (const std::string& input :
       {raw, std::string(kAppendHex), absl::StrCat("0x", kAppendHex, "\n"),
        spaced, wrapped_hex, wrapped_at_field, base64,
        absl::StrCat("\n ", base64, "\n"), wrapped_base64,
        absl::WebSafeBase64Escape(raw)}) {
    EXPECT_EQ(Decode(input), ExitCode::kDone) << input << err_;
    ASSERT_THAT(records_, SizeIs(1)) << input;
    EXPECT_EQ(
        ToLine(records_[0]),
        R"({"v":1,"source":"decode","from":"2","to":"1","type":"MsgApp",)"
        R"("term":2,"logTerm":1,"index":6,"commit":5,"bytes":43,)"
        R"("entries":[{"index":7,"term":2,"type":"EntryNormal","bytes":11,)"
        R"("data":"abc"}]})");
    EXPECT_THAT(err_, IsEmpty());
  }
}

TEST_F(DecodeTest, NothingIsNothingToComplainAbout) {
  for (const DecodeFormat format :
       {DecodeFormat::kAuto, DecodeFormat::kHex, DecodeFormat::kBase64,
        DecodeFormat::kRaw, DecodeFormat::kNdjson}) {
    options_.format = format;
    EXPECT_EQ(Decode(""), ExitCode::kDone);
    if (format != DecodeFormat::kRaw) {
      EXPECT_EQ(Decode("\n \n"), ExitCode::kDone);
    }
    EXPECT_THAT(text_ + err_, IsEmpty());
  }
}

TEST_F(DecodeTest, LinesThatAreMessagesAreDecodedOneByOne) {
  EXPECT_EQ(Decode(absl::StrCat(kAppendHex, "\n\n", kHeartbeatHex, "\n")),
            ExitCode::kDone);
  EXPECT_THAT(Types(), ElementsAre("MsgApp", "MsgHeartbeatResp"));
  const std::string base64 =
      absl::Base64Escape(absl::HexStringToBytes(kAppendHex));
  EXPECT_EQ(Decode(absl::StrCat(base64, "\n", base64, "\n")), ExitCode::kDone);
  EXPECT_THAT(Types(), ElementsAre("MsgApp", "MsgApp"));
}

TEST_F(DecodeTest, ABrokenLineIsNamedAndTheOthersAreShown) {
  EXPECT_EQ(Decode(absl::StrCat(kAppendHex, "\n080310\n", kHeartbeatHex)),
            ExitCode::kCheckFailed);
  EXPECT_THAT(Types(), ElementsAre("MsgApp", "MsgHeartbeatResp"));
  EXPECT_THAT(err_, AllOf(StartsWith("rafthttpctl: stdin: line 2: "),
                          HasSubstr("offset")));
}

TEST_F(DecodeTest, WhatIsNoMessageSaysWhere) {
  for (const std::string& input :
       {std::string(kAppendHex).substr(0, 30), std::string("hello, world"),
        std::string("\x7f"
                    "ELF\x02\x01\x01\0\0\0\0",
                    11)}) {
    EXPECT_EQ(Decode(input), ExitCode::kUsage) << input;
    EXPECT_THAT(err_, HasSubstr("offset")) << input;
    EXPECT_THAT(text_, IsEmpty());
  }
  options_.format = DecodeFormat::kHex;
  EXPECT_EQ(Decode("0803zz"), ExitCode::kUsage);
  EXPECT_THAT(err_, HasSubstr("\"z\" at offset 4 is no hex digit"));
  EXPECT_EQ(Decode("080"), ExitCode::kUsage);
  EXPECT_THAT(err_, HasSubstr("odd number of hex digits"));
  options_.format = DecodeFormat::kBase64;
  EXPECT_EQ(Decode("CAM\x1b"), ExitCode::kUsage);
  EXPECT_THAT(err_, HasSubstr("\"\\x1b\" at offset 3 is no base64"));
  EXPECT_EQ(Decode("C"), ExitCode::kUsage);
}

TEST_F(DecodeTest, EntriesAndSnapshotsAreRecognized) {
  EXPECT_EQ(Decode("0800100218072203616263"), ExitCode::kDone) << err_;
  ASSERT_THAT(records_, SizeIs(1));
  EXPECT_EQ(records_[0]["entries"][0]["data"], "abc");
  const std::string snapshot = "0a026869120e0a080801080210032800100a1802";
  EXPECT_EQ(Decode(snapshot), ExitCode::kDone) << err_;
  ASSERT_THAT(records_, SizeIs(1));
  EXPECT_EQ(records_[0]["snapshot"].dump(),
            R"({"index":10,"term":2,"bytes":2,)"
            R"("confState":{"voters":["1","2"],"learners":["3"]}})");
  // Raw, too, although it begins with a line feed.
  EXPECT_EQ(Decode(absl::HexStringToBytes(snapshot)), ExitCode::kDone) << err_;
  EXPECT_THAT(records_, SizeIs(1));
}

TEST_F(DecodeTest, AnEntryWithoutDataMustBeAskedFor) {
  options_.as = DecodeAs::kEntry;
  options_.record.entries = nullptr;
  EXPECT_EQ(Decode("080010021807"), ExitCode::kDone) << err_;
  EXPECT_EQ(records_[0]["entries"][0]["op"]["kind"], "empty");
  options_.as = DecodeAs::kSnapshot;
  EXPECT_EQ(Decode("080010021807"), ExitCode::kUsage);
  options_.as = DecodeAs::kMessage;
  EXPECT_EQ(Decode("0800100218072203616263"), ExitCode::kUsage);
}

TEST_F(DecodeTest, StreamsAreRecognizedAndShownUpToTheBreak) {
  const std::string heartbeat = absl::HexStringToBytes(kHeartbeatHex);
  std::string frames(7, '\0');
  absl::StrAppend(&frames, std::string(1, static_cast<char>(heartbeat.size())),
                  heartbeat);
  const std::string one = frames;
  frames += one;
  EXPECT_EQ(Decode(frames), ExitCode::kDone) << err_;
  EXPECT_THAT(Types(), ElementsAre("MsgHeartbeatResp", "MsgHeartbeatResp"));
  EXPECT_EQ(records_[0]["stream"], "message");
  EXPECT_EQ(Decode(frames.substr(0, frames.size() - 1)),
            ExitCode::kCheckFailed);
  EXPECT_THAT(Types(), ElementsAre("MsgHeartbeatResp"));
  EXPECT_EQ(Decode(one.substr(0, one.size() - 1)), ExitCode::kUsage);

  raftpb::Message message;
  ASSERT_TRUE(message.ParseFromString(absl::HexStringToBytes(kAppendHex)));
  rafthttp::codec::MsgAppV2Encoder encoder{rafthttp::MemberId(),
                                           rafthttp::MemberId()};
  std::string append;
  ASSERT_TRUE(static_cast<rafthttp::codec::FrameEncoder&>(encoder)
                  .Append(message, &append)
                  .ok());
  EXPECT_EQ(Decode(std::string(9, '\0') + append), ExitCode::kDone) << err_;
  EXPECT_THAT(Types(), ElementsAre("MsgApp"));
  EXPECT_EQ(records_[0]["stream"], "msgapp");
}

TEST_F(DecodeTest, ACaptureIsDecodedAnewWhereItHasTheBytes) {
  const std::string raw =
      absl::Base64Escape(absl::HexStringToBytes(kAppendHex));
  const std::string capture = absl::StrCat(
      R"({"v":1,"event":"stream_opened","member":"2"})",
      "\n"
      R"({"v":1,"time":"2026-11-22T08:05:12.123456Z","source":"stream",)"
      R"("stream":"msgapp","from":"x","type":"MsgHup","bytes":20,"raw":")",
      raw, "\"}\n\n", R"({"v":1,"type":"MsgVote","from":"1","to":"2"})");
  EXPECT_EQ(Decode(capture), ExitCode::kDone) << err_;
  EXPECT_THAT(Types(), ElementsAre("stream_opened", "MsgApp", "MsgVote"));
  const Json& record = records_[1];
  EXPECT_EQ(record["time"], "2026-11-22T08:05:12.123456Z");
  EXPECT_EQ(record["source"], "stream");
  EXPECT_EQ(record["stream"], "msgapp");
  EXPECT_EQ(record["from"], "2");
  EXPECT_EQ(record["bytes"], 20);
  EXPECT_FALSE(record.contains("raw"));
  // What was decoded with the bytes can be decoded from them once more.
  options_.record.payload = PayloadMode::kBase64;
  EXPECT_EQ(Decode(capture), ExitCode::kDone);
  EXPECT_EQ(records_[1]["raw"], raw);
  const std::string again = text_;
  EXPECT_EQ(Decode(again), ExitCode::kDone);
  EXPECT_EQ(text_, again);
}

// A learner's record holds the entries that were new to it only, and its bytes
// those of the whole message.
TEST_F(DecodeTest, EntriesThatACaptureLeftOutStayLeftOut) {
  raftpb::Message message;
  ASSERT_TRUE(message.ParseFromString(absl::HexStringToBytes(kAppendHex)));
  *message.add_entries() = message.entries(0);
  message.mutable_entries(1)->set_index(8);
  const std::string raw = absl::Base64Escape(message.SerializeAsString());
  EXPECT_EQ(Decode(absl::StrCat(
                R"({"source":"learner","entries":[{"index":8}],"raw":")", raw,
                "\"}")),
            ExitCode::kDone);
  ASSERT_THAT(records_, SizeIs(1));
  ASSERT_THAT(records_[0]["entries"], SizeIs(1));
  EXPECT_EQ(records_[0]["entries"][0]["index"], 8);
}

TEST_F(DecodeTest, ABrokenRecordIsNamedAndTheOthersAreShown) {
  std::string capture;
  for (int i = 0; i < 8; ++i) {
    absl::StrAppend(&capture, R"({"type":"MsgVote"})", "\n{\"type\":\n",
                    R"({"raw":"!"})", "\n", R"({"raw":"CAMQ"})", "\n");
  }
  EXPECT_EQ(Decode(capture), ExitCode::kCheckFailed);
  EXPECT_THAT(records_, SizeIs(8));
  const std::vector<std::string> errors =
      absl::StrSplit(err_, '\n', absl::SkipEmpty());
  ASSERT_THAT(errors, SizeIs(6)) << err_;
  EXPECT_EQ(errors[0], "rafthttpctl: stdin: line 2: not valid JSON");
  EXPECT_EQ(errors[1], "rafthttpctl: stdin: line 3: raw: not valid base64");
  EXPECT_THAT(errors[2], AllOf(StartsWith("rafthttpctl: stdin: line 4: raw: "),
                               HasSubstr("offset")));
  EXPECT_EQ(errors[5], "rafthttpctl: stdin: 19 more are broken");
  EXPECT_EQ(Decode("{\"a\": broken"), ExitCode::kUsage);
}

TEST_F(DecodeTest, FiltersApplyAndTextIsRendered) {
  options_.filter.types = {raftpb::MsgApp};
  EXPECT_EQ(Decode(absl::StrCat(kAppendHex, "\n", kHeartbeatHex)),
            ExitCode::kDone);
  EXPECT_THAT(Types(), ElementsAre("MsgApp"));
  options_.is_json = false;
  EXPECT_EQ(Decode(kAppendHex), ExitCode::kDone);
  EXPECT_THAT(text_, HasSubstr("2 -> 1                 MsgApp"));
}

TEST_F(DecodeTest, FilesAreRead) {
  options_.file = absl::StrCat(std::getenv("TEST_TMPDIR"), "/message");
  std::ofstream(options_.file) << kAppendHex;
  EXPECT_EQ(Decode(""), ExitCode::kDone);
  EXPECT_THAT(records_, SizeIs(1));
  options_.file = "/no/such\nfile";
  EXPECT_EQ(Decode(kAppendHex), ExitCode::kUsage);
  EXPECT_EQ(err_, "rafthttpctl: cannot open \"/no/such\\nfile\"\n");
  options_.file = std::getenv("TEST_TMPDIR");
  EXPECT_EQ(Decode(kAppendHex), ExitCode::kUsage);
  EXPECT_THAT(err_, HasSubstr("cannot be read"));
  options_.file = "-";
  EXPECT_EQ(Decode(kAppendHex), ExitCode::kDone);
  EXPECT_THAT(records_, SizeIs(1));
}

TEST_F(DecodeTest, AReaderThatHasGoneEndsItQuietly) {
  write_status_ = absl::CancelledError("gone");
  EXPECT_EQ(Decode(absl::StrCat(kAppendHex, "\nxx")), ExitCode::kDone);
  EXPECT_THAT(err_, IsEmpty());
  write_status_ = absl::ResourceExhaustedError("cannot write output: full");
  EXPECT_EQ(Decode(kAppendHex), ExitCode::kCheckFailed);
  EXPECT_EQ(err_, "rafthttpctl: cannot write output: full\n");
}

// Whatever is thrown at it, it ends and says so in a few lines.
TEST_F(DecodeTest, NoInputDoesHarm) {
  const std::string append = absl::HexStringToBytes(kAppendHex);
  for (size_t i = 0; i < append.size(); ++i) {
    for (const int flip : {1, 0x80, 0xff}) {
      std::string bytes = append;
      bytes[i] = static_cast<char>(bytes[i] ^ flip);
      for (const std::string& input :
           {bytes, absl::BytesToHexString(bytes), absl::Base64Escape(bytes),
            bytes.substr(0, i), bytes.substr(i), "{\"" + bytes,
            absl::StrCat("{\"raw\":\"", absl::Base64Escape(bytes), "\"}")}) {
        Decode(input);
        EXPECT_LE(std::count(err_.begin(), err_.end(), '\n'), 6);
      }
    }
  }
}

TEST(DecodeFlagsTest, UnknownNamesListTheKnown) {
  EXPECT_EQ(*ParseDecodeFormat("base64"), DecodeFormat::kBase64);
  EXPECT_EQ(*ParseDecodeAs("frames-msgapp"), DecodeAs::kFramesMsgApp);
  EXPECT_EQ(ParseDecodeFormat("octal").status().message(),
            "--format octal: want auto, hex, base64, raw, ndjson");
  EXPECT_TRUE(absl::IsInvalidArgument(ParseDecodeAs("log").status()));
}

}  // namespace
}  // namespace rafthttpctl
