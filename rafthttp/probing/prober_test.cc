#include "rafthttp/probing/prober.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rafthttp/event/connector.h"
#include "rafthttp/event/listener.h"
#include "rafthttp/event/testing/faults.h"
#include "rafthttp/event/testing/memory_network.h"
#include "rafthttp/event/testing/sim_loop.h"
#include "rafthttp/http1/client.h"
#include "rafthttp/http1/testing/script_server.h"
#include "rafthttp/http1/url.h"

namespace rafthttp {
namespace {

using event::MemoryNetwork;
using http1::ScriptServer;
using testing::ElementsAre;
using testing::IsEmpty;

std::string Answer(absl::string_view body,
                   absl::string_view status = "200 OK") {
  return absl::StrCat("HTTP/1.1 ", status, "\r\nContent-Length: ", body.size(),
                      "\r\n\r\n", body);
}

std::string GoodAnswer(absl::Time now) {
  return Answer(absl::StrCat(
      R"({"OK":true,"Now":")",
      absl::FormatTime(absl::RFC3339_full, now, absl::UTCTimeZone()), "\"}\n"));
}

class RecordingEvents final : public Prober::Events {
 public:
  void OnProbeSample(Prober&, const Prober::Sample& sample) override {
    samples.push_back(sample);
    if (on_sample) on_sample();
  }
  void OnProbeFailed(Prober&, uint64_t failures,
                     const absl::Status& status) override {
    log.push_back(absl::StrCat("failed ", failures));
    failure = status;
    if (on_failed) on_failed();
  }
  void OnUnhealthy(Prober&, const absl::Status& status) override {
    EXPECT_FALSE(status.ok());
    log.push_back("unhealthy");
    if (on_unhealthy) on_unhealthy();
  }
  void OnHealthy(Prober&, const Prober::Sample&) override {
    log.push_back("healthy");
    if (on_healthy) on_healthy();
  }
  void OnClockOffset(Prober&, const Prober::Sample&, bool is_beyond) override {
    log.push_back(is_beyond ? "clock beyond" : "clock fine");
    if (on_clock) on_clock();
  }

  std::vector<Prober::Sample> samples;
  std::vector<std::string> log;
  absl::Status failure;
  std::function<void()> on_sample;
  std::function<void()> on_failed;
  std::function<void()> on_unhealthy;
  std::function<void()> on_healthy;
  std::function<void()> on_clock;
};

class ProberTest : public testing::Test {
 protected:
  ProberTest() {
    listener_ = *net_.Listen({"a", 2380}, server_.acceptor());
    other_listener_ = *net_.Listen({"b", 2380}, other_server_.acceptor());
    Make({"http://a:2380"});
  }

  void Make(const std::vector<std::string>& urls) {
    std::vector<http1::Url> parsed;
    for (const std::string& url : urls) {
      parsed.push_back(*http1::ParsePeerUrl(url));
    }
    prober_ = std::make_unique<Prober>(
        loop_, client_, std::move(parsed),
        [this] { return loop_.Now() + our_skew_; }, events_, Prober::Options());
    prober_->Start();
  }
  void SetLatency(absl::Duration latency) {
    net_.SetFaultSource([latency] {
      event::LinkFaults faults;
      faults.latency = latency;
      return faults;
    });
  }
  void Run(int probes) { loop_.RunFor(absl::Seconds(4) * probes); }

