// A whole cluster in one thread, in virtual time, on a network that splits,
// delays, stalls, resets, refuses and partitions as a seed says. Whatever it
// does: every message is accounted for, at most once delivered, and what came
// by stream came in order; and once it behaves again, everybody hears from
// everybody.
//
// RAFTHTTP_SIM_SEEDS says how many seeds are tried, RAFTHTTP_SIM_SEED replays
// one.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/base/lane.h"
#include "rafthttp/base/ledger.h"
#include "rafthttp/base/raft.h"
#include "rafthttp/base/tally.h"
#include "rafthttp/event/testing/faults.h"
#include "rafthttp/event/testing/memory_network.h"
#include "rafthttp/event/testing/sim_loop.h"
#include "rafthttp/testing/sim_host.h"
#include "rafthttp/transport/options.h"
#include "rafthttp/transport/transport.h"
#include "raftpb/raft.pb.h"

namespace rafthttp {
namespace {

constexpr ClusterId kCluster(0x1000);

// Remembers what came, by sender and kind, as the numbers that their senders
// gave the messages.
class NumberedRaft final : public Raft {
 public:
  absl::Status Process(std::stop_token, raftpb::Message&& message) override {
    ++received;
    const bool is_append = message.type() == raftpb::MsgApp;
    const uint64_t number = is_append ? message.index() : message.commit();
    Flow& flow = flows[{message.from(), is_append}];
    EXPECT_TRUE(flow.seen.insert(number).second)
        << message.from() << " sent " << number << " once, and it came twice";
    if (number < flow.highest) ++flow.inversions;
    flow.highest = std::max(flow.highest, number);
    if (is_append) {
      EXPECT_EQ(message.entries_size(), 1);
      EXPECT_EQ(message.entries(0).index(), number + 1);
      EXPECT_EQ(message.entries(0).data(), DataOf(number));
    }
    return absl::OkStatus();
  }
  bool IsIdRemoved(MemberId) override { return false; }
  void ReportUnreachable(MemberId) override { ++unreachable; }
  void ReportSnapshot(MemberId, SnapshotStatus) override {}

  static std::string DataOf(uint64_t number) {
    return absl::StrCat("entry ", number, std::string(number % 700, 'x'));
  }

  struct Flow {
    std::set<uint64_t> seen;
    uint64_t highest = 0;
    uint64_t inversions = 0;
  };
  std::map<std::pair<uint64_t, bool>, Flow> flows;
  uint64_t received = 0;
  uint64_t unreachable = 0;
};

class Cluster {
 public:
  Cluster(uint64_t seed, size_t members)
      : random_(seed), network_(loop_), faults_(seed, FaultOptions()) {
    network_.SetFaultSource(
        [this] { return is_faulty_ ? faults_.Next() : event::LinkFaults(); });
    for (size_t i = 0; i < members; ++i) {
      auto member = std::make_unique<Member>();
      member->id = MemberId(i + 1);
      member->host = std::make_unique<SimHost>(
          loop_, network_, std::string(1, static_cast<char>('a' + i)));
      members_.push_back(std::move(member));
    }
    for (auto& member : members_) StartMember(*member);
  }

  ~Cluster() {
    for (auto& member : members_) StopMember(*member);
    loop_.RunFor(absl::Seconds(30));
  }

  // One step of trouble and traffic.
  void Step() {
    switch (Below(12)) {
      case 0:
        network_.Partition(RandomMember().host->name(),
                           RandomMember().host->name());
        break;
      case 1:
      case 2:
        HealAll();
        break;
      case 3:
        network_.ResetConnections(RandomMember().host->name(),
                                  RandomMember().host->name());
        break;
      case 4: {
        Member& member = RandomMember();
        StopMember(member);
        loop_.RunFor(RandomPause());
        StartMember(member);
        break;
      }
      case 5: {
        Member& a = RandomMember();
        Member& b = RandomMember();
        if (a.id == b.id) break;
        a.transport->CutPeer(b.id);
        loop_.RunFor(RandomPause());
        a.transport->MendPeer(b.id);
        break;
      }
      default:
        Traffic(Below(40));
        break;
    }
    loop_.RunFor(RandomPause());
    CheckBooks();
  }

  void Traffic(uint64_t messages) {
    for (uint64_t i = 0; i < messages; ++i) {
      Member& from = RandomMember();
      Member& to = RandomMember();
      if (from.id != to.id) Send(from, to, Below(2) == 0);
    }
  }

