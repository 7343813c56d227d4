// On real loops and loopback sockets: threads, an embedder's loop, and all ways
// to stop.
#include "rafthttp/transport/transport.h"

#include <uv.h>

#include <atomic>
#include <functional>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rafthttp/base/check.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/base/ledger.h"
#include "rafthttp/base/mutex.h"
#include "rafthttp/base/raft.h"
#include "rafthttp/event/testing/socket_folder.h"
#include "rafthttp/transport/options.h"
#include "raftpb/raft.pb.h"

namespace rafthttp {
namespace {

using ::testing::HasSubstr;

constexpr ClusterId kCluster(0x1000);

// Counts what comes, and lets tests wait for it, or hold it up.
class TestRaft final : public Raft {
 public:
  using OnProcess =
      std::function<absl::Status(const std::stop_token&, raftpb::Message&)>;

  absl::Status Process(std::stop_token stop,
                       raftpb::Message&& message) override {
    OnProcess on_process;
    {
      MutexLock lock(mutex_);
      ++received_;
      changed_.NotifyAll();
      on_process = on_process_;
    }
    return on_process ? on_process(stop, message) : absl::OkStatus();
  }
  bool IsIdRemoved(MemberId) override { return false; }
  void ReportUnreachable(MemberId) override {
    MutexLock lock(mutex_);
    ++unreachable_;
    changed_.NotifyAll();
  }
  void ReportSnapshot(MemberId, SnapshotStatus) override {}

  void set_on_process(OnProcess on_process) {
    MutexLock lock(mutex_);
    on_process_ = std::move(on_process);
  }
  void AwaitReceived(uint64_t messages) {
    MutexLock lock(mutex_);
    while (received_ < messages) changed_.Wait(mutex_);
  }
  uint64_t received() {
    MutexLock lock(mutex_);
    return received_;
  }
  void AwaitUnreachable() {
    MutexLock lock(mutex_);
    while (unreachable_ == 0) changed_.Wait(mutex_);
  }

 private:
  Mutex mutex_;
  Condition changed_;
  uint64_t received_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t unreachable_ ABSL_GUARDED_BY(mutex_) = 0;
  OnProcess on_process_ ABSL_GUARDED_BY(mutex_);
};

// Opens once.
class Latch {
 public:
  void Open() {
    MutexLock lock(mutex_);
    is_open_ = true;
    changed_.NotifyAll();
  }
  void Await() {
    MutexLock lock(mutex_);
    while (!is_open_) changed_.Wait(mutex_);
  }

