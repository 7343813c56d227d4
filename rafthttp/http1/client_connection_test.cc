#include "rafthttp/http1/client_connection.h"

#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "rafthttp/event/byte_stream.h"
#include "rafthttp/event/io_status.h"
#include "rafthttp/event/testing/faults.h"
#include "rafthttp/event/testing/memory_network.h"
#include "rafthttp/event/testing/sim_loop.h"
#include "rafthttp/http1/framing.h"
#include "rafthttp/http1/http_error.h"
#include "rafthttp/http1/limits.h"
#include "rafthttp/http1/request.h"
#include "rafthttp/http1/testing/recording_sink.h"
#include "rafthttp/http1/testing/script_server.h"
#include "rafthttp/http1/url.h"

namespace rafthttp::http1 {
namespace {

using std::literals::operator""s;

constexpr absl::Duration kTimeout = absl::Seconds(5);
constexpr int kTurnsMax = 100000;
constexpr char kChunkedHead[] =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

// A connection whose other end answers each request with `script`'s text.
class ClientConnectionTest : public testing::Test {
 protected:
  // Makes the connection anew; answers come through `to_client`.
  void Connect(event::LinkFaults to_client = {},
               event::LinkFaults to_server = {}, const Limits& limits = {}) {
    connection_.reset();
    auto [client, server] = net_.NewPair(to_server, to_client);
    connection_ =
        std::make_unique<ClientConnection>(loop_, std::move(client), limits);
    server_.acceptor()(std::move(server));
  }
  ScriptServer::Connection& server_end() {
    return *server_.connections().back();
  }

  void Start(ResponseSink& sink, absl::Duration timeout = kTimeout) {
    ASSERT_TRUE(connection_->Start(request_, timeout, sink).ok());
  }
  // The response, or the error, to a request with a body gathered.
  absl::StatusOr<Response> RoundTrip(absl::Duration timeout = kTimeout) {
    std::optional<absl::StatusOr<Response>> result;
    const absl::Status status = connection_->RoundTrip(
        request_, timeout, [&](absl::StatusOr<Response> response) {
          EXPECT_FALSE(result.has_value());
          result = std::move(response);
        });
    if (!status.ok()) return status;
    EXPECT_FALSE(result.has_value());  // not before a later turn
    loop_.RunUntil([&] { return result.has_value(); }, kTurnsMax);
    if (!result.has_value()) return absl::InternalError("no callback");
    return *std::move(result);
  }
  // What becomes of a streamed exchange whose answer is `answer`, after which
  // the server closes the connection.
  RecordingSink StreamUntilClose(const std::string& answer,
                                 event::LinkFaults to_client = {}) {
    answer_ = answer;
    closes_ = true;
    Connect(std::move(to_client));
    RecordingSink sink;
    Start(sink);
    loop_.RunUntil([&] { return sink.ends > 0; }, kTurnsMax);
    loop_.RunFor(absl::Minutes(1));
    EXPECT_EQ(sink.ends, 1);
    EXPECT_FALSE(connection_->is_reusable());
    return sink;
  }

