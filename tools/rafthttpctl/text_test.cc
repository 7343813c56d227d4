#include "tools/rafthttpctl/text.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rafthttpctl {
namespace {

using Json = nlohmann::ordered_json;
using ::testing::HasSubstr;
using ::testing::Not;

std::string Render(const char* json, bool uses_color = false) {
  return RenderText(Json::parse(json), {.uses_color = uses_color});
}

TEST(TextTest, AMessageIsALineAndOneForEachEntry) {
  EXPECT_EQ(
      Render(
          R"({"v":1,"time":"2026-11-22T08:05:12.123456Z","source":"stream",
              "stream":"msgapp","from":"2a7c96ad52bc3e9",
              "to":"cb4d3019f580a15e","type":"MsgApp","term":2,"logTerm":2,
              "index":9,"commit":10,"bytes":67,"entries":[
              {"index":10,"term":2,"type":"EntryNormal","bytes":35,
               "op":{"kind":"put","key":"key1","value":"val1","lease":"0"}},
              {"index":11,"term":2,"type":"EntryNormal","bytes":2048,
               "data":"abc"}]})"),
      "08:05:12.123456   2a7c96ad52bc3e9 -> cb4d3019f580a15e  MsgApp"
      "             term 2  index 9  logTerm 2  commit 10  67 B  msgapp\n"
      "        10  term 2  put key1 = \"val1\"  35 B\n"
      "        11  term 2  \"abc\"  2.0 KiB\n");
}

TEST(TextTest, ColumnsDoNotDependOnTheIds) {
  const std::string one =
      Render(R"({"from":"1","to":"2","type":"MsgVote","term":7,"bytes":1})");
  const std::string other = Render(
      R"({"from":"cb4d3019f580a15e","to":"2a7c96ad52bc3e9",
          "type":"MsgTransferLeader","term":7,"bytes":1})");
  EXPECT_EQ(one.find("Msg"), other.find("Msg"));
  EXPECT_EQ(one.find("term"), other.find("term"));
}

TEST(TextTest, WhatIsWrongStandsOut) {
  const std::string text = Render(
      R"({"from":"1","to":"2","type":"MsgAppResp","term":7,"index":9,
          "reject":true,"rejectHint":4,"sync":false,"bytes":1})");
  EXPECT_THAT(text, HasSubstr("REJECTED  rejectHint 4"));
  EXPECT_THAT(text, HasSubstr("not in sync yet"));
}

TEST(TextTest, EventsSayTheirReasonFirst) {
  EXPECT_EQ(Render(R"({"v":1,"event":"stream_closed",
                       "time":"2026-11-22T08:05:12.123456Z","stream":"msgapp",
                       "member":"a","reason":"read_timeout",
                       "byType":{"MsgApp":1,"MsgVote":"2"},"list":["x",null]})"),
            "08:05:12.123456  ** stream closed  read_timeout  stream msgapp  "
            "member a  byType {MsgApp 1, MsgVote 2}  list [x, null]\n");
}

TEST(TextTest, SnapshotsAndEntriesStandByThemselves) {
  EXPECT_EQ(Render(R"({"v":1,"source":"decode","snapshot":{"index":10,"term":2,
                       "bytes":2097152,"confState":{"voters":["1","2"],
                       "learners":[]}}})"),
            "snapshot  index 10  term 2  2.0 MiB  voters [1, 2]\n");
  EXPECT_EQ(Render(R"({"v":1,"source":"decode","entries":[{"index":7,"term":2,
                       "type":"EntryNormal","bytes":6,
                       "op":{"kind":"empty"}}]})")
                .find("         7  term 2  "),
            size_t{0});
}

TEST(TextTest, ColorsChangeNoText) {
  const char* const record =
      R"({"v":1,"time":"2026-11-22T08:05:12.123456Z","from":"1","to":"2",
          "type":"MsgHeartbeat","term":7,"commit":9,"reject":true,"bytes":40,
          "snapshot":{"index":1},"entries":[{"index":1,"op":{"kind":"put",
          "key":"k","value":"v","lease":"0"}}]})";
  const std::string plain = Render(record);
  const std::string colored = Render(record, true);
  EXPECT_THAT(plain, Not(HasSubstr("\x1b")));
  std::string stripped;
  int open = 0;
  for (size_t i = 0; i < colored.size(); ++i) {
    if (colored[i] != '\x1b') {
      stripped.push_back(colored[i]);
      // No line ends in a colour.
      if (colored[i] == '\n') {
        EXPECT_EQ(open, 0);
      }
      continue;
    }
    const size_t end = colored.find('m', i);
    open = colored.substr(i, end - i) == "\x1b[0" ? 0 : 1;
    i = end;
  }
  EXPECT_EQ(stripped, plain);
  EXPECT_NE(colored, plain);
}

