#include "tools/rafthttpctl/peer_dial.h"

#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rafthttp/event/uv_connector.h"
#include "rafthttp/event/uv_loop.h"
#include "tools/rafthttpctl/testing/fake_peer.h"

namespace rafthttpctl {
namespace {

using rafthttp::ClusterId;
using rafthttp::MemberId;
using rafthttp::StreamKind;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr int kTurnsMax = 10000;

std::string StreamAnswer(absl::string_view status, absl::string_view body) {
  return absl::StrCat("HTTP/1.1 ", status, "\r\nX-Server-Version: 3.4.23\r\n",
                      "X-Etcd-Cluster-Id: ", FakePeer::kCluster,
                      "\r\nContent-Length: ", body.size(), "\r\n\r\n", body);
}

class PeerDialTest : public testing::Test {
 protected:
  PeerDial::Options OptionsFor(const FakePeer& peer) {
    PeerDial::Options options;
    options.target.url = peer.url();
    return options;
  }
  // As member 2, which is down, asks for the stream message.
  PeerDial::Options StreamOptions() {
    peer_.BeEtcd(R"({"id":2,"peerURLs":["http://127.0.0.1:1"]})");
    PeerDial::Options options = OptionsFor(peer_);
    options.stream = StreamKind::kMessage;
    options.target.id = MemberId(2);
    return options;
  }

  PeerDial::Report Dial(PeerDial::Options options) {
    std::optional<PeerDial::Report> report;
    PeerDial dial(loop_, connector_, std::move(options));
    dial.Start([&](PeerDial::Report r) { report = std::move(r); });
    EXPECT_TRUE(loop_.RunUntil([&] { return report.has_value(); }, kTurnsMax));
    return report.value_or(PeerDial::Report());
  }

  rafthttp::event::UvLoop loop_;
  rafthttp::event::UvConnector connector_{loop_};
  FakePeer peer_{loop_};
};

TEST_F(PeerDialTest, AHealthyMemberTellsItself) {
  peer_.BeEtcd(R"({"id":2,"peerURLs":["http://127.0.0.1:1"]})");
  const PeerDial::Report report = Dial(OptionsFor(peer_));
  EXPECT_EQ(report.code, ExitCode::kDone);
  EXPECT_THAT(report.problems, IsEmpty());
  const auto& json = report.json;
  EXPECT_EQ(json["v"], 1);
  EXPECT_EQ(json["url"], peer_.url().ToString());
  EXPECT_EQ(absl::StrCat("http://", json["address"].get<std::string>()),
            peer_.url().ToString());
  EXPECT_GE(json["connectSeconds"].get<double>(), 0);
  EXPECT_EQ(json["version"]["etcdserver"], "3.4.23");
  EXPECT_EQ(json["clusterId"], FakePeer::kCluster);
  EXPECT_EQ(json["members"], 2);
  EXPECT_EQ(json["id"], "1");
  EXPECT_EQ(json["name"], "m1");
  EXPECT_EQ(json["problems"].size(), 0u);
  // The same clock is at both ends, so the error bar holds.
  EXPECT_LE(std::abs(json["probe"]["clockOffsetSeconds"].get<double>()),
            json["probe"]["clockOffsetErrorSeconds"].get<double>() + 1e-6);
}

TEST_F(PeerDialTest, NothingIsAskedThatHasEffects) {
  peer_.BeEtcd("");
  Dial(OptionsFor(peer_));
  EXPECT_EQ(peer_.CountOf("/raft/stream"), 0u);
  EXPECT_EQ(peer_.CountOf("/version") + peer_.CountOf("/members") +
                peer_.CountOf("/raft/probing"),
            peer_.requests().size());
  // No etcd header: X-PeerURLs alone would make it keep a remote.
  EXPECT_THAT(peer_.requests(), Each(Not(HasSubstr("\r\nX-"))));
}

TEST_F(PeerDialTest, AClockThatIsOffIsAProblemWithItsSign) {
  for (const int seconds : {5, -5}) {
    peer_.BeEtcd("");
    peer_.Answer("/raft/probing", [seconds] {
      const std::string body =
          absl::StrCat(R"({"OK":true,"Now":")",
                       absl::FormatTime(absl::RFC3339_full,
                                        absl::Now() + absl::Seconds(seconds),
                                        absl::UTCTimeZone()),
                       "\"}\n");
      return StreamAnswer("200 OK", body);
    });
    const PeerDial::Report report = Dial(OptionsFor(peer_));
    EXPECT_EQ(report.code, ExitCode::kCheckFailed);
    EXPECT_THAT(report.problems,
                ElementsAre(HasSubstr(seconds > 0 ? "ahead of" : "behind")));
    EXPECT_NEAR(report.json["probe"]["clockOffsetSeconds"].get<double>(),
                seconds, 1);
  }
}

TEST_F(PeerDialTest, NothingThatListensIsNotReached) {
  PeerDial::Options options = OptionsFor(peer_);
  options.target.url = FakePeer(loop_).url();
  const PeerDial::Report report = Dial(options);
  EXPECT_EQ(report.code, ExitCode::kUnreachable);
  EXPECT_THAT(report.problems, ElementsAre(HasSubstr("connection refused")));
  EXPECT_FALSE(report.json.contains("address"));
}

TEST_F(PeerDialTest, WhatSpeaksSomethingElseIsNamed) {
  struct Case {
    const char* greeting;
    const char* problem;
  };
  for (const Case& c :
       {Case{"SSH-2.0-OpenSSH_9.2p1\r\n", "SSH"},
        Case{"\x15\x03\x01\x00\x02\x02\x46", "is its URL https?"},
        Case{"220 mail.test ESMTP\r\n", "not HTTP"}}) {
    FakePeer other(loop_);
    other.set_greeting(c.greeting[0] == '\x15'
                           ? std::string("\x15\x03\x01\x00\x02\x02\x46", 7)
                           : std::string(c.greeting));
    const PeerDial::Report report = Dial(OptionsFor(other));
    EXPECT_EQ(report.code, ExitCode::kUnreachable);
    EXPECT_THAT(report.problems, ElementsAre(HasSubstr(c.problem)));
  }
}

TEST_F(PeerDialTest, APortThatHangsUpMaySpeakTls) {
  peer_.set_hangs_up(true);
  const PeerDial::Report report = Dial(OptionsFor(peer_));
  EXPECT_EQ(report.code, ExitCode::kUnreachable);
  EXPECT_THAT(report.problems, ElementsAre(HasSubstr("is its URL https?")));
}

TEST_F(PeerDialTest, ASilentPeerIsGivenUp) {
  peer_.set_is_silent(true);
  PeerDial::Options options = OptionsFor(peer_);
  options.target.timeout = absl::Milliseconds(20);
  const PeerDial::Report report = Dial(options);
  EXPECT_EQ(report.code, ExitCode::kUnreachable);
  EXPECT_EQ(report.problems.size(), 1u);
}

TEST_F(PeerDialTest, AClientPortIsRecognized) {
  peer_.AnswerOk("/version",
                 R"({"etcdserver":"3.4.23","etcdcluster":"3.4.0"})");
  const PeerDial::Report report = Dial(OptionsFor(peer_));
  EXPECT_EQ(report.code, ExitCode::kCheckFailed);
  EXPECT_THAT(report.problems, ElementsAre(HasSubstr("this is a client port"),
                                           HasSubstr("/raft/probing")));
}

TEST_F(PeerDialTest, AnotherClusterIsAMismatch) {
  peer_.BeEtcd("");
  PeerDial::Options options = OptionsFor(peer_);
  options.target.cluster = ClusterId(0x12);
  const PeerDial::Report report = Dial(options);
  EXPECT_EQ(report.code, ExitCode::kIdentityMismatch);
  EXPECT_THAT(report.problems, ElementsAre(HasSubstr(FakePeer::kCluster)));
}

TEST_F(PeerDialTest, AUrlThatIsNotListedIsSaidButNoProblem) {
  peer_.BeEtcd("");
  peer_.AnswerOk("/members", R"([{"id":1,"peerURLs":["http://other:1"]}])");
  const PeerDial::Report report = Dial(OptionsFor(peer_));
  EXPECT_EQ(report.code, ExitCode::kDone);
  EXPECT_EQ(report.json["isListed"], false);
}

TEST_F(PeerDialTest, AStreamThatOpensIsReported) {
  const PeerDial::Options options = StreamOptions();
  peer_.Answer("/raft/stream/message/2",
               "HTTP/1.1 200 OK\r\nX-Server-Version: 3.4.23\r\n"
               "Transfer-Encoding: chunked\r\n\r\n");
  const PeerDial::Report report = Dial(options);
  EXPECT_EQ(report.code, ExitCode::kDone)
      << (report.problems.empty() ? "" : report.problems.front());
  EXPECT_EQ(report.json["stream"]["kind"], "message");
  EXPECT_EQ(report.json["stream"]["to"], "1");
  EXPECT_EQ(report.json["stream"]["answer"], "opened");
  ASSERT_EQ(peer_.CountOf("/raft/stream"), 1u);
  const std::string& head = peer_.requests().back();
  EXPECT_THAT(head, HasSubstr("X-Server-From: 2\r\n"));
  EXPECT_THAT(head, HasSubstr("X-Raft-To: 1"));
  EXPECT_THAT(
      head, HasSubstr(absl::StrCat("X-Etcd-Cluster-Id: ", FakePeer::kCluster)));
  EXPECT_FALSE(absl::StrContains(head, "X-Peerurls"));
}

TEST_F(PeerDialTest, HowAStreamIsRefusedIsReported) {
  struct Case {
    const char* status;
    const char* body;
    const char* answer;
    ExitCode code;
  };
  for (const Case& c :
       {Case{"404 Not Found", "error sender not found\n", "not_found",
             ExitCode::kIdentityMismatch},
        Case{"410 Gone", "removed member\n", "member_removed",
             ExitCode::kIdentityMismatch},
        Case{"412 Precondition Failed", "cluster ID mismatch\n",
             "cluster_mismatch", ExitCode::kIdentityMismatch},
        Case{"412 Precondition Failed", "to field mismatch\n", "to_mismatch",
             ExitCode::kIdentityMismatch},
        Case{"412 Precondition Failed", "incompatible version\n", "version",
             ExitCode::kCheckFailed},
        Case{"500 Internal Server Error", "x\n", "unexpected_status",
             ExitCode::kCheckFailed}}) {
    const PeerDial::Options options = StreamOptions();
    peer_.Answer("/raft/stream/message/2", StreamAnswer(c.status, c.body));
    const size_t before = peer_.CountOf("/raft/stream");
    const PeerDial::Report report = Dial(options);
    EXPECT_EQ(report.code, c.code) << c.body;
    EXPECT_EQ(report.json["stream"]["answer"], c.answer);
    EXPECT_THAT(report.problems, ElementsAre(HasSubstr(c.answer)));
    // It is asked once; a refusal is an answer.
    EXPECT_EQ(peer_.CountOf("/raft/stream"), before + 1) << c.body;
  }
}

TEST_F(PeerDialTest, EachMemberIsTriedWhereTheAddresseeIsNotKnown) {
  const PeerDial::Options options = StreamOptions();
  peer_.AnswerOk("/members", R"([{"id":1,"peerURLs":["http://other:1"]},)"
                             R"({"id":2,"peerURLs":["http://127.0.0.1:1"]},)"
                             R"({"id":3,"peerURLs":["http://other:3"]}])");
  peer_.Answer("/raft/stream/message/2", [this] {
    return absl::StrContains(peer_.requests().back(), "X-Raft-To: 3")
               ? "HTTP/1.1 200 OK\r\nX-Server-Version: 3.4.23\r\n"
                 "Transfer-Encoding: chunked\r\n\r\n"
               : StreamAnswer("412 Precondition Failed", "to field mismatch\n");
  });
  const PeerDial::Report report = Dial(options);
  EXPECT_EQ(report.code, ExitCode::kDone);
  EXPECT_EQ(report.json["stream"]["to"], "3");
}

TEST_F(PeerDialTest, TheStreamOfAMemberThatIsUpIsNotAskedFor) {
  FakePeer two(loop_);
  two.BeEtcd("");
  PeerDial::Options options = StreamOptions();
  peer_.BeEtcd(
      absl::StrCat(R"({"id":2,"peerURLs":[")", two.url().ToString(), "\"]}"));
  const PeerDial::Report report = Dial(options);
  EXPECT_EQ(report.code, ExitCode::kCheckFailed);
  EXPECT_THAT(report.problems, ElementsAre(HasSubstr("--steal")));
  EXPECT_EQ(peer_.CountOf("/raft/stream"), 0u);
}

TEST_F(PeerDialTest, DestroyedAtEveryStage) {
  const PeerDial::Options options = StreamOptions();
  peer_.Answer("/raft/stream/message/2",
               "HTTP/1.1 200 OK\r\nX-Server-Version: 3.4.23\r\n"
               "Transfer-Encoding: chunked\r\n\r\n");
  Dial(options);
  const size_t requests_of_all = peer_.requests().size();
  for (size_t stage = 0; stage <= requests_of_all; ++stage) {
    const size_t before = peer_.requests().size();
    auto dial = std::make_unique<PeerDial>(loop_, connector_, options);
    bool is_over = false;
    dial->Start([&](PeerDial::Report) { is_over = true; });
    EXPECT_TRUE(loop_.RunUntil(
        [&] { return peer_.requests().size() >= before + stage || is_over; },
        kTurnsMax));
    dial.reset();
  }
}

TEST_F(PeerDialTest, DestroyedInItsOwnReport) {
  peer_.BeEtcd("");
  auto dial = std::make_unique<PeerDial>(loop_, connector_, OptionsFor(peer_));
  bool is_over = false;
  dial->Start([&](PeerDial::Report) {
    dial.reset();
    is_over = true;
  });
  EXPECT_TRUE(loop_.RunUntil([&] { return is_over; }, kTurnsMax));
}

}  // namespace
}  // namespace rafthttpctl
