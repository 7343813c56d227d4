// One suite over two kinds of streams: the memory network with its virtual
// clock, and real sockets on the loopback interface.
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "rafthttp/event/byte_stream.h"
#include "rafthttp/event/connector.h"
#include "rafthttp/event/listener.h"
#include "rafthttp/event/testing/memory_network.h"
#include "rafthttp/event/testing/sim_loop.h"
#include "rafthttp/event/uv_connector.h"
#include "rafthttp/event/uv_listener.h"
#include "rafthttp/event/uv_loop.h"
#include "rafthttp/http1/client.h"
#include "rafthttp/http1/client_connection.h"
#include "rafthttp/http1/http_error.h"
#include "rafthttp/http1/limits.h"
#include "rafthttp/http1/request.h"
#include "rafthttp/http1/testing/recording_sink.h"
#include "rafthttp/http1/testing/script_server.h"
#include "rafthttp/http1/url.h"

namespace rafthttp::http1 {
namespace {

constexpr int kTurnsMax = 1000000;

struct MemoryWorld {
  event::SimLoop loop;
  event::MemoryNetwork net{loop};
  std::unique_ptr<event::Connector> connector = net.NewConnector();

  std::unique_ptr<event::Listener> Listen(ScriptServer& server) {
    return *net.Listen({"localhost", 0}, server.acceptor());
  }
  static constexpr char kHost[] = "localhost";
};

struct LoopbackWorld {
  event::UvLoop loop;
  std::unique_ptr<event::Connector> connector =
      std::make_unique<event::UvConnector>(loop);

  std::unique_ptr<event::Listener> Listen(ScriptServer& server) {
    return *event::UvListener::Listen(loop, {"127.0.0.1", 0}, {},
                                      server.acceptor());
  }
  static constexpr char kHost[] = "127.0.0.1";
};

template <typename World>
class LoopbackTest : public testing::Test {
 protected:
  LoopbackTest() : listener_(world_.Listen(server_)) {
    url_ = *ParseUrl(
        absl::StrCat("http://", World::kHost, ":", listener_->port(), "/x"));
    client_ = std::make_unique<Client>(world_.loop, *world_.connector,
                                       Client::Options());
  }

  bool RunUntil(absl::FunctionRef<bool()> predicate) {
    return world_.loop.RunUntil(predicate, kTurnsMax);
  }

  absl::StatusOr<Response> Fetch(Request request) {
    std::optional<absl::StatusOr<Response>> result;
    const auto call = client_->Fetch(std::move(request), {},
                                     [&](absl::StatusOr<Response> response) {
                                       result = std::move(response);
                                     });
    RunUntil([&] { return result.has_value(); });
    if (!result.has_value()) return absl::InternalError("no callback");
    return *std::move(result);
  }

  // A connection of one's own.
  std::unique_ptr<ClientConnection> Connect() {
    std::unique_ptr<ClientConnection> connection;
    const auto attempt = world_.connector->Connect(
        url_.address(), {},
        [&](absl::StatusOr<std::unique_ptr<event::ByteStream>> stream) {
          ASSERT_TRUE(stream.ok()) << stream.status();
          connection = std::make_unique<ClientConnection>(
              world_.loop, *std::move(stream), Limits());
        });
    RunUntil([&] { return connection != nullptr; });
    return connection;
  }

