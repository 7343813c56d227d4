#include "rafthttp/http1/framing.h"

#include <cstdint>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "rafthttp/http1/headers.h"
#include "rafthttp/http1/http_error.h"

namespace rafthttp::http1 {
namespace {

using Kind = Framing::Kind;

constexpr Framing kNone = {.kind = Kind::kNone};
constexpr Framing kChunked = {.kind = Kind::kChunked};
constexpr Framing kUntilClose = {.kind = Kind::kUntilClose};
constexpr Framing Length(uint64_t n) {
  return {.kind = Kind::kContentLength, .content_length = n};
}

TEST(FramingTest, ResponsesByTheirHeaders) {
  EXPECT_EQ(*ResponseFraming(200, 1, {{"transfer-encoding", "Chunked"}}, false),
            kChunked);
  EXPECT_EQ(*ResponseFraming(200, 1, {{"Content-Length", "0"}}, false),
            Length(0));
  EXPECT_EQ(*ResponseFraming(404, 0, {{"Content-Length", "0019"}}, false),
            Length(19));
  EXPECT_EQ(*ResponseFraming(200, 1, {}, false), kUntilClose);
}

TEST(FramingTest, ResponsesWithoutBodyWhateverTheySay) {
  for (int status : {100, 103, 199, 204, 304}) {
    EXPECT_EQ(*ResponseFraming(status, 1, {{"Content-Length", "5"}}, false),
              kNone)
        << status;
  }
  EXPECT_EQ(*ResponseFraming(200, 1, {{"Content-Length", "5"}}, true), kNone);
}

TEST(FramingTest, RequestsWithoutHeadersHaveNoBody) {
  EXPECT_EQ(*RequestFraming(1, {}), kNone);
  EXPECT_EQ(*RequestFraming(1, {{"Content-Length", "3"}}), Length(3));
  EXPECT_EQ(*RequestFraming(1, {{"Transfer-Encoding", "chunked"}}), kChunked);
}

TEST(FramingTest, WhatTwoReadersCouldReadDifferentlyIsRefused) {
  const Headers kBad[] = {
      {{"Content-Length", "5"}, {"Transfer-Encoding", "chunked"}},
      {{"Content-Length", "5"}, {"Content-Length", "6"}},
      {{"Content-Length", "5"}, {"content-length", "5"}},
      {{"Content-Length", "5, 5"}},
      {{"Content-Length", "+5"}},
      {{"Content-Length", "-1"}},
      {{"Content-Length", "0x5"}},
      {{"Content-Length", "5 "}},
      {{"Content-Length", ""}},
      {{"Content-Length", "9223372036854775808"}},   // 2^63
      {{"Content-Length", "18446744073709551616"}},  // 2^64
      {{"Content-Length", "99999999999999999999999"}},
      {{"Transfer-Encoding", "gzip"}},
      {{"Transfer-Encoding", "gzip, chunked"}},
      {{"Transfer-Encoding", "chunked, chunked"}},
      {{"Transfer-Encoding", ""}},
      {{"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}},
  };
  for (const Headers& headers : kBad) {
    const auto response = ResponseFraming(200, 1, headers, false);
    ASSERT_FALSE(response.ok()) << headers.begin()->value;
    EXPECT_EQ(HttpErrorOf(response.status()), HttpError::kBadFraming);
    EXPECT_FALSE(RequestFraming(1, headers).ok());
    // Also where there is no body: the sender is not to be trusted.
    EXPECT_FALSE(ResponseFraming(204, 1, headers, false).ok());
  }
  EXPECT_TRUE(ResponseFraming(
                  200, 1, {{"Content-Length", "9223372036854775807"}}, false)
                  .ok());
  EXPECT_FALSE(
      ResponseFraming(200, 0, {{"Transfer-Encoding", "chunked"}}, false).ok());
}

TEST(FramingTest, KeepAlive) {
  EXPECT_TRUE(IsKeepAlive(1, {}));
  EXPECT_FALSE(IsKeepAlive(0, {}));
  EXPECT_FALSE(IsKeepAlive(1, {{"Connection", "foo, Close"}}));
  EXPECT_TRUE(IsKeepAlive(0, {{"Connection", "Keep-Alive"}}));
  EXPECT_FALSE(IsKeepAlive(0, {{"Connection", "keep-alive, close"}}));
}

}  // namespace
}  // namespace rafthttp::http1
