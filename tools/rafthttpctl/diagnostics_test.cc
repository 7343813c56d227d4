#include "tools/rafthttpctl/diagnostics.h"

#include <string>

#include "absl/status/status.h"
#include "gtest/gtest.h"

namespace rafthttpctl {
namespace {

TEST(OneLineTest, KeepsWhatIsText) {
  for (const char* text :
       {"", "a", "failed: \"x\" is no y; try --z\\n",
        "caf\xc3\xa9 \xe2\x82\xac", "\xe2\x82\xac", "\xf0\x9f\x98\x80!"}) {
    EXPECT_EQ(OneLine(text), text);
  }
}

TEST(OneLineTest, NothingCommandsTheTerminalOrEndsTheLine) {
  EXPECT_EQ(OneLine("a\nb\r\tc\x1b[2J\x7f"), "a b  c [2J ");
  // The second set of controls, a mark that turns text, and no UTF-8 at all.
  EXPECT_EQ(OneLine("a\xc2\x9b"
                    "b")
                .find('\xc2'),
            std::string::npos);
  EXPECT_EQ(OneLine("a\xe2\x80\xae"
                    "b")
                .find('\xe2'),
            std::string::npos);
  EXPECT_EQ(OneLine("a\xff"
                    "b")
                .find('\xff'),
            std::string::npos);
  const std::string cut = OneLine("\xe2\x82");
  EXPECT_EQ(cut.find('\xe2'), std::string::npos);
  const std::string with_nul = OneLine(absl::string_view("a\0b", 3));
  EXPECT_EQ(with_nul, "a b");
}

TEST(FailTest, SaysWhatFailedInOneLine) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(Fail(absl::UnavailableError("x:1: connection\nrefused")),
            ExitCode::kUnreachable);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "rafthttpctl: x:1: connection refused\n");
  testing::internal::CaptureStderr();
  EXPECT_EQ(FailForTlsPeer("https://x:1"), ExitCode::kTlsOrAuth);
  EXPECT_EQ(testing::internal::GetCapturedStderr().find(
                "rafthttpctl: https://x:1: this build speaks no TLS to peers"),
            0u);
}

}  // namespace
}  // namespace rafthttpctl
