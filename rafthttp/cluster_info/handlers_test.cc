#include <algorithm>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "rafthttp/base/ids.h"
#include "rafthttp/cluster_info/cluster_info.h"
#include "rafthttp/cluster_info/go_text.h"
#include "rafthttp/cluster_info/members_handler.h"
#include "rafthttp/cluster_info/version_handler.h"
#include "rafthttp/event/byte_stream.h"
#include "rafthttp/event/connector.h"
#include "rafthttp/event/listener.h"
#include "rafthttp/event/testing/memory_network.h"
#include "rafthttp/event/testing/sim_loop.h"
#include "rafthttp/handshake/version.h"
#include "rafthttp/http1/client.h"
#include "rafthttp/http1/headers.h"
#include "rafthttp/http1/mux.h"
#include "rafthttp/http1/request.h"
#include "rafthttp/http1/server.h"
#include "rafthttp/http1/url.h"

namespace rafthttp {
namespace {

constexpr int kTurnsMax = 100000;

class FakeClusterInfo final : public ClusterInfo {
 public:
  ClusterVersions Versions() override { return versions; }
  std::vector<ClusterMember> Members() override { return members; }

  ClusterVersions versions;
  std::vector<ClusterMember> members;
};

// What curl -i shows, without the date.
std::string TextOf(const http1::Response& response) {
  std::string text = "HTTP/1.1 200 OK\r\n";
  EXPECT_EQ(response.head.status, 200);
  std::vector<std::string> lines;
  for (const http1::Header& header : response.head.headers) {
    if (header.name == "Date") continue;
    lines.push_back(header.name + ": " + header.value + "\r\n");
  }
  std::sort(lines.begin(), lines.end());
  for (const std::string& line : lines) text += line;
  return text + "\r\n" + response.body;
}

// The same of a file, whose headers may be in another order.
std::string TextOfFile(const std::string& name) {
  std::ifstream file("rafthttp/cluster_info/testdata/" + name,
                     std::ios::binary);
  EXPECT_TRUE(file.is_open());
  std::string first;
  std::getline(file, first);
  std::string text = first + "\n";
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line) && line != "\r";) {
    if (line.rfind("Date:", 0) != 0) lines.push_back(line + "\n");
  }
  std::sort(lines.begin(), lines.end());
  for (const std::string& line : lines) text += line;
  std::ostringstream body;
  body << file.rdbuf();
  return text + "\r\n" + body.str();
}

class HandlersTest : public testing::Test {
 protected:
  HandlersTest() {
    mux_.Add("/version", {"GET"}, version_handler_);
    mux_.Add("/members", {"GET"}, members_handler_);
    listener_ = *net_.Listen({"server", 2380},
                             [this](std::unique_ptr<event::ByteStream> stream) {
                               server_.Accept(std::move(stream));
                             });
  }

  http1::Response Ask(const std::string& method, const std::string& target) {
    std::optional<absl::StatusOr<http1::Response>> response;
    const auto call = client_.Fetch(
        {.method = method,
         .url = *http1::ParseUrl("http://server:2380" + target)},
        {},
        [&](absl::StatusOr<http1::Response> r) { response = std::move(r); });
    loop_.RunUntil([&] { return response.has_value(); }, kTurnsMax);
    EXPECT_TRUE(response.has_value() && response->ok());
    return **std::move(response);
  }

  event::SimLoop loop_;
  event::MemoryNetwork net_{loop_};
  FakeClusterInfo info_;
  VersionHandler version_handler_{info_};
  MembersHandler members_handler_{info_, ClusterId(0x924e71b5e0852da5)};
  http1::Mux mux_;
  http1::Server server_{
      loop_, mux_, {}, [this] { return loop_.Now(); }, nullptr};
  std::unique_ptr<event::Listener> listener_;
  std::unique_ptr<event::Connector> connector_ = net_.NewConnector();
  http1::Client client_{loop_, *connector_, {}};
};

TEST_F(HandlersTest, VersionIsAsEtcdTellsIt) {
  info_.versions.server = {3, 4, 23};
  info_.versions.cluster = Version{3, 4, 0};
  EXPECT_EQ(TextOf(Ask("GET", "/version")), TextOfFile("version.http"));
}

TEST_F(HandlersTest, VersionBeforeTheClusterHasDecided) {
  info_.versions.server = {3, 4, 23};
  EXPECT_EQ(Ask("GET", "/version").body,
            R"({"etcdserver":"3.4.23","etcdcluster":"not_decided"})");
}

TEST_F(HandlersTest, VersionSince36TellsOfStorage) {
  info_.versions.server = {3, 6, 1};
  info_.versions.cluster = Version{3, 6, 0};
  info_.versions.storage = "unknown";
  EXPECT_EQ(
      Ask("GET", "/version").body,
      R"({"etcdserver":"3.6.1","etcdcluster":"3.6.0","storage":"unknown"})");
}

TEST_F(HandlersTest, MembersAreAsEtcdTellsThem) {
  info_.members = {
      {.id = MemberId(13301153200390947718u),
       .peer_urls = {"http://127.0.0.1:23800", "http://localhost:23800"},
       .is_learner = false,
       .name = "a<b>&\"\u00fc\u2028\t\\c\x01",
       .client_urls = {"http://127.0.0.1:23790", "http://localhost:23790"}},
      {.id = MemberId(4114355895518674081u),
       .peer_urls = {"http://127.0.0.1:23999"},
       .is_learner = true,
       .name = "",
       .client_urls = {}}};
  EXPECT_EQ(TextOf(Ask("GET", "/members")), TextOfFile("members.http"));
}

TEST_F(HandlersTest, NoMembersAreAnEmptyArray) {
  EXPECT_EQ(Ask("GET", "/members").body, "[]\n");
}

TEST_F(HandlersTest, ANameThatIsNoUtf8IsStillAnswered) {
  info_.members = {{.id = MemberId(1),
                    .peer_urls = {"http://a:1"},
                    .is_learner = false,
                    .name = "a\xff",
                    .client_urls = {}}};
  EXPECT_EQ(
      Ask("GET", "/members").body,
      "[{\"id\":1,\"peerURLs\":[\"http://a:1\"],\"name\":\"a\ufffd\"}]\n");
}

TEST_F(HandlersTest, OnlyGetAndOnlyThatPath) {
  for (const std::string path : {"/version", "/members"}) {
    const http1::Response response = Ask("POST", path);
    EXPECT_EQ(response.head.status, 405);
    EXPECT_EQ(response.head.headers.Get("Allow"), "GET");
    EXPECT_EQ(response.body, "Method Not Allowed\n");
    EXPECT_FALSE(response.head.headers.Has("X-Etcd-Cluster-Id"));
  }
  EXPECT_EQ(Ask("GET", "/members/x").body, "404 page not found\n");
}

TEST(GoTextTest, EscapesAsGoDoes) {
  EXPECT_EQ(GoText({{"b", "<>&\u2028\u2029\n\u007f"}, {"a", {1, 2}}}),
            "{\"b\":\"\\u003c\\u003e\\u0026\\u2028\\u2029\\n\u007f\","
            "\"a\":[1,2]}");
}

}  // namespace
}  // namespace rafthttp
