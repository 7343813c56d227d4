#include "tools/rafthttpctl/stream_preflight.h"

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rafthttp/event/uv_connector.h"
#include "rafthttp/event/uv_loop.h"
#include "tools/rafthttpctl/testing/fake_peer.h"

namespace rafthttpctl {
namespace {

using rafthttp::ClusterId;
using rafthttp::MemberId;
using ::testing::ElementsAre;
using Cleared = StreamPreflight::Cleared;
using Refused = StreamPreflight::Refused;

constexpr int kTurnsMax = 10000;

class StreamPreflightTest : public testing::Test {
 protected:
  // Member 2, at `peer_urls` (a JSON list).
  static std::string MemberTwo(const std::string& peer_urls) {
    return absl::StrCat(R"({"id":2,"peerURLs":)", peer_urls, "}");
  }
  static std::string ListOf(const FakePeer& peer) {
    return absl::StrCat("[\"", peer.url().ToString(), "\"]");
  }
  // A list with a URL on which nothing listens.
  std::string Nowhere() { return ListOf(FakePeer(loop_)); }

  StreamPreflight::Options OptionsFor(uint64_t id) {
    StreamPreflight::Options options;
    options.url = peer_.url();
    options.id = MemberId(id);
    return options;
  }

  StreamPreflight::Result Run(StreamPreflight::Options options) {
    std::optional<StreamPreflight::Result> result;
    StreamPreflight preflight(client_, std::move(options));
    preflight.Start([&](StreamPreflight::Result r) { result = std::move(r); });
    EXPECT_TRUE(loop_.RunUntil([&] { return result.has_value(); }, kTurnsMax));
    return result.value_or(Refused{ExitCode::kDone, "no answer"});
  }

  // Expects a refusal with `code`; returns why.
  std::string WhyNot(StreamPreflight::Options options, ExitCode code) {
    const StreamPreflight::Result result = Run(std::move(options));
    const auto* refused = std::get_if<Refused>(&result);
    if (refused == nullptr) {
      ADD_FAILURE() << "it was cleared";
      return "";
    }
    EXPECT_EQ(refused->code, code) << refused->why;
    return refused->why;
  }
  std::optional<Cleared> Clears(StreamPreflight::Options options) {
    StreamPreflight::Result result = Run(std::move(options));
    if (const auto* refused = std::get_if<Refused>(&result)) {
      ADD_FAILURE() << refused->why;
      return std::nullopt;
    }
    return std::get<Cleared>(std::move(result));
  }

