#include "rafthttp/pipeline/pipeline_handler.h"

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rafthttp/base/http_answer.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/codec/limits.h"
#include "rafthttp/event/byte_stream.h"
#include "rafthttp/event/testing/memory_network.h"
#include "rafthttp/event/testing/sim_loop.h"
#include "rafthttp/handshake/identity.h"
#include "rafthttp/http1/mux.h"
#include "rafthttp/http1/server.h"
#include "rafthttp/http1/url.h"
#include "raftpb/raft.pb.h"

namespace rafthttp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

using OnProcessed = absl::AnyInvocable<void(absl::Status)>;

class FakeReceiver final : public PipelineHandler::Receiver {
 public:
  void OnSender(MemberId from, std::vector<http1::Url> urls) override {
    std::string text = absl::StrCat("sender ", from.ToHex());
    for (const http1::Url& url : urls) {
      absl::StrAppend(&text, " ", url.ToString());
    }
    log.push_back(text);
  }
  void Receive(raftpb::Message message, size_t body_bytes,
               OnProcessed on_processed) override {
    log.push_back(
        absl::StrCat("message ", message.index(), " of ", body_bytes));
    waiting.push_back(std::move(on_processed));
  }
  void OnReceiveFailed(MemberId from, absl::string_view address) override {
    EXPECT_TRUE(absl::StrContains(address, "client")) << address;
    log.push_back(absl::StrCat("failed ", from.ToHex()));
  }

  std::vector<std::string> log;
  std::list<OnProcessed> waiting;
};

// A connection to the server, on which bytes are written and read as they are.
class RawClient final : private event::ByteStream::Reader {
 public:
  explicit RawClient(std::unique_ptr<event::ByteStream> stream)
      : stream_(std::move(stream)) {
    stream_->StartReading(*this);
  }

  void Send(std::string bytes) {
    sent_.push_back(std::move(bytes));
    const absl::string_view buffers[] = {sent_.back()};
    stream_->Write(buffers, [](absl::Status) {});
  }
  void Close() { stream_.reset(); }
  void ShutdownWrite() { stream_->ShutdownWrite(); }

  const std::string& received() const { return received_; }
  bool has_ended() const { return has_ended_; }

 private:
  void OnBytes(absl::string_view bytes) override {
    received_.append(bytes.data(), bytes.size());
  }
  void OnEnd(absl::Status) override { has_ended_ = true; }

  std::unique_ptr<event::ByteStream> stream_;
  std::list<std::string> sent_;
  std::string received_;
  bool has_ended_ = false;
};

std::string Encoded(uint64_t index, size_t data_bytes = 0) {
  raftpb::Message message;
  message.set_type(raftpb::MsgApp);
  message.set_index(index);
  if (data_bytes > 0) {
    message.add_entries()->set_data(std::string(data_bytes, 'x'));
  }
  return message.SerializeAsString();
}

constexpr char kIdentity[] =
    "X-Server-From: 2\r\nX-Server-Version: 3.4.23\r\n"
    "X-Min-Cluster-Version: 3.0.0\r\nX-Etcd-Cluster-ID: 1000\r\n";

std::string RequestOf(absl::string_view body,
                      absl::string_view headers = kIdentity,
                      absl::string_view method = "POST") {
  return absl::StrCat(method, " /raft HTTP/1.1\r\nHost: server\r\n", headers,
                      "Content-Length: ", body.size(), "\r\n\r\n", body);
}

class PipelineHandlerTest : public testing::Test {
 protected:
  PipelineHandlerTest() { Make({}); }

  void Make(codec::Limits limits) {
    client_.reset();
    server_.reset();
    PipelineHandler::Options options;
    options.identity.self = MemberId(1);
    options.identity.cluster = ClusterId(0x1000);
    options.limits = limits;
    handler_ = std::make_unique<PipelineHandler>(receiver_, options);
    mux_ = std::make_unique<http1::Mux>();
    mux_->Add("/raft", {"POST"}, *handler_);
    server_ = std::make_unique<http1::Server>(
        loop_, *mux_, http1::Server::Options(), [this] { return loop_.Now(); },
        nullptr);
    Connect();
  }
  void Connect() {
    auto [client_end, server_end] = net_.NewPair();
    client_ = std::make_unique<RawClient>(std::move(client_end));
    server_->Accept(std::move(server_end));
  }
  void Run() { loop_.RunFor(absl::Milliseconds(1)); }
  // Sends `request` on a new connection and returns what comes at once.
  std::string Ask(std::string request) {
    Connect();
    client_->Send(std::move(request));
    Run();
    return client_->received();
  }
  void Process(absl::Status status) {
    ASSERT_FALSE(receiver_.waiting.empty());
    OnProcessed on_processed = std::move(receiver_.waiting.front());
    receiver_.waiting.pop_front();
    on_processed(std::move(status));
    Run();
  }
  // Status line of what has been received.
  std::string StatusLine() const {
    return client_->received().substr(0, client_->received().find("\r\n"));
  }
  std::string Body() const {
    const size_t at = client_->received().find("\r\n\r\n");
    return at == std::string::npos ? "" : client_->received().substr(at + 4);
  }
  bool HasHeader(absl::string_view line) const {
    return absl::StrContains(client_->received(),
                             absl::StrCat("\r\n", line, "\r\n"));
  }

