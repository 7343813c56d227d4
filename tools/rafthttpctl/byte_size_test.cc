#include "tools/rafthttpctl/byte_size.h"

#include "gtest/gtest.h"

namespace rafthttpctl {
namespace {

TEST(ByteSizeTest, Reads) {
  EXPECT_EQ(*ParseByteSize("1"), 1u);
  EXPECT_EQ(*ParseByteSize("50MiB"), 50u << 20);
  EXPECT_EQ(*ParseByteSize("50 mib/s"), 50u << 20);
  EXPECT_EQ(*ParseByteSize("1.5GiB"), 3u << 29);
  EXPECT_EQ(*ParseByteSize("500KB"), 500000u);
  EXPECT_EQ(*ParseByteSize("2k"), 2048u);
  EXPECT_EQ(*ParseByteSize("7B"), 7u);
  for (const char* text : {"", "0", "-1", "MiB", "nan", "inf", "1 2", "1XiB",
                           "0.1", "1e30", "+5"}) {
    EXPECT_FALSE(ParseByteSize(text).ok()) << text;
  }
}

TEST(ByteSizeTest, Writes) {
  EXPECT_EQ(FormatByteSize(0), "0 B");
  EXPECT_EQ(FormatByteSize(1023), "1023 B");
  EXPECT_EQ(FormatByteSize(1024), "1.00 KiB");
  EXPECT_EQ(FormatByteSize(1536 << 10), "1.50 MiB");
  EXPECT_EQ(FormatByteSize(230u << 20), "230 MiB");
  EXPECT_EQ(FormatByteSize((1u << 30) - 1), "1.00 GiB");
  EXPECT_EQ(FormatByteSize(~uint64_t{0}), "16.0 EiB");
}

}  // namespace
}  // namespace rafthttpctl