  // Everybody sends to everybody; true once it has all arrived.
  bool HealsInTime() {
    is_faulty_ = false;
    HealAll();
    for (auto& a : members_) {
      for (auto& b : members_) {
        network_.ResetConnections(a->host->name(), b->host->name());
      }
    }
    // Long enough for any stream to time out and be dialled again.
    loop_.RunFor(absl::Seconds(90));
    std::map<uint64_t, uint64_t> before;
    for (auto& member : members_)
      before[member->id.value()] = Received(*member);
    for (auto& a : members_) {
      EXPECT_EQ(a->transport->ActivePeers(), members_.size() - 1);
      for (auto& b : members_) {
        if (a->id == b->id) continue;
        Send(*a, *b, true);
        Send(*a, *b, false);
      }
    }
    loop_.RunFor(absl::Seconds(10));
    for (auto& member : members_) {
      if (Received(*member) - before[member->id.value()] !=
          2 * (members_.size() - 1)) {
        return false;
      }
    }
    return true;
  }

  void CheckBooks() {
    for (auto& member : members_) {
      const LedgerReport report = ReportOf(*member);
      EXPECT_TRUE(report.is_balanced())
          << "member " << member->id.ToHex() << ": " << report.ToString();
      EXPECT_EQ(report.enqueued, member->queued + member->dropped_at_send);
    }
  }

  // What went by one stream only must have come in order; POST keeps none, and
  // neither do two ways beside each other.
  void CheckOrder() {
    for (auto& member : members_) NoteWays(*member);
    for (auto& to : members_) {
      for (const auto& [key, flow] : to->raft.flows) {
        const auto [from, is_append] = key;
        if (strayed_.contains({from, to->id.value(), is_append})) continue;
        ++ordered_flows;
        EXPECT_EQ(flow.inversions, 0u)
            << "from " << from << " to " << to->id.ToHex();
      }
    }
  }
  // How many flows CheckOrder could say something about.
  uint64_t ordered_flows = 0;

  // All that happened, in few words.
  std::string Trace() const {
    std::string trace;
    for (const auto& member : members_) {
      absl::StrAppend(&trace, member->id.ToHex(), " ", member->raft.received,
                      " ", member->raft.unreachable, " ", member->queued, "; ");
    }
    absl::StrAppend(&trace, network_.bytes_written(), " ",
                    network_.attempts_begun());
    return trace;
  }

 private:
  struct Member {
    MemberId id;
    std::unique_ptr<SimHost> host;
    NumberedRaft raft;
    std::unique_ptr<Transport> transport;
    uint64_t queued = 0;  // as the present transport's Send said
    uint64_t dropped_at_send = 0;
    std::map<std::pair<uint64_t, bool>, uint64_t> next_number;
  };

  static event::SeededFaults::Options FaultOptions() {
    event::SeededFaults::Options options;
    options.offset_max = 20000;
    return options;
  }

  static std::string UrlOf(const Member& member) {
    return absl::StrCat("http://", member.host->name(), ":2380");
  }

  void StartMember(Member& member) {
    Options options;
    options.id = member.id;
    options.cluster_id = kCluster;
    options.raft = &member.raft;
    options.listen_urls = {UrlOf(member)};
    options.delivery = DeliveryMode::kInline;
    options.queue_messages_max = 20;
    auto transport = Transport::Create(member.host->environment(), options);
    ASSERT_TRUE(transport.ok()) << transport.status();
    member.transport = *std::move(transport);
    ASSERT_TRUE(member.transport->Start().ok());
    for (auto& other : members_) {
      if (other->id == member.id) continue;
      ASSERT_TRUE(member.transport->AddPeer(other->id, {UrlOf(*other)}).ok());
    }
  }

  void StopMember(Member& member) {
    bool is_stopped = false;
    member.transport->Stop([&] { is_stopped = true; });
    ASSERT_TRUE(loop_.RunUntil([&] { return is_stopped; }, 10000));
    const LedgerReport report = ReportOf(member);
    EXPECT_TRUE(report.is_balanced()) << report.ToString();
    EXPECT_EQ(report.queued, 0u) << report.ToString();
    EXPECT_EQ(report.enqueued, member.queued + member.dropped_at_send);
    NoteWays(member);
    member.transport.reset();
    member.queued = member.dropped_at_send = 0;
  }

