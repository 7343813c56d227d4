#include "rafthttp/stream/stream_handler.h"

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/event/byte_stream.h"
#include "rafthttp/event/testing/faults.h"
#include "rafthttp/event/testing/memory_network.h"
#include "rafthttp/event/testing/sim_loop.h"
#include "rafthttp/handshake/identity.h"
#include "rafthttp/http1/mux.h"
#include "rafthttp/http1/server.h"
#include "rafthttp/http1/url.h"
#include "rafthttp/stream/stream_kind.h"

namespace rafthttp {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

const Identity kOwn = {.self = MemberId(0x2a7),
                       .cluster = ClusterId(0x1000),
                       .version = {3, 4, 23},
                       .peer_urls = ""};

// What etcd 3.4 member cb4 asks.
constexpr char kRequest[] =
    "GET /raft/stream/msgapp/cb4 HTTP/1.1\r\n"
    "Host: a:1\r\n"
    "User-Agent: Go-http-client/1.1\r\n"
    "X-Etcd-Cluster-Id: 1000\r\n"
    "X-Min-Cluster-Version: 3.0.0\r\n"
    "X-Peerurls: http://b:2\r\n"
    "X-Raft-To: 2a7\r\n"
    "X-Server-From: cb4\r\n"
    "X-Server-Version: 3.4.23\r\n"
    "Accept-Encoding: gzip\r\n"
    "\r\n";

// kRequest, but for some of its text.
std::string With(
    const std::vector<std::pair<absl::string_view, absl::string_view>>& edits) {
  std::string request = kRequest;
  for (const auto& [from, to] : edits) {
    EXPECT_TRUE(absl::StrContains(request, from)) << from;
    request = absl::StrReplaceAll(request, {{from, to}});
  }
  return request;
}

class Asker final : private event::ByteStream::Reader {
 public:
  Asker(std::unique_ptr<event::ByteStream> stream, std::string request)
      : request_(std::move(request)), stream_(std::move(stream)) {
    stream_->Write({request_}, [](absl::Status) {});
    stream_->StartReading(*this);
  }
  void Close() { stream_.reset(); }

  std::string answer;

 private:
  void OnBytes(absl::string_view bytes) override {
    absl::StrAppend(&answer, bytes);
  }
  void OnEnd(absl::Status) override { stream_.reset(); }

  const std::string request_;
  std::unique_ptr<event::ByteStream> stream_;
};

class StreamHandlerTest : public ::testing::Test, public StreamHandler::Peers {
 protected:
  StreamHandlerTest()
      : network_(loop_),
        handler_(*this, kOwn),
        server_(
            loop_, handler_, http1::Server::Options(),
            [] { return absl::UnixEpoch(); }, nullptr) {}
  ~StreamHandlerTest() override {
    asker_.reset();
    attached_.clear();
    loop_.RunFor(absl::Seconds(20));
    EXPECT_EQ(network_.open_streams(), 0u);
    EXPECT_EQ(server_.connections(), 0u);
  }

  std::string Ask(std::string request) {
    heard_.clear();
    auto [client, server] = network_.NewPair();
    server_.Accept(std::move(server));
    asker_ = std::make_unique<Asker>(std::move(client), std::move(request));
    loop_.RunFor(absl::Milliseconds(1));
    return asker_->answer;
  }

  // The answer of Go's http.Error, with the headers that etcd sets before.
  void ExpectDecline(const std::string& answer, absl::string_view status,
                     absl::string_view text) {
    EXPECT_THAT(answer, StartsWith(absl::StrCat("HTTP/1.1 ", status, "\r\n")));
    EXPECT_THAT(answer, HasSubstr("\r\nX-Server-Version: 3.4.23\r\n"));
    EXPECT_THAT(answer, HasSubstr("\r\nX-Etcd-Cluster-Id: 1000\r\n"));
    EXPECT_THAT(answer,
                HasSubstr("\r\nContent-Type: text/plain; charset=utf-8\r\n"));
    EXPECT_THAT(answer, HasSubstr("\r\nX-Content-Type-Options: nosniff\r\n"));
    EXPECT_THAT(answer, HasSubstr(absl::StrCat(
                            "\r\nContent-Length: ", text.size() + 1, "\r\n")));
    EXPECT_THAT(answer, EndsWith(absl::StrCat("\r\n\r\n", text, "\n")));
    EXPECT_THAT(attached_, IsEmpty());
  }

