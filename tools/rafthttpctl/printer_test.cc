#include "tools/rafthttpctl/printer.h"

#include <unistd.h>

#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "rafthttp/event/uv_loop.h"
#include "raftpb/raft.pb.h"

namespace rafthttpctl {
namespace {

using Json = nlohmann::ordered_json;

class PrinterTest : public testing::Test {
 protected:
  PrinterTest() { EXPECT_EQ(pipe(pipe_), 0); }
  ~PrinterTest() override { close(pipe_[0]); }

  static raftpb::Message MessageOf(raftpb::MessageType type) {
    raftpb::Message message;
    message.set_type(type);
    message.set_from(1);
    message.set_to(2);
    return message;
  }
  // An append with a put, a no-op, and what is nobody's.
  static raftpb::Message Append() {
    raftpb::Message message = MessageOf(raftpb::MsgApp);
    // InternalRaftRequest{ID 1, put{key "k", value "v"}}
    message.add_entries()->set_data("\x08\x01\x22\x06\x0a\x01k\x12\x01v");
    message.add_entries()->set_index(2);
    message.add_entries()->set_data("\xff");
    return message;
  }
  static RecordInput InputOf(const raftpb::Message& message) {
    RecordInput input;
    input.source = "test";
    input.bytes = message.ByteSizeLong();
    input.message = &message;
    return input;
  }

  // The lines that `print` prints, without the last, empty one.
  template <typename Print>
  std::vector<std::string> LinesOf(Printer::Options options, Print print) {
    {
      Output output(loop_, pipe_[1], {});
      Printer printer(output, std::move(options));
      print(printer);
      EXPECT_TRUE(output.Finish(absl::Seconds(20)).ok());
    }
    close(pipe_[1]);
    std::string text;
    char buffer[4096];
    for (ssize_t count = 0;
         (count = read(pipe_[0], buffer, sizeof(buffer))) > 0;) {
      text.append(buffer, static_cast<size_t>(count));
    }
    std::vector<std::string> lines = absl::StrSplit(text, '\n');
    lines.pop_back();
    return lines;
  }

  rafthttp::event::UvLoop loop_;
  int pipe_[2] = {-1, -1};
};

TEST_F(PrinterTest, CountsWhatItShows) {
  const raftpb::Message append = Append();
  const raftpb::Message heartbeat = MessageOf(raftpb::MsgHeartbeat);
  const auto lines = LinesOf({}, [&](Printer& printer) {
    EXPECT_TRUE(printer.is_empty());
    printer.PrintMessage(InputOf(append));
    printer.PrintMessage(InputOf(heartbeat));
    printer.PrintEvent(EventRecord("gap", absl::UnixEpoch()));
    EXPECT_EQ(printer.messages(), 2u);
    EXPECT_FALSE(printer.is_empty());
    printer.PrintSummary();
  });
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(Json::parse(lines[0])["type"], "MsgApp");
  EXPECT_EQ(Json::parse(lines[1])["type"], "MsgHeartbeat");
  EXPECT_EQ(Json::parse(lines[2])["event"], "gap");
  const Json summary = Json::parse(lines[3]);
  EXPECT_EQ(summary["event"], "summary");
  EXPECT_EQ(summary["messages"], 2);
  EXPECT_EQ(summary["bytes"], append.ByteSizeLong() + heartbeat.ByteSizeLong());
  EXPECT_EQ(summary["byType"].dump(), R"({"MsgApp":1,"MsgHeartbeat":1})");
  EXPECT_EQ(summary["byKind"].dump(), R"({"empty":1,"put":1,"unknown":1})");
}

TEST_F(PrinterTest, MessagesThatAreFilteredDoNotCount) {
  Printer::Options options;
  options.filter.no_heartbeats = true;
  const raftpb::Message append = Append();
  const raftpb::Message heartbeat = MessageOf(raftpb::MsgHeartbeat);
  const auto lines = LinesOf(options, [&](Printer& printer) {
    printer.PrintMessage(InputOf(heartbeat));
    EXPECT_TRUE(printer.is_empty());
    printer.PrintMessage(InputOf(append));
    EXPECT_EQ(printer.messages(), 1u);
    printer.PrintSummary();
  });
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(Json::parse(lines[0])["type"], "MsgApp");
  EXPECT_EQ(Json::parse(lines[1])["byType"].dump(), R"({"MsgApp":1})");
}

TEST_F(PrinterTest, EntriesThatAreFilteredDoNotCount) {
  Printer::Options options;
  options.filter.key_prefix = "other";
  const raftpb::Message append = Append();
  const auto lines = LinesOf(options, [&](Printer& printer) {
    printer.PrintMessage(InputOf(append));
    EXPECT_EQ(printer.messages(), 0u);
    printer.PrintSummary();
  });
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(Json::parse(lines[0])["messages"], 0);
  EXPECT_EQ(Json::parse(lines[0])["byKind"].size(), 0u);
}

TEST_F(PrinterTest, TextIsForPeople) {
  Printer::Options options;
  options.is_json = false;
  const raftpb::Message append = Append();
  const auto lines = LinesOf(options, [&](Printer& printer) {
    printer.PrintMessage(InputOf(append));
  });
  // The message and its three entries.
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_NE(lines[0].find("MsgApp"), std::string::npos);
  EXPECT_NE(lines[1].find("put"), std::string::npos);
}

}  // namespace
}  // namespace rafthttpctl
