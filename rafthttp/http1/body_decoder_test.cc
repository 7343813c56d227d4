#include "rafthttp/http1/body_decoder.h"

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "rafthttp/http1/framing.h"
#include "rafthttp/http1/limits.h"
#include "rafthttp/http1/testing/splits.h"

namespace rafthttp::http1 {
namespace {

using Kind = Framing::Kind;

void ExpectDecodes(const Framing& framing, const std::string& bytes,
                   const std::string& data, const std::string& surplus,
                   bool is_done, bool is_whole_at_close) {
  ForEachSplit(bytes, [&](const std::vector<std::string>& pieces) {
    BodyDecoder decoder(framing, Limits());
    std::string got;
    std::string left;
    for (const std::string& piece : pieces) {
      absl::string_view input = piece;
      while (true) {
        const auto span = decoder.Next(input);
        ASSERT_TRUE(span.ok()) << span.status();
        if (span->empty()) break;
        absl::StrAppend(&got, *span);
      }
      absl::StrAppend(&left, input);
    }
    EXPECT_EQ(got, data);
    EXPECT_EQ(left, surplus);
    EXPECT_EQ(decoder.is_done(), is_done);
    EXPECT_EQ(decoder.is_whole_at_close(), is_whole_at_close);
  });
}

TEST(BodyDecoderTest, NoBody) {
  ExpectDecodes({.kind = Kind::kNone}, "abc", "", "abc", true, true);
}

TEST(BodyDecoderTest, ByLength) {
  const Framing three = {.kind = Kind::kContentLength, .content_length = 3};
  ExpectDecodes(three, "abcde", "abc", "de", true, true);
  ExpectDecodes(three, "abc", "abc", "", true, true);
  ExpectDecodes(three, "ab", "ab", "", false, false);
  EXPECT_TRUE(BodyDecoder({.kind = Kind::kContentLength}, Limits()).is_done());
}

TEST(BodyDecoderTest, Chunked) {
  const Framing chunked = {.kind = Kind::kChunked};
  ExpectDecodes(chunked, "2\r\nab\r\n0\r\n\r\nx", "ab", "x", true, true);
  ExpectDecodes(chunked, "2\r\nab\r\n", "ab", "", false, false);
}

TEST(BodyDecoderTest, UntilClose) {
  ExpectDecodes({.kind = Kind::kUntilClose}, "ab", "ab", "", false, true);
}

}  // namespace
}  // namespace rafthttp::http1
