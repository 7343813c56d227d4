#include "tools/etcdpb/terminal_text.h"

#include <string>

#include "gtest/gtest.h"

namespace rafthttpctl {
namespace {

TEST(IsUtf8Test, TakesWhatIsWellFormed) {
  EXPECT_TRUE(IsUtf8(""));
  EXPECT_TRUE(IsUtf8(absl::string_view("a\0b", 3)));
  EXPECT_TRUE(IsUtf8("h\u00e9\u20ac\U0001f600"));
  EXPECT_TRUE(IsUtf8("\xf4\x8f\xbf\xbf"));  // U+10FFFF
}

TEST(IsUtf8Test, RefusesWhatIsNot) {
  for (const char* text : {
           "\x80",              // no lead
           "\xc3",              // cut
           "\xe2\x82",          // cut
           "\xc3\x28",          // no continuation
           "\xc0\x80",          // overlong
           "\xe0\x80\x80",      // overlong
           "\xf0\x80\x80\x80",  // overlong
           "\xed\xa0\x80",      // surrogate
           "\xf4\x90\x80\x80",  // beyond U+10FFFF
           "\xf8\x88\x80\x80\x80",
           "\xff",
       }) {
    EXPECT_FALSE(IsUtf8(text)) << Quoted(text, 100);
  }
}

TEST(QuotedTest, EscapesWhatATerminalWouldObey) {
  EXPECT_EQ(Quoted("a b", 40), R"("a b")");
  EXPECT_EQ(Quoted("\"\\", 40), R"("\"\\")");
  EXPECT_EQ(Quoted("\n\r\t", 40), R"("\n\r\t")");
  EXPECT_EQ(Quoted("\x1b[2J\x7f", 40), R"("\x1b[2J\x7f")");
  EXPECT_EQ(Quoted(absl::string_view("\0", 1), 40), R"("\x00")");
  EXPECT_EQ(Quoted("\u009b31m", 40), R"("\u009b31m")");  // C1's CSI
  EXPECT_EQ(Quoted("\u202e\u200b\ufeff", 40), R"("\u202e\u200b\ufeff")");
  EXPECT_EQ(Quoted("\U000e0041", 40), R"("\U000e0041")");
  EXPECT_EQ(Quoted("\xffh\u00e9\xc3", 40), "\"\\xffh\u00e9\\xc3\"");
}

TEST(QuotedTest, CutsByWidthNotByBytes) {
  EXPECT_EQ(Quoted("\u20ac\u20ac\u20ac", 3), "\"\u20ac\u20ac\u20ac\"");
  EXPECT_EQ(Quoted("\u20ac\u20ac\u20ac", 2),
            "\"\u20ac\u20ac\u2026\" (9 bytes)");
  // An escape takes the room that it takes on the terminal.
  EXPECT_EQ(Quoted("\xff\xff\xff", 8), "\"\\xff\\xff\u2026\" (3 bytes)");
  EXPECT_EQ(Quoted(std::string(1000, 'a'), 2), "\"aa\u2026\" (1000 bytes)");
}

TEST(MaybeQuotedTest, QuotesWhereTheEndWouldBeUnclear) {
  EXPECT_EQ(MaybeQuoted("foo/b\u00e9-1", 20), "foo/b\u00e9-1");
  EXPECT_EQ(MaybeQuoted("", 20), R"("")");
  EXPECT_EQ(MaybeQuoted("a b", 20), R"("a b")");
  EXPECT_EQ(MaybeQuoted("a..b", 20), R"("a..b")");
  EXPECT_EQ(MaybeQuoted("a=b", 20), R"("a=b")");
  EXPECT_EQ(MaybeQuoted("\x1b", 20), R"("\x1b")");
  EXPECT_EQ(MaybeQuoted("abc", 2), "\"ab\u2026\" (3 bytes)");
}

}  // namespace
}  // namespace rafthttpctl
