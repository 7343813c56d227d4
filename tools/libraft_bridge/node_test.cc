// Three members on one loop, over loopback sockets, with logs on a real disk.
#include "tools/libraft_bridge/node.h"

#include <stdlib.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "rafthttp/rafthttp.h"
#include "raftpb/raft.pb.h"
#include "tools/libraft_bridge/put_store.h"

namespace libraft_bridge {
namespace {

using rafthttp::LedgerReport;
using rafthttp::MemberId;

constexpr size_t kMembers = 3;

class NodeTest : public ::testing::Test, private Node::Observer {
 protected:
  NodeTest() {
    uv_loop_init(&loop_);
    std::string pattern = ::testing::TempDir() + "/node_testXXXXXX";
    folder_ = mkdtemp(pattern.data());
    for (size_t i = 0; i < kMembers; ++i) {
      std::filesystem::create_directory(FolderOf(i));
      Create(i);
    }
  }
  ~NodeTest() override {
    for (size_t i = 0; i < kMembers; ++i) Stop(i);
    while (uv_run(&loop_, UV_RUN_NOWAIT) != 0) {
    }
    // Nothing is left behind on a loop that was here before.
    EXPECT_EQ(uv_loop_close(&loop_), 0);
    std::filesystem::remove_all(folder_);
    EXPECT_TRUE(ledger_.is_balanced()) << ledger_.ToString();
    EXPECT_EQ(ledger_.queued, 0u);
    EXPECT_EQ(ledger_.enqueued, sent_);
  }

  std::string FolderOf(size_t i) { return absl::StrCat(folder_, "/", i); }

  void Create(size_t i) {
    stores_[i] = PutStore();
    Node::Options options;
    options.id = MemberId(i + 1);
    options.cluster_id = rafthttp::ClusterId(0x1000);
    options.folder = FolderOf(i);
    options.state_machine = &stores_[i];
    options.observer = this;
    options.snapshot_threshold = snapshot_threshold_;
    options.snapshot_trailing = snapshot_threshold_ / 2;
    options.election_timeout = absl::Milliseconds(300);
    options.heartbeat_interval = absl::Milliseconds(50);
    auto node = Node::Create(loop_, std::move(options));
    ASSERT_TRUE(node.ok()) << node.status();
    nodes_[i] = *std::move(node);
  }

  void StartAll() {
    for (size_t i = 0; i < kMembers; ++i) {
      members_.push_back({.id = i + 1, .address = nodes_[i]->url()});
    }
    for (const auto& node : nodes_) {
      const absl::Status status = node->Start(members_);
      ASSERT_TRUE(status.ok()) << status;
    }
  }

  // Returns the one that leads the others.
  Node& AwaitLeader() {
    RunUntil([this] { return Leader() != nullptr; });
    return *Leader();
  }
  Node* Leader() {
    for (const auto& node : nodes_) {
      if (node != nullptr && node->is_leader()) return node.get();
    }
    return nullptr;
  }

  // Has so many more puts applied, one after the other.
  void PutMany(uint64_t puts) {
    for (const uint64_t end = puts_ + puts; puts_ < end;) {
      Node& leader = AwaitLeader();
      bool is_done = false;
      absl::Status outcome;
      leader.Propose(
          PutStore::PutCommand(puts_ + 1, absl::StrCat("key", puts_ % 10),
                               absl::StrCat("value ", puts_)),
          [&](absl::Status status) {
            outcome = std::move(status);
            is_done = true;
          });
      RunUntil([&] { return is_done; });
      ASSERT_TRUE(outcome.ok()) << outcome;
      ++puts_;
    }
  }
  bool AllAreEqual() {
    for (const PutStore& store : stores_) {
      if (store.puts() != puts_ || !(store == stores_[0])) return false;
    }
    return true;
  }

  // Kills it; all that stays is its folder.
  void Stop(size_t i) {
    if (nodes_[i] == nullptr) return;
    bool is_stopped = false;
    nodes_[i]->Stop([&] {
      nodes_[i]->transport().ReadLedger(
          [this](LedgerReport report) { ledger_.Add(report); });
      nodes_[i].reset();
      is_stopped = true;
    });
    RunUntil([&] { return is_stopped; });
  }
  // Brings it back, at another URL.
  void Restart(size_t i) {
    Create(i);
    ASSERT_TRUE(nodes_[i]->Start(members_).ok());
    for (size_t j = 0; j < kMembers; ++j) {
      if (j == i || nodes_[j] == nullptr) continue;
      const absl::Status status = nodes_[j]->transport().UpdatePeer(
          MemberId(i + 1), {nodes_[i]->url()});
      ASSERT_TRUE(status.ok()) << status;
    }
  }
  size_t PlaceOf(const Node& node) { return node.id().value() - 1; }

