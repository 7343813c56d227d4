// The program as scripts see it: exit codes, what goes to stdout, and that an
// error is one line on stderr.
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rafthttpctl {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// MsgApp{to 1, from 2, term 2, logTerm 1, index 6, commit 5, one entry}.
constexpr char kMessage[] =
    "0803100118022002280130063a0b08001002180722036162634005";

struct Outcome {
  int code = -1;
  std::string out;
  std::string err;
};

std::string ReadFile(const std::string& path) {
  std::string text;
  FILE* const file = fopen(path.c_str(), "r");
  if (file == nullptr) return text;
  char buffer[4096];
  for (size_t count = 0;
       (count = fread(buffer, 1, sizeof(buffer), file)) > 0;) {
    text.append(buffer, count);
  }
  fclose(file);
  return text;
}

// Runs a line of shell in which $CTL is the program.
Outcome RunShell(const std::string& line) {
  const std::string out = testing::TempDir() + "/out";
  const std::string err = testing::TempDir() + "/err";
  const int status = system(
      absl::StrCat("unset RAFTHTTPCTL_WRITE_OUT; export CTL=tools/rafthttpctl/"
                   "rafthttpctl; >",
                   out, " 2>", err, " sh -c '", line, "'")
          .c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, ReadFile(out),
          ReadFile(err)};
}

size_t LinesIn(const std::string& text) {
  return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST(RafthttpctlTest, HelpNamesWhatWorksAndNothingElse) {
  const Outcome help = RunShell("$CTL --help");
  EXPECT_EQ(help.code, 0);
  for (const char* verb : {"decode", "demo", "dial", "doctor", "listen",
                           "members", "push-snapshot", "send", "tail"}) {
    EXPECT_THAT(help.out, HasSubstr(absl::StrCat("  ", verb, " ")));
    const Outcome of_verb = RunShell(absl::StrCat("$CTL ", verb, " --help"));
    EXPECT_EQ(of_verb.code, 0);
    EXPECT_THAT(of_verb.out, HasSubstr(absl::StrCat("  rafthttpctl ", verb)))
        << "an example";
  }
  // Those come with later issues.
  for (const char* verb : {"proxy", "top", "report", "completion"}) {
    EXPECT_THAT(help.out, Not(HasSubstr(absl::StrCat("\n  ", verb, " "))));
    EXPECT_EQ(RunShell(absl::StrCat("$CTL ", verb)).code, 2);
  }
  const Outcome tail = RunShell("$CTL tail --help");
  EXPECT_THAT(tail.out, Not(HasSubstr("--interface")));
  EXPECT_THAT(tail.out, Not(HasSubstr("--inspect")));
  const Outcome version = RunShell("$CTL --version");
  EXPECT_EQ(version.code, 0);
  EXPECT_EQ(LinesIn(version.out), 1u);
}

TEST(RafthttpctlTest, WhatCannotBeMeantIsAUsageError) {
  for (const char* arguments :
       {"$CTL",
        "$CTL nonsense",
        "$CTL dial",
        "$CTL dial ftp://x:1",
        "$CTL dial http://x",
        "$CTL dial http://x:1/",
        "$CTL members",
        "$CTL members --endpoints a:1 http://x:1",
        "$CTL members --endpoints nonsense",
        "$CTL --timeout x members http://x:1",
        "$CTL dial http://x:1 --id zz",
        "$CTL dial http://x:1 --stream message",
        "$CTL dial http://x:1 --stream both --id 1",
        "$CTL tail",
        "$CTL tail --learner",
        "$CTL tail --stream http://x:1",
        "$CTL tail --learner --stream http://x:1",
        "$CTL tail --learner --endpoints a:1 --type Nonsense",
        "$CTL tail --learner --endpoints a:1 --count 0",
        "$CTL members --endpoints a:1 --cacert /no/such/file",
        "$CTL decode /no/such/file",
        "$CTL demo --members 1",
        "$CTL demo --members 2",
        "$CTL decode --format x",
        "echo zz | $CTL decode --format hex",
        "$CTL send",
        "$CTL send http://x:1 --to 2",
        "$CTL send http://x:1 --from 1 --to 2 --type Nonsense",
        "$CTL send http://x:1 --from 1 --to 2 --rate 0",
        "$CTL send http://x:1 -d @/no/such/file",
        "$CTL send http://x:1 -d {",
        "$CTL -w xml members http://x:1"}) {
    const Outcome outcome = RunShell(arguments);
    EXPECT_EQ(outcome.code, 2) << arguments << "\n" << outcome.err;
    EXPECT_THAT(outcome.out, IsEmpty()) << arguments;
    EXPECT_GE(LinesIn(outcome.err), 1u) << arguments;
    EXPECT_LE(LinesIn(outcome.err), 6u) << arguments << "\n" << outcome.err;
  }
}

// Port 1 of an address of our own, on which nothing listens.
TEST(RafthttpctlTest, WhatIsNotThereIsNotReached) {
  for (const char* arguments :
       {"$CTL dial http://127.114.7.7:1", "$CTL members http://127.114.7.7:1",
        "$CTL members --endpoints 127.114.7.7:1 --dial-timeout 2s",
        "$CTL tail --stream http://127.114.7.7:1 --id 1",
        "$CTL tail --learner --endpoints 127.114.7.7:1 --dial-timeout 1ms"}) {
    const Outcome outcome = RunShell(arguments);
    EXPECT_EQ(outcome.code, 3) << arguments << "\n" << outcome.err;
    EXPECT_EQ(LinesIn(outcome.err), 1u) << arguments << "\n" << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("127.114.7.7:1")) << arguments;
  }
}

TEST(RafthttpctlTest, TlsToPeersIsRefused) {
  for (const char* arguments :
       {"$CTL dial https://127.0.0.1:1", "$CTL members https://127.0.0.1:1",
        "$CTL tail --stream https://127.0.0.1:1 --id 1"}) {
    const Outcome outcome = RunShell(arguments);
    EXPECT_EQ(outcome.code, 4) << arguments;
    EXPECT_EQ(LinesIn(outcome.err), 1u) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("no TLS to peers"));
  }
}

