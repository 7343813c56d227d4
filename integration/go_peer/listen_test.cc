// `rafthttpctl listen` in a cluster with Go's rafthttp, and with our own
// senders.
#include <signal.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration/child.h"
#include "integration/go_peer/go_member.h"
#include "nlohmann/json.hpp"
#include "rafthttp/base/ids.h"

namespace rafthttp::integration {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

constexpr absl::Duration kPatience = absl::Seconds(60);
constexpr uint64_t kCluster = 0xc1a5;
constexpr uint64_t kGos = 0x8e9e05c52164694d;
constexpr uint64_t kOurs = 0xf00000000000000a;

std::unique_ptr<Child> RunCtl(std::vector<std::string> arguments) {
  arguments.insert(arguments.end(), {"-w", "json"});
  return Child::Run(absl::StrCat(std::getenv("TEST_SRCDIR"), "/",
                                 std::getenv("TEST_WORKSPACE"),
                                 "/tools/rafthttpctl/rafthttpctl"),
                    std::move(arguments));
}

// The next record of which `name` is `value`.
Json ReadUntil(Child& child, const std::string& name,
               const std::string& value) {
  while (const auto line = child.ReadLine(kPatience)) {
    Json record = Json::parse(*line);
    if (record.value(name, "") == value) return record;
  }
  ADD_FAILURE() << "no " << name << " " << value << ": " << child.Errors();
  return Json::object();
}

class ListenTest : public testing::Test {
 protected:
  void Listen(std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"listen", "127.0.0.1:0"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    listen_ = RunCtl(std::move(arguments));
    url_ = ReadUntil(*listen_, "event", "listening").value("url", "");
  }
  std::string Folder() {
    const std::string folder = absl::StrCat(testing::TempDir(), "/kept");
    std::filesystem::remove_all(folder);
    return folder;
  }

  std::unique_ptr<Child> listen_;
  std::string url_;
};

TEST_F(ListenTest, ShowsWhatGoSendsByEveryWay) {
  if (!GoMember::IsThere()) GTEST_SKIP();
  const std::string folder = Folder();
  Listen({"--dir", folder});
  GoMember go(kGos, kCluster);
  const auto send = [&](const char* type, uint64_t first) {
    go.Do({{"do", "send"},
           {"id", MemberId(kOurs).ToHex()},
           {"type", type},
           {"first", first},
           {"count", 1},
           {"bytes", 10}});
  };
  go.Do(
      {{"do", "add_peer"}, {"id", MemberId(kOurs).ToHex()}, {"urls", {url_}}});
  // Go dials us, and so tells who we are; we dial back.
  const Json identity = ReadUntil(*listen_, "event", "identity");
  EXPECT_EQ(identity["clusterId"], "c1a5");
  EXPECT_EQ(identity["version"], "3.4.23");
  go.Do({{"do", "await_streams"}, {"id", MemberId(kOurs).ToHex()}});
  send("MsgApp", 5);
  Json record = ReadUntil(*listen_, "type", "MsgApp");
  EXPECT_EQ(record["stream"], "msgapp");
  EXPECT_EQ(record["from"], MemberId(kGos).ToHex());
  EXPECT_EQ(record["to"], MemberId(kOurs).ToHex());
  EXPECT_EQ(record["index"], 5);
  send("MsgHeartbeat", 7);
  record = ReadUntil(*listen_, "type", "MsgHeartbeat");
  EXPECT_EQ(record["stream"], "message");
  EXPECT_EQ(record["commit"], 7);
  // Without a file it goes by POST /raft.
  send("MsgSnap", 8);
  record = ReadUntil(*listen_, "type", "MsgSnap");
  EXPECT_EQ(record["stream"], "pipeline");

  const std::string source = absl::StrCat(testing::TempDir(), "/source");
  go.Do({{"do", "make_file"}, {"path", source}, {"bytes", 3 << 20}});
  go.Do({{"do", "send_snapshot"},
         {"id", MemberId(kOurs).ToHex()},
         {"first", 9},
         {"path", source}});
  record = ReadUntil(*listen_, "event", "snapshot_received");
  EXPECT_EQ(record["index"], 9);
  EXPECT_EQ(record["bytes"], 3 << 20);
  EXPECT_EQ(record["path"], folder + "/0000000000000009.snap.db");
  EXPECT_EQ(record["sha256"], go.Do({{"do", "sha256"}, {"path", source}}));
  EXPECT_EQ(ReadUntil(*listen_, "type", "MsgSnap")["stream"], "snapshot");
  go.Do({{"do", "await_snapshot"}, {"name", "finish"}});

  listen_->Signal(SIGINT);
  ReadUntil(*listen_, "event", "summary");
  EXPECT_EQ(listen_->ExitCode(kPatience), 0);
}

TEST_F(ListenTest, WhatItPrintsCanBeSentAgainBitForBit) {
  Listen({"--payload", "base64", "--cluster-id", "c1a5", "--count", "2"});
  const auto send = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"send", url_});
    arguments.insert(arguments.end(), {"--cluster-id", "c1a5"});
    const auto child = RunCtl(std::move(arguments));
    EXPECT_EQ(ReadUntil(*child, "event", "answer").value("status", 0), 204);
    EXPECT_EQ(child->ExitCode(kPatience), 0) << child->Errors();
  };
  send({"--from", "abc", "--to", "def", "--type", "MsgApp", "--term", "3",
        "--index", "4", "--log-term", "3", "--entry", "hello"});
  const Json first = ReadUntil(*listen_, "type", "MsgApp");
  EXPECT_EQ(first["stream"], "pipeline");
  EXPECT_EQ(first["entries"][0]["index"], 5);
  send({"-d", first.dump()});
  const Json second = ReadUntil(*listen_, "type", "MsgApp");
  EXPECT_FALSE(first["raw"].get<std::string>().empty());
  EXPECT_EQ(first["raw"], second["raw"]);
  // That was all it was to show.
  EXPECT_EQ(ReadUntil(*listen_, "event", "summary")["messages"], 2);
  EXPECT_EQ(listen_->ExitCode(kPatience), 0);
}

