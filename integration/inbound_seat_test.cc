// Our transport takes a learner's seat in a real etcd cluster, as a member that
// others dial: etcd's streams, probes and polls come to our handlers, and its
// log has no complaint about us.
#include <uv.h>

#include <cstdint>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration/cluster_fixture.h"
#include "rafthttp/event/uv_listener.h"
#include "rafthttp/event/uv_loop.h"
#include "rafthttp/http1/server.h"
#include "rafthttp/rafthttp.h"
#include "raftpb/raft.pb.h"
#include "tools/learner/follower.h"

namespace rafthttp::integration {
namespace {

// A raft that follows and keeps nothing; its answers go back by the transport.
class LearnerRaft final : public Raft, private rafthttpctl::Follower::Events {
 public:
  explicit LearnerRaft(MemberId self) : follower_(self, *this) {}

  void set_transport(Transport* transport) { transport_ = transport; }
  bool has_seen(absl::string_view text) const {
    for (const std::string& data : data_) {
      if (absl::StrContains(data, text)) return true;
    }
    return false;
  }
  uint64_t leaders() const { return leaders_; }

 private:
  absl::Status Process(std::stop_token, raftpb::Message&& message) override {
    auto answer = follower_.Step(message);
    if (answer && transport_ != nullptr) transport_->Send(*std::move(answer));
    return absl::OkStatus();
  }
  bool IsIdRemoved(MemberId) override { return false; }
  void ReportUnreachable(MemberId) override {}
  void ReportSnapshot(MemberId, SnapshotStatus) override {}

  void OnLeader(MemberId, uint64_t) override { ++leaders_; }
  void OnRewind(uint64_t, uint64_t) override {}
  void OnEntries(const raftpb::Message& message, int first, int end) override {
    for (int i = first; i < end; ++i)
      data_.push_back(message.entries(i).data());
  }
  void OnCommit(uint64_t) override {}
  void OnPromotion(const raftpb::Entry&) override {}
  void OnInconsistent(uint64_t) override { ADD_FAILURE(); }

  rafthttpctl::Follower follower_;
  Transport* transport_ = nullptr;
  std::vector<std::string> data_;
  uint64_t leaders_ = 0;
};

// Counts who asks.
class ListedCluster final : public ClusterInfo {
 public:
  ClusterVersions Versions() override {
    ++version_polls;
    return versions;
  }
  std::vector<ClusterMember> Members() override { return members; }

  ClusterVersions versions;
  std::vector<ClusterMember> members;
  int version_polls = 0;
};

class InboundSeatTest : public ClusterTest {
 protected:
  InboundSeatTest() {
    uv_loop_init(&uv_);
    loop_ = std::make_unique<event::UvLoop>(uv_);
  }
  ~InboundSeatTest() override {
    loop_.reset();
    while (uv_run(&uv_, UV_RUN_NOWAIT) != 0) {
    }
    EXPECT_EQ(uv_loop_close(&uv_), 0);
  }

  bool RunUntil(absl::FunctionRef<bool()> predicate) {
    const absl::Time deadline = absl::Now() + kPatience;
    bool is_over = false;
    // So that the time is looked at.
    const auto tick =
        loop_->NewTimer([&] { is_over = absl::Now() > deadline; });
    while (!predicate() && !is_over) {
      if (!tick->is_armed()) tick->Start(absl::Milliseconds(100));
      uv_run(&uv_, UV_RUN_ONCE);
    }
    return predicate();
  }