// What somebody who may write to the cluster, or to a capture, could try.
TEST(TextTest, NothingCommandsTheTerminal) {
  const std::string attacks[] = {
      "\x1b[2J\x1b[H",               // clears the screen
      "\x1b]0;owned\x07",            // sets the title
      "\x1b]52;c;cm0gLXJmIH4=\x07",  // sets the clipboard
      "\x1bP$q\"p\x1b\\",            // asks for an answer as if typed
      "\xc2\x9b"
      "31m",  // CSI as one character
      "\x9b"
      "31m",                       // the same as one byte
      "\r08:05:12 all is well\n",  // overwrites, forges a line
      "\x08\x08\x08\x7f",          // backspaces
      "\xe2\x80\xae"
      "evil",                      // right-to-left override
      "\xe2\x80\xa8",              // line separator
      "\xef\xbb\xbf\xe2\x80\x8b",  // without width
      "\xff\xfe",
      std::string("\0\x0e\x0f", 3),  // NUL and the other character set
  };
  for (const std::string& attack : attacks) {
    for (const char* shape :
         {"type", "from", "to", "time", "stream", "event", "term", "context",
          "bytes", "reason", "snapshot", "entries", "op"}) {
      Json record;
      record["type"] = "MsgApp";
      record["from"] = "1";
      if (absl::string_view(shape) == "snapshot") {
        record["snapshot"]["index"] = attack;
        record["snapshot"]["confState"][attack][0] = attack;
      } else if (absl::string_view(shape) == "entries") {
        Json entry;
        for (const char* field :
             {"index", "term", "type", "bytes", "data", "dataBase64"}) {
          entry[field] = attack;
        }
        record["entries"] = Json::array({entry, attack});
      } else if (absl::string_view(shape) == "op") {
        Json op;
        op["kind"] = "put";
        op["key"] = attack;
        op["value"] = attack;
        op["lease"] = attack;
        Json other;
        other["kind"] = attack;
        other[attack] = attack;
        record["entries"] = Json::array(
            {Json{{"op", op}}, Json{{"op", other}}, Json{{"op", attack}}});
      } else {
        record[shape] = attack;
        if (absl::string_view(shape) == "reason") record["event"] = "gap";
        record[attack] = attack;
      }
      const std::string text = RenderText(record, {});
      size_t lines = 0;
      for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '\n') {
          ++lines;
          continue;
        }
        EXPECT_GE(byte, 0x20) << shape << ": " << attack;
        EXPECT_NE(byte, 0x7f) << shape;
      }
      const auto entries = record.find("entries");
      EXPECT_EQ(lines, 1 + (entries == record.end() || !entries->is_array()
                                ? 0
                                : entries->size()))
          << text;
      for (const char* bad : {"\xc2\x9b", "\xe2\x80\xae", "\xe2\x80\xa8",
                              "\xe2\x80\x8b", "\xef\xbb\xbf"}) {
        EXPECT_THAT(text, Not(HasSubstr(bad))) << shape;
      }
    }
  }
}

TEST(TextTest, RecordsOfStrangersDoNoHarm) {
  for (const char* text :
       {"{}", R"({"a":1})", R"({"event":{}})", R"({"event":"x","v":[]})",
        R"({"type":[],"from":1,"to":null,"time":3,"bytes":-1,"reject":"yes",
            "snapshot":7,"entries":{"a":1}})",
        R"({"type":"MsgSnap","snapshot":{"confState":[1]},"entries":[1,[]]})",
        R"({"entries":[{"op":1},{"op":{"kind":7}},{"op":{}},
            {"op":{"kind":"put","key":{},"value":[]}},
            {"op":{"kind":"txn","compare":7,"success":[1],"failure":{}}},
            {"op":{"kind":"conf_change","changes":"x"}},
            {"op":{"kind":"lease_grant"}},{"op":{"kind":"auth_user_add"}}]})",
        R"({"entries":"x"})", R"({"entries":[]})",
        R"({"a":[[[[[[[[[[[[[[1]]]]]]]]]]]]]]})"}) {
    const std::string rendered = Render(text);
    ASSERT_FALSE(rendered.empty()) << text;
    EXPECT_EQ(rendered.back(), '\n') << text;
  }
}

TEST(TextTest, LongValuesAreCut) {
  Json record;
  record["event"] = "gap";
  record["x"] = std::string(1 << 20, 'x');
  record["list"] = Json::array();
  for (int i = 0; i < 100000; ++i) record["list"].push_back(i);
  EXPECT_LT(RenderText(record, {}).size(), size_t{4000});
}

}  // namespace
}  // namespace rafthttpctl
