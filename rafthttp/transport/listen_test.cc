// Where a transport listens, and how its readers find another URL of a peer.
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rafthttp/base/check.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/base/mutex.h"
#include "rafthttp/base/raft.h"
#include "rafthttp/event/testing/memory_network.h"
#include "rafthttp/event/testing/sim_loop.h"
#include "rafthttp/event/testing/socket_folder.h"
#include "rafthttp/testing/sim_host.h"
#include "rafthttp/transport/options.h"
#include "rafthttp/transport/transport.h"
#include "raftpb/raft.pb.h"

namespace rafthttp {
namespace {

using ::testing::StartsWith;

class CountingRaft final : public Raft {
 public:
  absl::Status Process(std::stop_token, raftpb::Message&&) override {
    MutexLock lock(mutex_);
    ++received_;
    changed_.NotifyAll();
    return absl::OkStatus();
  }
  bool IsIdRemoved(MemberId) override { return false; }
  void ReportUnreachable(MemberId) override {}
  void ReportSnapshot(MemberId, SnapshotStatus) override {}

  void Await(uint64_t messages) {
    MutexLock lock(mutex_);
    while (received_ < messages) changed_.Wait(mutex_);
  }
  uint64_t received() {
    MutexLock lock(mutex_);
    return received_;
  }

 private:
  Mutex mutex_;
  Condition changed_;
  uint64_t received_ ABSL_GUARDED_BY(mutex_) = 0;
};

Options OptionsOf(uint64_t id, Raft& raft, std::vector<std::string> urls) {
  Options options;
  options.id = MemberId(id);
  options.cluster_id = ClusterId(0x1000);
  options.raft = &raft;
  options.listen_urls = std::move(urls);
  return options;
}

raftpb::Message Heartbeat(uint64_t from, uint64_t to) {
  raftpb::Message message;
  message.set_type(raftpb::MsgHeartbeat);
  message.set_from(from);
  message.set_to(to);
  message.set_term(1);
  return message;
}

TEST(ListenTest, OnSeveralUrlsAtOnceEachOfWhichServes) {
  const event::SocketFolder folder;
  CountingRaft raft;
  auto one = Transport::Create(
      OptionsOf(1, raft,
                {"http://127.0.0.1:0", "http://127.0.0.1:0",
                 absl::StrCat("unix://", folder.Path("socket"))}));
  ASSERT_TRUE(one.ok());
  ASSERT_TRUE((*one)->Start().ok());
  const std::vector<std::string> urls = (*one)->listen_urls();
  ASSERT_EQ(urls.size(), 3u);
  EXPECT_NE(urls[0], urls[1]);
  EXPECT_THAT(urls[2], StartsWith("unix://"));
  uint64_t received = 0;
  for (const std::string& url : urls) {
    CountingRaft other_raft;
    auto other = Transport::Create(OptionsOf(2, other_raft, {}));
    ASSERT_TRUE(other.ok());
    ASSERT_TRUE((*other)->Start().ok());
    ASSERT_TRUE((*other)->AddPeer(MemberId(1), {url}).ok());
    EXPECT_EQ((*other)->Send(Heartbeat(2, 1)).queued, 1u);
    raft.Await(++received);
  }
}

TEST(ListenTest, OnIpv6) {
  CountingRaft raft_a;
  CountingRaft raft_b;
  auto a = Transport::Create(OptionsOf(1, raft_a, {"http://[::1]:0"}));
  ASSERT_TRUE(a.ok());
  const absl::Status status = (*a)->Start();
  if (!status.ok()) GTEST_SKIP() << "no IPv6 here: " << status;
  EXPECT_THAT((*a)->listen_urls()[0], StartsWith("http://[::1]:"));
  auto b = Transport::Create(OptionsOf(2, raft_b, {"http://[::1]:0"}));
  ASSERT_TRUE(b.ok());
  ASSERT_TRUE((*b)->Start().ok());
  ASSERT_TRUE((*a)->AddPeer(MemberId(2), (*b)->listen_urls()).ok());
  ASSERT_TRUE((*b)->AddPeer(MemberId(1), (*a)->listen_urls()).ok());
  for (uint64_t i = 1; i <= 20; ++i) {
    (*a)->Send(Heartbeat(1, 2));
    (*b)->Send(Heartbeat(2, 1));
    raft_b.Await(i);
    raft_a.Await(i);
  }
}

// A member that is reached by two names, of which one stops working without a
// word.
TEST(FailoverTest, ToAnotherUrlWithinASecondOfAMissedHeartbeat) {
  event::SimLoop loop;
  event::MemoryNetwork network(loop);
  SimHost host_a(loop, network, "a");
  SimHost host_b(loop, network, "b");
  CountingRaft raft_a;
  CountingRaft raft_b;
  const auto start = [](SimHost& host, Options options) {
    options.delivery = DeliveryMode::kInline;
    auto transport = Transport::Create(host.environment(), std::move(options));
    CHECK(transport.ok());
    CHECK((*transport)->Start().ok());
    return *std::move(transport);
  };
  const auto a =
      start(host_a, OptionsOf(1, raft_a, {"http://a:2380", "http://a2:2380"}));
  const auto b = start(host_b, OptionsOf(2, raft_b, {"http://b:2380"}));
  CHECK(b->AddPeer(MemberId(1), {"http://a:2380", "http://a2:2380"}).ok());
  CHECK(a->AddPeer(MemberId(2), {"http://b:2380"}).ok());
  loop.RunFor(absl::Seconds(10));
  const auto arrives = [&] {
    const uint64_t before = raft_b.received();
    a->Send(Heartbeat(1, 2));
    loop.RunFor(absl::Milliseconds(100));
    return raft_b.received() > before;
  };
  ASSERT_TRUE(arrives());
  // What b dialled by the first name goes silent; the second still works.
  network.Partition("a", "b");
  // A link heartbeat is due every 5 s / 3; a second after the one that is
  // missed, b listens at the other URL.
  loop.RunFor(absl::Seconds(5) / 3 + absl::Seconds(1) +
              absl::Milliseconds(200));
  EXPECT_TRUE(arrives());
  a->Stop([] {});
  b->Stop([] {});
  loop.RunFor(absl::Minutes(1));
}

}  // namespace
}  // namespace rafthttp
