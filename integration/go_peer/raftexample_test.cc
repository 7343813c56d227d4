// Two nodes of etcd's raftexample and one of ours are a cluster of three: as a
// voter that acknowledges, we keep it going when one of the others is killed.
#include <signal.h>
#include <uv.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "integration/child.h"
#include "rafthttp/event/uv_connector.h"
#include "rafthttp/event/uv_loop.h"
#include "rafthttp/http1/client.h"
#include "rafthttp/http1/request.h"
#include "rafthttp/http1/url.h"
#include "rafthttp/rafthttp.h"
#include "raftpb/raft.pb.h"
#include "tools/learner/follower.h"
#include "tools/throwaway_etcd/free_port.h"

namespace rafthttp::integration {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(60);
constexpr char kProgram[] = "integration/go_peer/raftexample_bin";

// Follows and keeps nothing. It votes for nobody, so that the other two elect.
class FollowingRaft final : public Raft, private rafthttpctl::Follower::Events {
 public:
  void set_transport(Transport* transport) { transport_ = transport; }
  bool has_seen(absl::string_view text) const {
    for (const std::string& data : data_) {
      if (absl::StrContains(data, text)) return true;
    }
    return false;
  }
  MemberId leader() const { return leader_; }

 private:
  absl::Status Process(std::stop_token, raftpb::Message&& message) override {
    auto answer = follower_.Step(message);
    if (answer) transport_->Send(*std::move(answer));
    return absl::OkStatus();
  }
  bool IsIdRemoved(MemberId) override { return false; }
  void ReportUnreachable(MemberId) override {}
  void ReportSnapshot(MemberId, SnapshotStatus) override {}

  void OnLeader(MemberId leader, uint64_t) override { leader_ = leader; }
  void OnRewind(uint64_t, uint64_t) override {}
  void OnEntries(const raftpb::Message& message, int first, int end) override {
    for (int i = first; i < end; ++i)
      data_.push_back(message.entries(i).data());
  }
  void OnCommit(uint64_t) override {}
  // The first entries of the log make all three of us voters.
  void OnPromotion(const raftpb::Entry&) override {
    follower_.AcknowledgeAsVoter();
  }
  void OnInconsistent(uint64_t) override { ADD_FAILURE(); }

  rafthttpctl::Follower follower_{MemberId(3), *this};
  Transport* transport_ = nullptr;
  std::vector<std::string> data_;
  MemberId leader_;
};

class RaftExampleTest : public ::testing::Test {
 protected:
  void SetUp() override {
    uv_loop_init(&uv_);
    loop_ = std::make_unique<event::UvLoop>(uv_);
    connector_ = std::make_unique<event::UvConnector>(*loop_);
    client_ = std::make_unique<http1::Client>(*loop_, *connector_,
                                              http1::Client::Options());
    const auto probe = Child::Run(kProgram, {"-help"});
    if (probe->ExitCode(kPatience) == 77) {
      EXPECT_EQ(std::getenv("CI"), nullptr) << "where $CI is set, Go is needed";
      GTEST_SKIP() << "no Go with raftexample here";
    }
    const auto ports = rafthttpctl::PickFreePorts(5);
    ASSERT_TRUE(ports.ok()) << ports.status();
    for (int i = 0; i < 3; ++i) {
      urls_.push_back(absl::StrCat("http://127.0.0.1:", (*ports)[i]));
    }
    for (int i = 0; i < 2; ++i) kv_ports_.push_back((*ports)[3 + i]);
  }
  void TearDown() override {
    if (transport_ != nullptr) {
      bool is_stopped = false;
      transport_->Stop([&] { is_stopped = true; });
      EXPECT_TRUE(RunUntil([&] { return is_stopped; }));
    }
    client_.reset();
    connector_.reset();
    loop_.reset();
    while (uv_run(&uv_, UV_RUN_NOWAIT) != 0) {
    }
    EXPECT_EQ(uv_loop_close(&uv_), 0);
  }

