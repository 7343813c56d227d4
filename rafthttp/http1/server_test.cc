// The server half over memory: connections, requests, answers, limits.
#include "rafthttp/http1/server.h"

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rafthttp/event/byte_stream.h"
#include "rafthttp/event/connector.h"
#include "rafthttp/event/testing/faults.h"
#include "rafthttp/event/testing/memory_network.h"
#include "rafthttp/event/testing/sim_loop.h"
#include "rafthttp/http1/exchange.h"
#include "rafthttp/http1/handler.h"
#include "rafthttp/http1/http_error.h"
#include "rafthttp/http1/mux.h"

namespace rafthttp::http1 {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// A handler made of a function.
class FunctionHandler final : public Handler {
 public:
  using Function = std::function<void(std::unique_ptr<Exchange>)>;
  explicit FunctionHandler(Function function)
      : function_(std::move(function)) {}
  void Serve(std::unique_ptr<Exchange> exchange) override {
    function_(std::move(exchange));
  }

 private:
  const Function function_;
};

// The other side: writes bytes, and keeps what it reads.
class RawClient final : private event::ByteStream::Reader {
 public:
  explicit RawClient(std::unique_ptr<event::ByteStream> stream)
      : stream_(std::move(stream)) {
    stream_->StartReading(*this);
  }

  void Write(std::string bytes) {
    written_.push_back(std::make_unique<std::string>(std::move(bytes)));
    stream_->Write({*written_.back()}, [](absl::Status) {});
  }
  void ShutdownWrite() { stream_->ShutdownWrite(); }
  void StopReading() { stream_->StopReading(); }

  const std::string& received() const { return received_; }
  // How it ended, if it has.
  const std::optional<absl::Status>& end() const { return end_; }

 private:
  void OnBytes(absl::string_view bytes) override {
    received_.append(bytes.data(), bytes.size());
  }
  void OnEnd(absl::Status status) override { end_ = std::move(status); }

  std::vector<std::unique_ptr<std::string>> written_;
  std::string received_;
  std::optional<absl::Status> end_;
  std::unique_ptr<event::ByteStream> stream_;
};

class ServerTest : public ::testing::Test, private Server::Observer {
 protected:
  ServerTest() { StartServer({}); }

  void StartServer(Server::Options options) {
    server_ = std::make_unique<Server>(
        loop_, mux_, options, [] { return absl::UnixEpoch(); },
        static_cast<Server::Observer*>(this));
  }
  // Routes `path` to a function.
  void On(absl::string_view path, std::set<std::string> methods,
          FunctionHandler::Function function) {
    handlers_.push_back(std::make_unique<FunctionHandler>(std::move(function)));
    mux_.Add(path, std::move(methods), *handlers_.back());
  }
  void Echo(absl::string_view path) {
    On(path, {"POST"}, [this](std::unique_ptr<Exchange> exchange) {
      Exchange& request = *exchange;
      held_.push_back(std::move(exchange));
      request.ReadBody(1000, [&request](absl::StatusOr<std::string> body) {
        if (body.ok()) {
          request.Respond(200, {}, *body).IgnoreError();
        } else {
          request.RespondText(
              HttpErrorOf(body.status()) == HttpError::kTooLarge ? 413 : 400,
              "no");
        }
      });
    });
  }
  void Hello() {
    On("/hello", {"GET"}, [](std::unique_ptr<Exchange> exchange) {
      exchange->Respond(200, {{"Content-Type", "text/plain"}}, "hello")
          .IgnoreError();
    });
  }

  // Opens a connection from `host`.
  std::unique_ptr<RawClient> Connect(event::LinkFaults to_server = {},
                                     event::LinkFaults to_client = {}) {
    auto [client, server] =
        network_.NewPair(std::move(to_server), std::move(to_client));
    server_->Accept(std::move(server));
    return std::make_unique<RawClient>(std::move(client));
  }
  // What comes back for `bytes`, within a second.
  std::string Ask(std::string bytes) {
    const auto client = Connect();
    client->Write(std::move(bytes));
    loop_.RunFor(absl::Seconds(1));
    return client->received();
  }

  event::SimLoop loop_;
  event::MemoryNetwork network_{loop_};
  Mux mux_;
  std::vector<std::unique_ptr<FunctionHandler>> handlers_;
  std::vector<std::string> refused_;
  std::vector<std::unique_ptr<Exchange>> held_;
  std::unique_ptr<Server> server_;