  void Send(Member& from, Member& to, bool is_append) {
    const uint64_t number = ++from.next_number[{to.id.value(), is_append}];
    raftpb::Message message;
    message.set_from(from.id.value());
    message.set_to(to.id.value());
    message.set_term(1);
    if (is_append) {
      message.set_type(raftpb::MsgApp);
      message.set_logterm(1);
      message.set_index(number);
      raftpb::Entry* const entry = message.add_entries();
      entry->set_term(1);
      entry->set_index(number + 1);
      entry->set_data(NumberedRaft::DataOf(number));
    } else {
      message.set_type(raftpb::MsgHeartbeat);
      message.set_commit(number);
    }
    const SendResult result = from.transport->Send(std::move(message));
    from.queued += result.queued;
    from.dropped_at_send += result.dropped;
    EXPECT_EQ(result.queued + result.dropped, 1u);
  }

  // Which flows from `member` left their own stream.
  void NoteWays(Member& member) {
    for (const auto& to : members_) {
      for (const LedgerReport::Line& line : ReportOf(member, to->id).lines) {
        const bool is_append = line.type_slot == TypeSlot(raftpb::MsgApp);
        if (line.lane != (is_append ? Lane::kMsgApp : Lane::kMessage)) {
          strayed_.insert({member.id.value(), to->id.value(), is_append});
        }
      }
    }
  }

  LedgerReport ReportOf(Member& member, MemberId peer) {
    LedgerReport report;
    bool is_read = false;
    member.transport->ReadLedger(peer, [&](LedgerReport read) {
      report = std::move(read);
      is_read = true;
    });
    EXPECT_TRUE(loop_.RunUntil([&] { return is_read; }, 1000));
    return report;
  }

  LedgerReport ReportOf(Member& member) {
    LedgerReport report;
    bool is_read = false;
    member.transport->ReadLedger([&](LedgerReport read) {
      report = std::move(read);
      is_read = true;
    });
    EXPECT_TRUE(loop_.RunUntil([&] { return is_read; }, 1000));
    return report;
  }

  static uint64_t Received(const Member& member) {
    return member.raft.received;
  }

  void HealAll() {
    for (auto& a : members_) {
      for (auto& b : members_) {
        network_.Heal(a->host->name(), b->host->name());
      }
    }
  }

  uint64_t Below(uint64_t end) { return random_() % end; }
  Member& RandomMember() { return *members_[Below(members_.size())]; }
  absl::Duration RandomPause() {
    return absl::Milliseconds(static_cast<int64_t>(Below(800)));
  }

  std::mt19937_64 random_;
  event::SimLoop loop_;
  event::MemoryNetwork network_;
  event::SeededFaults faults_;
  bool is_faulty_ = true;
  std::vector<std::unique_ptr<Member>> members_;
  // (from, to, whether it is MsgApp)
  std::set<std::tuple<uint64_t, uint64_t, bool>> strayed_;
};

struct Outcome {
  std::string trace;
  uint64_t ordered_flows = 0;
};

Outcome RunSeed(uint64_t seed) {
  SCOPED_TRACE(absl::StrCat("RAFTHTTP_SIM_SEED=", seed));
  Cluster cluster(seed, 3 + seed % 5);
  for (int step = 0; step < 12; ++step) cluster.Step();
  EXPECT_TRUE(cluster.HealsInTime());
  cluster.CheckBooks();
  cluster.CheckOrder();
  return {cluster.Trace(), cluster.ordered_flows};
}

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  uint64_t value = 0;
  const char* const text = std::getenv(name);
  return text != nullptr && absl::SimpleAtoi(text, &value) ? value : otherwise;
}

TEST(TransportSimTest, WhateverTheNetworkDoesEveryMessageIsAccountedFor) {
  const uint64_t only = FromEnvironment("RAFTHTTP_SIM_SEED", 0);
  if (only != 0) {
    RunSeed(only);
    return;
  }
  const uint64_t seeds = FromEnvironment("RAFTHTTP_SIM_SEEDS", 150);
  uint64_t ordered_flows = 0;
  for (uint64_t seed = 1; seed <= seeds && !HasFailure(); ++seed) {
    ordered_flows += RunSeed(seed).ordered_flows;
  }
  EXPECT_GT(ordered_flows, seeds);
}

TEST(TransportSimTest, ASeedReplaysExactly) {
  for (const uint64_t seed : {7, 42, 1001}) {
    EXPECT_EQ(RunSeed(seed).trace, RunSeed(seed).trace);
  }
}

}  // namespace
}  // namespace rafthttp
