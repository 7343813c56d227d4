#include "rafthttp/pipeline/pipeline.h"

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rafthttp/base/drop_reason.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/codec/message_view.h"
#include "rafthttp/codec/outgoing_message.h"
#include "rafthttp/event/connector.h"
#include "rafthttp/event/listener.h"
#include "rafthttp/event/testing/memory_network.h"
#include "rafthttp/event/testing/sim_loop.h"
#include "rafthttp/handshake/answer.h"
#include "rafthttp/handshake/identity.h"
#include "rafthttp/handshake/url_picker.h"
#include "rafthttp/handshake/version.h"
#include "rafthttp/http1/client.h"
#include "rafthttp/http1/headers.h"
#include "rafthttp/http1/testing/script_server.h"
#include "rafthttp/http1/url.h"
#include "raftpb/raft.pb.h"

namespace rafthttp {
namespace {

using event::MemoryNetwork;
using http1::ScriptServer;
using testing::ElementsAre;
using testing::IsEmpty;

raftpb::Message MessageOf(uint64_t index, size_t data_bytes = 0) {
  raftpb::Message message;
  message.set_type(raftpb::MsgApp);
  message.set_to(2);
  message.set_from(1);
  message.set_index(index);
  if (data_bytes > 0) {
    message.add_entries()->set_data(std::string(data_bytes, 'x'));
  }
  return message;
}

class RecordingEvents final : public Pipeline::Events {
 public:
  void OnPosted(Pipeline&, int32_t type, size_t size_bytes,
                absl::Duration round_trip) override {
    log.push_back(absl::StrCat("posted ", type));
    bytes += size_bytes;
    last_round_trip = round_trip;
    if (on_event) on_event();
  }
  void OnPostFailed(Pipeline&, int32_t type, size_t size_bytes,
                    DropReason reason, Answer answer,
                    const absl::Status& status) override {
    EXPECT_FALSE(status.ok());
    log.push_back(absl::StrCat("failed ", type, " ", DropReasonName(reason)));
    bytes += size_bytes;
    last_answer = answer;
    last_status = status;
    if (on_event) on_event();
  }

  std::vector<std::string> log;
  size_t bytes = 0;
  absl::Duration last_round_trip;
  Answer last_answer = Answer::kOk;
  absl::Status last_status;
  std::function<void()> on_event;
};

class PipelineTest : public testing::Test {
 protected:
  PipelineTest() {
    listener_ = *net_.Listen({"a", 2380}, server_.acceptor());
    other_listener_ = *net_.Listen({"b", 2380}, other_server_.acceptor());
    Make({});
  }

  void Make(Pipeline::Options options) {
    options.peer = MemberId(2);
    options.identity.self = MemberId(0xab);
    options.identity.cluster = ClusterId(0x1000);
    options.identity.peer_urls = "http://me:2380";
    pipeline_ =
        std::make_unique<Pipeline>(loop_, client_, urls_, events_, options);
  }
  absl::Status Append(uint64_t index, size_t data_bytes = 0) {
    return pipeline_->Append(
        codec::OutgoingMessage(MessageOf(index, data_bytes)));
  }
  void Run() { loop_.RunFor(absl::Milliseconds(1)); }
  // Answers the oldest request that waits.
  void AnswerOne(absl::string_view answer = kNoContent) {
    ASSERT_FALSE(waiting_.empty());
    waiting_.front()->Send(std::string(answer));
    waiting_.pop_front();
  }

  static constexpr char kNoContent[] = "HTTP/1.1 204 No Content\r\n\r\n";