  event::SimLoop loop_;
  event::MemoryNetwork net_{loop_};
  FakeReceiver receiver_;
  std::unique_ptr<PipelineHandler> handler_;
  std::unique_ptr<http1::Mux> mux_;
  std::unique_ptr<http1::Server> server_;
  std::unique_ptr<RawClient> client_;
};

TEST_F(PipelineHandlerTest, AnswersOnceRaftHasTheMessage) {
  const std::string body = Encoded(7, 100);
  EXPECT_EQ(Ask(RequestOf(body)), "");
  EXPECT_THAT(receiver_.log,
              ElementsAre(absl::StrCat("message 7 of ", body.size())));
  loop_.RunFor(absl::Minutes(5));  // however long that takes
  EXPECT_EQ(client_->received(), "");
  Process(absl::OkStatus());
  EXPECT_EQ(StatusLine(), "HTTP/1.1 204 No Content");
  EXPECT_TRUE(HasHeader("X-Etcd-Cluster-Id: 1000"));
  EXPECT_FALSE(absl::StrContains(client_->received(), "Content-Length"));
  EXPECT_FALSE(absl::StrContains(client_->received(), "Content-Type"));
  EXPECT_EQ(Body(), "");
  // The connection may be used again.
  client_->Send(RequestOf(Encoded(8)));
  Run();
  EXPECT_EQ(receiver_.waiting.size(), 1u);
}

TEST_F(PipelineHandlerTest, TakesTheBodyInAnyPieces) {
  const std::string request = RequestOf(Encoded(7, 20));
  for (size_t at = 1; at < request.size(); ++at) {
    Connect();
    client_->Send(request.substr(0, at));
    Run();
    client_->Send(request.substr(at));
    Run();
    ASSERT_EQ(receiver_.waiting.size(), 1u) << at;
    Process(absl::OkStatus());
    EXPECT_EQ(StatusLine(), "HTTP/1.1 204 No Content");
  }
}

TEST_F(PipelineHandlerTest, TakesAChunkedBody) {
  const std::string body = Encoded(7);
  Ask(absl::StrCat("POST /raft HTTP/1.1\r\nHost: server\r\n", kIdentity,
                   "Transfer-Encoding: chunked\r\n\r\n", absl::Hex(body.size()),
                   "\r\n", body, "\r\n0\r\n\r\n"));
  EXPECT_EQ(receiver_.waiting.size(), 1u);
}

TEST_F(PipelineHandlerTest, OtherMethods) {
  Ask(RequestOf("", kIdentity, "GET"));
  EXPECT_EQ(StatusLine(), "HTTP/1.1 405 Method Not Allowed");
  EXPECT_TRUE(HasHeader("Allow: POST"));
  EXPECT_EQ(Body(), "Method Not Allowed\n");
  EXPECT_FALSE(absl::StrContains(client_->received(), "Etcd"));
}

TEST_F(PipelineHandlerTest, WhatIsCheckedBeforeTheBody) {
  struct Case {
    std::string headers;
    std::string status_line;
    std::string text;
  };
  const Case cases[] = {
      {"", "412 Precondition Failed", "incompatible version\n"},
      {"X-Server-Version: 2.3.0\r\nX-Min-Cluster-Version: 2.3.0\r\n"
       "X-Etcd-Cluster-ID: 999\r\n",
       "412 Precondition Failed", "incompatible version\n"},
      {"X-Server-Version: 9.0.0\r\nX-Min-Cluster-Version: 9.0.0\r\n",
       "412 Precondition Failed", "incompatible version\n"},
      {"X-Server-Version: v3\r\n", "400 Bad Request", "malformed version\n"},
      {"X-Server-Version: 3.4.23\r\nX-Min-Cluster-Version: 3.0.0\r\n",
       "412 Precondition Failed", "cluster ID mismatch\n"},
      {"X-Server-Version: 3.4.23\r\nX-Min-Cluster-Version: 3.0.0\r\n"
       "X-Etcd-Cluster-ID: 01000\r\nX-Server-From: 2\r\n"
       "X-PeerURLs: http://a:1\r\n",
       "412 Precondition Failed", "cluster ID mismatch\n"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.headers);
    // What is in the body does not matter, nor whether it is there.
    for (const std::string& request :
         {RequestOf("", c.headers), RequestOf("nonsense", c.headers),
          RequestOf("nonsense", c.headers).substr(0, 60 + c.headers.size())}) {
      Ask(request);
      if (client_->received().empty()) continue;  // cut inside its head
      EXPECT_EQ(StatusLine(), "HTTP/1.1 " + c.status_line);
      EXPECT_EQ(Body(), c.text);
      EXPECT_TRUE(HasHeader("X-Etcd-Cluster-Id: 1000"));
      EXPECT_TRUE(HasHeader("Content-Type: text/plain; charset=utf-8"));
      EXPECT_TRUE(HasHeader("X-Content-Type-Options: nosniff"));
    }
  }
  EXPECT_THAT(receiver_.log, IsEmpty());
}