  void RunUntil(const std::function<bool()>& predicate) {
    while (!predicate()) uv_run(&loop_, UV_RUN_ONCE);
  }

  uv_loop_t loop_;
  std::string folder_;
  unsigned snapshot_threshold_ = 1024;
  std::array<PutStore, kMembers> stores_;
  std::array<std::unique_ptr<Node>, kMembers> nodes_;
  std::vector<Server> members_;
  uint64_t puts_ = 0;
  uint64_t sent_ = 0;
  std::map<int, uint64_t> received_;  // by type
  MemberId last_leader_;
  LedgerReport ledger_;

 private:
  // Node::Observer:
  void OnSend(Node&, const raftpb::Message&) override { ++sent_; }
  void OnReceive(Node&, const raftpb::Message& message) override {
    ++received_[message.type()];
  }
  void OnLeader(Node&, MemberId leader, uint64_t) override {
    if (!leader.is_zero()) last_leader_ = leader;
  }
};

TEST_F(NodeTest, ReplicatesThroughTheLossAndReturnOfAMember) {
  StartAll();
  PutMany(100);
  RunUntil([&] { return AllAreEqual(); });
  EXPECT_GT(received_[raftpb::MsgPreVote], 0u);
  EXPECT_GT(received_[raftpb::MsgVoteResp], 0u);
  EXPECT_GT(received_[raftpb::MsgApp], 0u);
  EXPECT_GT(received_[raftpb::MsgAppResp], 0u);

  // A follower is missing for a while.
  const size_t follower = (PlaceOf(AwaitLeader()) + 1) % kMembers;
  Stop(follower);
  PutMany(20);
  Restart(follower);
  RunUntil([&] { return AllAreEqual(); });
  PutMany(5);
  RunUntil([&] { return AllAreEqual(); });
}

TEST_F(NodeTest, AnotherMemberLeadsOnceTheLeaderIsGone) {
  StartAll();
  PutMany(10);
  const size_t first = PlaceOf(AwaitLeader());
  Stop(first);
  PutMany(10);
  EXPECT_NE(PlaceOf(AwaitLeader()), first);
  Restart(first);
  RunUntil([&] { return AllAreEqual(); });
  RunUntil([&] { return last_leader_ == AwaitLeader().id(); });
}

TEST_F(NodeTest, AFollowerFarBehindTakesASnapshot) {
  for (size_t i = 0; i < kMembers; ++i) Stop(i);
  snapshot_threshold_ = 16;
  for (size_t i = 0; i < kMembers; ++i) Create(i);
  StartAll();
  PutMany(5);
  const size_t follower = (PlaceOf(AwaitLeader()) + 1) % kMembers;
  Stop(follower);
  PutMany(100);
  Restart(follower);
  RunUntil([&] { return AllAreEqual(); });
  EXPECT_GT(received_[raftpb::MsgSnap], 0u);
}

TEST_F(NodeTest, AFollowerTakesNoProposals) {
  StartAll();
  PutMany(1);
  Node& follower = *nodes_[(PlaceOf(AwaitLeader()) + 1) % kMembers];
  absl::Status outcome;
  follower.Propose(PutStore::PutCommand(9, "key", "value"),
                   [&](absl::Status status) { outcome = std::move(status); });
  EXPECT_TRUE(absl::IsFailedPrecondition(outcome)) << outcome;
}

TEST_F(NodeTest, ProposalsUnderWayEndWithTheNode) {
  StartAll();
  Node& leader = AwaitLeader();
  absl::Status outcome;
  leader.Propose(PutStore::PutCommand(9, "key", "value"),
                 [&](absl::Status status) { outcome = std::move(status); });
  Stop(PlaceOf(leader));
  EXPECT_TRUE(absl::IsUnavailable(outcome)) << outcome;
}

// What another member of the same cluster could not be made on.
TEST_F(NodeTest, WhatCannotBeUsedIsSaid) {
  PutStore store;
  Node::Options options;
  options.id = MemberId(9);
  options.cluster_id = rafthttp::ClusterId(0x1000);
  options.folder = FolderOf(77);
  options.state_machine = &store;
  const auto missing = Node::Create(loop_, options);
  EXPECT_TRUE(absl::IsInvalidArgument(missing.status())) << missing.status();

  std::filesystem::create_directory(options.folder);
  options.listen_urls = {nodes_[0]->url()};
  const auto taken = Node::Create(loop_, options);
  EXPECT_TRUE(absl::IsUnavailable(taken.status())) << taken.status();

  options.listen_urls = {"http://127.0.0.1:0"};
  std::ofstream(options.folder + "/metadata1") << std::string(32, '\xff');
  const auto garbage = Node::Create(loop_, options);
  EXPECT_TRUE(absl::IsInvalidArgument(garbage.status())) << garbage.status();
}

}  // namespace
}  // namespace libraft_bridge
