#include "tools/rafthttpctl/member_listing.h"

#include <optional>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "rafthttp/event/uv_loop.h"
#include "tools/etcdclient/testing/fake_etcd.h"
#include "tools/rafthttpctl/testing/fake_peer.h"

namespace rafthttpctl {
namespace {

using rafthttp::ClusterId;
using rafthttp::MemberId;
using ::testing::HasSubstr;

MemberListing TwoMembers() {
  MemberListing listing;
  listing.members.cluster = ClusterId(0x15f22ffeda2243cf);
  listing.leader = MemberId(0xcaf0000000000001);
  listing.members.members = {{.id = MemberId(0xcaf0000000000001),
                              .name = "m0",
                              .peer_urls = {"http://a:1", "http://b:1"},
                              .client_urls = {"http://a:2"},
                              .is_learner = false},
                             {.id = MemberId(2),
                              .name = "",
                              .peer_urls = {"http://c:1"},
                              .client_urls = {},
                              .is_learner = true}};
  return listing;
}

TEST(MemberListingTest, IsOneObjectAsJson) {
  EXPECT_EQ(MemberListingJson(TwoMembers()),
            R"({"v":1,"clusterId":"15f22ffeda2243cf",)"
            R"("leader":"caf0000000000001","members":[)"
            R"({"id":"caf0000000000001","name":"m0",)"
            R"("peerURLs":["http://a:1","http://b:1"],)"
            R"("clientURLs":["http://a:2"],"isLearner":false,"isLeader":true},)"
            R"({"id":"2","name":"","peerURLs":["http://c:1"],"clientURLs":[],)"
            R"("isLearner":true,"isLeader":false}]})"
            "\n");
}

TEST(MemberListingTest, IsATableAsText) {
  EXPECT_EQ(MemberListingText(TwoMembers()),
            "cluster 15f22ffeda2243cf\n"
            "ID                NAME  ROLE                PEER URLS             "
            " CLIENT URLS\n"
            "caf0000000000001  m0    leader              http://a:1,http://b:1 "
            " http://a:2\n"
            "2                       learner, unstarted  http://c:1\n");
}

TEST(MemberListingTest, NobodyLeadsWhereItIsNotKnown) {
  MemberListing listing = TwoMembers();
  listing.leader = MemberId();
  const std::string json = MemberListingJson(listing);
  EXPECT_FALSE(absl::StrContains(json, "leader"));
  EXPECT_FALSE(absl::StrContains(json, "isLeader"));
  EXPECT_THAT(MemberListingText(listing), HasSubstr("  voter  "));
}

// A name is whatever somebody told the cluster.
TEST(MemberListingTest, NothingCommandsTheTerminal) {
  MemberListing listing = TwoMembers();
  listing.members.members[0].name = "\x1b[2J\xc2\x9b\xe2\x80\xae\xff\n";
  listing.members.members[1].peer_urls = {"http://\x1b]0;x\x07:1"};
  for (const std::string& text :
       {MemberListingJson(listing), MemberListingText(listing)}) {
    EXPECT_FALSE(absl::StrContains(text, "\x1b"));
    EXPECT_FALSE(absl::StrContains(text, "\x07"));
    EXPECT_FALSE(absl::StrContains(text, "\xc2\x9b"));
    EXPECT_FALSE(absl::StrContains(text, "\xe2\x80\xae"));
  }
  EXPECT_FALSE(nlohmann::json::parse(MemberListingJson(listing), nullptr, false)
                   .is_discarded());
}

class ListByPeerTest : public testing::Test {
 protected:
  // Asks the peer from a thread of its own, since the peer needs ours.
  absl::StatusOr<MemberListing> List() {
    absl::StatusOr<MemberListing> listing;
    bool is_done = false;
    std::thread asker([&] {
      listing = ListByPeer(peer_.url(), absl::Seconds(20));
      loop_.Post([&] { is_done = true; });
    });
    EXPECT_TRUE(loop_.RunUntil([&] { return is_done; }, 10000));
    asker.join();
    return listing;
  }

  rafthttp::event::UvLoop loop_;
  FakePeer peer_{loop_};
};

TEST_F(ListByPeerTest, ListsWhatThePeerTells) {
  peer_.BeEtcd(R"({"id":2,"peerURLs":[],"isLearner":true})");
  const auto listing = List();
  ASSERT_TRUE(listing.ok()) << listing.status();
  EXPECT_EQ(listing->members.cluster.ToHex(), FakePeer::kCluster);
  ASSERT_EQ(listing->members.members.size(), 2u);
  EXPECT_TRUE(listing->members.members[1].is_learner);
  EXPECT_TRUE(listing->leader.is_zero());
}

TEST_F(ListByPeerTest, WhatIsNoEtcdIsNamed) {
  const absl::Status client_port = List().status();
  EXPECT_TRUE(absl::IsFailedPrecondition(client_port)) << client_port;
  EXPECT_TRUE(absl::StrContains(client_port.message(), peer_.url().ToString()));
  peer_.AnswerOk("/members", "x");
  EXPECT_TRUE(absl::IsDataLoss(List().status()));
  peer_.set_hangs_up(true);
  EXPECT_TRUE(absl::IsUnavailable(List().status()));
}

TEST(ListByEtcdTest, KnowsTheLeader) {
  FakeEtcd etcd;
  EtcdClientOptions options;
  options.endpoints = {etcd.endpoint()};
  const auto listing = ListByEtcd(options, std::nullopt);
  ASSERT_TRUE(listing.ok()) << listing.status();
  EXPECT_EQ(listing->leader, MemberId(FakeEtcd::kMemberId));
  EXPECT_EQ(listing->members.cluster, ClusterId(FakeEtcd::kClusterId));
  ASSERT_EQ(listing->members.members.size(), 1u);
  EXPECT_EQ(listing->members.members[0].name, "m0");
}

TEST(ListByEtcdTest, ItsTimeIsBounded) {
  FakeEtcd etcd;
  etcd.set_is_stuck(true);
  EtcdClientOptions options;
  options.endpoints = {etcd.endpoint(), etcd.endpoint()};
  options.call_timeout = absl::Seconds(1000);
  const absl::Status status =
      ListByEtcd(options, absl::Milliseconds(50)).status();
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), etcd.endpoint())) << status;
  options.endpoints = {"nowhere"};
  EXPECT_TRUE(
      absl::IsInvalidArgument(ListByEtcd(options, std::nullopt).status()));
}

}  // namespace
}  // namespace rafthttpctl
