#include "rafthttp/http1/message_writer.h"

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "rafthttp/http1/head.h"
#include "rafthttp/http1/head_parser.h"
#include "rafthttp/http1/headers.h"
#include "rafthttp/http1/limits.h"
#include "rafthttp/http1/request.h"
#include "rafthttp/http1/url.h"

namespace rafthttp::http1 {
namespace {

using std::literals::operator""s;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST(MessageWriterTest, Heads) {
  EXPECT_EQ(*WriteRequestHead("GET", "/version", {{"Host", "a:1"}, {"B", ""}}),
            "GET /version HTTP/1.1\r\nHost: a:1\r\nB: \r\n\r\n");
  EXPECT_EQ(*WriteResponseHead(204, "No Content", {}),
            "HTTP/1.1 204 No Content\r\n\r\n");
}

TEST(MessageWriterTest, WhatItWritesIsReadBack) {
  const Headers headers = {{"X-PeerURLs", "http://a:1,http://b:2"},
                           {"Content-Length", "12"}};
  HeadParser requests(HeadParser::Kind::kRequest, Limits());
  ASSERT_TRUE(
      requests.Consume(*WriteRequestHead("POST", "/raft?a=b", headers)).ok());
  const RequestHead request = requests.TakeRequest();
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/raft?a=b");
  EXPECT_EQ(request.headers.Get("x-peerurls"), "http://a:1,http://b:2");
  EXPECT_EQ(request.framing.content_length, 12u);

  HeadParser responses(HeadParser::Kind::kResponse, Limits());
  ASSERT_TRUE(responses.Consume(*WriteResponseHead(412, "No", headers)).ok());
  EXPECT_EQ(responses.TakeResponse().status, 412);
}

TEST(MessageWriterTest, RefusesWhatWouldReadDifferently) {
  for (const std::string& method : {""s, "G T"s, "GET\r\n"s}) {
    EXPECT_EQ(WriteRequestHead(method, "/", {}).status().code(), kInvalid);
  }
  for (const std::string& target :
       {""s, "/a b"s, "/\r\nX: y"s, "/\0"s, "/\x7f"s, "/\xff"s}) {
    EXPECT_EQ(WriteRequestHead("GET", target, {}).status().code(), kInvalid);
  }
  EXPECT_EQ(WriteRequestHead("GET", "/", {{"A", "b\r\nC: d"}}).status().code(),
            kInvalid);
  EXPECT_EQ(WriteRequestHead("GET", "/", {{"A:", "b"}}).status().code(),
            kInvalid);
  EXPECT_EQ(WriteRequestHead(
                "POST", "/",
                {{"Content-Length", "1"}, {"Transfer-Encoding", "chunked"}})
                .status()
                .code(),
            kInvalid);
  EXPECT_EQ(WriteResponseHead(99, "", {}).status().code(), kInvalid);
  EXPECT_EQ(WriteResponseHead(1000, "", {}).status().code(), kInvalid);
  EXPECT_EQ(WriteResponseHead(200, "O\nK", {}).status().code(), kInvalid);
}

TEST(RequestHeadBytesTest, AddsHostAndLength) {
  const Url url = *ParseUrl("http://[fe80::1%25eth0]:2380/raft");
  EXPECT_EQ(*RequestHeadBytes({.method = "POST", .url = url, .body = "abc"}),
            "POST /raft HTTP/1.1\r\nHost: [fe80::1]:2380\r\n"
            "Content-Length: 3\r\n\r\n");
  EXPECT_EQ(*RequestHeadBytes({.method = "POST", .url = url}),
            "POST /raft HTTP/1.1\r\nHost: [fe80::1]:2380\r\n"
            "Content-Length: 0\r\n\r\n");
  EXPECT_EQ(*RequestHeadBytes(
                {.url = url.WithTarget(""), .headers = {{"host", "h"}}}),
            "GET / HTTP/1.1\r\nhost: h\r\n\r\n");
  EXPECT_EQ(RequestHeadBytes({.url = url, .headers = {{"content-length", "3"}}})
                .status()
                .code(),
            kInvalid);
}

}  // namespace
}  // namespace rafthttp::http1