  event::SimLoop loop_;
  MemoryNetwork net_{loop_};
  absl::Duration our_skew_;
  absl::Duration their_skew_;
  std::optional<std::string> answer_;  // instead of a good one
  ScriptServer server_{[this](ScriptServer::Connection& connection,
                              const ScriptServer::Request& request) {
    EXPECT_EQ(request.head.method, "GET");
    EXPECT_EQ(request.head.target, "/raft/probing");
    connection.Send(answer_.value_or(GoodAnswer(loop_.Now() + their_skew_)));
  }};
  ScriptServer other_server_{[this](ScriptServer::Connection& connection,
                                    const ScriptServer::Request&) {
    connection.Send(GoodAnswer(loop_.Now()));
  }};
  std::unique_ptr<event::Listener> listener_;
  std::unique_ptr<event::Listener> other_listener_;
  std::unique_ptr<event::Connector> connector_ = net_.NewConnector();
  http1::Client client_{loop_, *connector_, {}};
  RecordingEvents events_;
  std::unique_ptr<Prober> prober_;
};

TEST_F(ProberTest, ProbesEveryFourSecondsOnOneConnection) {
  loop_.RunFor(absl::Milliseconds(3999));
  EXPECT_THAT(server_.requests(), IsEmpty());
  loop_.RunFor(absl::Milliseconds(2));
  EXPECT_EQ(server_.requests().size(), 1u);
  Run(4);
  EXPECT_EQ(server_.requests().size(), 5u);
  EXPECT_EQ(server_.connections().size(), 1u);
  EXPECT_THAT(events_.log, ElementsAre("healthy"));
  EXPECT_EQ(events_.samples.size(), 5u);
}

TEST_F(ProberTest, ANewConnectionEachTimeIfTheClientKeepsNone) {
  http1::Client::Options options;
  options.idle_timeout = absl::ZeroDuration();
  http1::Client fresh(loop_, *connector_, options);
  Prober prober(loop_, fresh, {*http1::ParsePeerUrl("http://b:2380")},
                [this] { return loop_.Now(); }, events_, {});
  prober.Start();
  Run(3);
  loop_.RunFor(absl::Milliseconds(1));
  EXPECT_EQ(other_server_.connections().size(), 3u);
  EXPECT_EQ(other_server_.live_connections(), 0u);
}

TEST_F(ProberTest, StartingTwiceChangesNothing) {
  prober_->Start();
  loop_.RunFor(absl::Seconds(2));
  prober_->Start();
  loop_.RunFor(absl::Milliseconds(2001));
  EXPECT_EQ(server_.requests().size(), 1u);
}

TEST_F(ProberTest, TheFirstRoundTripIsNotSmoothed) {
  SetLatency(absl::Milliseconds(100));
  Run(2);
  ASSERT_GE(events_.samples.size(), 1u);
  const Prober::Sample& first = events_.samples[0];
  EXPECT_GE(first.round_trip, absl::Milliseconds(200));
  EXPECT_EQ(first.smoothed_round_trip, first.round_trip);
  EXPECT_EQ(first.clock_error_max, first.round_trip / 2);
}

TEST_F(ProberTest, LaterRoundTripsAreSmoothed) {
  Run(1);
  loop_.RunFor(absl::Milliseconds(1));
  ASSERT_EQ(events_.samples.size(), 1u);
  // The next probe needs a connection of its own.
  server_.connections()[0]->Close();
  SetLatency(absl::Milliseconds(40));
  Run(1);
  loop_.RunFor(absl::Seconds(1));
  ASSERT_EQ(events_.samples.size(), 2u);
  const Prober::Sample& second = events_.samples[1];
  EXPECT_EQ(second.smoothed_round_trip,
            events_.samples[0].round_trip * 0.875 + second.round_trip * 0.125);
}

TEST_F(ProberTest, TellsOfAClockThatIsBehindOrAhead) {
  for (const int sign : {-1, 1}) {
    events_.log.clear();
    Make({"http://a:2380"});
    their_skew_ = sign * absl::Milliseconds(900);
    Run(1);
    loop_.RunFor(absl::Milliseconds(1));
    EXPECT_EQ(events_.samples.back().clock_offset,
              sign * absl::Milliseconds(-900));
    EXPECT_THAT(events_.log, ElementsAre("healthy"));
    their_skew_ = sign * absl::Milliseconds(1100);
    Run(3);
    EXPECT_EQ(events_.samples.back().clock_offset,
              sign * absl::Milliseconds(-1100));
    // Once per change.
    EXPECT_THAT(events_.log, ElementsAre("healthy", "clock beyond"));
    their_skew_ = absl::ZeroDuration();
    Run(2);
    EXPECT_THAT(events_.log,
                ElementsAre("healthy", "clock beyond", "clock fine"));
  }
}

TEST_F(ProberTest, ASlowAnswerProvesNothingAboutTheClock) {
  // The answer takes 2 s, of which each direction has half: so the clock is
  // right, give or take a second. A second more is no proof of its being wrong.
  their_skew_ = absl::Milliseconds(1500);
  SetLatency(absl::Milliseconds(1000));
  Run(1);
  loop_.RunFor(absl::Milliseconds(3500));
  ASSERT_EQ(events_.samples.size(), 1u);
  const Prober::Sample& sample = events_.samples[0];
  EXPECT_GE(sample.clock_error_max, absl::Milliseconds(1000));
  EXPECT_EQ(sample.clock_offset, absl::Milliseconds(-1500));
  EXPECT_THAT(events_.log, ElementsAre("healthy"));
}

TEST_F(ProberTest, AClockSetMeanwhileIsNoRoundTrip) {
  for (const absl::Duration step : {absl::Hours(1), -absl::Hours(1)}) {
    our_skew_ = absl::ZeroDuration();
    events_.samples.clear();
    Make({"http://a:2380"});
    server_.set_on_head(
        [this, step](ScriptServer::Connection&) { our_skew_ = step; });
    Run(1);
    loop_.RunFor(absl::Milliseconds(1));
    ASSERT_EQ(events_.samples.size(), 1u);
    EXPECT_GE(events_.samples[0].round_trip, absl::ZeroDuration());
    EXPECT_LE(events_.samples[0].round_trip, absl::Milliseconds(20));
  }
}

TEST_F(ProberTest, TellsOfFailuresAndOnceOfEachChange) {
  answer_ = Answer("", "500 Oops");
  Run(2);
  loop_.RunFor(absl::Milliseconds(1));
  EXPECT_THAT(events_.log, ElementsAre("unhealthy", "failed 1", "failed 2"));
  EXPECT_TRUE(absl::StrContains(events_.failure.message(), "500"));
  EXPECT_TRUE(absl::StrContains(events_.failure.message(), "http://a:2380"));
  answer_.reset();
  Run(2);
  answer_ = Answer("", "500 Oops");
  Run(1);
  EXPECT_THAT(events_.log, ElementsAre("unhealthy", "failed 1", "failed 2",
                                       "healthy", "unhealthy", "failed 1"));
}

TEST_F(ProberTest, WhatIsNoGoodAnswer) {
  const std::vector<std::string> answers = {
      Answer("", "204 No Content").substr(0, 27) + "\r\n",
      Answer("404 page not found\n", "404 Not Found"),
      Answer(""),
      Answer("[]"),
      Answer("{}"),
      Answer("{\"OK\":true}"),
      Answer(R"({"OK":true,"Now":1})"),
      Answer(R"({"OK":true,"Now":"noon"})"),
      Answer(R"({"OK":true,"Now":"infinite-future"})"),
      Answer(R"({"OK":true,"Now":"infinite-past"})"),
      Answer(R"({"OK":false,"Now":"2026-11-22T08:10:49Z"})"),
      Answer(R"({"OK":"true","Now":"2026-11-22T08:10:49Z"})"),
      Answer(R"({"OK":1,"Now":"2026-11-22T08:10:49Z"})"),
      Answer(R"({"OK":true,"Now":"2026-11-22T08:10:49Z")"),
      "nonsense\r\n\r\n",
  };
  for (const std::string& answer : answers) {
    SCOPED_TRACE(answer);
    events_.log.clear();
    events_.samples.clear();
    Make({"http://a:2380"});
    answer_ = answer;
    Run(1);
    loop_.RunFor(absl::Milliseconds(10));
    EXPECT_THAT(events_.samples, IsEmpty());
    EXPECT_THAT(events_.log, ElementsAre("unhealthy", "failed 1"));
  }
}

TEST_F(ProberTest, OtherTimeZonesAndFractionsAreGood) {
  for (const char* now :
       {"2026-11-22T08:10:49Z", "2026-11-22T08:10:49.603947601Z",
        "2026-11-22T09:10:49.6+01:00"}) {
    events_.samples.clear();
    Make({"http://a:2380"});
    answer_ =
        Answer(absl::StrCat(R"({"OK":true,"Now":")", now, R"(","X":[1]})"));
    Run(1);
    loop_.RunFor(absl::Milliseconds(1));
    EXPECT_EQ(events_.samples.size(), 1u) << now;
  }
}

TEST_F(ProberTest, NoAnswerIsAFailureBeforeTheNextProbe) {
  answer_ = "";
  loop_.RunFor(absl::Milliseconds(7499));
  EXPECT_THAT(events_.log, IsEmpty());
  loop_.RunFor(absl::Milliseconds(2));
  EXPECT_THAT(events_.log, ElementsAre("unhealthy", "failed 1"));
  EXPECT_TRUE(absl::IsDeadlineExceeded(events_.failure));
  loop_.RunFor(absl::Milliseconds(500));
  EXPECT_EQ(server_.requests().size(), 2u);
}

TEST_F(ProberTest, AFailureMovesOnToTheNextUrl) {
  Make({"http://a:2380", "http://b:2380"});
  answer_ = Answer("", "500 Oops");
  Run(1);
  loop_.RunFor(absl::Milliseconds(1));
  EXPECT_THAT(events_.log, ElementsAre("unhealthy", "failed 1"));
  Run(3);
  EXPECT_THAT(events_.log, ElementsAre("unhealthy", "failed 1", "healthy"));
  EXPECT_EQ(server_.requests().size(), 1u);
  EXPECT_EQ(other_server_.requests().size(), 3u);
}

TEST_F(ProberTest, OtherUrlsStartItAnew) {
  answer_ = "";
  loop_.RunFor(absl::Seconds(5));  // one under way
  prober_->UpdateUrls({*http1::ParsePeerUrl("http://b:2380")});
  EXPECT_EQ(client_.connections(), 0u);
  loop_.RunFor(absl::Milliseconds(3999));
  EXPECT_THAT(other_server_.requests(), IsEmpty());
  loop_.RunFor(absl::Milliseconds(2));
  EXPECT_EQ(other_server_.requests().size(), 1u);
  EXPECT_THAT(events_.log, ElementsAre("healthy"));
}

TEST_F(ProberTest, OtherUrlsDoNotStartWhatWasNotStarted) {
  prober_ = std::make_unique<Prober>(
      loop_, client_,
      std::vector<http1::Url>{*http1::ParsePeerUrl("http://a:2380")},
      [this] { return loop_.Now(); }, events_, Prober::Options());
  prober_->UpdateUrls({*http1::ParsePeerUrl("http://b:2380")});
  Run(2);
  EXPECT_THAT(events_.log, IsEmpty());
}

TEST_F(ProberTest, DestroyedAtAnyMoment) {
  // Before the first probe, while it is under way, and after it.
  for (int milliseconds = 0; milliseconds < 5000; milliseconds += 1000) {
    Make({"http://a:2380"});
    SetLatency(absl::Milliseconds(300));
    loop_.RunFor(absl::Milliseconds(milliseconds));
    prober_.reset();
    events_.log.clear();
    Run(2);
    EXPECT_THAT(events_.log, IsEmpty());
    EXPECT_EQ(client_.connections(), 0u);
  }
}

TEST_F(ProberTest, DestroyedInsideItsCallbacks) {
  size_t told = 0;
  const auto events = [this] {
    return events_.log.size() + events_.samples.size();
  };
  const auto destroy = [&] {
    prober_.reset();
    told = events();
  };
  const std::vector<std::function<void()>*> good = {
      &events_.on_healthy, &events_.on_clock, &events_.on_sample};
  for (std::function<void()>* callback : good) {
    *callback = destroy;
    their_skew_ = absl::Seconds(10);
    Make({"http://a:2380"});
    Run(2);
    EXPECT_EQ(prober_, nullptr);
    EXPECT_EQ(events(), told);
    *callback = nullptr;
  }
  answer_ = Answer("", "500 Oops");
  for (auto* callback : {&events_.on_unhealthy, &events_.on_failed}) {
    *callback = destroy;
    Make({"http://a:2380"});
    Run(2);
    EXPECT_EQ(prober_, nullptr);
    EXPECT_EQ(events(), told);
    *callback = nullptr;
  }
}

}  // namespace
}  // namespace rafthttp
