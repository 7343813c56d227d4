// Ten thousand connections that send nothing, from a process of its own: peers
// that were there go on undisturbed, and one that comes later gets in.
#include <sys/resource.h>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "integration/child.h"
#include "integration/numbered_raft.h"
#include "rafthttp/base/mutex.h"
#include "rafthttp/http1/url.h"
#include "rafthttp/rafthttp.h"
#include "raftpb/raft.pb.h"

namespace rafthttp::integration {
namespace {

constexpr int kSilent = 10000;

// Counts connections that had to give way.
class FloodMetrics final : public MetricsRecorder {
 public:
  void ConnectionOpened() override { Change(&opened_); }
  void ConnectionRefused(absl::string_view) override { Change(&refused_); }

  void AwaitOpened(int count) {
    MutexLock lock(mutex_);
    while (opened_ < count) changed_.Wait(mutex_);
  }
  int refused() {
    MutexLock lock(mutex_);
    return refused_;
  }

 private:
  void Change(int* count) {
    MutexLock lock(mutex_);
    ++*count;
    changed_.NotifyAll();
  }

  Mutex mutex_;
  Condition changed_;
  int opened_ ABSL_GUARDED_BY(mutex_) = 0;
  int refused_ ABSL_GUARDED_BY(mutex_) = 0;
};

std::unique_ptr<Transport> Started(uint64_t id, Raft& raft,
                                   MetricsRecorder* metrics) {
  Options options;
  options.id = MemberId(id);
  options.cluster_id = ClusterId(0x1000);
  options.raft = &raft;
  options.listen_urls = {"http://127.0.0.1:0"};
  options.metrics = metrics;
  auto created = Transport::Create(std::move(options));
  EXPECT_TRUE(created.ok()) << created.status();
  EXPECT_TRUE((*created)->Start().ok());
  return *std::move(created);
}

void Introduce(Transport& a, uint64_t a_id, Transport& b, uint64_t b_id) {
  EXPECT_TRUE(a.AddPeer(MemberId(b_id), b.listen_urls()).ok());
  EXPECT_TRUE(b.AddPeer(MemberId(a_id), a.listen_urls()).ok());
}

TEST(SilentFloodTest, PeersGoOnAndOthersGetIn) {
  // Ours are the accepted ends, as far as they are kept.
  rlimit files = {};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);

  NumberedRaft raft_a;
  NumberedRaft raft_b;
  NumberedRaft raft_c;
  FloodMetrics metrics;
  const auto a = Started(1, raft_a, &metrics);
  const auto b = Started(2, raft_b, nullptr);
  Introduce(*a, 1, *b, 2);
  a->Send(NumberedMessage(raftpb::MsgHeartbeat, 1, 2, 1, 0));
  raft_b.AwaitReceived(raftpb::MsgHeartbeat, 1);

  const auto url = http1::ParseUrl(a->listen_urls()[0]);
  ASSERT_TRUE(url.ok());
  const auto flood =
      Child::Run("integration/silent_flood",
                 {absl::StrCat(url->port), absl::StrCat(kSilent)});
  const auto line = flood->ReadLine(absl::Minutes(2));
  ASSERT_TRUE(line.has_value());
  int opened = 0;
  ASSERT_TRUE(absl::SimpleAtoi(*line, &opened));
  std::printf("%d silent connections\n", opened);
  metrics.AwaitOpened(opened);
  // More than 1,024 from one address: the longest silent ones had to go.
  if (opened > 2048) {
    EXPECT_GT(metrics.refused(), 0);
  }

  for (uint64_t i = 2; i <= 200; ++i) {
    EXPECT_EQ(a->Send(NumberedMessage(raftpb::MsgHeartbeat, 1, 2, i, 0)).queued,
              1u);
  }
  EXPECT_EQ(raft_b.AwaitReceived(raftpb::MsgHeartbeat, 200).disorder, 0u);

  const auto c = Started(3, raft_c, nullptr);
  Introduce(*a, 1, *c, 3);
  a->Send(NumberedMessage(raftpb::MsgHeartbeat, 1, 3, 1, 0));
  c->Send(NumberedMessage(raftpb::MsgHeartbeat, 3, 1, 1, 0));
  raft_c.AwaitReceived(raftpb::MsgHeartbeat, 1);
  raft_a.AwaitReceived(raftpb::MsgHeartbeat, 1);
}

}  // namespace
}  // namespace rafthttp::integration