 private:
  Mutex mutex_;
  Condition changed_;
  bool is_open_ ABSL_GUARDED_BY(mutex_) = false;
};

Options OptionsOf(uint64_t id, Raft& raft) {
  Options options;
  options.id = MemberId(id);
  options.cluster_id = kCluster;
  options.raft = &raft;
  options.listen_urls = {"http://127.0.0.1:0"};
  return options;
}

std::unique_ptr<Transport> Started(Options options) {
  auto transport = Transport::Create(std::move(options));
  CHECK(transport.ok());
  // A test that went on would wait for ever.
  CHECK((*transport)->Start().ok());
  return *std::move(transport);
}

void Introduce(Transport& a, uint64_t a_id, Transport& b, uint64_t b_id) {
  EXPECT_TRUE(a.AddPeer(MemberId(b_id), b.listen_urls()).ok());
  EXPECT_TRUE(b.AddPeer(MemberId(a_id), a.listen_urls()).ok());
}

raftpb::Message Heartbeat(uint64_t from, uint64_t to) {
  raftpb::Message message;
  message.set_type(raftpb::MsgHeartbeat);
  message.set_from(from);
  message.set_to(to);
  message.set_term(1);
  return message;
}

raftpb::Message Append(uint64_t from, uint64_t to, uint64_t index) {
  raftpb::Message message;
  message.set_type(raftpb::MsgApp);
  message.set_from(from);
  message.set_to(to);
  message.set_term(1);
  message.set_logterm(1);
  message.set_index(index);
  raftpb::Entry* const entry = message.add_entries();
  entry->set_term(1);
  entry->set_index(index + 1);
  entry->set_data(absl::StrCat("data ", index));
  return message;
}

LedgerReport LedgerOf(Transport& transport) {
  LedgerReport report;
  Latch is_read;
  transport.ReadLedger([&](LedgerReport read) {
    report = std::move(read);
    is_read.Open();
  });
  is_read.Await();
  return report;
}

TEST(TransportTest, CarriesMessagesBothWays) {
  TestRaft raft_a;
  TestRaft raft_b;
  const auto a = Started(OptionsOf(1, raft_a));
  const auto b = Started(OptionsOf(2, raft_b));
  Introduce(*a, 1, *b, 2);
  for (uint64_t i = 0; i < 100; ++i) {
    EXPECT_EQ(a->Send(Append(1, 2, i)).queued, 1u);
    EXPECT_EQ(b->Send(Heartbeat(2, 1)).queued, 1u);
    raft_b.AwaitReceived(i + 1);
    raft_a.AwaitReceived(i + 1);
  }
  EXPECT_EQ(a->ActivePeers(), 1u);
  EXPECT_TRUE(a->ActiveSince(MemberId(2)).has_value());
  EXPECT_TRUE(LedgerOf(*a).is_balanced());
  EXPECT_TRUE(a->StopAndWait().ok());
  EXPECT_TRUE(b->StopAndWait().ok());
  EXPECT_EQ(LedgerOf(*a).enqueued, 100u);
}

TEST(TransportTest, PeersMayMeetOnUnixSockets) {
  TestRaft raft_a;
  TestRaft raft_b;
  const event::SocketFolder folder;
  const std::string socket = absl::StrCat("unix://", folder.Path("peer"));
  Options options = OptionsOf(1, raft_a);
  options.listen_urls = {absl::StrCat(socket, "a")};
  const auto a = Started(std::move(options));
  options = OptionsOf(2, raft_b);
  options.listen_urls = {absl::StrCat(socket, "b")};
  const auto b = Started(std::move(options));
  Introduce(*a, 1, *b, 2);
  for (uint64_t i = 0; i < 30; ++i) {
    a->Send(Append(1, 2, i));
    b->Send(Heartbeat(2, 1));
  }
  raft_b.AwaitReceived(30);
  raft_a.AwaitReceived(30);
  EXPECT_EQ(a->listen_urls()[0], absl::StrCat(socket, "a"));
}

TEST(TransportTest, PeersAreSpreadOverLoops) {
  TestRaft raft_a;
  Options options = OptionsOf(1, raft_a);
  options.loop_threads = 3;
  const auto a = Started(std::move(options));
  std::vector<std::unique_ptr<TestRaft>> rafts;
  std::vector<std::unique_ptr<Transport>> others;
  for (uint64_t id = 2; id < 8; ++id) {
    rafts.push_back(std::make_unique<TestRaft>());
    others.push_back(Started(OptionsOf(id, *rafts.back())));
    Introduce(*a, 1, *others.back(), id);
  }
  for (uint64_t id = 2; id < 8; ++id) {
    for (uint64_t i = 0; i < 50; ++i) a->Send(Append(1, id, i));
    for (uint64_t i = 0; i < 50; ++i) others[id - 2]->Send(Heartbeat(id, 1));
  }
  for (const auto& raft : rafts) raft->AwaitReceived(50);
  raft_a.AwaitReceived(300);
  EXPECT_TRUE(LedgerOf(*a).is_balanced());
}

TEST(TransportTest, SkipsAndCountsWhatHasNobodyToGoTo) {
  TestRaft raft;
  const auto transport = Started(OptionsOf(1, raft));
  std::vector<raftpb::Message> messages = {Heartbeat(1, 0), Heartbeat(1, 9),
                                           Heartbeat(1, 9)};
  const SendResult result = transport->Send(absl::MakeSpan(messages));
  EXPECT_EQ(result.skipped, 1u);
  EXPECT_EQ(result.unknown_peer, 2u);
  EXPECT_EQ(result.queued, 0u);
}

TEST(TransportTest, RefusesWhatCannotBe) {
  TestRaft raft;
  const auto refusal = [&](auto change) {
    Options options = OptionsOf(1, raft);
    change(options);
    return std::string(
        Transport::Create(std::move(options)).status().message());
  };
  EXPECT_THAT(refusal([](Options& o) { o.id = MemberId(); }), HasSubstr("id"));
  EXPECT_THAT(refusal([](Options& o) { o.cluster_id = ClusterId(); }),
              HasSubstr("cluster_id"));
  EXPECT_THAT(refusal([](Options& o) { o.raft = nullptr; }), HasSubstr("raft"));
  EXPECT_THAT(refusal([](Options& o) { o.loop_threads = 0; }),
              HasSubstr("loop_threads"));
  EXPECT_THAT(refusal([](Options& o) { o.listen_urls = {"http://x/path"}; }),
              HasSubstr("listen_urls"));
  EXPECT_THAT(refusal([](Options& o) { o.listen_urls = {"https://x:1"}; }),
              HasSubstr("listen"));
  EXPECT_THAT(refusal([](Options& o) { o.advertised_urls = {"nonsense"}; }),
              HasSubstr("advertised_urls"));

  const auto transport = Started(OptionsOf(1, raft));
  EXPECT_TRUE(absl::IsFailedPrecondition(transport->Start()));
  EXPECT_TRUE(absl::IsInvalidArgument(transport->AddPeer(MemberId(2), {})));
  EXPECT_TRUE(
      absl::IsInvalidArgument(transport->AddPeer(MemberId(2), {"http://x"})));
  EXPECT_TRUE(absl::IsNotFound(transport->RemovePeer(MemberId(2))));
  EXPECT_TRUE(absl::IsNotFound(
      transport->UpdatePeer(MemberId(2), {"http://127.0.0.1:1"})));
}

TEST(TransportTest, APortInUseIsSaidAndNothingRuns) {
  TestRaft raft;
  const auto first = Started(OptionsOf(1, raft));
  Options options = OptionsOf(2, raft);
  options.listen_urls = {"http://127.0.0.1:0", first->listen_urls()[0]};
  const auto second = Transport::Create(std::move(options));
  ASSERT_TRUE(second.ok());
  const absl::Status status = (*second)->Start();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              HasSubstr(first->listen_urls()[0]));
  EXPECT_TRUE((*second)->listen_urls().empty());
}

TEST(TransportTest, ABlockedProposalHoldsUpNothingElse) {
  TestRaft raft_a;
  TestRaft raft_b;
  Latch is_blocked;
  raft_b.set_on_process(
      [&](const std::stop_token& stop, raftpb::Message& message) {
        if (message.type() != raftpb::MsgProp) return absl::OkStatus();
        is_blocked.Open();
        // Until the transport stops.
        Latch until_stop;
        std::stop_callback on_stop(stop, [&] { until_stop.Open(); });
        until_stop.Await();
        return absl::CancelledError("stopped");
      });
  const auto a = Started(OptionsOf(1, raft_a));
  const auto b = Started(OptionsOf(2, raft_b));
  Introduce(*a, 1, *b, 2);
  raftpb::Message proposal = Heartbeat(1, 2);
  proposal.set_type(raftpb::MsgProp);
  a->Send(std::move(proposal));
  is_blocked.Await();
  for (uint64_t i = 0; i < 10; ++i) a->Send(Heartbeat(1, 2));
  raft_b.AwaitReceived(11);
  // Stop asks the one that is blocked to return, and waits for it.
  EXPECT_TRUE(b->StopAndWait().ok());
}

TEST(TransportTest, AnExceptionOfProcessIsAnError) {
  TestRaft raft_a;
  TestRaft raft_b;
  raft_b.set_on_process(
      [&](const std::stop_token&, raftpb::Message&) -> absl::Status {
        throw std::runtime_error("from the embedder");
      });
  const auto a = Started(OptionsOf(1, raft_a));
  const auto b = Started(OptionsOf(2, raft_b));
  Introduce(*a, 1, *b, 2);
  for (uint64_t i = 0; i < 5; ++i) {
    a->Send(Heartbeat(1, 2));
    raft_b.AwaitReceived(i + 1);
  }
}

TEST(TransportTest, StopMayBeCalledAnywhereAndTwice) {
  TestRaft raft_a;
  TestRaft raft_b;
  const auto a = Started(OptionsOf(1, raft_a));
  const auto b = Started(OptionsOf(2, raft_b));
  Latch is_stopped;
  raft_b.set_on_process([&](const std::stop_token&, raftpb::Message&) {
    // Inside Process it cannot be waited for.
    EXPECT_TRUE(absl::IsFailedPrecondition(b->StopAndWait()));
    b->Stop([&] { is_stopped.Open(); });
    b->Stop([] {});
    return absl::OkStatus();
  });
  Introduce(*a, 1, *b, 2);
  a->Send(Heartbeat(1, 2));
  is_stopped.Await();
  EXPECT_TRUE(b->StopAndWait().ok());
  Latch is_told_again;
  b->Stop([&] { is_told_again.Open(); });
  is_told_again.Await();
  EXPECT_EQ(b->Send(Heartbeat(2, 1)).unknown_peer, 1u);
  EXPECT_TRUE(absl::IsFailedPrecondition(
      b->AddPeer(MemberId(3), {"http://127.0.0.1:1"})));
}

TEST(TransportTest, StopsInlineInsideProcess) {
  TestRaft raft_a;
  TestRaft raft_b;
  Options options = OptionsOf(2, raft_b);
  options.delivery = DeliveryMode::kInline;
  const auto a = Started(OptionsOf(1, raft_a));
  const auto b = Started(std::move(options));
  Latch is_stopped;
  raft_b.set_on_process([&](const std::stop_token&, raftpb::Message&) {
    EXPECT_TRUE(absl::IsFailedPrecondition(b->StopAndWait()));
    b->Stop([&] { is_stopped.Open(); });
    return absl::OkStatus();
  });
  Introduce(*a, 1, *b, 2);
  a->Send(Heartbeat(1, 2));
  is_stopped.Await();
}

TEST(TransportTest, MayBeDestroyedWhereItsStopIsReported) {
  TestRaft raft;
  auto transport = Started(OptionsOf(1, raft));
  Latch is_destroyed;
  Transport* const stopping = transport.release();
  stopping->Stop([&, stopping] {
    delete stopping;
    is_destroyed.Open();
  });
  is_destroyed.Await();
}

TEST(TransportTest, StopsWithoutEverHavingStarted) {
  TestRaft raft;
  const auto transport = Transport::Create(OptionsOf(1, raft));
  ASSERT_TRUE(transport.ok());
  EXPECT_TRUE((*transport)->StopAndWait().ok());
}

TEST(TransportTest, ManyThreadsMayUseItWhileItStops) {
  TestRaft raft_a;
  TestRaft raft_b;
  const auto a = Started(OptionsOf(1, raft_a));
  const auto b = Started(OptionsOf(2, raft_b));
  Introduce(*a, 1, *b, 2);
  std::atomic<bool> is_over = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      for (uint64_t n = 0; !is_over; ++n) {
        a->Send(Append(1, 2, n));
        if (n % 64 == 0 && i == 0) {
          a->CutPeer(MemberId(2));
          a->MendPeer(MemberId(2));
          static_cast<void>(a->ActivePeers());
        }
        // Seldom enough for its streams to open in between.
        if (n % 50000 == 49999 && i == 1) {
          // What it says depends on how far the others have come.
          a->RemovePeer(MemberId(2)).IgnoreError();
          a->AddPeer(MemberId(2), b->listen_urls()).IgnoreError();
        }
      }
    });
  }
  raft_b.AwaitReceived(500);
  EXPECT_TRUE(a->StopAndWait().ok());
  is_over = true;
  for (std::thread& thread : threads) thread.join();
  const LedgerReport report = LedgerOf(*a);
  EXPECT_TRUE(report.is_balanced()) << report.ToString();
  EXPECT_EQ(report.queued, 0u);
}

