#include "rafthttp/http1/client.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "rafthttp/event/address.h"
#include "rafthttp/event/connector.h"
#include "rafthttp/event/io_status.h"
#include "rafthttp/event/listener.h"
#include "rafthttp/event/testing/faults.h"
#include "rafthttp/event/testing/memory_network.h"
#include "rafthttp/event/testing/sim_loop.h"
#include "rafthttp/http1/http_error.h"
#include "rafthttp/http1/request.h"
#include "rafthttp/http1/testing/script_server.h"
#include "rafthttp/http1/url.h"

namespace rafthttp::http1 {
namespace {

using event::MemoryNetwork;

constexpr char kNoContent[] = "HTTP/1.1 204 No Content\r\n\r\n";
constexpr int kTurnsMax = 100000;

// One call and what came of it.
struct Fetched {
  std::unique_ptr<Client::Call> call;
  std::optional<absl::StatusOr<Response>> response;
  int calls = 0;

  absl::Status status() const {
    return response.has_value() ? response->status()
                                : absl::InternalError("no callback");
  }
};

class ClientTest : public testing::Test {
 protected:
  ClientTest() {
    listener_ = *net_.Listen({"server", 2380}, server_.acceptor());
    MakeClient({});
  }

  void MakeClient(Client::Options options) {
    client_ = std::make_unique<Client>(loop_, *connector_, options);
  }

  std::unique_ptr<Fetched> Fetch(const std::string& url,
                                 Client::FetchOptions options = {},
                                 std::string body = "") {
    auto fetched = std::make_unique<Fetched>();
    Request request = {.method = body.empty() ? "GET" : "POST",
                       .url = *ParseUrl(url),
                       .body = std::move(body)};
    fetched->call =
        client_->Fetch(std::move(request), options,
                       [f = fetched.get()](absl::StatusOr<Response> response) {
                         ++f->calls;
                         f->response = std::move(response);
                       });
    EXPECT_EQ(fetched->calls, 0);  // not before a later turn
    return fetched;
  }
  std::unique_ptr<Fetched> FetchNow(const std::string& url = kUrl) {
    auto fetched = Fetch(url);
    loop_.RunUntil([&] { return fetched->calls > 0; }, kTurnsMax);
    return fetched;
  }

  static constexpr char kUrl[] = "http://server:2380/version";