  bool IsIdRemoved(MemberId id) override {
    return removed_.contains(id.value());
  }
  bool IsPeer(MemberId id) override { return members_.contains(id.value()); }
  void OnUnknownSender(MemberId id, std::vector<http1::Url> urls) override {
    heard_.push_back(absl::StrCat("unknown ", id.ToHex()));
    for (const http1::Url& url : urls) heard_.push_back(url.ToString());
  }
  void AttachStream(MemberId from, StreamKind kind,
                    std::unique_ptr<event::ByteStream> stream,
                    std::string unread) override {
    heard_.push_back(absl::StrCat("attach ", from.ToHex(), " ",
                                  StreamKindName(kind), " '", unread, "'"));
    attached_.push_back(std::move(stream));
  }

  event::SimLoop loop_;
  event::MemoryNetwork network_;
  std::set<uint64_t> members_ = {0xcb4};
  std::set<uint64_t> removed_;
  std::vector<std::string> heard_;
  std::vector<std::unique_ptr<event::ByteStream>> attached_;
  StreamHandler handler_;
  http1::Server server_;
  std::unique_ptr<Asker> asker_;
};

TEST_F(StreamHandlerTest, OpensBothKinds) {
  EXPECT_EQ(Ask(kRequest),
            "HTTP/1.1 200 OK\r\n"
            "X-Server-Version: 3.4.23\r\n"
            "X-Etcd-Cluster-Id: 1000\r\n"
            "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
            "Transfer-Encoding: chunked\r\n"
            "\r\n");
  EXPECT_THAT(heard_, ElementsAre("attach cb4 msgapp ''"));
  Ask(With({{"/msgapp/", "/message/"}}));
  EXPECT_THAT(heard_, ElementsAre("attach cb4 message ''"));
  // A query means nothing.
  Ask(With({{"/cb4 ", "/cb4?a=/b "}}));
  EXPECT_THAT(heard_, ElementsAre("attach cb4 msgapp ''"));
}

TEST_F(StreamHandlerTest, HandsOnWhatCameBehindTheRequest) {
  Ask(absl::StrCat(kRequest, "more"));
  EXPECT_THAT(heard_, ElementsAre("attach cb4 msgapp 'more'"));
  ASSERT_EQ(attached_.size(), 1u);
  EXPECT_EQ(*attached_[0]->TryWrite({"bytes"}), 5u);
  loop_.RunFor(absl::Milliseconds(1));
  EXPECT_THAT(asker_->answer, EndsWith("\r\n\r\nbytes"));
}

// The path is read leniently, the headers are compared as text.
TEST_F(StreamHandlerTest, TakesTheIdInAnyCase) {
  Ask(With({{"/cb4 ", "/00CB4 "}}));
  EXPECT_THAT(heard_, ElementsAre("attach cb4 msgapp ''"));
}

TEST_F(StreamHandlerTest, OtherMethodsAreNotAllowed) {
  for (const char* method : {"POST", "PUT", "HEAD", "DELETE"}) {
    SCOPED_TRACE(method);
    const std::string answer = Ask(With({{"GET ", absl::StrCat(method, " ")}}));
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 405 Method Not Allowed\r\n"));
    EXPECT_THAT(answer, HasSubstr("\r\nAllow: GET\r\n"));
    EXPECT_THAT(answer, Not(HasSubstr("X-Server-Version")));
    EXPECT_THAT(answer, Not(HasSubstr("X-Etcd-Cluster-Id")));
    EXPECT_THAT(answer, EndsWith(absl::string_view(method) == "HEAD"
                                     ? "\r\n\r\n"
                                     : "\r\n\r\nMethod Not Allowed\n"));
  }
}

struct DeclineCase {
  std::vector<std::pair<absl::string_view, absl::string_view>> edits;
  std::string status;
  std::string text;
};

TEST_F(StreamHandlerTest, DeclinesAsEtcdDoes) {
  const std::string kMalformed = "400 Bad Request";
  const std::string kPrecondition = "412 Precondition Failed";
  const std::string kNotFound = "404 Not Found";
  removed_ = {0xdead};
  const std::vector<DeclineCase> cases = {
      {{{"Server-Version: 3.4.23", "Server-Version: 3.4"}},
       kMalformed,
       "malformed version"},
      {{{"Cluster-Version: 3.0.0", "Cluster-Version: v3.0.0"}},
       kMalformed,
       "malformed version"},
      {{{"X-Server-Version: 3.4.23\r\n", ""}},
       kPrecondition,
       "incompatible version"},
      {{{"Server-Version: 3.4.23", "Server-Version: 2.3.8"}},
       kPrecondition,
       "incompatible version"},
      {{{"Cluster-Version: 3.0.0", "Cluster-Version: 3.5.0"}},
       kPrecondition,
       "incompatible version"},
      {{{"Cluster-Id: 1000", "Cluster-Id: 01000"}},
       kPrecondition,
       "cluster ID mismatch"},
      {{{"X-Etcd-Cluster-Id: 1000\r\n", ""}},
       kPrecondition,
       "cluster ID mismatch"},
      {{{"/msgapp/cb4", ""}}, kNotFound, "invalid path"},
      {{{"/msgapp/cb4", "/msgapp"}}, kNotFound, "invalid path"},
      {{{"/msgapp/", "/msgappv3/"}}, kNotFound, "invalid path"},
      {{{"/msgapp/", "/msgapp/1/"}}, kNotFound, "invalid path"},
      {{{"/raft/stream/msgapp/cb4", "/other/msgapp/cb4"}},
       kNotFound,
       "invalid path"},
      {{{"/cb4 ", "/ "}}, kNotFound, "invalid from"},
      {{{"/cb4 ", "/xyz "}}, kNotFound, "invalid from"},
      {{{"/cb4 ", "/0xcb4 "}}, kNotFound, "invalid from"},
      {{{"/cb4 ", "/11112222333344445 "}}, kNotFound, "invalid from"},
      {{{"/cb4 ", "/dead "}}, "410 Gone", "removed member"},
      {{{"/cb4 ", "/abc "}}, kNotFound, "error sender not found"},
      {{{"/cb4 ", "/0 "}}, kNotFound, "error sender not found"},
      {{{"Raft-To: 2a7", "Raft-To: 2a8"}}, kPrecondition, "to field mismatch"},
      {{{"Raft-To: 2a7", "Raft-To: 2A7"}}, kPrecondition, "to field mismatch"},
      {{{"X-Raft-To: 2a7\r\n", ""}}, kPrecondition, "to field mismatch"},
      {{{"Host: a:1", "Host: a:1\r\nContent-Length: 3"}},
       kMalformed,
       "unexpected body"},
      {{{"Host: a:1", "Host: a:1\r\nTransfer-Encoding: chunked"}},
       kMalformed,
       "unexpected body"},
      {{{"HTTP/1.1", "HTTP/1.0"}},
       "505 HTTP Version Not Supported",
       "HTTP/1.1 required"},
      // Of two wrongs, the one that is looked at first is named.
      {{{"Server-Version: 3.4.23", "Server-Version: x"},
        {"Cluster-Id: 1000", "Cluster-Id: 1"}},
       kMalformed,
       "malformed version"},
      {{{"X-Server-Version: 3.4.23\r\n", ""},
        {"Cluster-Id: 1000", "Cluster-Id: 1"}},
       kPrecondition,
       "incompatible version"},
      {{{"Cluster-Id: 1000", "Cluster-Id: 1"}, {"/msgapp/", "/other/"}},
       kPrecondition,
       "cluster ID mismatch"},
      {{{"/msgapp/cb4", "/other/xyz"}}, kNotFound, "invalid path"},
      {{{"/cb4 ", "/dead "}, {"Raft-To: 2a7", "Raft-To: 1"}},
       "410 Gone",
       "removed member"},
      {{{"/cb4 ", "/abc "}, {"Raft-To: 2a7", "Raft-To: 1"}},
       kNotFound,
       "error sender not found"},
      {{{"Raft-To: 2a7", "Raft-To: 1"}, {"HTTP/1.1", "HTTP/1.0"}},
       kPrecondition,
       "to field mismatch"},
  };
  for (const DeclineCase& c : cases) {
    const std::string request = With(c.edits);
    SCOPED_TRACE(request);
    ExpectDecline(Ask(request), c.status, c.text);
  }
}

// At a 410, a real etcd ends itself.
TEST_F(StreamHandlerTest, OnlyWhoWasRemovedIsToldSo) {
  members_.clear();
  ExpectDecline(Ask(kRequest), "404 Not Found", "error sender not found");
  removed_ = {0xcb4};
  ExpectDecline(Ask(kRequest), "410 Gone", "removed member");
  // Even one that is, oddly, still a member.
  members_ = {0xcb4};
  ExpectDecline(Ask(kRequest), "410 Gone", "removed member");
  removed_ = {0xcb5};
  EXPECT_THAT(Ask(kRequest), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(StreamHandlerTest, AStrangerWithUrlsIsReported) {
  Ask(With({{"/cb4 ", "/abc "}, {"http://b:2", "http://b:2,http://c:3"}}));
  EXPECT_THAT(heard_, ElementsAre("unknown abc", "http://b:2", "http://c:3"));
  Ask(With({{"/cb4 ", "/abc "}, {"X-Peerurls: http://b:2\r\n", ""}}));
  EXPECT_THAT(heard_, IsEmpty());
  // etcd closes the connection at this.
  Ask(With({{"/cb4 ", "/abc "}, {"http://b:2", "http://b:2/x"}}));
  EXPECT_THAT(heard_, IsEmpty());
  Ask(With({{"/cb4 ", "/0 "}}));
  EXPECT_THAT(heard_, IsEmpty());
  // Nor is anybody reported whose cluster is another, or who is known.
  Ask(With({{"/cb4 ", "/abc "}, {"Cluster-Id: 1000", "Cluster-Id: 1"}}));
  EXPECT_THAT(heard_, IsEmpty());
  Ask(kRequest);
  EXPECT_THAT(heard_, ElementsAre("attach cb4 msgapp ''"));
}

TEST_F(StreamHandlerTest, AConnectionLivesOnAfterADecline) {
  const std::string twice =
      absl::StrCat(With({{"Raft-To: 2a7", "Raft-To: 1"}}), kRequest);
  const std::string answer = Ask(twice);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 412 "));
  EXPECT_THAT(answer, HasSubstr("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(heard_, ElementsAre("attach cb4 msgapp ''"));
}

TEST_F(StreamHandlerTest, AtEachCutOfTheRequest) {
  const std::string request = kRequest;
  for (size_t cut = 1; cut < request.size(); ++cut) {
    SCOPED_TRACE(cut);
    heard_.clear();
    attached_.clear();
    event::LinkFaults faults;
    faults.split_offsets = {cut};
    auto [client, server] = network_.NewPair(faults);
    server_.Accept(std::move(server));
    asker_ = std::make_unique<Asker>(std::move(client), request);
    loop_.RunFor(absl::Milliseconds(1));
    EXPECT_THAT(heard_, ElementsAre("attach cb4 msgapp ''"));
  }
}

// As the transport mounts it.
TEST_F(StreamHandlerTest, BehindTheMux) {
  http1::Mux mux;
  mux.Add("/raft/stream/", {"GET"}, handler_);
  http1::Server server(
      loop_, mux, http1::Server::Options(), [] { return absl::UnixEpoch(); },
      nullptr);
  const auto ask = [&](std::string request) {
    auto [client, accepted] = network_.NewPair();
    server.Accept(std::move(accepted));
    asker_ = std::make_unique<Asker>(std::move(client), std::move(request));
    loop_.RunFor(absl::Milliseconds(1));
    return asker_->answer;
  };
  EXPECT_THAT(ask(kRequest), StartsWith("HTTP/1.1 200 "));
  ExpectDecline((attached_.clear(), ask(With({{"/msgapp/cb4", "/"}}))),
                "404 Not Found", "invalid path");
  const std::string answer = ask(With({{"GET ", "POST "}}));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(answer, HasSubstr("\r\nAllow: GET\r\n"));
  EXPECT_THAT(ask(With({{"GET ", "HEAD "}})), StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(ask(With({{"/msgapp/cb4", ""}})), StartsWith("HTTP/1.1 301 "));
  asker_.reset();
  loop_.RunFor(absl::Seconds(20));
}

}  // namespace
}  // namespace rafthttp