TEST_F(ListenTest, TakesAPushedSnapshot) {
  const std::string folder = Folder();
  Listen({"--dir", folder});
  const std::string file = absl::StrCat(testing::TempDir(), "/pushed.db");
  std::ofstream(file, std::ios::binary) << std::string(5 << 20, 'x');
  const auto push = [&](std::vector<std::string> more,
                        const char* cluster = "c1a5") {
    std::vector<std::string> arguments = {
        "push-snapshot", url_,     file, "--from",  "abc", "--to",
        "def",           "--term", "2",  "--index", "21",  "--cluster-id",
        cluster};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return RunCtl(std::move(arguments));
  };
  // Not without being told that it is meant.
  auto child = push({});
  EXPECT_EQ(child->ExitCode(kPatience), 2);
  EXPECT_THAT(child->Errors(), HasSubstr("--yes"));
  child = push({"--dry-run"});
  EXPECT_EQ(ReadUntil(*child, "event", "snapshot_plan")["dbBytes"], 5 << 20);
  EXPECT_EQ(child->ExitCode(kPatience), 0);
  EXPECT_TRUE(std::filesystem::is_empty(folder));

  child = push({"--yes"});
  const Json sent = ReadUntil(*child, "event", "snapshot_sent");
  EXPECT_EQ(sent["ok"], true);
  EXPECT_EQ(sent["status"], 204);
  EXPECT_EQ(sent["bytes"], 5 << 20);
  EXPECT_EQ(child->ExitCode(kPatience), 0) << child->Errors();
  const Json received = ReadUntil(*listen_, "event", "snapshot_received");
  EXPECT_EQ(received["bytes"], 5 << 20);
  EXPECT_EQ(received["sha256"],
            // head -c 5242880 /dev/zero | tr '\\0' x | sha256sum
            "dba67a476fa78973aabb087f214a1010f3bebca053674e0af50dfe5a582112be");

  child = push({"--yes"}, "c1a6");
  EXPECT_EQ(child->ExitCode(kPatience), 5) << child->Errors();
  listen_->Signal(SIGTERM);
  EXPECT_EQ(listen_->ExitCode(kPatience), 0);
}

TEST_F(ListenTest, WithoutAFolderItRefusesSnapshots) {
  Listen();
  const std::string file = absl::StrCat(testing::TempDir(), "/pushed.db");
  std::ofstream(file) << "db";
  const auto child =
      RunCtl({"push-snapshot", url_, file, "--from", "abc", "--to", "def",
              "--term", "2", "--index", "21", "--cluster-id", "c1a5", "--yes"});
  EXPECT_EQ(ReadUntil(*child, "event", "snapshot_sent")["status"], 404);
  EXPECT_EQ(child->ExitCode(kPatience), 1);
}

TEST_F(ListenTest, SaysWhereItCannotListen) {
  Listen();
  const auto taken = RunCtl({"listen", url_});
  EXPECT_EQ(taken->ExitCode(kPatience), 3);
  EXPECT_THAT(taken->Errors(), HasSubstr("in use"));
  EXPECT_EQ(taken->ErrorLines(), 1u);
  const auto nonsense = RunCtl({"listen", "nowhere"});
  EXPECT_EQ(nonsense->ExitCode(kPatience), 2);
  EXPECT_EQ(nonsense->ErrorLines(), 1u);
}

}  // namespace
}  // namespace rafthttp::integration