  rafthttp::event::UvLoop loop_;
  rafthttp::event::UvConnector connector_{loop_};
  rafthttp::http1::Client client_{loop_, connector_, {}};
  FakePeer peer_{loop_};
};

TEST_F(StreamPreflightTest, AMemberThatIsDownMayBeListenedFor) {
  peer_.BeEtcd(MemberTwo(Nowhere()));
  const auto cleared = Clears(OptionsFor(2));
  ASSERT_TRUE(cleared.has_value());
  EXPECT_EQ(cleared->identity.self, MemberId(2));
  EXPECT_EQ(cleared->identity.cluster, *ClusterId::FromHex(FakePeer::kCluster));
  EXPECT_EQ(cleared->identity.version.ToString(), "3.4.23");
  EXPECT_EQ(cleared->identity.peer_urls, "");
  EXPECT_THAT(cleared->addressees, ElementsAre(MemberId(1)));
}

TEST_F(StreamPreflightTest, AMemberThatIsUpKeepsItsStream) {
  FakePeer two(loop_);
  two.BeEtcd("");
  peer_.BeEtcd(MemberTwo(ListOf(two)));
  const std::string why = WhyNot(OptionsFor(2), ExitCode::kCheckFailed);
  EXPECT_TRUE(absl::StrContains(why, two.url().ToString())) << why;
  EXPECT_TRUE(absl::StrContains(why, "--steal")) << why;
  EXPECT_EQ(two.CountOf("/raft/probing"), 1u);

  StreamPreflight::Options stealing = OptionsFor(2);
  stealing.steals = true;
  EXPECT_TRUE(Clears(stealing).has_value());
  // It was not even asked.
  EXPECT_EQ(two.CountOf("/raft/probing"), 1u);
}

TEST_F(StreamPreflightTest, OneUrlThatAnswersIsEnoughToBeUp) {
  FakePeer two(loop_);
  two.BeEtcd("");
  const std::string dead = FakePeer(loop_).url().ToString();
  const std::string alive = two.url().ToString();
  for (const auto& [first, second] :
       {std::pair(dead, alive), std::pair(alive, dead)}) {
    peer_.BeEtcd(MemberTwo(absl::StrCat("[\"", first, "\",\"", second, "\"]")));
    WhyNot(OptionsFor(2), ExitCode::kCheckFailed);
  }
}

// This build cannot ask an https URL, and took that for an answer once.
TEST_F(StreamPreflightTest, AMemberThatCannotBeAskedIsNotTakenForDown) {
  for (const char* url : {"https://127.0.0.1:1", "unix://socket:1", "what"}) {
    peer_.BeEtcd(MemberTwo(absl::StrCat("[\"", url, "\"]")));
    const std::string why = WhyNot(OptionsFor(2), ExitCode::kTlsOrAuth);
    EXPECT_TRUE(absl::StrContains(why, url)) << why;
    StreamPreflight::Options stealing = OptionsFor(2);
    stealing.steals = true;
    EXPECT_TRUE(Clears(stealing).has_value());
  }
}

TEST_F(StreamPreflightTest, AnUnknownMemberIsAMismatch) {
  peer_.BeEtcd("");
  const std::string why = WhyNot(OptionsFor(9), ExitCode::kIdentityMismatch);
  EXPECT_TRUE(absl::StrContains(why, "no member 9")) << why;
  StreamPreflight::Options stealing = OptionsFor(9);
  stealing.steals = true;
  EXPECT_TRUE(Clears(stealing).has_value());
}

TEST_F(StreamPreflightTest, WithoutAListedUrlEveryMemberMayBeTheAddressee) {
  peer_.AnswerOk("/members",
                 R"([{"id":1,"peerURLs":["http://a:1"]},)"
                 R"({"id":2,"peerURLs":[]},{"id":3,"peerURLs":[]}])");
  const auto cleared = Clears(OptionsFor(2));
  ASSERT_TRUE(cleared.has_value());
  EXPECT_THAT(cleared->addressees,
              ElementsAre(MemberId(1), MemberId(2), MemberId(3)));
  StreamPreflight::Options named = OptionsFor(2);
  named.peer = MemberId(7);
  EXPECT_THAT(Clears(named)->addressees, ElementsAre(MemberId(7)));
}

// raftexample has neither /members nor /version.
TEST_F(StreamPreflightTest, APeerThatIsNoEtcdIsServedWithWhatIsGiven) {
  WhyNot(OptionsFor(2), ExitCode::kUsage);
  StreamPreflight::Options options = OptionsFor(2);
  options.cluster = ClusterId(0x1000);
  WhyNot(options, ExitCode::kUsage);
  options.peer = MemberId(1);
  const auto cleared = Clears(options);
  ASSERT_TRUE(cleared.has_value());
  EXPECT_EQ(cleared->identity.cluster, ClusterId(0x1000));
  EXPECT_EQ(cleared->identity.version.ToString(), "3.4.0");
  EXPECT_THAT(cleared->addressees, ElementsAre(MemberId(1)));
}

TEST_F(StreamPreflightTest, WhatIsNoPeerIsNotReached) {
  peer_.set_hangs_up(true);
  WhyNot(OptionsFor(2), ExitCode::kUnreachable);
  peer_.set_hangs_up(false);
  peer_.AnswerOk("/members", "surprise");
  WhyNot(OptionsFor(2), ExitCode::kUnreachable);
  StreamPreflight::Options nowhere = OptionsFor(2);
  nowhere.url = FakePeer(loop_).url();
  WhyNot(nowhere, ExitCode::kUnreachable);
}

TEST_F(StreamPreflightTest, DestroyedAtEveryStage) {
  FakePeer two(loop_);
  two.BeEtcd("");
  peer_.BeEtcd(MemberTwo(ListOf(two)));
  for (size_t requests = 0; requests <= 3; ++requests) {
    const size_t before = peer_.requests().size() + two.requests().size();
    StreamPreflight preflight(client_, OptionsFor(2));
    preflight.Start([](StreamPreflight::Result) {});
    EXPECT_TRUE(loop_.RunUntil(
        [&] {
          return peer_.requests().size() + two.requests().size() ==
                 before + requests;
        },
        kTurnsMax));
  }
}

}  // namespace
}  // namespace rafthttpctl
