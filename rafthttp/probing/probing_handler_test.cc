#include "rafthttp/probing/probing_handler.h"

#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "rafthttp/event/byte_stream.h"
#include "rafthttp/event/connector.h"
#include "rafthttp/event/listener.h"
#include "rafthttp/event/testing/memory_network.h"
#include "rafthttp/event/testing/sim_loop.h"
#include "rafthttp/http1/client.h"
#include "rafthttp/http1/request.h"
#include "rafthttp/http1/server.h"
#include "rafthttp/http1/url.h"

namespace rafthttp {
namespace {

constexpr int kTurnsMax = 100000;

absl::Time TimeOf(const std::string& text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, text, &time, &error))
      << error;
  return time;
}

class ProbingHandlerTest : public testing::Test {
 protected:
  ProbingHandlerTest() {
    listener_ = *net_.Listen({"server", 2380},
                             [this](std::unique_ptr<event::ByteStream> stream) {
                               server_.Accept(std::move(stream));
                             });
  }

  http1::Response Ask(const std::string& method) {
    std::optional<absl::StatusOr<http1::Response>> response;
    const auto call = client_.Fetch(
        {.method = method,
         .url = *http1::ParseUrl("http://server:2380/raft/probing")},
        {},
        [&](absl::StatusOr<http1::Response> r) { response = std::move(r); });
    loop_.RunUntil([&] { return response.has_value(); }, kTurnsMax);
    EXPECT_TRUE(response.has_value() && response->ok());
    return **std::move(response);
  }

  event::SimLoop loop_;
  event::MemoryNetwork net_{loop_};
  absl::Time now_ = absl::UnixEpoch();
  ProbingHandler handler_{[this] { return now_; }};
  http1::Server server_{loop_, handler_, {}, [this] { return now_; }, nullptr};
  std::unique_ptr<event::Listener> listener_;
  std::unique_ptr<event::Connector> connector_ = net_.NewConnector();
  http1::Client client_{loop_, *connector_, {}};
};

TEST_F(ProbingHandlerTest, AnswersAsEtcdDoes) {
  std::ifstream file("rafthttp/probing/testdata/probing.http",
                     std::ios::binary);
  ASSERT_TRUE(file.is_open());
  std::ostringstream text;
  text << file.rdbuf();
  const std::string etcds = text.str();
  const std::string body = etcds.substr(etcds.find("\r\n\r\n") + 4);
  const std::string before = R"({"OK":true,"Now":")";
  ASSERT_EQ(body.rfind(before, 0), 0u);
  now_ = TimeOf(body.substr(before.size(), body.find('Z') + 1 - before.size()));

  const http1::Response response = Ask("GET");
  EXPECT_EQ(response.head.status, 200);
  EXPECT_EQ(response.body, body);
  const std::string type(*response.head.headers.Get("Content-Type"));
  EXPECT_NE(etcds.find("\r\nContent-Type: " + type + "\r\n"),
            std::string::npos);
}

TEST_F(ProbingHandlerTest, WritesAsManyDigitsAsItTakesDownToNanoseconds) {
  const std::pair<absl::Duration, std::string> cases[] = {
      {absl::ZeroDuration(), "00Z"},
      {absl::Milliseconds(500), "00.5Z"},
      {absl::Nanoseconds(1), "00.000000001Z"},
      {absl::Nanoseconds(7) / 4, "00.000000001Z"},
  };
  for (const auto& [offset, end] : cases) {
    now_ = TimeOf("2026-11-22T08:10:00Z") + offset;
    EXPECT_EQ(Ask("GET").body,
              R"({"OK":true,"Now":"2026-11-22T08:10:)" + end + "\"}\n");
  }
}

TEST_F(ProbingHandlerTest, AnyMethodWillDo) {
  for (const char* method : {"POST", "DELETE", "PUT"}) {
    const http1::Response response = Ask(method);
    EXPECT_EQ(response.head.status, 200);
    EXPECT_EQ(response.body.substr(0, 11), "{\"OK\":true,");
  }
  EXPECT_EQ(Ask("HEAD").body, "");
}

}  // namespace
}  // namespace rafthttp
