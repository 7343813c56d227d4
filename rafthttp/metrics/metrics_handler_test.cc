#include "rafthttp/metrics/metrics_handler.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "prometheus/counter.h"
#include "prometheus/registry.h"
#include "rafthttp/event/byte_stream.h"
#include "rafthttp/event/connector.h"
#include "rafthttp/event/listener.h"
#include "rafthttp/event/testing/memory_network.h"
#include "rafthttp/event/testing/sim_loop.h"
#include "rafthttp/http1/client.h"
#include "rafthttp/http1/mux.h"
#include "rafthttp/http1/request.h"
#include "rafthttp/http1/server.h"
#include "rafthttp/http1/url.h"
#include "rafthttp/metrics/metrics_text.h"

namespace rafthttp {
namespace {

// Mounted on a server, as an embedder does it.
class MetricsHandlerTest : public testing::Test {
 protected:
  MetricsHandlerTest() { mux_.Add("/metrics", {"GET"}, handler_); }

  http1::Response Fetch(absl::string_view method) {
    http1::Request request;
    request.method = std::string(method);
    request.url = *http1::ParseUrl("http://server:80/metrics");
    std::optional<absl::StatusOr<http1::Response>> result;
    const auto call =
        client_.Fetch(std::move(request), {},
                      [&result](absl::StatusOr<http1::Response> response) {
                        result = std::move(response);
                      });
    loop_.RunUntil([&result] { return result.has_value(); }, 10000);
    const auto response =
        std::move(result).value_or(absl::DeadlineExceededError("no answer"));
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? *response : http1::Response();
  }

  prometheus::Registry registry_;
  MetricsHandler handler_{registry_};
  http1::Mux mux_;
  event::SimLoop loop_;
  event::MemoryNetwork net_{loop_};
  http1::Server server_{loop_, mux_, http1::Server::Options(),
                        [] { return absl::UnixEpoch(); }, nullptr};
  const std::unique_ptr<event::Listener> listener_ = *net_.Listen(
      {"server", 80}, [this](std::unique_ptr<event::ByteStream> stream) {
        server_.Accept(std::move(stream));
      });
  const std::unique_ptr<event::Connector> connector_ = net_.NewConnector();
  http1::Client client_{loop_, *connector_, http1::Client::Options()};
};

TEST_F(MetricsHandlerTest, AnswersWithTheRegistryAsItIsNow) {
  auto& counter = prometheus::BuildCounter()
                      .Name("things_total")
                      .Help("Things.")
                      .Register(registry_)
                      .Add({});
  for (const char* const value : {"1", "2"}) {
    counter.Increment();
    const http1::Response response = Fetch("GET");
    EXPECT_EQ(response.head.status, 200);
    EXPECT_EQ(response.head.headers.Get("Content-Type"), kMetricsContentType);
    EXPECT_EQ(response.body, MetricsText(registry_));
    EXPECT_THAT(response.body,
                testing::HasSubstr(std::string("\nthings_total ") + value));
  }
}

TEST_F(MetricsHandlerTest, AnEmptyRegistryIsAnAnswer) {
  const http1::Response response = Fetch("GET");
  EXPECT_EQ(response.head.status, 200);
  EXPECT_EQ(response.body, "");
}

TEST_F(MetricsHandlerTest, IsForReadingOnly) {
  EXPECT_EQ(Fetch("POST").head.status, 405);
}

}  // namespace
}  // namespace rafthttp