  event::SimLoop loop_;
  MemoryNetwork net_{loop_};
  std::string answer_ = kNoContent;
  ScriptServer server_{
      [this](ScriptServer::Connection& connection,
             const ScriptServer::Request&) { connection.Send(answer_); }};
  std::unique_ptr<event::Listener> listener_;
  std::unique_ptr<event::Connector> connector_ = net_.NewConnector();
  std::unique_ptr<Client> client_;
};

TEST_F(ClientTest, ReusesAConnection) {
  answer_ = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
  for (int i = 0; i < 3; ++i) {
    const auto fetched = FetchNow();
    ASSERT_TRUE(fetched->status().ok()) << fetched->status();
    EXPECT_EQ((*fetched->response)->body, "{}");
  }
  EXPECT_EQ(server_.connections().size(), 1u);
  EXPECT_EQ(server_.requests().size(), 3u);
  EXPECT_EQ(client_->connections(), 1u);
  EXPECT_EQ(client_->idle_connections(), 1u);
}

TEST_F(ClientTest, AnyStatusIsAResponse) {
  answer_ = "HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n";
  EXPECT_EQ((*FetchNow()->response)->head.status, 500);
}

TEST_F(ClientTest, AnIdleConnectionIsClosedBeforeThePeerDoes) {
  FetchNow();
  loop_.RunFor(absl::Seconds(4));
  EXPECT_EQ(client_->idle_connections(), 1u);
  FetchNow();  // counts anew
  loop_.RunFor(absl::Seconds(4));
  EXPECT_EQ(client_->idle_connections(), 1u);
  loop_.RunFor(absl::Seconds(1));
  EXPECT_EQ(client_->connections(), 0u);
  EXPECT_EQ(client_->hosts(), 0u);
  EXPECT_EQ(server_.live_connections(), 0u);
}

TEST_F(ClientTest, AnIdleConnectionThatThePeerEndsIsForgotten) {
  for (const bool sends_bytes : {false, true}) {
    FetchNow();
    ASSERT_EQ(client_->idle_connections(), 1u);
    ScriptServer::Connection& connection = *server_.connections().back();
    if (sends_bytes) {
      connection.Send("stray");
    } else {
      connection.Close();
    }
    loop_.RunFor(absl::Milliseconds(1));
    EXPECT_EQ(client_->hosts(), 0u);
    EXPECT_TRUE(FetchNow()->status().ok());
  }
}

TEST_F(ClientTest, ConnectionsAreBoundedAndTheRestWaits) {
  answer_ = "";
  std::vector<std::unique_ptr<Fetched>> all;
  for (int i = 0; i < 10; ++i) all.push_back(Fetch(kUrl));
  loop_.RunFor(absl::Milliseconds(1));
  EXPECT_EQ(client_->connections(), 4u);
  EXPECT_EQ(client_->queued_calls(), 6u);
  EXPECT_EQ(server_.connections().size(), 4u);
  answer_ = kNoContent;
  for (const auto& connection : server_.connections()) {
    connection->Send(kNoContent);
  }
  loop_.RunFor(absl::Milliseconds(1));
  for (const auto& fetched : all) {
    EXPECT_TRUE(fetched->status().ok()) << fetched->status();
    EXPECT_EQ(fetched->calls, 1);
  }
  EXPECT_EQ(server_.connections().size(), 4u);
  EXPECT_EQ(client_->idle_connections(), 4u);
}

TEST_F(ClientTest, HostsDoNotWaitForEachOther) {
  answer_ = "";
  MakeClient({.connections_per_host_max = 1});
  const auto slow = Fetch(kUrl);
  ScriptServer other([](ScriptServer::Connection& connection, const auto&) {
    connection.Send(kNoContent);
  });
  const auto listener = *net_.Listen({"other", 2380}, other.acceptor());
  EXPECT_TRUE(FetchNow("http://other:2380")->status().ok());
  EXPECT_EQ(slow->calls, 0);
  EXPECT_EQ(client_->hosts(), 2u);
}

TEST_F(ClientTest, TheQueueIsBounded) {
  answer_ = "";
  MakeClient({.connections_per_host_max = 1, .queue_calls_max = 2});
  std::vector<std::unique_ptr<Fetched>> all;
  for (int i = 0; i < 4; ++i) all.push_back(Fetch(kUrl));
  EXPECT_EQ(client_->queued_calls(), 2u);
  loop_.RunFor(absl::Milliseconds(1));
  EXPECT_EQ(all[3]->status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(all[3]->calls, 1);
  EXPECT_EQ(all[2]->calls, 0);
}

TEST_F(ClientTest, WhatCannotBeAskedFailsInALaterTurn) {
  const auto tls = Fetch("https://server:2380");
  const auto socket = Fetch("unixs:///x");
  EXPECT_EQ(client_->hosts(), 0u);
  loop_.RunFor(absl::Milliseconds(1));
  EXPECT_EQ(tls->status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(tls->status().message(),
            "GET https://server:2380: this build speaks no https, only http");
  EXPECT_EQ(socket->status().code(), absl::StatusCode::kUnimplemented);

  absl::Status status;
  const auto call = client_->Fetch(
      {.url = *ParseUrl(kUrl), .headers = {{"A\r\n", "b"}}}, {},
      [&](absl::StatusOr<Response> response) { status = response.status(); });
  loop_.RunFor(absl::Milliseconds(1));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(ClientTest, FailuresNameTheRequestAndTheCause) {
  net_.SetAnswer({"server", 2380}, MemoryNetwork::Answer::kRefused);
  const absl::Status refused = FetchNow()->status();
  EXPECT_EQ(event::IoCauseOf(refused), event::IoCause::kRefused);
  EXPECT_TRUE(
      absl::StartsWith(refused.message(), "GET http://server:2380/version: "))
      << refused;
  net_.SetAnswer({"server", 2380}, MemoryNetwork::Answer::kListener);
  answer_ = "\x15\x03\x01";
  EXPECT_EQ(HttpErrorOf(FetchNow()->status()), HttpError::kLooksLikeTls);
  EXPECT_EQ(client_->hosts(), 0u);
}

TEST_F(ClientTest, TheTimeoutCoversEveryStage) {
  const auto expect = [&](Fetched& fetched, absl::string_view why) {
    EXPECT_EQ(fetched.calls, 0);
    loop_.RunFor(absl::Milliseconds(1002));
    EXPECT_EQ(fetched.calls, 1);
    EXPECT_EQ(fetched.status().code(), absl::StatusCode::kDeadlineExceeded);
    EXPECT_TRUE(absl::EndsWith(fetched.status().message(), why))
        << fetched.status();
  };
  const Client::FetchOptions options = {.timeout = absl::Seconds(1)};
  MakeClient({.connections_per_host_max = 1});

  net_.SetAnswer({"server", 2380}, MemoryNetwork::Answer::kNever);
  {
    const auto connecting = Fetch(kUrl, options);
    expect(*connecting, "");
    EXPECT_EQ(client_->hosts(), 0u);
  }
  net_.SetAnswer({"server", 2380}, MemoryNetwork::Answer::kListener);
  answer_ = "";
  {
    const auto silent = Fetch(kUrl, options);
    expect(*silent, ": no answer for 1s");
    EXPECT_EQ(client_->hosts(), 0u);
  }
  answer_ = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na";
  {
    const auto half = Fetch(kUrl, options);
    expect(*half, ": no complete answer for 1s");
    EXPECT_EQ(client_->hosts(), 0u);
  }
  answer_ = "";
  {
    const auto first = Fetch(kUrl, {.timeout = absl::Minutes(1)});
    const auto queued = Fetch(kUrl, options);
    expect(*queued, ": waited for a free connection for 1s");
    EXPECT_EQ(client_->queued_calls(), 0u);
    EXPECT_EQ(first->calls, 0);
  }
  loop_.RunFor(absl::Minutes(1));
  EXPECT_EQ(server_.live_connections(), 0u);
}

// etcd closes connections after 5 to 10 s idle; a request that crosses that
// close on the wire is repeated.
TEST_F(ClientTest, AStaleConnectionIsReplacedOnce) {
  FetchNow();
  // The close is on its way when the request is written.
  server_.connections()[0]->Close();
  const auto fetched = Fetch(kUrl);
  loop_.RunUntil([&] { return fetched->calls > 0; }, kTurnsMax);
  EXPECT_TRUE(fetched->status().ok()) << fetched->status();
  EXPECT_EQ(fetched->calls, 1);
  EXPECT_EQ(server_.connections().size(), 2u);
  EXPECT_EQ(server_.requests().size(), 2u);
}

TEST_F(ClientTest, AStaleConnectionThatReadTheRequestIsReplacedToo) {
  MakeClient({.connections_per_host_max = 1});
  FetchNow();
  // It takes the request, and closes without an answer.
  server_.set_on_head([this](ScriptServer::Connection& connection) {
    if (server_.connections().size() == 1) connection.Close();
  });
  const auto fetched = FetchNow();
  EXPECT_TRUE(fetched->status().ok()) << fetched->status();
  EXPECT_EQ(server_.connections().size(), 2u);
}

TEST_F(ClientTest, AFreshConnectionIsNotReplaced) {
  server_.set_on_head(
      [](ScriptServer::Connection& connection) { connection.Close(); });
  const auto fetched = FetchNow();
  EXPECT_EQ(HttpErrorOf(fetched->status()), HttpError::kNoAnswer);
  EXPECT_EQ(server_.connections().size(), 1u);
}

TEST_F(ClientTest, TheReplacementIsNotReplaced) {
  FetchNow();
  server_.set_on_head(
      [](ScriptServer::Connection& connection) { connection.Close(); });
  const auto fetched = FetchNow();
  EXPECT_EQ(HttpErrorOf(fetched->status()), HttpError::kNoAnswer);
  EXPECT_EQ(server_.connections().size(), 2u);
  EXPECT_EQ(fetched->calls, 1);
}

TEST_F(ClientTest, HalfAnAnswerOnAReusedConnectionIsNotRepeated) {
  FetchNow();
  answer_ = "";
  server_.set_on_head([](ScriptServer::Connection& connection) {
    connection.Send("HTTP/1.1 2");
    connection.ShutdownWrite();
  });
  const auto fetched = FetchNow();
  EXPECT_EQ(HttpErrorOf(fetched->status()), HttpError::kCut);
  EXPECT_EQ(server_.connections().size(), 1u);
}

TEST_F(ClientTest, TheTimeoutCoversTheRepetition) {
  FetchNow();
  server_.connections()[0]->Close();
  net_.SetAnswer({"server", 2380}, MemoryNetwork::Answer::kNever);
  const absl::Time start = loop_.Now();
  const auto fetched = Fetch(kUrl, {.timeout = absl::Seconds(2)});
  loop_.RunUntil([&] { return fetched->calls > 0; }, kTurnsMax);
  EXPECT_EQ(fetched->status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(loop_.Now() - start, absl::Seconds(2));
}

TEST_F(ClientTest, AFailureToConnectIsThatCallsOnly) {
  MakeClient({.connections_per_host_max = 1});
  net_.SetAnswer({"server", 2380}, MemoryNetwork::Answer::kRefused);
  const auto first = Fetch(kUrl);
  const auto second = Fetch(kUrl);
  loop_.RunUntil([&] { return first->calls > 0; }, kTurnsMax);
  net_.SetAnswer({"server", 2380}, MemoryNetwork::Answer::kListener);
  loop_.RunFor(absl::Seconds(1));
  EXPECT_FALSE(first->status().ok());
  EXPECT_EQ(first->calls, 1);
  EXPECT_EQ(second->calls, 1);
}

// Cancels a call after each number of turns, from before it connects to after
// its answer; another waits behind it for the only connection and is answered.
TEST_F(ClientTest, CancelledAtEveryStage) {
  answer_ = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab";
  net_.SetFaultSource([] { return event::LinkFaults{.read_bytes_max = 20}; });
  bool is_answered = false;
  for (int turns = 0; !is_answered; ++turns) {
    MakeClient({.connections_per_host_max = 1});
    auto cancelled = Fetch(kUrl);
    const auto next = Fetch(kUrl);
    for (int i = 0; i < turns; ++i) {
      loop_.RunOnce(loop_.Now() + absl::Milliseconds(1));
    }
    is_answered = cancelled->calls > 0;
    const int calls = cancelled->calls;
    cancelled->call.reset();
    loop_.RunFor(absl::Seconds(1));
    EXPECT_EQ(cancelled->calls, calls) << turns;
    EXPECT_TRUE(next->status().ok()) << turns << next->status();
    loop_.RunFor(absl::Minutes(1));
    EXPECT_EQ(client_->hosts(), 0u);
    ASSERT_LT(turns, 1000);
  }
}

TEST_F(ClientTest, AQueuedCallIsCancelled) {
  answer_ = "";
  MakeClient({.connections_per_host_max = 1});
  const auto first = Fetch(kUrl);
  auto second = Fetch(kUrl);
  second->call.reset();
  EXPECT_EQ(client_->queued_calls(), 0u);
  loop_.RunFor(absl::Minutes(1));
  EXPECT_EQ(second->calls, 0);
  EXPECT_EQ(first->calls, 1);
}

// The same for the client; the handles live on.
TEST_F(ClientTest, DestroyedAtEveryStage) {
  answer_ = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab";
  net_.SetFaultSource([] { return event::LinkFaults{.read_bytes_max = 20}; });
  bool is_answered = false;
  for (int turns = 0; !is_answered; ++turns) {
    MakeClient({.connections_per_host_max = 1});
    const auto first = Fetch(kUrl);
    const auto queued = Fetch(kUrl);
    const auto rejected = Fetch("https://server:1");
    for (int i = 0; i < turns; ++i) {
      loop_.RunOnce(loop_.Now() + absl::Milliseconds(1));
    }
    is_answered = queued->calls > 0;
    const int calls = first->calls + queued->calls;
    client_.reset();
    loop_.RunFor(absl::Minutes(1));
    EXPECT_EQ(first->calls + queued->calls, calls) << turns;
    EXPECT_EQ(server_.live_connections(), 0u);
    ASSERT_LT(turns, 1000);
  }
}

TEST_F(ClientTest, CallAndClientMayBeDestroyedInTheCallback) {
  for (const char* answer : {kNoContent, "garbage", "refused"}) {
    net_.SetAnswer({"server", 2380}, answer == std::string("refused")
                                         ? MemoryNetwork::Answer::kRefused
                                         : MemoryNetwork::Answer::kListener);
    for (const bool destroys_client : {false, true}) {
      MakeClient({});
      answer_ = answer;
      int calls = 0;
      std::unique_ptr<Client::Call> call;
      std::unique_ptr<Client::Call> other = client_->Fetch(
          {.url = *ParseUrl(kUrl)}, {}, [](const absl::StatusOr<Response>&) {});
      call = client_->Fetch({.url = *ParseUrl(kUrl)}, {},
                            [&](const absl::StatusOr<Response>&) {
                              ++calls;
                              call.reset();
                              other.reset();
                              if (destroys_client) client_.reset();
                            });
      loop_.RunFor(absl::Minutes(1));
      EXPECT_EQ(calls, 1);
    }
  }
}

TEST_F(ClientTest, ATimedOutCallMayDestroyTheClient) {
  answer_ = "";
  int calls = 0;
  auto call = client_->Fetch({.url = *ParseUrl(kUrl)}, {},
                             [&](const absl::StatusOr<Response>&) {
                               ++calls;
                               client_.reset();
                             });
  loop_.RunFor(absl::Minutes(1));
  EXPECT_EQ(calls, 1);
}

TEST_F(ClientTest, AFetchFromACallbackReusesTheConnection) {
  std::unique_ptr<Fetched> second;
  const auto call = client_->Fetch(
      {.url = *ParseUrl(kUrl)}, {},
      [&](const absl::StatusOr<Response>&) { second = Fetch(kUrl); });
  loop_.RunFor(absl::Seconds(1));
  ASSERT_NE(second, nullptr);
  EXPECT_TRUE(second->status().ok());
  EXPECT_EQ(server_.connections().size(), 1u);
}

// Whatever the network does, each call ends once, and nothing is left.
TEST_F(ClientTest, EveryCallEndsOnceUnderRandomFaults) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    event::SeededFaults faults(seed, {});
    net_.SetFaultSource([&] { return faults.Next(); });
    MakeClient({.connections_per_host_max = 2});
    answer_ =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3\r\nabc\r\n0\r\n\r\n";
    std::vector<std::unique_ptr<Fetched>> all;
    for (int i = 0; i < 20; ++i) {
      all.push_back(Fetch(kUrl, {}, std::string(300, 'x')));
      loop_.RunFor(absl::Milliseconds(30));
    }
    loop_.RunFor(absl::Minutes(1));
    for (const auto& fetched : all) {
      EXPECT_EQ(fetched->calls, 1);
      if (fetched->status().ok()) {
        EXPECT_EQ((*fetched->response)->body, "abc");
      }
    }
    EXPECT_EQ(client_->hosts(), 0u);
  }
}

}  // namespace
}  // namespace rafthttp::http1