  World world_;
  std::string answer_ = "HTTP/1.1 204 No Content\r\n\r\n";
  bool closes_ = false;
  ScriptServer server_{[this](ScriptServer::Connection& connection,
                              const ScriptServer::Request&) {
    connection.Send(answer_);
    if (closes_) connection.ShutdownWrite();
  }};
  std::unique_ptr<event::Listener> listener_;
  Url url_;
  std::unique_ptr<Client> client_;
};

using Worlds = testing::Types<MemoryWorld, LoopbackWorld>;
TYPED_TEST_SUITE(LoopbackTest, Worlds);

TYPED_TEST(LoopbackTest, LargeBodiesBothWays) {
  std::string body;
  for (int i = 0; i < 900000; ++i) body += static_cast<char>(i % 251);
  this->answer_ = absl::StrCat(
      "HTTP/1.1 200 OK\r\nContent-Length: ", body.size(), "\r\n\r\n", body);
  for (int i = 0; i < 2; ++i) {
    const auto response =
        this->Fetch({.method = "POST", .url = this->url_, .body = body});
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_TRUE(response->body == body);
    EXPECT_TRUE(this->server_.requests().back().body == body);
  }
  EXPECT_EQ(this->server_.connections().size(), 1u);
}

TYPED_TEST(LoopbackTest, AStreamWithBackPressure) {
  std::string body;
  this->answer_ = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 20000; ++i) {
    const std::string piece = absl::StrCat("frame ", i, ";");
    absl::StrAppend(&this->answer_, absl::Hex(piece.size()), "\r\n", piece,
                    "\r\n");
    absl::StrAppend(&body, piece);
  }
  absl::StrAppend(&this->answer_, "0\r\n\r\n");
  const auto connection = this->Connect();
  ASSERT_NE(connection, nullptr);
  const Request request = {.url = this->url_};
  RecordingSink sink;
  sink.on_body = [&] {
    if (sink.spans % 100 != 0) return;
    connection->Pause();
    this->world_.loop.Post([&] { connection->Resume(); });
  };
  ASSERT_TRUE(connection->Start(request, absl::Seconds(5), sink).ok());
  this->RunUntil([&] { return sink.ends > 0; });
  EXPECT_EQ(sink.end, absl::OkStatus());
  EXPECT_TRUE(sink.body == body);
  EXPECT_TRUE(connection->is_reusable());
}

TYPED_TEST(LoopbackTest, ACutAnswer) {
  this->closes_ = true;
  this->answer_ = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc";
  EXPECT_EQ(HttpErrorOf(this->Fetch({.url = this->url_}).status()),
            HttpError::kCut);
  this->answer_ = "";
  EXPECT_EQ(HttpErrorOf(this->Fetch({.url = this->url_}).status()),
            HttpError::kNoAnswer);
  this->answer_ = "SSH-2.0-x\r\n";
  EXPECT_EQ(HttpErrorOf(this->Fetch({.url = this->url_}).status()),
            HttpError::kNotHttp);
}

TYPED_TEST(LoopbackTest, AnAnswerDuringALongRequest) {
  this->server_.set_on_head([](ScriptServer::Connection& connection) {
    connection.Send("HTTP/1.1 413 X\r\nContent-Length: 2\r\n\r\nno");
    connection.StopReading();
  });
  const auto response = this->Fetch({.method = "POST",
                                     .url = this->url_,
                                     .body = std::string(32 << 20, 'x')});
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->body, "no");
  EXPECT_EQ(this->client_->connections(), 0u);
}

TYPED_TEST(LoopbackTest, ThePeerEndsAnIdleConnection) {
  ASSERT_TRUE(this->Fetch({.url = this->url_}).ok());
  this->server_.connections()[0]->Close();
  EXPECT_TRUE(this->RunUntil([&] { return this->client_->hosts() == 0; }));
  ASSERT_TRUE(this->Fetch({.url = this->url_}).ok());
  // And one whose end we cannot have seen yet.
  this->server_.connections()[1]->Close();
  EXPECT_TRUE(this->Fetch({.url = this->url_}).ok());
  EXPECT_EQ(this->server_.connections().size(), 3u);
}

TYPED_TEST(LoopbackTest, DestroyedInTheMiddle) {
  this->answer_ = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  auto connection = this->Connect();
  ASSERT_NE(connection, nullptr);
  const Request request = {.url = this->url_};
  RecordingSink sink;
  sink.on_head = [&] { connection.reset(); };
  ASSERT_TRUE(connection->Start(request, absl::Seconds(5), sink).ok());
  EXPECT_TRUE(
      this->RunUntil([&] { return this->server_.live_connections() == 0; }));
  EXPECT_EQ(sink.ends, 0);
}

TYPED_TEST(LoopbackTest, NobodyListens) {
  this->listener_.reset();
  EXPECT_EQ(this->Fetch({.url = this->url_}).status().code(),
            absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace rafthttp::http1