  event::SimLoop loop_;
  MemoryNetwork net_{loop_};
  std::string answer_ = kNoContent;  // empty: AnswerOne does it
  std::list<ScriptServer::Connection*> waiting_;
  ScriptServer server_{[this](ScriptServer::Connection& connection,
                              const ScriptServer::Request&) {
    if (answer_.empty()) {
      waiting_.push_back(&connection);
    } else {
      connection.Send(answer_);
    }
  }};
  ScriptServer other_server_{
      [](ScriptServer::Connection& connection, const ScriptServer::Request&) {
        connection.Send(kNoContent);
      }};
  std::unique_ptr<event::Listener> listener_;
  std::unique_ptr<event::Listener> other_listener_;
  std::unique_ptr<event::Connector> connector_ = net_.NewConnector();
  http1::Client client_{loop_, *connector_, {}};
  UrlPicker urls_{{*http1::ParsePeerUrl("http://a:2380"),
                   *http1::ParsePeerUrl("http://b:2380")}};
  RecordingEvents events_;
  std::unique_ptr<Pipeline> pipeline_;
};

TEST_F(PipelineTest, PostsAMessage) {
  const raftpb::Message message = MessageOf(7, 10000);
  const codec::OutgoingMessage outgoing{raftpb::Message(message)};
  ASSERT_TRUE(Append(7, 10000).ok());
  EXPECT_EQ(pipeline_->queued_messages(), 1u);
  EXPECT_EQ(pipeline_->queued_bytes(), outgoing.size_bytes());
  EXPECT_EQ(pipeline_->oldest_at(), loop_.Now());
  Run();
  EXPECT_THAT(events_.log, ElementsAre("posted 3"));
  EXPECT_EQ(events_.bytes, outgoing.size_bytes());
  EXPECT_EQ(pipeline_->queued_messages(), 0u);
  EXPECT_EQ(pipeline_->queued_bytes(), 0u);
  EXPECT_EQ(pipeline_->oldest_at(), absl::InfiniteFuture());

  ASSERT_EQ(server_.requests().size(), 1u);
  const ScriptServer::Request& request = server_.requests()[0];
  EXPECT_EQ(request.head.method, "POST");
  EXPECT_EQ(request.head.target, "/raft");
  const http1::Headers& headers = request.head.headers;
  EXPECT_EQ(headers.Get("Content-Type"), "application/protobuf");
  EXPECT_EQ(headers.Get("Content-Length"), absl::StrCat(outgoing.size_bytes()));
  EXPECT_EQ(headers.Get("X-Server-From"), "ab");
  EXPECT_EQ(headers.Get("X-Etcd-Cluster-ID"), "1000");
  EXPECT_EQ(headers.Get("X-Server-Version"), kVersionByDefault.ToString());
  EXPECT_EQ(headers.Get("X-Min-Cluster-Version"), "3.0.0");
  EXPECT_EQ(headers.Get("X-PeerURLs"), "http://me:2380");
  EXPECT_FALSE(headers.Has("X-Raft-To"));
  raftpb::Message received;
  ASSERT_TRUE(received.ParseFromString(request.body));
  EXPECT_EQ(received.index(), 7u);
  EXPECT_EQ(received.entries(0).data(), message.entries(0).data());
}

TEST_F(PipelineTest, PostsWhatIsSharedWithOthers) {
  const auto data = std::make_shared<const std::string>(1000, 'y');
  codec::EntryView entry;
  entry.data = *data;
  entry.fields = 1u << 4;
  codec::MessageView view;
  view.type = raftpb::MsgApp;
  view.index = 3;
  view.entries = absl::MakeConstSpan(&entry, 1);
  ASSERT_TRUE(pipeline_->Append(codec::OutgoingMessage(view, data)).ok());
  Run();
  raftpb::Message received;
  ASSERT_TRUE(received.ParseFromString(server_.requests().at(0).body));
  EXPECT_EQ(received.entries(0).data(), *data);
  EXPECT_EQ(received.type(), raftpb::MsgApp);
  EXPECT_EQ(data.use_count(), 1);
}

TEST_F(PipelineTest, FourAtATimeOverFourConnections) {
  answer_.clear();
  for (uint64_t i = 0; i < 6; ++i) ASSERT_TRUE(Append(i).ok());
  Run();
  EXPECT_EQ(waiting_.size(), 4u);
  EXPECT_EQ(pipeline_->queued_messages(), 6u);
  AnswerOne();
  Run();
  EXPECT_EQ(waiting_.size(), 4u);
  EXPECT_EQ(pipeline_->queued_messages(), 5u);
  while (!waiting_.empty()) {
    AnswerOne();
    Run();
  }
  EXPECT_EQ(events_.log.size(), 6u);
  EXPECT_EQ(server_.connections().size(), 4u);
}

TEST_F(PipelineTest, TheQueueHasLimits) {
  answer_.clear();
  Pipeline::Options options;
  options.queue_messages_max = 3;
  options.queue_bytes_max = 1000;
  Make(options);
  for (uint64_t i = 0; i < 4; ++i) ASSERT_TRUE(Append(i, 5000).ok());
  ASSERT_TRUE(Append(4, 5000).ok());  // the first to wait may be large
  EXPECT_EQ(Append(5, 1).code(), absl::StatusCode::kResourceExhausted);
  Run();
  AnswerOne();
  Run();
  ASSERT_TRUE(Append(6).ok());
  ASSERT_TRUE(Append(7).ok());
  ASSERT_TRUE(Append(8).ok());
  EXPECT_EQ(Append(9).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(pipeline_->queued_messages(), 7u);
  EXPECT_EQ(events_.log.size(), 1u);
}

TEST_F(PipelineTest, WhatAnswersMean) {
  const std::pair<std::string, Answer> cases[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Answer::kUnexpected},
      {"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
       Answer::kMemberRemoved},
      {"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
       Answer::kNotFound},
      {"HTTP/1.1 412 X\r\nContent-Length: 20\r\n\r\nincompatible version",
       Answer::kVersionIncompatible},
      {"HTTP/1.1 412 X\r\nContent-Length: 20\r\n\r\ncluster ID mismatch\n",
       Answer::kClusterMismatch},
      {"HTTP/1.1 412 X\r\nContent-Length: 2\r\n\r\n\x01z", Answer::kUnexpected},
      {"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n", Answer::kUnexpected},
      // etcd's refusal by Raft: an answer that is cut.
      {"HTTP/1.1 500 X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nerror\r\n",
       Answer::kUnexpected},
      {"nonsense\r\n\r\n", Answer::kUnexpected},
  };
  for (const auto& [answer, meaning] : cases) {
    SCOPED_TRACE(answer);
    events_.log.clear();
    answer_ = answer;
    urls_.Update({*http1::ParsePeerUrl("http://a:2380")});
    ASSERT_TRUE(Append(1).ok());
    Run();
    if (events_.log.empty()) {
      server_.connections().back()->Close();
      Run();
    }
    EXPECT_THAT(events_.log, ElementsAre("failed 3 post_failed"));
    EXPECT_EQ(events_.last_answer, meaning);
    EXPECT_TRUE(
        absl::StrContains(events_.last_status.message(), "http://a:2380"))
        << events_.last_status;
  }
}

TEST_F(PipelineTest, AFailureMovesOnToTheNextUrl) {
  answer_ = "HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n";
  ASSERT_TRUE(Append(1).ok());
  Run();
  ASSERT_TRUE(Append(2).ok());
  Run();
  EXPECT_THAT(events_.log, ElementsAre("failed 3 post_failed", "posted 3"));
  EXPECT_EQ(server_.requests().size(), 1u);
  EXPECT_EQ(other_server_.requests().size(), 1u);
}

TEST_F(PipelineTest, SeveralFailuresMoveOnOnce) {
  net_.SetAnswer({"a", 2380}, MemoryNetwork::Answer::kRefused);
  for (uint64_t i = 0; i < 4; ++i) ASSERT_TRUE(Append(i).ok());
  Run();
  EXPECT_EQ(events_.log.size(), 4u);
  ASSERT_TRUE(Append(5).ok());
  Run();
  EXPECT_EQ(events_.log.back(), "posted 3");
}

TEST_F(PipelineTest, WithoutAnAnswerItGivesUp) {
  answer_.clear();
  Pipeline::Options options;
  options.timeout = absl::Seconds(10);
  Make(options);
  ASSERT_TRUE(Append(1).ok());
  loop_.RunFor(absl::Milliseconds(9999));
  EXPECT_THAT(events_.log, IsEmpty());
  loop_.RunFor(absl::Milliseconds(2));
  EXPECT_THAT(events_.log, ElementsAre("failed 3 post_failed"));
  EXPECT_TRUE(absl::IsDeadlineExceeded(events_.last_status));
}

TEST_F(PipelineTest, TellsTheRoundTripAndTheAgeOfTheOldest) {
  answer_.clear();
  Pipeline::Options options;
  options.posts_max = 1;
  Make(options);
  const absl::Time begun_at = loop_.Now();
  ASSERT_TRUE(Append(1).ok());
  loop_.RunFor(absl::Seconds(1));
  ASSERT_TRUE(Append(2).ok());
  EXPECT_EQ(pipeline_->oldest_at(), begun_at);
  loop_.RunFor(absl::Seconds(1));
  AnswerOne();
  Run();
  EXPECT_GE(events_.last_round_trip, absl::Seconds(2));
  EXPECT_EQ(pipeline_->oldest_at(), begun_at + absl::Seconds(1));
}

TEST_F(PipelineTest, StopReportsAllAndMayBeFollowedByMore) {
  answer_.clear();
  for (uint64_t i = 0; i < 6; ++i) ASSERT_TRUE(Append(i).ok());
  Run();
  pipeline_->Stop(DropReason::kPeerRemoved);
  EXPECT_EQ(events_.log, std::vector<std::string>(6, "failed 3 peer_removed"));
  EXPECT_EQ(events_.last_answer, Answer::kUnexpected);
  EXPECT_EQ(pipeline_->queued_messages(), 0u);
  EXPECT_EQ(pipeline_->queued_bytes(), 0u);
  Run();
  EXPECT_EQ(server_.live_connections(), 0u);
  answer_ = kNoContent;
  ASSERT_TRUE(Append(7).ok());
  Run();
  EXPECT_EQ(events_.log.size(), 7u);
  EXPECT_EQ(events_.log.back(), "posted 3");
}

TEST_F(PipelineTest, DestroyedAtAnyMoment) {
  // Before a connection is there, while an answer is awaited.
  for (const bool is_connected : {false, true}) {
    answer_.clear();
    Make({});
    for (uint64_t i = 0; i < 6; ++i) ASSERT_TRUE(Append(i).ok());
    if (is_connected) Run();
    pipeline_.reset();
    Run();
    EXPECT_EQ(server_.live_connections(), 0u);
    EXPECT_THAT(events_.log, IsEmpty());
  }
}

TEST_F(PipelineTest, DestroyedInsideItsCallbacks) {
  events_.on_event = [this] { pipeline_.reset(); };
  for (const char* answer :
       {kNoContent, "HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n"}) {
    answer_ = answer;
    events_.log.clear();
    Make({});
    for (uint64_t i = 0; i < 6; ++i) ASSERT_TRUE(Append(i).ok());
    Run();
    EXPECT_EQ(events_.log.size(), 1u);
    EXPECT_EQ(pipeline_, nullptr);
  }
  urls_.Update({*http1::ParsePeerUrl("http://a:2380")});
  for (const uint64_t messages : {6, 1}) {
    answer_.clear();
    events_.log.clear();
    Make({});
    for (uint64_t i = 0; i < messages; ++i) ASSERT_TRUE(Append(i).ok());
    Run();
    pipeline_->Stop(DropReason::kStopped);
    EXPECT_EQ(events_.log.size(), 1u);
    EXPECT_EQ(pipeline_, nullptr);
  }
}

TEST_F(PipelineTest, AppendsInsideItsCallbacks) {
  uint64_t next = 1;
  events_.on_event = [&] {
    if (next == 5) return;
    EXPECT_TRUE(Append(next++).ok());
  };
  ASSERT_TRUE(Append(0).ok());
  Run();
  EXPECT_EQ(events_.log, std::vector<std::string>(5, "posted 3"));
}

}  // namespace
}  // namespace rafthttp