TEST_F(PipelineHandlerTest, TellsOfSendersThatShowWhereTheyAre) {
  Ask(RequestOf(
      Encoded(1),
      absl::StrCat(kIdentity, "X-PeerURLs: http://a:1,http://b:2\r\n")));
  // Even if the message is nonsense, as in etcd.
  Ask(RequestOf("\xff", absl::StrCat(kIdentity, "X-PeerURLs: http://c:3\r\n")));
  EXPECT_THAT(receiver_.log,
              ElementsAre("sender 2 http://a:1 http://b:2",
                          absl::StrCat("message 1 of ", Encoded(1).size()),
                          "sender 2 http://c:3", "failed 2"));
  receiver_.log.clear();
  // What cannot be is not told; etcd's handler would panic.
  Ask(RequestOf(
      Encoded(1),
      absl::StrCat(kIdentity, "X-PeerURLs: http://a:1/,ftp://b\r\n")));
  EXPECT_EQ(receiver_.log.size(), 1u);
}

TEST_F(PipelineHandlerTest, NonsenseIsNotUnmarshalled) {
  for (const std::string& body :
       {std::string("nonsense"), Encoded(7).substr(0, 3), std::string("\xff"),
        // A known field with another wire type, and two snapshots: what a
        // stream would not take, either.
        std::string("\x12\x00", 2), std::string("\x4a\x00\x4a\x00", 4)}) {
    receiver_.log.clear();
    Ask(RequestOf(body));
    EXPECT_EQ(StatusLine(), "HTTP/1.1 400 Bad Request");
    EXPECT_EQ(Body(), "error unmarshalling raft message\n");
    EXPECT_TRUE(HasHeader("X-Etcd-Cluster-Id: 1000"));
    EXPECT_THAT(receiver_.log, ElementsAre("failed 2"));
  }
}

TEST_F(PipelineHandlerTest, AnEmptyBodyIsAnEmptyMessage) {
  Ask(RequestOf(""));
  EXPECT_THAT(receiver_.log, ElementsAre("message 0 of 0"));
}

TEST_F(PipelineHandlerTest, TooLongABodyIsRefusedBeforeItIsRead) {
  codec::Limits limits;
  limits.message_bytes_max = 1000;
  Make(limits);
  for (const size_t size : {size_t{1001}, size_t{1} << 40}) {
    receiver_.log.clear();
    Ask(absl::StrCat("POST /raft HTTP/1.1\r\nHost: server\r\n", kIdentity,
                     "Content-Length: ", size, "\r\n\r\nsome"));
    EXPECT_EQ(StatusLine(), "HTTP/1.1 413 Request Entity Too Large");
    EXPECT_EQ(Body(), "raft message too large\n");
    EXPECT_THAT(receiver_.log, ElementsAre("failed 2"));
    loop_.RunFor(absl::Minutes(1));
    EXPECT_TRUE(client_->has_ended());
  }
  const std::string fits = Encoded(7, 900);
  Ask(RequestOf(fits));
  EXPECT_EQ(receiver_.waiting.size(), 1u);
}

TEST_F(PipelineHandlerTest, ABodyThatStallsIsGivenUp) {
  Ask(absl::StrCat("POST /raft HTTP/1.1\r\nHost: server\r\n", kIdentity,
                   "Content-Length: 10\r\n\r\nsome"));
  loop_.RunFor(absl::Minutes(1));
  EXPECT_EQ(StatusLine(), "HTTP/1.1 400 Bad Request");
  EXPECT_EQ(Body(), "error reading raft message\n");
  EXPECT_TRUE(client_->has_ended());
  EXPECT_THAT(receiver_.log, ElementsAre("failed 2"));
  EXPECT_EQ(server_->connections(), 0u);
}