  uv_loop_t uv_;
  std::unique_ptr<event::UvLoop> loop_;
};

TEST_P(InboundSeatTest, IsDialledAndNotComplainedOf) {
  StartCluster(3);
  ASSERT_FALSE(HasFatalFailure());
  // We listen before the cluster hears of us, and keep whoever comes waiting
  // until we know who we are.
  std::vector<std::unique_ptr<event::ByteStream>> waiting;
  std::unique_ptr<http1::Server> server;
  auto listener =
      event::UvListener::Listen(*loop_, {.host = "127.0.0.1"}, {},
                                [&](std::unique_ptr<event::ByteStream> stream) {
                                  if (server != nullptr) {
                                    server->Accept(std::move(stream));
                                  } else {
                                    waiting.push_back(std::move(stream));
                                  }
                                });
  ASSERT_TRUE(listener.ok()) << listener.status();
  const std::string url =
      absl::StrCat("http://127.0.0.1:", (*listener)->port());
  const auto client = Client();
  // etcd takes nobody before its members have been connected for 5 s.
  auto added = client->MemberAddLearner(url);
  RunUntil([&] {
    if (!added.ok()) added = client->MemberAddLearner(url);
    return added.ok();
  });
  ASSERT_TRUE(added.ok()) << added.status();
  const MemberId self(added->member().id());

  LearnerRaft raft(self);
  ListedCluster listed;
  const auto version = Version::Parse(GetParam().version);
  ASSERT_TRUE(version.ok()) << version.status();
  listed.versions = {.server = *version,
                     .cluster = Version{version->major, version->minor, 0},
                     .storage = std::nullopt};
  Options options;
  options.id = self;
  options.cluster_id = ClusterId(added->header().cluster_id());
  options.raft = &raft;
  options.advertised_urls = {url};
  options.version = *version;
  options.delivery = DeliveryMode::kInline;
  options.loop = &uv_;
  options.cluster_info = &listed;
  StderrLogger logger(Severity::kWarning);
  options.logger = &logger;
  auto created = Transport::Create(options);
  ASSERT_TRUE(created.ok()) << created.status();
  Transport& transport = **created;
  raft.set_transport(&transport);
  ASSERT_TRUE(transport.Start().ok());
  for (const etcdserverpb::Member& member : added->members()) {
    ClusterMember listing;
    listing.id = MemberId(member.id());
    listing.peer_urls.assign(member.peerurls().begin(),
                             member.peerurls().end());
    listing.is_learner = member.islearner();
    listing.name = member.name();
    listing.client_urls.assign(member.clienturls().begin(),
                               member.clienturls().end());
    listed.members.push_back(listing);
    if (listing.id == self) continue;
    ASSERT_TRUE(transport.AddPeer(listing.id, listing.peer_urls).ok());
  }
  server = std::make_unique<http1::Server>(
      *loop_, transport.Handler(), http1::Server::Options(),
      [] { return absl::Now(); }, nullptr);
  for (auto& stream : std::exchange(waiting, {})) {
    server->Accept(std::move(stream));
  }

  ASSERT_TRUE(RunUntil([&] { return transport.ActivePeers() == 3; }));
  ASSERT_TRUE(RunUntil([&] { return raft.leaders() > 0; }));
  for (int i = 0; i < 20; ++i) Put(absl::StrCat("seat/", i), "value");
  EXPECT_TRUE(RunUntil([&] { return raft.has_seen("seat/19"); }));
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(raft.has_seen(absl::StrCat("seat/", i))) << i;
  }
  // Long enough for every prober's verdict, and for the leader's questions.
  EXPECT_TRUE(RunUntil([&] { return listed.version_polls >= 3; }));

  // A new leader goes on where the old one was.
  const size_t leader = Leader();
  cluster().Kill(leader);
  ASSERT_TRUE(RunUntil([&] { return raft.leaders() > 1; }));
  Put("seat/after", "value");
  EXPECT_TRUE(RunUntil([&] { return raft.has_seen("seat/after"); }));

  bool is_balanced = false;
  bool is_read = false;
  transport.ReadLedger([&](const LedgerReport& report) {
    is_balanced = report.is_balanced();
    is_read = true;
  });
  EXPECT_TRUE(RunUntil([&] { return is_read; }));
  EXPECT_TRUE(is_balanced);

  // Not one line in earnest about us, in any log.
  const std::string hex = self.ToHex();
  for (size_t i = 0; i < cluster().size(); ++i) {
    for (const absl::string_view line :
         absl::StrSplit(cluster().ReadLog(i), '\n')) {
      const bool is_earnest = absl::StrContains(line, "\"level\":\"warn\"") ||
                              absl::StrContains(line, "\"level\":\"error\"") ||
                              absl::StrContains(line, " W | ") ||
                              absl::StrContains(line, " E | ");
      // etcd shouts for joy, and about what it refused before we were there.
      if (absl::StrContains(line, "established TCP streaming connection") ||
          absl::StrContains(line, "rejecting member add request")) {
        continue;
      }
      const bool is_about_us =
          absl::StrContains(line, hex) || absl::StrContains(line, url);
      EXPECT_FALSE(is_earnest && is_about_us) << line;
    }
  }

  const auto alive = ClientOf(leader == 0 ? 1 : 0, absl::Seconds(5));
  EXPECT_TRUE(alive->MemberRemove(self).ok());
  server.reset();
  listener->reset();
  bool is_stopped = false;
  transport.Stop([&] { is_stopped = true; });
  EXPECT_TRUE(RunUntil([&] { return is_stopped; }));
}

INSTANTIATE_TEST_SUITE_P(Etcds, InboundSeatTest,
                         testing::ValuesIn(EtcdsToTest()), NameOfEtcd);

}  // namespace
}  // namespace rafthttp::integration