class EmbeddedTransportTest : public ::testing::Test {
 protected:
  EmbeddedTransportTest() { uv_loop_init(&uv_); }
  ~EmbeddedTransportTest() override {
    while (uv_run(&uv_, UV_RUN_NOWAIT) != 0) {
    }
    // Nothing of the transport's is left behind.
    EXPECT_EQ(uv_loop_close(&uv_), 0);
  }

  std::unique_ptr<Transport> StartedHere(uint64_t id, TestRaft& raft) {
    Options options = OptionsOf(id, raft);
    options.loop = &uv_;
    options.delivery = DeliveryMode::kInline;
    return Started(std::move(options));
  }
  void RunUntil(const std::function<bool()>& predicate) {
    while (!predicate()) uv_run(&uv_, UV_RUN_ONCE);
  }

  uv_loop_t uv_;
};

TEST_F(EmbeddedTransportTest, RunsOnALoopThatIsThere) {
  TestRaft raft_a;
  TestRaft raft_b;
  auto a = StartedHere(1, raft_a);
  auto b = StartedHere(2, raft_b);
  Introduce(*a, 1, *b, 2);
  for (uint64_t i = 0; i < 20; ++i) {
    a->Send(Append(1, 2, i));
    b->Send(Heartbeat(2, 1));
  }
  RunUntil([&] { return raft_a.received() == 20 && raft_b.received() == 20; });
  EXPECT_TRUE(absl::IsFailedPrecondition(a->StopAndWait()));
  int stopped = 0;
  a->Stop([&] { ++stopped; });
  b->Stop([&] { ++stopped; });
  RunUntil([&] { return stopped == 2; });
  // At that moment only what is the embedder's own is open.
  int open = 0;
  uv_walk(
      &uv_, [](uv_handle_t*, void* count) { ++*static_cast<int*>(count); },
      &open);
  EXPECT_EQ(open, 0);
}

