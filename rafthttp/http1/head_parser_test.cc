#include "rafthttp/http1/head_parser.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "rafthttp/http1/framing.h"
#include "rafthttp/http1/head.h"
#include "rafthttp/http1/headers.h"
#include "rafthttp/http1/http_error.h"
#include "rafthttp/http1/limits.h"
#include "rafthttp/http1/testing/splits.h"

namespace rafthttp::http1 {
namespace {

using std::literals::operator""s;
using Kind = HeadParser::Kind;

// Feeds `pieces` one after the other; the sum of what was taken, or the error.
absl::StatusOr<size_t> Feed(HeadParser& parser,
                            const std::vector<std::string>& pieces) {
  size_t sum = 0;
  for (const std::string& piece : pieces) {
    const absl::StatusOr<size_t> taken = parser.Consume(piece);
    if (!taken.ok()) return taken.status();
    sum += *taken;
    EXPECT_TRUE(parser.is_done() || *taken == piece.size());
  }
  return sum;
}

// The response in `bytes`, of which all but `surplus` are its head.
ResponseHead ParseResponse(const std::string& head,
                           const std::string& surplus = "") {
  ResponseHead result;
  ForEachSplit(head + surplus, [&](const std::vector<std::string>& pieces) {
    HeadParser parser(Kind::kResponse, Limits());
    const auto taken = Feed(parser, pieces);
    ASSERT_TRUE(taken.ok()) << taken.status();
    ASSERT_TRUE(parser.is_done());
    EXPECT_EQ(*taken, head.size());
    EXPECT_EQ(parser.head_bytes(), head.size());
    result = parser.TakeResponse();
  });
  return result;
}

void ExpectError(Kind kind, const std::string& bytes, HttpError error,
                 absl::string_view text = "", const Limits& limits = {}) {
  ForEachSplit(bytes, [&](const std::vector<std::string>& pieces) {
    HeadParser parser(kind, limits);
    const auto taken = Feed(parser, pieces);
    ASSERT_FALSE(taken.ok()) << bytes;
    EXPECT_EQ(HttpErrorOf(taken.status()), error)
        << bytes << ": " << taken.status();
    EXPECT_FALSE(parser.is_done());
    if (pieces.size() == 1) {
      EXPECT_TRUE(absl::StrContains(taken.status().message(), text))
          << taken.status();
    }
  });
}

TEST(HeadParserTest, AStreamsAnswerByEtcd) {
  const ResponseHead head = ParseResponse(
      "HTTP/1.1 200 OK\r\n"
      "X-Etcd-Cluster-Id: cdf818194e3a8c32\r\n"
      "X-Server-Version:3.4.23 \t\r\n"
      "Date: Sat, 22 Nov 2025 08:10:49 GMT\r\n"
      "Transfer-Encoding: chunked\r\n"
      "\r\n",
      "1\r\n\0\r\n"s);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.reason, "OK");
  EXPECT_EQ(head.minor_version, 1);
  EXPECT_EQ(head.headers.size(), 4u);
  EXPECT_EQ(head.headers.Get("X-Etcd-Cluster-ID"), "cdf818194e3a8c32");
  EXPECT_EQ(head.headers.Get("X-Server-Version"), "3.4.23");
  EXPECT_EQ(head.framing.kind, Framing::Kind::kChunked);
}

TEST(HeadParserTest, ShortAndOddResponses) {
  EXPECT_EQ(ParseResponse("HTTP/1.1 204 No Content\r\n\r\n", "HTTP").status,
            204);
  EXPECT_EQ(ParseResponse("HTTP/1.0 404 \r\n\r\n").reason, "");
  EXPECT_EQ(ParseResponse("HTTP/1.0 404\r\n\r\n").minor_version, 0);
  EXPECT_EQ(ParseResponse("HTTP/1.1 404 Not  Found\r\n\r\n").reason,
            "Not  Found");
  const ResponseHead empty_value =
      ParseResponse("HTTP/1.1 200 OK\r\nA:\r\nB: \r\nC: x y\r\n\r\n");
  EXPECT_EQ(empty_value.headers.Get("a"), "");
  EXPECT_EQ(empty_value.headers.Get("b"), "");
  EXPECT_EQ(empty_value.headers.Get("c"), "x y");
  EXPECT_EQ(empty_value.framing.kind, Framing::Kind::kUntilClose);
}

TEST(HeadParserTest, UpgradeAndConnectAreJustWords) {
  const ResponseHead head = ParseResponse(
      "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
      "\0\0"s);
  EXPECT_EQ(head.status, 101);
  EXPECT_EQ(head.headers.Get("upgrade"), "h2c");
}

TEST(HeadParserTest, ARequestByEtcd) {
  const std::string bytes =
      "GET /raft/stream/msgapp/8e9e05c52164694d HTTP/1.1\r\n"
      "Host: 127.0.0.1:2380\r\n"
      "User-Agent: Go-http-client/1.1\r\n"
      "X-Raft-To: 91bc3c398fb3c146\r\n"
      "Accept-Encoding: gzip\r\n\r\n";
  ForEachSplit(bytes + "GET /", [&](const std::vector<std::string>& pieces) {
    HeadParser parser(Kind::kRequest, Limits());
    const auto taken = Feed(parser, pieces);
    ASSERT_TRUE(taken.ok()) << taken.status();
    EXPECT_EQ(*taken, bytes.size());
    const RequestHead head = parser.TakeRequest();
    EXPECT_EQ(head.method, "GET");
    EXPECT_EQ(head.target, "/raft/stream/msgapp/8e9e05c52164694d");
    EXPECT_EQ(head.headers.Get("x-raft-to"), "91bc3c398fb3c146");
    EXPECT_EQ(head.headers.size(), 4u);
    EXPECT_EQ(head.framing.kind, Framing::Kind::kNone);
  });
}

TEST(HeadParserTest, RequestsFraming) {
  const auto framing = [](absl::string_view headers) {
    HeadParser parser(Kind::kRequest, Limits());
    EXPECT_TRUE(
        parser.Consume(absl::StrCat("POST /raft HTTP/1.1\r\n", headers, "\r\n"))
            .ok());
    return parser.TakeRequest().framing;
  };
  EXPECT_EQ(framing("Content-Length: 7\r\n").content_length, 7u);
  EXPECT_EQ(framing("Transfer-Encoding: chunked\r\n").kind,
            Framing::Kind::kChunked);
  EXPECT_EQ(framing("").kind, Framing::Kind::kNone);
}

TEST(HeadParserTest, ResetMakesItReadyForTheNext) {
  HeadParser parser(Kind::kResponse, Limits());
  ASSERT_TRUE(parser.Consume("HTTP/1.1 100 Continue\r\nA: b\r\n\r\n").ok());
  EXPECT_EQ(parser.TakeResponse().framing.kind, Framing::Kind::kNone);
  parser.Reset(/*answers_head_request=*/true);
  EXPECT_FALSE(parser.is_done());
  ASSERT_TRUE(
      parser.Consume("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n").ok());
  const ResponseHead head = parser.TakeResponse();
  EXPECT_EQ(head.framing.kind, Framing::Kind::kNone);
  EXPECT_EQ(head.headers.size(), 1u);
  EXPECT_EQ(*parser.Consume("more"), 0u);
}

TEST(HeadParserTest, SomethingElseThanHttpIsNamed) {
  ExpectError(Kind::kResponse, "\x15\x03\x01\x00\x02\x02\x46"s,
              HttpError::kLooksLikeTls, "looks like TLS");
  ExpectError(Kind::kRequest, "\x16\x03\x01\x02\x00\x01"s,
              HttpError::kLooksLikeTls, "looks like TLS");
  ExpectError(Kind::kResponse, "SSH-2.0-OpenSSH_9.2p1\r\n", HttpError::kNotHttp,
              "SSH");
  ExpectError(Kind::kResponse, "\0\0\x06\x04\0\0\0\0\0"s, HttpError::kNotHttp,
              "HTTP/2");
  ExpectError(Kind::kRequest, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
              HttpError::kNotHttp, "HTTP/2");
  ExpectError(Kind::kResponse, "-ERR unknown\r\n", HttpError::kNotHttp,
              "begins with \"-ERR unknown");
  ExpectError(Kind::kResponse, "\r\nHTTP/1.1 200 OK\r\n\r\n",
              HttpError::kNotHttp);
  ExpectError(Kind::kResponse, "http/1.1 200 OK\r\n\r\n", HttpError::kNotHttp);
  ExpectError(Kind::kRequest, "\r\nGET / HTTP/1.1\r\n\r\n",
              HttpError::kNotHttp);
}

TEST(HeadParserTest, MalformedHeadsAreRefused) {
  for (const std::string& bytes : {
           "HTTP/2.0 200 OK\r\n\r\n"s,
           "HTTP/1.2 200 OK\r\n\r\n"s,
           "HTTP/1 200 OK\r\n\r\n"s,
           "HTTP/1.1 20 OK\r\n\r\n"s,
           "HTTP/1.1  200 OK\r\n\r\n"s,
           "HTTP/1.1\t200 OK\r\n\r\n"s,
           "HTTP/1.1 2000 OK\r\n\r\n"s,
           "HTTP/1.1 abc OK\r\n\r\n"s,
           "HTTP/1.1 099 OK\r\n\r\n"s,
           "HTTP/1.1 200 O\x1bK\r\n\r\n"s,
           "HTTP/1.1 200 OK\n\n"s,
           "HTTP/1.1 200 OK\r\nA: b\n\r\n"s,
           "HTTP/1.1 200 OK\r\nA: b\r\n\n"s,
           "HTTP/1.1 200 OK\r\n\rX"s,
           "HTTP/1.1 200 OK\rA: b\r\n\r\n"s,
           "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n"s,
           "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n"s,
           "HTTP/1.1 200 OK\r\n A: b\r\n\r\n"s,
           "HTTP/1.1 200 OK\r\nA : b\r\n\r\n"s,
           "HTTP/1.1 200 OK\r\nA B: c\r\n\r\n"s,
           "HTTP/1.1 200 OK\r\nA\r\n\r\n"s,
           "HTTP/1.1 200 OK\r\n: b\r\n\r\n"s,
           "HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n"s,
           "HTTP/1.1 200 OK\r\nA: \x7f\r\n\r\n"s,
           "HTTP/1.1 200 OK\r\n\xc3\xa4: b\r\n\r\n"s,
       }) {
    ExpectError(Kind::kResponse, bytes, HttpError::kMalformed);
  }
  for (const std::string& bytes : {
           "GET / HTTP/1.1\n\n"s,
           "GET /\r\n\r\n"s,
           "GET  / HTTP/1.1\r\n\r\n"s,
           "GET /  HTTP/1.1\r\n\r\n"s,
           "GET / x HTTP/1.1\r\n\r\n"s,
           "GET / HTTP/1.1 \r\n\r\n"s,
           "GET /\x01 HTTP/1.1\r\n\r\n"s,
           "GET /\xff HTTP/1.1\r\n\r\n"s,
           "GET / HTTP/2.0\r\n\r\n"s,
           "GETS / HTTP/1.1\r\n\r\n"s,
           "SOURCE / ICE/1.0\r\n\r\n"s,
           "GET / FTP/1.1\r\n\r\n"s,
       }) {
    ExpectError(Kind::kRequest, bytes, HttpError::kMalformed);
  }
}

TEST(HeadParserTest, AmbiguousFramingIsRefused) {
  for (const std::string& headers : {
           "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"s,
           "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"s,
           "Content-Length: 5\r\nContent-Length: 6\r\n"s,
           "Content-Length: 18446744073709551616\r\n"s,
           "Content-Length: -5\r\n"s,
           "Content-Length: 5 5\r\n"s,
           "Transfer-Encoding: gzip\r\n"s,
           "Transfer-Encoding: gzip, chunked\r\n"s,
       }) {
    ExpectError(Kind::kResponse, "HTTP/1.1 200 OK\r\n" + headers + "\r\n",
                HttpError::kBadFraming);
    ExpectError(Kind::kRequest, "POST /raft HTTP/1.1\r\n" + headers + "\r\n",
                HttpError::kBadFraming);
  }
  ExpectError(Kind::kResponse,
              "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2"
              "\r\n\r\n",
              HttpError::kBadFraming, "more than one Content-Length");
  ExpectError(Kind::kResponse,
              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
              "Content-Length: 2\r\n\r\n",
              HttpError::kBadFraming,
              "both Content-Length and Transfer-Encoding");
}

TEST(HeadParserTest, Limits) {
  const std::string start = "HTTP/1.1 200 OK\r\n";
  const std::string header = "Name: value\r\n";
  const std::string head = start + header + header + "\r\n";

  Limits exact;
  exact.head_bytes_max = head.size();
  exact.headers_max = 2;
  exact.header_name_bytes_max = 4;
  exact.header_value_bytes_max = 5;
  HeadParser parser(Kind::kResponse, exact);
  EXPECT_TRUE(parser.Consume(head).ok());
  EXPECT_TRUE(parser.is_done());

  Limits limits = exact;
  --limits.head_bytes_max;
  ExpectError(Kind::kResponse, head, HttpError::kTooLarge, "head", limits);
  limits = exact;
  --limits.headers_max;
  ExpectError(Kind::kResponse, head, HttpError::kTooLarge, "headers", limits);
  limits = exact;
  --limits.header_name_bytes_max;
  ExpectError(Kind::kResponse, head, HttpError::kTooLarge, "name", limits);
  limits = exact;
  --limits.header_value_bytes_max;
  ExpectError(Kind::kResponse, head, HttpError::kTooLarge, "value", limits);
  limits = exact;
  limits.target_bytes_max = 3;
  ExpectError(Kind::kRequest, "GET /raft HTTP/1.1\r\n\r\n",
              HttpError::kTooLarge, "target", limits);
}

TEST(HeadParserTest, AnEndlessHeadIsRefusedAtTheLimit) {
  HeadParser parser(Kind::kResponse, Limits());
  ASSERT_TRUE(parser.Consume("HTTP/1.1 200 OK\r\n").ok());
  absl::Status status;
  size_t bytes = 0;
  for (int i = 0; i < 1 << 20; ++i) {
    const std::string header = absl::StrCat("X", i, ": y\r\n");
    bytes += header.size();
    status = parser.Consume(header).status();
    if (!status.ok()) break;
  }
  EXPECT_EQ(HttpErrorOf(status), HttpError::kTooLarge);
  EXPECT_LT(bytes, Limits().head_bytes_max);
}

}  // namespace
}  // namespace rafthttp::http1