  void StartNode(int id) {
    // It keeps its files where it runs.
    nodes_[id] = Child::Run(
        "/bin/sh",
        {"-c",
         absl::StrCat("prog=$PWD/", kProgram, "; cd ",
                      std::getenv("TEST_TMPDIR"), "; exec \"$prog\" --id ", id,
                      " --cluster ", absl::StrJoin(urls_, ","), " --port ",
                      kv_ports_[static_cast<size_t>(id) - 1])});
  }

  void StartOurs() {
    Options options;
    options.id = MemberId(3);
    // What raftexample calls its cluster.
    options.cluster_id = ClusterId(0x1000);
    options.raft = &raft_;
    options.listen_urls = {urls_[2]};
    options.loop = &uv_;
    options.delivery = DeliveryMode::kInline;
    auto created = Transport::Create(options);
    ASSERT_TRUE(created.ok()) << created.status();
    transport_ = *std::move(created);
    raft_.set_transport(transport_.get());
    ASSERT_TRUE(transport_->Start().ok());
    for (uint64_t id : {1, 2}) {
      ASSERT_TRUE(transport_->AddPeer(MemberId(id), {urls_[id - 1]}).ok());
    }
  }

  bool RunUntil(absl::FunctionRef<bool()> predicate) {
    const absl::Time deadline = absl::Now() + kPatience;
    const auto tick = loop_->NewTimer([] {});
    while (!predicate() && absl::Now() < deadline) {
      if (!tick->is_armed()) tick->Start(absl::Milliseconds(50));
      uv_run(&uv_, UV_RUN_ONCE);
    }
    return predicate();
  }

  // Asks node `id`'s key-value API; its answer's status and body.
  std::pair<int, std::string> Ask(int id, const std::string& method,
                                  const std::string& key,
                                  const std::string& value = "") {
    http1::Request request;
    request.method = method;
    const auto url = http1::ParseUrl(absl::StrCat(
        "http://127.0.0.1:", kv_ports_[static_cast<size_t>(id) - 1], "/", key));
    EXPECT_TRUE(url.ok());
    request.url = *url;
    request.body = value;
    std::optional<absl::StatusOr<http1::Response>> response;
    const auto call = client_->Fetch(
        std::move(request), {},
        [&](absl::StatusOr<http1::Response> r) { response = std::move(r); });
    RunUntil([&] { return response.has_value(); });
    if (!response || !response->ok()) return {0, ""};
    return {(*response)->head.status, (*response)->body};
  }

  uv_loop_t uv_;
  std::unique_ptr<event::UvLoop> loop_;
  std::unique_ptr<event::UvConnector> connector_;
  std::unique_ptr<http1::Client> client_;
  std::vector<std::string> urls_;
  std::vector<uint16_t> kv_ports_;
  std::unique_ptr<Child> nodes_[3];
  FollowingRaft raft_;
  std::unique_ptr<Transport> transport_;
};

TEST_F(RaftExampleTest, OursKeepsTheClusterGoingWhenOneOfTheOthersIsKilled) {
  StartNode(1);
  StartNode(2);
  StartOurs();
  ASSERT_FALSE(HasFatalFailure());
  ASSERT_TRUE(RunUntil([&] { return !raft_.leader().is_zero(); }));
  ASSERT_TRUE(RunUntil(
      [&] { return Ask(1, "PUT", "first-key", "first-value").first == 204; }));
  // All of the cluster has it.
  EXPECT_TRUE(RunUntil([&] { return raft_.has_seen("first-value"); }));
  for (const int id : {1, 2}) {
    EXPECT_TRUE(RunUntil([&] {
      return Ask(id, "GET", "first-key").second == "first-value";
    })) << id;
  }

  // Without the other follower, our word makes the quorum.
  const int leader = static_cast<int>(raft_.leader().value());
  nodes_[3 - leader]->Signal(SIGKILL);
  ASSERT_TRUE(nodes_[3 - leader]->Wait(kPatience).has_value());
  EXPECT_EQ(Ask(leader, "PUT", "second-key", "second-value").first, 204);
  EXPECT_TRUE(RunUntil([&] { return raft_.has_seen("second-value"); }));
  EXPECT_TRUE(RunUntil([&] {
    return Ask(leader, "GET", "second-key").second == "second-value";
  }));
}

}  // namespace
}  // namespace rafthttp::integration