TEST_F(PipelineHandlerTest, ACutBodyIsAFailure) {
  for (const bool is_closed : {false, true}) {
    receiver_.log.clear();
    Ask(absl::StrCat("POST /raft HTTP/1.1\r\nHost: server\r\n",
                     "Content-Length: 10\r\n", kIdentity, "\r\nsome"));
    if (is_closed) {
      client_->Close();
    } else {
      client_->ShutdownWrite();
    }
    Run();
    EXPECT_THAT(receiver_.log, ElementsAre("failed 2"));
    loop_.RunFor(absl::Minutes(1));
    EXPECT_EQ(server_->connections(), 0u);
  }
}

TEST_F(PipelineHandlerTest, AnErrorOfRaftIsAWholeAnswer) {
  Ask(RequestOf(Encoded(7)));
  Process(absl::InternalError("no disk"));
  EXPECT_EQ(StatusLine(), "HTTP/1.1 500 Internal Server Error");
  EXPECT_EQ(Body(), "error processing raft message\n");
  EXPECT_TRUE(HasHeader("Content-Length: 30"));
  EXPECT_TRUE(HasHeader("X-Etcd-Cluster-Id: 1000"));
  EXPECT_FALSE(client_->has_ended());
}

TEST_F(PipelineHandlerTest, AnErrorMayBringItsOwnAnswer) {
  Ask(RequestOf(Encoded(7)));
  Process(WithHttpAnswer(absl::PermissionDeniedError("removed"),
                         {.status = 403,
                          .content_type = "application/json",
                          .body = "{\"message\":\"removed\"}"}));
  EXPECT_EQ(StatusLine(), "HTTP/1.1 403 Forbidden");
  EXPECT_TRUE(HasHeader("Content-Type: application/json"));
  EXPECT_TRUE(HasHeader("X-Etcd-Cluster-Id: 1000"));
  EXPECT_EQ(Body(), "{\"message\":\"removed\"}");
}

TEST_F(PipelineHandlerTest, AnAnswerThatCannotBeWrittenEndsTheConnection) {
  Ask(RequestOf(Encoded(7)));
  Process(
      WithHttpAnswer(absl::InternalError("x"),
                     {.status = 500, .content_type = "a\r\nX: y", .body = ""}));
  EXPECT_EQ(client_->received(), "");
  EXPECT_TRUE(client_->has_ended());
}

TEST_F(PipelineHandlerTest, TheSenderMayHangUpBeforeRaftIsDone) {
  Ask(RequestOf(Encoded(7)));
  client_->Close();
  Run();
  Process(absl::OkStatus());
  loop_.RunFor(absl::Minutes(1));
  EXPECT_EQ(server_->connections(), 0u);
  Ask(RequestOf(Encoded(8)));
  Process(absl::OkStatus());
  EXPECT_EQ(StatusLine(), "HTTP/1.1 204 No Content");
}

TEST_F(PipelineHandlerTest, AConnectionMayBeLostBeforeRaftIsDone) {
  Ask(RequestOf(Encoded(7)));
  net_.ResetConnections("client", "server");
  Run();
  EXPECT_EQ(server_->connections(), 0u);
  Process(absl::OkStatus());
}

TEST_F(PipelineHandlerTest, SeveralSendersAreAnsweredEachAtItsTime) {
  Ask(RequestOf(Encoded(1)));
  const auto first = std::move(client_);
  Ask(RequestOf(Encoded(2)));
  std::swap(receiver_.waiting.front(), receiver_.waiting.back());
  Process(absl::OkStatus());
  EXPECT_EQ(StatusLine(), "HTTP/1.1 204 No Content");
  EXPECT_EQ(first->received(), "");
  Process(absl::InternalError("x"));
  EXPECT_TRUE(absl::StrContains(first->received(), " 500 "));
}

TEST_F(PipelineHandlerTest, DestroyedBeforeRaftIsDone) {
  Ask(RequestOf(Encoded(7)));
  Ask(absl::StrCat("POST /raft HTTP/1.1\r\nHost: server\r\n", kIdentity,
                   "Content-Length: 10\r\n\r\nsome"));
  server_.reset();
  handler_.reset();
  Process(absl::OkStatus());
  EXPECT_TRUE(client_->has_ended());
}

TEST_F(PipelineHandlerTest, TheServerMayGoFirst) {
  Ask(RequestOf(Encoded(7)));
  server_.reset();
  Process(absl::OkStatus());
  EXPECT_EQ(client_->received(), "");
}

}  // namespace
}  // namespace rafthttp