  event::SimLoop loop_;
  event::MemoryNetwork net_{loop_};
  std::string answer_ = "HTTP/1.1 204 No Content\r\n\r\n";
  bool closes_ = false;
  ScriptServer server_{[this](ScriptServer::Connection& connection,
                              const ScriptServer::Request&) {
    connection.Send(answer_);
    if (closes_) connection.ShutdownWrite();
  }};
  Request request_ = {.url = *ParseUrl("http://server:2380/raft")};
  std::unique_ptr<ClientConnection> connection_;
};

TEST_F(ClientConnectionTest, RoundTripsOneAfterTheOther) {
  Connect();
  request_.headers.Add("X-Server-From", "1");
  request_.method = "POST";
  request_.body = "message";
  EXPECT_EQ(RoundTrip()->head.status, 204);
  ASSERT_TRUE(connection_->is_reusable());
  answer_ = "HTTP/1.1 500 X\r\nContent-Length: 3\r\n\r\nabc";
  EXPECT_EQ(RoundTrip()->body, "abc");
  ASSERT_TRUE(connection_->is_reusable());
  answer_ = std::string(kChunkedHead) + "2\r\nde\r\n1\r\nf\r\n0\r\n\r\n";
  EXPECT_EQ(RoundTrip()->body, "def");
  EXPECT_TRUE(connection_->is_reusable());

  ASSERT_EQ(server_.requests().size(), 3u);
  EXPECT_EQ(server_.requests()[0].head.method, "POST");
  EXPECT_EQ(server_.requests()[0].head.target, "/raft");
  EXPECT_EQ(server_.requests()[0].head.headers.Get("Host"), "server:2380");
  EXPECT_EQ(server_.requests()[0].head.headers.Get("X-Server-From"), "1");
  EXPECT_EQ(server_.requests()[0].body, "message");
}

TEST_F(ClientConnectionTest, StreamsAtEverySplitPoint) {
  const std::string answer = "HTTP/1.1 100 Continue\r\n\r\n"s + kChunkedHead +
                             "3\r\nabc\r\n2;x\r\nde\r\n0\r\nT: 1\r\n\r\n";
  answer_ = answer;
  for (size_t at = 0; at <= answer.size(); ++at) {
    Connect(
        {.read_bytes_max = at == 0 ? 1 : answer.size(), .split_offsets = {at}});
    RecordingSink sink;
    Start(sink);
    loop_.RunUntil([&] { return sink.ends > 0; }, kTurnsMax);
    EXPECT_EQ(sink.heads, 1) << at;
    EXPECT_EQ(sink.last_head.status, 200);
    EXPECT_EQ(sink.body, "abcde");
    EXPECT_EQ(sink.end, absl::OkStatus());
    EXPECT_TRUE(connection_->is_reusable()) << at;
  }
}

// An answer that is cut anywhere ends with an error, after what came of it.
TEST_F(ClientConnectionTest, CutAtEveryPlace) {
  for (const std::string& answer :
       {std::string(kChunkedHead) + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde"s}) {
    const size_t head_size = answer.find("\r\n\r\n") + 4;
    for (size_t size = 0; size < answer.size(); ++size) {
      const RecordingSink sink = StreamUntilClose(answer.substr(0, size));
      const HttpError error =
          size == 0 ? HttpError::kNoAnswer : HttpError::kCut;
      EXPECT_EQ(HttpErrorOf(*sink.end), error) << size << *sink.end;
      EXPECT_EQ(sink.end->code(), absl::StatusCode::kUnavailable);
      EXPECT_EQ(sink.heads, size >= head_size ? 1 : 0) << size;
      EXPECT_EQ(sink.body, "abcde"s.substr(0, sink.body.size()));
    }
    EXPECT_EQ(StreamUntilClose(answer).end, absl::OkStatus());
  }
}

TEST_F(ClientConnectionTest, AResetKeepsItsCause) {
  const std::string answer = std::string(kChunkedHead) + "3\r\nabc\r\n";
  for (size_t size = 0; size < answer.size(); ++size) {
    const RecordingSink sink =
        StreamUntilClose(answer, {.resets_after_bytes = size});
    EXPECT_EQ(HttpErrorOf(*sink.end),
              size == 0 ? HttpError::kNoAnswer : HttpError::kCut);
    EXPECT_EQ(event::IoCauseOf(*sink.end), event::IoCause::kReset) << size;
  }
}

TEST_F(ClientConnectionTest, WithoutLengthTheEndIsTheEnd) {
  const RecordingSink sink = StreamUntilClose("HTTP/1.1 200 OK\r\n\r\nabc");
  EXPECT_EQ(sink.end, absl::OkStatus());
  EXPECT_EQ(sink.body, "abc");
  EXPECT_EQ(sink.last_head.framing.kind, Framing::Kind::kUntilClose);
}

TEST_F(ClientConnectionTest, WhatIsNotHttpIsNamed) {
  EXPECT_EQ(HttpErrorOf(*StreamUntilClose("\x15\x03\x01\0\x02\x02\x46"s).end),
            HttpError::kLooksLikeTls);
  EXPECT_EQ(HttpErrorOf(*StreamUntilClose("SSH-2.0-x\r\n").end),
            HttpError::kNotHttp);
  EXPECT_EQ(HttpErrorOf(*StreamUntilClose("HTTP/1.1 200 OK\n\n").end),
            HttpError::kMalformed);
  EXPECT_EQ(HttpErrorOf(*StreamUntilClose("HTTP/1.1 101 X\r\nUpgrade: h2c\r\n"
                                          "Connection: upgrade\r\n\r\n")
                             .end),
            HttpError::kMalformed);
}

TEST_F(ClientConnectionTest, AChunkOfTwoToThe64EndsTheExchange) {
  const RecordingSink sink = StreamUntilClose(
      std::string(kChunkedHead) + "1\r\na\r\n10000000000000000\r\nxyz");
  EXPECT_EQ(sink.body, "a");
  EXPECT_EQ(HttpErrorOf(*sink.end), HttpError::kTooLarge);
}

TEST_F(ClientConnectionTest, GarbageOfASeedNeverHangsOrCrashes) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    std::mt19937_64 random(seed);
    std::string answer;
    if (seed % 2 == 0) answer = kChunkedHead;
    for (int i = 0; i < 100; ++i) {
      answer += "0123456789abcdef\r\n \0;:HTP/1."s[random() % 27];
    }
    const RecordingSink sink = StreamUntilClose(answer, {.split_seed = seed});
    EXPECT_FALSE(sink.end->ok()) << seed;
    EXPECT_NE(HttpErrorOf(*sink.end), HttpError::kNone) << seed;
  }
}

TEST_F(ClientConnectionTest, InterimResponsesAreSkippedUpToALimit) {
  Limits limits;
  limits.interim_responses_max = 2;
  const std::string interim = "HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n";
  const std::string last = "HTTP/1.1 204 No Content\r\n\r\n";
  Connect({}, {}, limits);
  answer_ = interim + interim + last;
  EXPECT_EQ(RoundTrip()->head.status, 204);
  answer_ = interim + answer_;
  EXPECT_EQ(HttpErrorOf(RoundTrip().status()), HttpError::kTooLarge);
}

TEST_F(ClientConnectionTest, AnAnswerToHeadHasNoBody) {
  Connect();
  request_.method = "HEAD";
  answer_ =
      "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n";
  EXPECT_EQ(RoundTrip()->body, "");
  EXPECT_TRUE(connection_->is_reusable());
}

TEST_F(ClientConnectionTest, WhenItCannotBeReused) {
  for (const std::string& answer :
       {"HTTP/1.1 204 X\r\nConnection: close\r\n\r\n"s,
        "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"s,
        "HTTP/1.1 204 X\r\n\r\nsurplus"s,
        "HTTP/1.1 204 X\r\nContent-Length: 5\r\n\r\nabcde"s}) {
    Connect();
    answer_ = answer;
    EXPECT_TRUE(RoundTrip().ok());
    EXPECT_FALSE(connection_->is_reusable()) << answer;
    EXPECT_EQ(connection_->stream(), nullptr);
  }
  Connect();
  answer_ = "HTTP/1.0 204 X\r\nConnection: keep-alive\r\n\r\n";
  EXPECT_TRUE(RoundTrip().ok());
  EXPECT_TRUE(connection_->is_reusable());
  request_.headers.Add("Connection", "close");
  EXPECT_TRUE(RoundTrip().ok());
  EXPECT_FALSE(connection_->is_reusable());
}

TEST_F(ClientConnectionTest, GatheredBodiesAreBounded) {
  Limits limits;
  limits.body_bytes_max = 4;
  for (const std::string& answer :
       {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"s,
        kChunkedHead + "3\r\nabc\r\n2\r\nde\r\n"s,
        "HTTP/1.1 200 OK\r\n\r\nabcde"s}) {
    Connect({.read_bytes_max = 1}, {}, limits);
    answer_ = answer;
    const auto response = RoundTrip();
    EXPECT_EQ(HttpErrorOf(response.status()), HttpError::kTooLarge);
    EXPECT_EQ(response.status().code(), absl::StatusCode::kResourceExhausted);
  }
  Connect({}, {}, limits);
  answer_ = kChunkedHead + "3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n"s;
  EXPECT_EQ(RoundTrip()->body, "abcd");
  // What is streamed is not bounded.
  Connect({}, {}, limits);
  answer_ = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabcdef";
  RecordingSink sink;
  Start(sink);
  loop_.RunUntil([&] { return sink.ends > 0; }, kTurnsMax);
  EXPECT_EQ(sink.body, "abcdef");
}

TEST_F(ClientConnectionTest, ASilentPeerTimesOut) {
  Connect();
  answer_ = "";
  const absl::Time start = loop_.Now();
  const auto response = RoundTrip(absl::Seconds(3));
  EXPECT_EQ(response.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(response.status().message(), "no answer within 3s");
  EXPECT_EQ(loop_.Now() - start, absl::Seconds(3));
  EXPECT_FALSE(connection_->is_reusable());
}

TEST_F(ClientConnectionTest, ASlowHeadTimesOut) {
  Connect();
  answer_ = "HTTP/1.1 200 OK\r\nA";
  RecordingSink sink;
  Start(sink, absl::Seconds(3));
  for (int i = 0; i < 10; ++i) {
    loop_.RunFor(absl::Milliseconds(500));
    server_end().Send("b");
  }
  EXPECT_EQ(sink.end->code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(sink.end->message(), "no complete answer within 3s");
  EXPECT_EQ(sink.heads, 0);
}

TEST_F(ClientConnectionTest, AStreamsBodyMayTakeForEver) {
  Connect();
  answer_ = kChunkedHead;
  RecordingSink sink;
  Start(sink, absl::Seconds(3));
  loop_.RunFor(absl::Hours(1));
  server_end().Send("1\r\na\r\n");
  loop_.RunFor(absl::Hours(1));
  EXPECT_EQ(sink.body, "a");
  EXPECT_EQ(sink.ends, 0);
}

TEST_F(ClientConnectionTest, AGatheredBodyMayNot) {
  Connect();
  answer_ = std::string(kChunkedHead) + "1\r\na\r\n";
  EXPECT_EQ(RoundTrip().status().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(ClientConnectionTest, ARequestThatIsNotReadTimesOut) {
  Connect({}, {.in_flight_bytes_max = 1000});
  server_end().StopReading();
  request_.body = std::string(100000, 'x');
  const auto response = RoundTrip();
  EXPECT_EQ(response.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(response.status().message(),
            "the request could not be sent within 5s");
}

TEST_F(ClientConnectionTest, ALargeRequestIsWrittenInFull) {
  Connect({}, {.in_flight_bytes_max = 1000, .split_seed = 1});
  request_.method = "POST";
  for (int i = 0; i < 100000; ++i) request_.body += static_cast<char>(i % 251);
  EXPECT_EQ(RoundTrip()->head.status, 204);
  EXPECT_EQ(server_.requests().back().body, request_.body);
  EXPECT_TRUE(connection_->is_reusable());
}

// As Go's server does: it answers 400 or 413, and hangs up on the rest.
TEST_F(ClientConnectionTest, AnAnswerDuringTheRequestIsRead) {
  Connect({}, {.in_flight_bytes_max = 1000});
  server_.set_on_head([](ScriptServer::Connection& connection) {
    connection.Send("HTTP/1.1 412 X\r\nContent-Length: 2\r\n\r\nno");
    connection.StopReading();
  });
  request_.body = std::string(100000, 'x');
  const auto response = RoundTrip();
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->head.status, 412);
  EXPECT_EQ(response->body, "no");
  EXPECT_FALSE(connection_->is_reusable());
}

TEST_F(ClientConnectionTest, ABrokenRequestIsReportedOnce) {
  Connect({}, {.in_flight_bytes_max = 1000});
  server_.set_on_head(
      [](ScriptServer::Connection& connection) { connection.Close(); });
  request_.body = std::string(100000, 'x');
  const auto response = RoundTrip();
  EXPECT_EQ(HttpErrorOf(response.status()), HttpError::kNoAnswer)
      << response.status();
}

// A stream that cannot be written, as after the peer's reset, but may still
// hold what the peer said before.
class UnwritableStream final : public event::ByteStream {
 public:
  // Sets `reader` to whoever reads.
  explicit UnwritableStream(Reader*& reader) : reader_(reader) {}

  void StartReading(Reader& reader) override { reader_ = &reader; }
  void StopReading() override {}
  absl::StatusOr<size_t> TryWrite(
      absl::Span<const absl::string_view> buffers) override {
    return event::IoError(event::IoCause::kReset, "broken pipe");
  }
  void Write(absl::Span<const absl::string_view> buffers,
             absl::AnyInvocable<void(absl::Status)> on_written) override {}
  size_t pending_write_bytes() const override { return 0; }
  void ShutdownWrite() override {}
  std::string local_address() const override { return "client"; }
  std::string peer_address() const override { return "server"; }

 private:
  Reader*& reader_;
};

TEST_F(ClientConnectionTest, LastWordsAreHeardWhenWritingFails) {
  enum Event { kAnswer, kHalf, kEnd, kSilence };
  for (const Event event : {kAnswer, kHalf, kEnd, kSilence}) {
    event::ByteStream::Reader* reader = nullptr;
    ClientConnection connection(
        loop_, std::make_unique<UnwritableStream>(reader), Limits());
    RecordingSink sink;
    const absl::Time start = loop_.Now();
    ASSERT_TRUE(connection.Start(request_, kTimeout, sink).ok());
    if (event == kAnswer) {
      reader->OnBytes("HTTP/1.1 413 X\r\nContent-Length: 0\r\n\r\n");
    }
    if (event == kHalf) reader->OnBytes("HTTP/1.1 413");
    if (event == kEnd) reader->OnEnd(absl::OkStatus());
    loop_.RunUntil([&] { return sink.ends > 0; }, kTurnsMax);
    ASSERT_EQ(sink.ends, 1);
    EXPECT_FALSE(connection.is_reusable());
    EXPECT_LE(loop_.Now() - start, absl::Seconds(1));
    if (event == kAnswer) {
      EXPECT_EQ(sink.end, absl::OkStatus());
      EXPECT_EQ(sink.last_head.status, 413);
      continue;
    }
    EXPECT_EQ(HttpErrorOf(*sink.end),
              event == kHalf ? HttpError::kCut : HttpError::kNoAnswer);
    EXPECT_EQ(event::IoCauseOf(*sink.end), event::IoCause::kReset);
    EXPECT_EQ(sink.end->message(), "broken pipe");
  }
}

TEST_F(ClientConnectionTest, ARequestThatCannotBeWrittenIsRefused) {
  Connect();
  request_.headers.Add("X", "a\r\nY: b");
  RecordingSink sink;
  EXPECT_EQ(connection_->Start(request_, kTimeout, sink).code(),
            absl::StatusCode::kInvalidArgument);
  loop_.RunFor(absl::Minutes(1));
  EXPECT_EQ(sink.ends, 0);
  EXPECT_EQ(server_end().bytes_received(), 0u);
  EXPECT_TRUE(connection_->is_reusable());
}

TEST_F(ClientConnectionTest, WhilePausedNothingComes) {
  Connect({.in_flight_bytes_max = 10});
  std::string body;
  for (int i = 0; i < 10; ++i) absl::StrAppend(&body, "3\r\nabc\r\n");
  answer_ = std::string(kChunkedHead) + body + "0\r\n\r\n";
  RecordingSink sink;
  sink.on_body = [&] { connection_->Pause(); };
  Start(sink);
  int spans = 0;
  while (sink.ends == 0) {
    loop_.RunFor(absl::Minutes(1));
    if (sink.ends > 0) break;
    ASSERT_LE(sink.spans, spans + 1);  // one, and then the pause
    spans = sink.spans;
    connection_->Resume();
    EXPECT_EQ(sink.spans, spans);  // not before a later turn
  }
  EXPECT_EQ(sink.end, absl::OkStatus());
  EXPECT_EQ(sink.body, "abcabcabcabcabcabcabcabcabcabc");
  EXPECT_TRUE(connection_->is_reusable());
}

TEST_F(ClientConnectionTest, APauseIsFeltByThePeer) {
  Connect({.in_flight_bytes_max = 1000});
  answer_ = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" +
            std::string(100000, 'x');
  RecordingSink sink;
  sink.on_head = [&] { connection_->Pause(); };
  Start(sink);
  loop_.RunFor(absl::Hours(1));
  EXPECT_EQ(sink.spans, 0);
  EXPECT_LT(net_.bytes_written(), 3000u);
  connection_->Resume();
  loop_.RunUntil([&] { return sink.ends > 0; }, kTurnsMax);
  EXPECT_EQ(sink.body.size(), 100000u);
}

TEST_F(ClientConnectionTest, APauseAfterAResumeHolds) {
  Connect();
  answer_ = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na";
  RecordingSink sink;
  sink.on_head = [&] { connection_->Pause(); };
  Start(sink);
  loop_.RunFor(absl::Minutes(1));
  connection_->Resume();
  connection_->Pause();
  loop_.RunFor(absl::Minutes(1));
  EXPECT_EQ(sink.spans, 0);
  connection_->Resume();
  loop_.RunFor(absl::Minutes(1));
  EXPECT_EQ(sink.end, absl::OkStatus());
}

TEST_F(ClientConnectionTest, TheNextRequestMayStartFromTheEndOfTheLast) {
  Connect();
  RecordingSink second;
  RecordingSink first;
  first.on_end = [&] { Start(second); };
  Start(first);
  loop_.RunUntil([&] { return second.ends > 0; }, kTurnsMax);
  EXPECT_EQ(second.end, absl::OkStatus());
  EXPECT_EQ(server_.requests().size(), 2u);
}

TEST_F(ClientConnectionTest, TheEndOfAnIdleConnectionIsNoticed) {
  for (const bool sends_bytes : {false, true}) {
    Connect();
    ASSERT_TRUE(RoundTrip().ok());
    int ends = 0;
    connection_->NotifyIdleEnd([&](absl::Status status) {
      ++ends;
      EXPECT_EQ(HttpErrorOf(status),
                sends_bytes ? HttpError::kMalformed : HttpError::kNoAnswer);
      connection_.reset();
    });
    loop_.RunFor(absl::Minutes(1));
    EXPECT_EQ(ends, 0);
    if (sends_bytes) {
      server_end().Send("HTTP/1.1 408 Request Timeout\r\n\r\n");
    } else {
      server_end().Close();
    }
    loop_.RunFor(absl::Minutes(1));
    EXPECT_EQ(ends, 1);
    EXPECT_EQ(connection_, nullptr);
  }
}

// Destroys the connection after each number of turns of an exchange that has
// every stage: a long request, an interim answer, chunks, a pause.
TEST_F(ClientConnectionTest, DestroyedAtEveryStage) {
  answer_ = "HTTP/1.1 100 Continue\r\n\r\n"s + kChunkedHead +
            "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
  bool is_whole = false;
  for (int turns = 0; !is_whole; ++turns) {
    Connect({.read_bytes_max = 7}, {.in_flight_bytes_max = 50});
    // A request that is gone with the connection: ASan sees who still reads it.
    auto request = std::make_unique<Request>(request_);
    request->body = std::string(500, 'x');
    RecordingSink sink;
    sink.on_body = [&] {
      connection_->Pause();
      connection_->Resume();
    };
    ASSERT_TRUE(connection_->Start(*request, kTimeout, sink).ok());
    for (int i = 0; i < turns; ++i) {
      loop_.RunOnce(loop_.Now() + absl::Milliseconds(1));
    }
    is_whole = sink.ends > 0;
    const int calls = sink.heads + sink.spans + sink.ends;
    connection_.reset();
    request.reset();
    loop_.RunFor(absl::Minutes(1));
    EXPECT_EQ(sink.heads + sink.spans + sink.ends, calls) << turns;
    EXPECT_TRUE(server_end().has_peer_ended()) << turns;
    ASSERT_LT(turns, 1000);
  }
}

TEST_F(ClientConnectionTest, DestroyedInsideEachCallback) {
  const std::string whole =
      std::string(kChunkedHead) + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
  const std::string cut = std::string(kChunkedHead) + "3\r\nab";
  for (const std::string& answer : {whole, cut, "garbage"s, ""s}) {
    for (const int where : {0, 1, 2}) {
      answer_ = answer;
      closes_ = true;
      Connect();
      RecordingSink sink;
      int calls_after = 0;
      const auto destroy = [&](int here) {
        if (connection_ == nullptr) ++calls_after;
        if (here == where) connection_.reset();
      };
      sink.on_head = [&] { destroy(0); };
      sink.on_body = [&] { destroy(1); };
      sink.on_end = [&] { destroy(2); };
      Start(sink);
      loop_.RunFor(absl::Minutes(1));
      EXPECT_EQ(calls_after, 0);
      connection_.reset();
    }
  }
}

TEST_F(ClientConnectionTest, DestroyedInsideOnResponse) {
  for (const std::string& answer :
       {"HTTP/1.1 204 X\r\n\r\n"s, "HTTP/1.1 204 X\r\n\r\nsurplus"s, "garbage"s,
        ""s}) {
    answer_ = answer;
    Connect();
    int calls = 0;
    ASSERT_TRUE(connection_
                    ->RoundTrip(request_, kTimeout,
                                [&](absl::StatusOr<Response>) {
                                  ++calls;
                                  connection_.reset();
                                })
                    .ok());
    loop_.RunFor(absl::Minutes(1));
    EXPECT_EQ(calls, 1);
  }
}

}  // namespace
}  // namespace rafthttp::http1