 private:
  void OnConnectionRefused(absl::string_view,
                           absl::string_view reason) override {
    refused_.emplace_back(reason);
  }
};

constexpr char kHello[] = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";

std::string Post(absl::string_view body) {
  return absl::StrCat("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: ",
                      body.size(), "\r\n\r\n", body);
}

TEST_F(ServerTest, AnswersAsGoWould) {
  Hello();
  EXPECT_EQ(Ask(kHello),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
            "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: 5\r\n\r\n"
            "hello");
}

TEST_F(ServerTest, RoutesByPathAndMethod) {
  Hello();
  On("/stream/", {"GET"}, [](std::unique_ptr<Exchange> exchange) {
    exchange->Respond(200, {}, std::string(exchange->path())).IgnoreError();
  });
  EXPECT_THAT(Ask("GET /stream/a/b?q=1 HTTP/1.1\r\nHost: x\r\n\r\n"),
              EndsWith("/stream/a/b"));
  EXPECT_THAT(Ask("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n"),
              HasSubstr("301 Moved Permanently\r\nLocation: /stream/\r\n"));
  EXPECT_THAT(Ask("GET /hello/x HTTP/1.1\r\nHost: x\r\n\r\n"),
              EndsWith("\r\n\r\n404 page not found\n"));
  const std::string refused = Ask("PUT /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(refused, HasSubstr("\r\nAllow: GET\r\n"));
  EXPECT_THAT(refused,
              HasSubstr("\r\nContent-Type: text/plain; charset=utf-8\r\n"));
  EXPECT_THAT(refused, HasSubstr("\r\nX-Content-Type-Options: nosniff\r\n"));
  EXPECT_THAT(refused, EndsWith("\r\n\r\nMethod Not Allowed\n"));
  const std::string head = Ask("HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(head, HasSubstr("Content-Length: 5\r\n"));
  EXPECT_THAT(head, EndsWith("\r\n\r\n"));
  // A target that is no path.
  EXPECT_THAT(Ask("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"), HasSubstr(" 404 "));
}

TEST_F(ServerTest, TheSameComesOutHoweverTheBytesAreCut) {
  Echo("/echo");
  Hello();
  const std::string bytes = absl::StrCat(
      kHello, Post("one"),
      "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\ntwo\r\n4\r\nfold\r\n0\r\n\r\n",
      kHello);
  const std::string whole = Ask(bytes);
  EXPECT_THAT(whole, HasSubstr("one"));
  EXPECT_THAT(whole, HasSubstr("twofold"));
  for (uint64_t offset = 1; offset < bytes.size(); ++offset) {
    const auto client = Connect({.split_offsets = {offset}});
    client->Write(bytes);
    loop_.RunFor(absl::Seconds(1));
    ASSERT_EQ(client->received(), whole) << "cut at " << offset;
    EXPECT_FALSE(client->end().has_value());
  }
  const auto client = Connect({.read_bytes_max = 1});
  client->Write(bytes);
  loop_.RunFor(absl::Seconds(1));
  EXPECT_EQ(client->received(), whole);
}

TEST_F(ServerTest, RefusesWhatItCannotRead) {
  Hello();
  Echo("/echo");
  const auto expect = [&](std::string bytes, absl::string_view answer) {
    const auto client = Connect();
    client->Write(bytes);
    loop_.RunFor(absl::Seconds(20));
    EXPECT_THAT(client->received(), HasSubstr(std::string(answer))) << bytes;
    EXPECT_TRUE(client->end().has_value()) << bytes;
  };
  expect("GET /hello HTTP/1.1\r\nHost : x\r\n\r\n", "400 Bad Request");
  expect(
      "GET /hello HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
      "400 Bad Request");
  expect(absl::StrCat("GET /hello HTTP/1.1\r\nX: ", std::string(20000, 'x'),
                      "\r\n\r\n"),
         "431 Request Header Fields Too Large");
  expect("POST /echo HTTP/1.1\r\nContent-Length: 2000\r\n\r\n", "413 ");
  expect("POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nnonsense",
         "400 ");
  // Nobody there would understand an answer.
  expect("\x16\x03\x01\x02\x01\x01", "");
  EXPECT_EQ(server_->connections(), 0u);
}

TEST_F(ServerTest, TheAnswerIsSeenThoughTheRestOfTheBodyStillComes) {
  Echo("/echo");
  // Closing at once would reset the connection, and with it lose the answer.
  const auto client = Connect();
  client->Write("POST /echo HTTP/1.1\r\nContent-Length: 50000\r\n\r\n");
  client->Write(std::string(50000, 'b'));
  loop_.RunFor(absl::Seconds(5));
  EXPECT_THAT(client->received(), HasSubstr(" 413 "));
  EXPECT_THAT(client->received(), HasSubstr("Connection: close"));
  ASSERT_TRUE(client->end().has_value());
  EXPECT_TRUE(client->end()->ok()) << *client->end();
}

TEST_F(ServerTest, KeepsTime) {
  Hello();
  Echo("/echo");
  const auto idle = Connect();
  const auto slow = Connect();
  slow->Write("GET /hel");
  const auto stalled = Connect();
  stalled->Write("POST /echo HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf");
  loop_.RunFor(absl::Seconds(4));
  EXPECT_FALSE(idle->end() || slow->end() || stalled->end());
  loop_.RunFor(absl::Seconds(8));
  EXPECT_TRUE(idle->end());
  EXPECT_THAT(idle->received(), IsEmpty());
  EXPECT_THAT(slow->received(), HasSubstr("408 Request Timeout"));
  EXPECT_THAT(stalled->received(), HasSubstr(" 400 "));
  EXPECT_TRUE(stalled->end());
}

TEST_F(ServerTest, ASlowSenderCannotHoldAHeadOpenByDribbling) {
  Hello();
  const auto client = Connect();
  for (int i = 0; i < 20 && !client->end(); ++i) {
    client->Write("G");
    loop_.RunFor(absl::Seconds(1));
  }
  EXPECT_TRUE(client->end());
}

TEST_F(ServerTest, OldAndClosingClientsAreLetGo) {
  Hello();
  for (const char* bytes :
       {"GET /hello HTTP/1.0\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"}) {
    const auto client = Connect();
    client->Write(bytes);
    loop_.RunFor(absl::Seconds(2));
    EXPECT_THAT(client->received(), EndsWith("hello"));
    ASSERT_TRUE(client->end().has_value()) << bytes;
    EXPECT_TRUE(client->end()->ok());
  }
}

TEST_F(ServerTest, AHalfClosedClientStillGetsItsAnswer) {
  Hello();
  const auto client = Connect();
  client->Write(kHello);
  client->ShutdownWrite();
  loop_.RunFor(absl::Seconds(2));
  EXPECT_THAT(client->received(), EndsWith("hello"));
  EXPECT_TRUE(client->end());
}

TEST_F(ServerTest, ContinuesWhenTheBodyIsWanted) {
  Echo("/echo");
  const auto client = Connect();
  client->Write(
      "POST /echo HTTP/1.1\r\nContent-Length: 2\r\nExpect: "
      "100-continue\r\n\r\n");
  loop_.RunFor(absl::Seconds(1));
  EXPECT_EQ(client->received(), "HTTP/1.1 100 Continue\r\n\r\n");
  client->Write("ok");
  loop_.RunFor(absl::Seconds(1));
  EXPECT_THAT(client->received(), EndsWith("\r\n\r\nok"));
}

TEST_F(ServerTest, AnswersMuchLaterAndInOrder) {
  On("/later", {"GET"}, [this](std::unique_ptr<Exchange> exchange) {
    held_.push_back(std::move(exchange));
  });
  Hello();
  const auto client = Connect();
  client->Write(absl::StrCat("GET /later HTTP/1.1\r\nHost: x\r\n\r\n", kHello));
  loop_.RunFor(absl::Minutes(5));
  EXPECT_THAT(client->received(), IsEmpty());
  EXPECT_TRUE(held_[0]->Respond(200, {}, "late").ok());
  loop_.RunFor(absl::Seconds(1));
  EXPECT_THAT(client->received(), HasSubstr("late"));
  EXPECT_THAT(client->received(), EndsWith("hello"));
}

TEST_F(ServerTest, AnUnansweredExchangeClosesItsConnection) {
  On("/drop", {"GET"}, [](std::unique_ptr<Exchange>) {});
  const auto client = Connect();
  client->Write("GET /drop HTTP/1.1\r\nHost: x\r\n\r\n");
  loop_.RunFor(absl::Seconds(1));
  EXPECT_TRUE(client->end());
  EXPECT_THAT(client->received(), IsEmpty());
}

TEST_F(ServerTest, AHandlerHearsThatTheClientIsGone) {
  bool is_gone = false;
  On("/later", {"GET"}, [&](std::unique_ptr<Exchange> exchange) {
    exchange->NotifyGone([&] {
      is_gone = true;
      held_.clear();  // the exchange, inside its own callback
    });
    held_.push_back(std::move(exchange));
  });
  auto client = Connect();
  client->Write("GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
  loop_.RunFor(absl::Seconds(1));
  EXPECT_FALSE(is_gone);
  network_.ResetConnections("client", "server");
  loop_.RunFor(absl::Seconds(1));
  EXPECT_TRUE(is_gone);
  EXPECT_EQ(server_->connections(), 0u);
}

// Takes a body and can be told to pause.
class Sink final : public BodySink {
 public:
  void OnBody(absl::string_view bytes) override {
    received.append(bytes.data(), bytes.size());
    if (on_body) on_body();
  }
  void OnEnd(absl::Status status) override { end = std::move(status); }

  std::string received;
  std::optional<absl::Status> end;
  std::function<void()> on_body;
};

TEST_F(ServerTest, StreamsABodyAndHoldsItBack) {
  Sink sink;
  On("/sink", {"POST"}, [&](std::unique_ptr<Exchange> exchange) {
    exchange->StreamBody(sink);
    held_.push_back(std::move(exchange));
  });
  sink.on_body = [&] { held_[0]->PauseBody(); };
  const std::string body(300000, 'b');
  const auto client = Connect();
  client->Write(absl::StrCat("POST /sink HTTP/1.1\r\nContent-Length: ",
                             body.size(), "\r\n\r\n", body));
  loop_.RunFor(absl::Minutes(5));
  // Paused for long: nothing more came, and no time ran out.
  EXPECT_LT(sink.received.size(), body.size());
  EXPECT_FALSE(sink.end);
  for (int i = 0; i < 100 && !sink.end; ++i) {
    held_[0]->ResumeBody();
    loop_.RunFor(absl::Milliseconds(10));
  }
  ASSERT_TRUE(sink.end.has_value());
  EXPECT_TRUE(sink.end->ok()) << *sink.end;
  EXPECT_EQ(sink.received, body);
  EXPECT_TRUE(held_[0]->Respond(204, {}, "").ok());
  loop_.RunFor(absl::Seconds(1));
  EXPECT_THAT(client->received(), StartsWith("HTTP/1.1 204 No Content\r\n"));
  EXPECT_THAT(client->received(), Not(HasSubstr("Content-Length")));
}

TEST_F(ServerTest, ACutBodyIsNoBody) {
  Sink sink;
  On("/sink", {"POST"}, [&](std::unique_ptr<Exchange> exchange) {
    exchange->StreamBody(sink);
    held_.push_back(std::move(exchange));
  });
  const auto client = Connect();
  client->Write("POST /sink HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf");
  client->ShutdownWrite();
  loop_.RunFor(absl::Seconds(1));
  ASSERT_TRUE(sink.end.has_value());
  EXPECT_EQ(HttpErrorOf(*sink.end), HttpError::kCut);
}

TEST_F(ServerTest, GivesAConnectionAwayWithWhatWasNotRead) {
  std::optional<TakenStream> taken;
  On("/take", {"GET"}, [&](std::unique_ptr<Exchange> exchange) {
    auto stream = exchange->TakeOver(200, {{"X-Ours", "1"}});
    ASSERT_TRUE(stream.ok());
    taken = *std::move(stream);
  });
  const auto client = Connect();
  client->Write("GET /take HTTP/1.1\r\nHost: x\r\n\r\nmore");
  loop_.RunFor(absl::Seconds(60));
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->unread, "more");
  EXPECT_THAT(client->received(), HasSubstr("X-Ours: 1\r\n"));
  EXPECT_THAT(client->received(), HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_EQ(server_->connections(), 1u);
  // It outlives the server.
  server_.reset();
  const std::string bytes = "1\r\nx\r\n";
  taken->stream->Write({bytes}, [](absl::Status) {});
  loop_.RunFor(absl::Seconds(1));
  EXPECT_THAT(client->received(), EndsWith("1\r\nx\r\n"));
}

TEST_F(ServerTest, TheLongestSilentGiveWay) {
  Hello();
  Server::Options options;
  options.connections_max = 3;
  StartServer(options);
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(Connect());
  loop_.RunFor(absl::Seconds(1));
  clients[0]->Write(kHello);  // no longer the longest silent
  loop_.RunFor(absl::Seconds(1));
  clients.push_back(Connect());
  loop_.RunFor(absl::Seconds(1));
  EXPECT_FALSE(clients[0]->end());
  EXPECT_TRUE(clients[1]->end());
  EXPECT_FALSE(clients[2]->end());
  EXPECT_THAT(refused_, ElementsAre("evicted"));
  EXPECT_EQ(server_->counters().evicted, 1u);
  EXPECT_EQ(server_->connections(), 3u);
}

TEST_F(ServerTest, OneAddressCannotTakeAllThePlaces) {
  Hello();
  Server::Options options;
  options.connections_per_address_max = 2;
  StartServer(options);
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(Connect());
  loop_.RunFor(absl::Seconds(1));
  EXPECT_EQ(server_->connections(), 2u);
  EXPECT_EQ(server_->counters().evicted, 3u);
}

TEST_F(ServerTest, StreamsThatWereTakenOverNeverGiveWay) {
  std::vector<TakenStream> taken;
  On("/take", {"GET"}, [&](std::unique_ptr<Exchange> exchange) {
    taken.push_back(*exchange->TakeOver(200, {}));
  });
  Server::Options options;
  options.connections_max = 2;
  StartServer(options);
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 2; ++i) {
    clients.push_back(Connect());
    clients.back()->Write("GET /take HTTP/1.1\r\nHost: x\r\n\r\n");
    loop_.RunFor(absl::Seconds(1));
  }
  clients.push_back(Connect());
  loop_.RunFor(absl::Seconds(1));
  EXPECT_FALSE(clients[0]->end());
  EXPECT_FALSE(clients[1]->end());
  EXPECT_TRUE(clients[2]->end());
  EXPECT_THAT(refused_, ElementsAre("too_many"));
  // One that ends makes room.
  taken.pop_back();
  clients.push_back(Connect());
  loop_.RunFor(absl::Seconds(1));
  EXPECT_FALSE(clients[3]->end());
}

TEST_F(ServerTest, ShutsDownOnceAllIsAnswered) {
  On("/later", {"GET"}, [this](std::unique_ptr<Exchange> exchange) {
    held_.push_back(std::move(exchange));
  });
  const auto idle = Connect();
  const auto busy = Connect();
  busy->Write("GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
  loop_.RunFor(absl::Seconds(1));
  bool is_closed = false;
  server_->Shutdown(absl::Minutes(1), [&] { is_closed = true; });
  loop_.RunFor(absl::Seconds(1));
  EXPECT_TRUE(idle->end());
  EXPECT_FALSE(is_closed);
  EXPECT_TRUE(held_[0]->Respond(200, {}, "done").ok());
  loop_.RunFor(absl::Seconds(3));
  EXPECT_THAT(busy->received(), EndsWith("done"));
  EXPECT_TRUE(is_closed);
}

TEST_F(ServerTest, MayBeDestroyedInsideAHandler) {
  On("/end", {"GET", "POST"}, [this](std::unique_ptr<Exchange> exchange) {
    server_.reset();
    // It has nothing to say any more, and says so without harm.
    EXPECT_TRUE(exchange->Respond(200, {}, "x").ok());
    EXPECT_FALSE(exchange->TakeOver(200, {}).ok());
  });
  const auto client = Connect();
  client->Write("GET /end HTTP/1.1\r\nHost: x\r\n\r\n");
  loop_.RunFor(absl::Seconds(1));
  EXPECT_TRUE(client->end());
}

TEST_F(ServerTest, MayBeDestroyedInsideABody) {
  Sink sink;
  On("/sink", {"POST"}, [&](std::unique_ptr<Exchange> exchange) {
    exchange->StreamBody(sink);
    held_.push_back(std::move(exchange));
  });
  sink.on_body = [this] { server_.reset(); };
  const auto client = Connect();
  client->Write("POST /sink HTTP/1.1\r\nContent-Length: 8\r\n\r\nfour");
  loop_.RunFor(absl::Seconds(1));
  EXPECT_EQ(sink.received, "four");
  EXPECT_TRUE(client->end());
}

}  // namespace
}  // namespace rafthttp::http1