TEST_F(EmbeddedTransportTest, StopsInsideProcess) {
  TestRaft raft_a;
  TestRaft raft_b;
  auto a = StartedHere(1, raft_a);
  auto b = StartedHere(2, raft_b);
  bool is_stopped = false;
  raft_b.set_on_process([&](const std::stop_token&, raftpb::Message&) {
    b->Stop([&] { is_stopped = true; });
    return absl::OkStatus();
  });
  Introduce(*a, 1, *b, 2);
  a->Send(Heartbeat(1, 2));
  RunUntil([&] { return is_stopped; });
  b.reset();
  a.reset();
}

TEST_F(EmbeddedTransportTest, DestroyedWithoutStopLeavesNothing) {
  TestRaft raft_a;
  TestRaft raft_b;
  auto a = StartedHere(1, raft_a);
  auto b = StartedHere(2, raft_b);
  Introduce(*a, 1, *b, 2);
  a->Send(Heartbeat(1, 2));
  RunUntil([&] { return raft_b.received() == 1; });
}

TEST_F(EmbeddedTransportTest, DestroyedBeforeItsLoopEverRan) {
  TestRaft raft;
  auto transport = StartedHere(1, raft);
  EXPECT_TRUE(transport->AddPeer(MemberId(2), {"http://127.0.0.1:1"}).ok());
  transport->Send(Heartbeat(1, 2));
}

}  // namespace
}  // namespace rafthttp