TEST(RafthttpctlTest, DecodesFromAPipe) {
  const Outcome json =
      RunShell(absl::StrCat("echo ", kMessage, " | $CTL decode"));
  EXPECT_EQ(json.code, 0) << json.err;
  EXPECT_EQ(LinesIn(json.out), 1u);
  EXPECT_THAT(json.out, HasSubstr(R"("type":"MsgApp","term":2)"));
  const Outcome text =
      RunShell(absl::StrCat("echo ", kMessage, " | $CTL -w text decode -"));
  EXPECT_EQ(text.code, 0);
  EXPECT_EQ(LinesIn(text.out), 2u);
  const Outcome again = RunShell(absl::StrCat(
      "echo ", kMessage, " | $CTL decode --payload base64 | $CTL decode"));
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_THAT(again.out, HasSubstr(R"("type":"MsgApp","term":2)"));
  const Outcome nothing = RunShell("$CTL decode </dev/null");
  EXPECT_EQ(nothing.code, 0);
  EXPECT_THAT(nothing.out, IsEmpty());
}

TEST(RafthttpctlTest, DemoLosesALeaderAndNothingElse) {
  const Outcome demo = RunShell(
      "export TMPDIR=$(mktemp -d) && "
      "$CTL demo --duration 1s --rate 50 -w json && rmdir $TMPDIR");
  EXPECT_EQ(demo.code, 0) << demo.err;
  for (const char* text :
       {R"("type":"MsgVote")", R"("op":{"kind":"put","key":"demo/key1")",
        R"("event":"leader_changed")", R"("reason":"killed")",
        R"("reason":"restarted")", R"("event":"cluster_summary")",
        R"("unexplained":0})", R"("event":"summary")"}) {
    EXPECT_THAT(demo.out, HasSubstr(text));
  }
}

TEST(RafthttpctlTest, DemoLeavesNothingWhenItIsInterrupted) {
  // At several moments, the first before there is a leader.
  for (const char* seconds : {"0.1", "1", "1.7"}) {
    const Outcome demo = RunShell(absl::StrCat(
        "export TMPDIR=$(mktemp -d) && timeout --preserve-status -s INT ",
        seconds, " $CTL demo --duration 2s -w json && rmdir $TMPDIR"));
    EXPECT_EQ(demo.code, 0) << seconds << demo.err;
  }
}

TEST(RafthttpctlTest, AFullDiskIsAnErrorAndAClosedPipeIsNone) {
  const Outcome full =
      RunShell(absl::StrCat("echo ", kMessage, " | $CTL decode >/dev/full"));
  EXPECT_EQ(full.code, 1);
  EXPECT_EQ(LinesIn(full.err), 1u) << full.err;
  EXPECT_THAT(full.err, HasSubstr("No space left"));
  const Outcome closed = RunShell(
      absl::StrCat("{ yes ", kMessage,
                   " | head -n 100000 | { $CTL decode; echo $? >&2; } | head "
                   "-n 1; }"));
  EXPECT_EQ(closed.err, "0\n");
  EXPECT_EQ(LinesIn(closed.out), 1u);
}

}  // namespace
}  // namespace rafthttpctl
