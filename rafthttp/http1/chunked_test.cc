#include "rafthttp/http1/chunked.h"

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "rafthttp/http1/http_error.h"
#include "rafthttp/http1/limits.h"
#include "rafthttp/http1/testing/splits.h"

namespace rafthttp::http1 {
namespace {

using std::literals::operator""s;

struct Decoded {
  std::string data;
  std::string surplus;
  bool is_done = false;
};

absl::StatusOr<Decoded> Decode(const std::vector<std::string>& pieces,
                               const Limits& limits = {}) {
  ChunkDecoder decoder(limits);
  Decoded decoded;
  for (const std::string& piece : pieces) {
    absl::string_view input = piece;
    while (true) {
      const auto span = decoder.Next(input);
      if (!span.ok()) {
        // The error stays.
        EXPECT_EQ(decoder.Next(input).status(), span.status());
        return span.status();
      }
      if (span->empty()) break;
      // A span of the input, not a copy.
      EXPECT_GE(span->data(), piece.data());
      EXPECT_LE(span->data() + span->size(), piece.data() + piece.size());
      absl::StrAppend(&decoded.data, *span);
    }
    EXPECT_TRUE(decoder.is_done() || input.empty());
    absl::StrAppend(&decoded.surplus, input);
  }
  decoded.is_done = decoder.is_done();
  return decoded;
}

void ExpectDecodes(const std::string& body, const std::string& data,
                   const std::string& surplus = "") {
  ForEachSplit(body + surplus, [&](const std::vector<std::string>& pieces) {
    const auto decoded = Decode(pieces);
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_EQ(decoded->data, data);
    EXPECT_EQ(decoded->surplus, surplus);
    EXPECT_TRUE(decoded->is_done);
  });
}

void ExpectError(const std::string& body, HttpError error,
                 const Limits& limits = {}) {
  ForEachSplit(body, [&](const std::vector<std::string>& pieces) {
    const auto decoded = Decode(pieces, limits);
    ASSERT_FALSE(decoded.ok()) << body;
    EXPECT_EQ(HttpErrorOf(decoded.status()), error) << decoded.status();
  });
}

TEST(ChunkDecoderTest, JoinsChunks) {
  ExpectDecodes("4\r\nWiki\r\n6\r\npedia \r\n0A\r\nin chunks.\r\n0\r\n\r\n",
                "Wikipedia in chunks.");
  ExpectDecodes("0\r\n\r\n", "");
  ExpectDecodes("1\r\n\0\r\n0\r\n\r\n"s, "\0"s);
  ExpectDecodes("000000000000000a\r\n\r\n0\r\n\r\n\r\n\n\r\n0000\r\n\r\n",
                "\r\n0\r\n\r\n\r\n\n");
}

TEST(ChunkDecoderTest, LeavesWhatFollows) {
  ExpectDecodes("1\r\nx\r\n0\r\n\r\n", "x", "HTTP/1.1 200 OK\r\n");
  ExpectDecodes("0\r\n\r\n", "", "\r\n");
}

TEST(ChunkDecoderTest, SkipsExtensionsAndTrailers) {
  ExpectDecodes("3;a=b;c=\"d e\"\r\nabc\r\n0;x\r\nT: 1\r\nU: 2\r\n\r\n", "abc",
                "surplus");
  ExpectDecodes("1;\r\nx\r\n0\r\n\r\n", "x");
}

TEST(ChunkDecoderTest, WithoutTheFinalChunkItIsNotDone) {
  const std::string body = "2\r\nab\r\n0\r\n\r\n";
  for (size_t size = 0; size < body.size(); ++size) {
    const auto decoded = Decode({body.substr(0, size)});
    ASSERT_TRUE(decoded.ok());
    EXPECT_FALSE(decoded->is_done) << size;
  }
}

TEST(ChunkDecoderTest, MalformedBodiesAreRefused) {
  for (const std::string& body : {
           "\r\n"s,
           "x\r\n"s,
           "-1\r\n"s,
           "+1\r\n"s,
           " 1\r\n"s,
           "1 \r\nx\r\n"s,
           "0x1\r\nx\r\n"s,
           ";\r\n"s,
           "1\nx\r\n"s,
           "1\rx"s,
           "1\r\nxy\r\n"s,
           "1\r\nx\n"s,
           "1\r\nx\ry"s,
           "1\r\nx0\r\n\r\n"s,
           "1;a\nx\r\n"s,
           "1;\0\r\nx\r\n"s,
           "0\r\n\n"s,
           "0\r\n\rx"s,
           "0\r\nT: 1\n"s,
           "0\r\nT: \0\r\n\r\n"s,
           "0\r\n\0"s,
           "0\r\n\x01 1\r\n\r\n"s,
           "\x15\x03\x01\x00\x02"s,
       }) {
    ExpectError(body, HttpError::kMalformed);
  }
}

TEST(ChunkDecoderTest, SizesBeyondReasonAreRefused) {
  ExpectError("10000000000000000\r\n", HttpError::kTooLarge);  // 2^64
  ExpectError("ffffffffffffffff\r\n", HttpError::kTooLarge);
  ExpectError("8000000000000000\r\n", HttpError::kTooLarge);
  ExpectError("40000001\r\n", HttpError::kTooLarge);
  ExpectError("00000000000000001\r\n", HttpError::kTooLarge);  // 17 digits
  // Just at the limit: announced, and then waited for.
  const auto decoded = Decode({"40000000\r\nab"});
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->data, "ab");
}

TEST(ChunkDecoderTest, ExtensionsAndTrailersAreBounded) {
  Limits limits;
  limits.chunk_extension_bytes_max = 3;
  limits.trailer_bytes_max = 10;
  ASSERT_TRUE(
      Decode({"1;abc\r\nx\r\n0;abc\r\nT: abc\r\n\r\n"}, limits)->is_done);
  ExpectError("1;abcd\r\nx\r\n", HttpError::kTooLarge, limits);
  ExpectError("0\r\nT: abcd\r\n\r\n", HttpError::kTooLarge, limits);
  ExpectError("0\r\nA:\r\nB:\r\n\r\n\r\n"s.insert(3, "A:\r\n"),
              HttpError::kTooLarge, limits);
}

std::string Join(absl::Span<const absl::string_view> buffers) {
  std::string joined;
  for (absl::string_view buffer : buffers) absl::StrAppend(&joined, buffer);
  return joined;
}

TEST(ChunkEncoderTest, OneChunkOfManyPieces) {
  ChunkEncoder encoder;
  const std::string piece(11, 'x');
  encoder.Add("abcde");
  encoder.Add("");
  encoder.Add(piece);
  EXPECT_EQ(encoder.data_bytes(), 16u);
  const auto buffers = encoder.Finish();
  EXPECT_EQ(Join(buffers), "10\r\nabcde" + piece + "\r\n");
  ASSERT_EQ(buffers.size(), 4u);
  EXPECT_EQ(buffers[2].data(), piece.data());  // referenced, not copied
}

TEST(ChunkEncoderTest, NothingIsNotAChunk) {
  ChunkEncoder encoder;
  EXPECT_TRUE(encoder.Finish().empty());
  encoder.Clear();
  encoder.Add("");
  EXPECT_TRUE(encoder.Finish().empty());
}

TEST(ChunkEncoderTest, SizesAreExact) {
  std::string body;
  std::string data;
  ChunkEncoder encoder;
  for (size_t size : {1, 9, 15, 16, 17, 255, 256, 4095, 4096, 70000}) {
    const std::string piece(size, static_cast<char>('a' + size % 26));
    encoder.Clear();
    encoder.Add(piece);
    body += Join(encoder.Finish());
    data += piece;
  }
  body += std::string(ChunkEncoder::kFinalChunk);
  const auto decoded = Decode({body});
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_TRUE(decoded->is_done);
  EXPECT_EQ(decoded->data, data);
  EXPECT_EQ(decoded->surplus, "");
}

}  // namespace
}  // namespace rafthttp::http1
