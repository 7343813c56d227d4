#include "rafthttp/stream/stream_reader.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rafthttp/event/rate_limiter.h"
#include "rafthttp/event/testing/memory_network.h"
#include "rafthttp/event/testing/sim_loop.h"

namespace rafthttp {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr char kOk[] =
    "HTTP/1.1 200 OK\r\nX-Server-Version: 3.4.23\r\n"
    "Transfer-Encoding: chunked\r\n\r\n";

std::string Chunk(absl::string_view data) {
  return absl::StrCat(absl::Hex(data.size()), "\r\n", data, "\r\n");
}

std::string Unhex(absl::string_view hex) {
  std::string plain;
  for (char c : hex) {
    if (c != ' ') plain.push_back(c);
  }
  return absl::HexStringToBytes(plain);
}

// Frames as etcd 3.4 writes them.
const std::string kMessageLinkHeartbeat = Unhex(
    "000000000000001e"
    "08081000180020002800300040004a0a12080a0228001000180050005800");
const std::string kMsgAppLinkHeartbeat = Unhex("00");
// MsgApp{to 1, from 2, term 2, logTerm 1, index 6, commit 5, one entry "abc"}.
const std::string kMsgApp = Unhex(
    "0803100118022002280130063a0b080010021807220361626340054a0a12080a0228001000"
    "180050005800");
const std::string kFullFrame = Unhex("02 000000000000002b") + kMsgApp;
// Two empty appends, at index 7 of term 2.
const std::string kCompactFrame = Unhex("01 0000000000000000 0000000000000007");
const std::string kMessageFrame = Unhex("000000000000002b") + kMsgApp;

// A member on the memory network that answers as it is told, once per
// connection.
class ScriptedPeer final : public event::ByteStream::Reader {
 public:
  ScriptedPeer(event::MemoryNetwork& network, const event::Address& address) {
    listener_ = *network.Listen(
        address, [this](std::unique_ptr<event::ByteStream> stream) {
          ++connections;
          stream_ = std::move(stream);
          request.clear();
          stream_->StartReading(*this);
        });
  }

  void Write(absl::string_view bytes) {
    ASSERT_NE(stream_, nullptr);
    auto kept = std::make_unique<std::string>(bytes);
    const absl::string_view view = *kept;
    stream_->Write({view}, [kept = std::move(kept)](absl::Status) {});
  }
  void Close() { stream_.reset(); }
  void Shutdown() { stream_->ShutdownWrite(); }
  bool is_connected() const { return stream_ != nullptr; }

  int connections = 0;
  std::string request;
  // Written as soon as a request is whole; closes afterwards if told so.
  std::string answer;
  bool closes = false;

 private:
  void OnBytes(absl::string_view bytes) override {
    request.append(bytes.data(), bytes.size());
    if (!absl::EndsWith(request, "\r\n\r\n") || answer.empty()) return;
    Write(answer);
    if (closes) Shutdown();
  }
  void OnEnd(absl::Status) override { stream_.reset(); }

  std::unique_ptr<event::Listener> listener_;
  std::unique_ptr<event::ByteStream> stream_;
};

class StreamReaderTest : public ::testing::Test, public StreamReader::Events {
 protected:
  explicit StreamReaderTest(std::vector<std::string> urls = {"http://a:1"})
      : network_(loop_), connector_(network_.NewConnector()) {
    std::vector<http1::Url> parsed;
    for (const std::string& url : urls) {
      parsed.push_back(*http1::ParsePeerUrl(url));
    }
    picker_.emplace(std::move(parsed));
    peer_ = std::make_unique<ScriptedPeer>(network_, event::Address{"a", 1});
  }
  ~StreamReaderTest() override {
    reader_.reset();
    peer_.reset();
    connector_.reset();
    loop_.RunFor(absl::Seconds(1));
    EXPECT_EQ(network_.open_streams(), 0u);
  }

  void StartReader(StreamKind kind = StreamKind::kMessage) {
    StreamReader::Options options;
    options.kind = kind;
    options.peer = MemberId(0xcb4);
    options.identity = {.self = MemberId(0x2a7),
                        .cluster = ClusterId(0x1000),
                        .version = {3, 4, 23},
                        .peer_urls = ""};
    reader_ = std::make_unique<StreamReader>(loop_, *connector_, *picker_,
                                             *this, options);
    reader_->Start();
  }
  // Runs without letting the redial timer fire.
  void Settle() { loop_.RunFor(absl::Milliseconds(50)); }

  void OnStreamOpened(StreamReader&,
                      const StreamReader::Opened& opened) override {
    Hear(absl::StrCat("opened ", opened.version.ToString()));
  }
  void OnStreamMessage(StreamReader&,
                       const codec::MessageView& message) override {
    ++messages_in_batch_;
    Hear(absl::StrCat("message ", message.type, " from ", message.from, " to ",
                      message.to, " index ", message.index, " entries ",
                      message.entries.size()));
  }
  void OnStreamLinkHeartbeat(StreamReader&) override { Hear("heartbeat"); }
  void OnStreamBatchEnd(StreamReader&) override {
    batches_.push_back(std::exchange(messages_in_batch_, 0));
    if (on_batch_end_) on_batch_end_();
  }
  void OnStreamClosed(StreamReader&,
                      const StreamReader::Closed& closed) override {
    EXPECT_EQ(messages_in_batch_, 0) << "a batch that does not end";
    last_closed_ = closed;
    Hear(absl::StrCat("closed ", CloseReasonName(closed.reason)));
  }
  void Hear(std::string event) {
    heard_.push_back(std::move(event));
    if (on_event_) on_event_();
  }

  event::SimLoop loop_;
  event::MemoryNetwork network_;
  std::unique_ptr<event::Connector> connector_;
  std::optional<UrlPicker> picker_;
  std::unique_ptr<ScriptedPeer> peer_;
  std::vector<std::string> heard_;
  std::function<void()> on_event_;
  std::vector<int> batches_;  // how many messages each had
  int messages_in_batch_ = 0;
  std::function<void()> on_batch_end_;
  StreamReader::Closed last_closed_;
  std::unique_ptr<StreamReader> reader_;
};

TEST_F(StreamReaderTest, AsksAsEtcdDoes) {
  StartReader(StreamKind::kMsgApp);
  Settle();
  EXPECT_EQ(peer_->request,
            "GET /raft/stream/msgapp/2a7 HTTP/1.1\r\n"
            "Host: a:1\r\n"
            "X-Server-From: 2a7\r\n"
            "X-Server-Version: 3.4.23\r\n"
            "X-Min-Cluster-Version: 3.0.0\r\n"
            "X-Etcd-Cluster-Id: 1000\r\n"
            "X-Raft-To: cb4\r\n"
            "\r\n");
}

// What a stream carries is the same however it was cut on the way.
TEST_F(StreamReaderTest, DeliversAtEverySplitPoint) {
  const std::string wire =
      kOk + Chunk(kMessageLinkHeartbeat + kMessageFrame.substr(0, 9)) +
      Chunk(kMessageFrame.substr(9)) + "0\r\n\r\n";
  for (size_t split = 1; split < wire.size(); ++split) {
    SCOPED_TRACE(split);
    bool towards_us = false;
    network_.SetFaultSource([&] {
      event::LinkFaults faults;
      if (std::exchange(towards_us, !towards_us)) {
        faults.split_offsets = {split};
      }
      return faults;
    });
    peer_->answer = wire;
    heard_.clear();
    StartReader();
    Settle();
    EXPECT_THAT(heard_, ElementsAre("opened 3.4.23", "heartbeat",
                                    "message 3 from 2 to 1 index 6 entries 1",
                                    "closed peer_eof"));
    EXPECT_TRUE(last_closed_.was_open);
  }
}

TEST_F(StreamReaderTest, CompactFramesGetTheirEndsFromTheConnection) {
  peer_->answer =
      kOk + Chunk(kMsgAppLinkHeartbeat + kFullFrame + kCompactFrame);
  StartReader(StreamKind::kMsgApp);
  Settle();
  EXPECT_THAT(heard_, ElementsAre("opened 3.4.23", "heartbeat",
                                  "message 3 from 2 to 1 index 6 entries 1",
                                  absl::StrCat("message 3 from ", 0xcb4, " to ",
                                               0x2a7, " index 7 entries 0")));
}

// However many chunks a read brings.
TEST_F(StreamReaderTest, ABatchIsWhatOneReadBrings) {
  peer_->answer = absl::StrCat(kOk, Chunk(kMessageFrame), Chunk(kMessageFrame),
                               Chunk(kMessageLinkHeartbeat),
                               Chunk(kMessageFrame + kMessageFrame));
  StartReader();
  Settle();
  EXPECT_THAT(batches_, ElementsAre(4));
  peer_->Write(Chunk(kMessageFrame));
  peer_->Write(Chunk(kMessageLinkHeartbeat));
  peer_->Write(Chunk(kMessageFrame.substr(0, 20)));
  peer_->Write(Chunk(kMessageFrame.substr(20)));
  Settle();
  EXPECT_THAT(batches_, ElementsAre(4, 1, 1));
}

TEST_F(StreamReaderTest, ABatchEndsBeforeItsStreamDoes) {
  for (const std::string& tail :
       {std::string("0\r\n\r\n"), std::string("nonsense"),
        Chunk(Unhex("7fffffffffffffff00"))}) {
    peer_->answer = absl::StrCat(kOk, Chunk(kMessageFrame + kMessageFrame),
                                 Chunk(kMessageFrame), tail);
    batches_.clear();
    StartReader();
    Settle();
    EXPECT_THAT(batches_, ElementsAre(3));
    EXPECT_THAT(heard_.back(), StartsWith("closed"));
  }
}

TEST_F(StreamReaderTest, WhatAPauseHeldBackIsABatch) {
  peer_->answer = absl::StrCat(kOk, Chunk(kMessageFrame + kMessageFrame),
                               Chunk(kMessageFrame));
  on_event_ = [this] {
    if (heard_.size() == 2) reader_->set_is_paused(true);
  };
  StartReader();
  Settle();
  EXPECT_THAT(batches_, ElementsAre(2));
  reader_->set_is_paused(false);
  Settle();
  EXPECT_THAT(batches_, ElementsAre(2, 1));
}

TEST_F(StreamReaderTest, TheEndOfABatchMayStopOrDestroyTheReader) {
  for (const absl::string_view tail : {"", "0\r\n\r\n", "nonsense"}) {
    for (const bool destroys : {false, true}) {
      for (const bool pauses : {false, true}) {
        peer_->answer =
            absl::StrCat(kOk, Chunk(kMessageFrame), Chunk(kMessageFrame), tail);
        heard_.clear();
        batches_.clear();
        on_event_ = [&] {
          if (pauses && heard_.size() == 2) reader_->set_is_paused(true);
        };
        on_batch_end_ = [&] {
          if (destroys) {
            reader_.reset();
          } else {
            reader_->Stop();
          }
        };
        StartReader();
        Settle();
        if (reader_ != nullptr) reader_->set_is_paused(false);
        Settle();
        EXPECT_THAT(batches_, ElementsAre(pauses ? 1 : 2));
        EXPECT_THAT(heard_, ::testing::SizeIs(pauses ? 2 : 3));
      }
    }
  }
}

struct DeclineCase {
  std::string answer;
  CloseReason reason;
  std::string text;
};

TEST_F(StreamReaderTest, EachAnswerHasItsReason) {
  const std::string version = "X-Server-Version: 3.4.23\r\n";
  const auto answer = [&](absl::string_view status, absl::string_view headers,
                          absl::string_view body) {
    return absl::StrCat("HTTP/1.1 ", status, "\r\n", headers,
                        "Content-Length: ", body.size(), "\r\n\r\n", body);
  };
  const std::vector<DeclineCase> cases = {
      {answer("404 Not Found", version, "error sender not found\n"),
       CloseReason::kNotFound, "error sender not found"},
      {answer("410 Gone", version, "removed member\n"),
       CloseReason::kMemberRemoved, "removed member"},
      {answer("412 Precondition Failed", version, "cluster ID mismatch\n"),
       CloseReason::kClusterMismatch, "cluster ID mismatch"},
      {answer("412 Precondition Failed", version, "incompatible version\n"),
       CloseReason::kVersion, "incompatible version"},
      {answer("412 Precondition Failed", version, "to field mismatch\n"),
       CloseReason::kToMismatch, "to field mismatch"},
      {answer("412 Precondition Failed", version, "what?\n"),
       CloseReason::kUnexpectedStatus, "what?"},
      {answer("500 Oops", version, ""), CloseReason::kUnexpectedStatus, "500"},
      {answer("200 OK", "", ""), CloseReason::kVersion, "does not tell"},
      {answer("200 OK", "X-Server-Version: 2.0.0\r\n", ""),
       CloseReason::kVersion, "2.0.0"},
      {answer("200 OK", "X-Server-Version: 3.4\r\n", ""), CloseReason::kVersion,
       "\"3.4\" is not a version"},
      {answer("404 Not Found", "X-Server-Version: 2.0.0\r\n", ""),
       CloseReason::kVersion, "2.0.0"},
      // What Go's TLS server says to a plain request.
      {"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an "
       "HTTPS server.\n",
       CloseReason::kUnexpectedStatus, "HTTPS server"},
      {answer("404 Not Found", version, std::string(5000, '!')),
       CloseReason::kNotFound, "!!!"},
      // A terminal is not to be commanded by a peer.
      {answer("500 Oops", version, "\x1b[2J"), CloseReason::kUnexpectedStatus,
       "\\x1b[2J"},
      {"SSH-2.0-OpenSSH_9.2p1\r\n", CloseReason::kNotHttp, ""},
      {Unhex("15030100020228"), CloseReason::kNotHttp, "TLS"},
  };
  peer_->closes = true;
  for (const DeclineCase& c : cases) {
    SCOPED_TRACE(c.answer);
    peer_->answer = c.answer;
    heard_.clear();
    StartReader();
    Settle();
    EXPECT_THAT(heard_, ElementsAre(absl::StrCat("closed ",
                                                 CloseReasonName(c.reason))));
    EXPECT_FALSE(last_closed_.was_open);
    EXPECT_THAT(std::string(last_closed_.status.message()),
                ::testing::AllOf(StartsWith("http://a:1, stream message: "),
                                 HasSubstr(c.text)));
  }
}

TEST_F(StreamReaderTest, SilenceEndsAStreamAndLinkHeartbeatsKeepIt) {
  peer_->answer = kOk;
  StartReader();
  Settle();
  for (int i = 0; i < 20; ++i) {
    loop_.RunFor(absl::Seconds(4.9));
    peer_->Write(Chunk(kMessageLinkHeartbeat));
  }
  EXPECT_EQ(peer_->connections, 1);
  loop_.RunFor(absl::Seconds(4.9));
  EXPECT_EQ(heard_.back(), "heartbeat");
  loop_.RunFor(absl::Seconds(0.2));
  EXPECT_THAT(heard_, ::testing::Contains("closed read_timeout"));
}

TEST_F(StreamReaderTest, ASilentAnswerTimesOut) {
  StartReader();
  loop_.RunFor(absl::Seconds(2.05));
  EXPECT_THAT(heard_, ElementsAre("closed dial_timeout"));
}

TEST_F(StreamReaderTest, WhatEndsAnOpenStreamIsToldApart) {
  const std::vector<std::pair<std::string, std::string>> ends = {
      {"0\r\n\r\n", "closed peer_eof"},
      {"", "closed reset"},  // cut without the final chunk
      {Chunk(kMessageFrame.substr(0, 20)) + "0\r\n\r\n", "closed bad_frame"},
      {Chunk(Unhex("7fffffffffffffff00")), "closed bad_frame"},
      {Chunk(Unhex("0000000000000002ffff")), "closed bad_frame"},
      {"ffffffffffffffff0\r\n", "closed bad_frame"},
      {"nonsense\r\n", "closed bad_frame"},
  };
  peer_->closes = true;
  for (const auto& [tail, event] : ends) {
    SCOPED_TRACE(absl::CHexEscape(tail));
    peer_->answer = kOk + tail;
    heard_.clear();
    StartReader();
    Settle();
    EXPECT_THAT(heard_, ElementsAre("opened 3.4.23", event));
  }
}

TEST_F(StreamReaderTest, DiallingFailuresAreToldApart) {
  using Answer = event::MemoryNetwork::Answer;
  const std::vector<std::pair<Answer, std::string>> cases = {
      {Answer::kRefused, "closed refused"},
      {Answer::kUnreachable, "closed unreachable"},
      {Answer::kNever, "closed dial_timeout"},
      {Answer::kNotResolved, "closed not_resolved"},
  };
  for (const auto& [answer, event] : cases) {
    network_.SetAnswer({"a", 1}, answer);
    heard_.clear();
    StartReader();
    loop_.RunUntil([&] { return !heard_.empty(); }, 1000);
    EXPECT_THAT(heard_, ElementsAre(event));
  }
}

TEST_F(StreamReaderTest, RedialsSlowDownWhileThePeerIsAway) {
  network_.SetAnswer({"a", 1}, event::MemoryNetwork::Answer::kRefused);
  StartReader();
  loop_.RunFor(absl::Seconds(20));
  // 0.1, 0.2, 0.4, 0.8, then 1 s apart.
  EXPECT_GE(network_.attempts_begun(), 20u);
  EXPECT_LE(network_.attempts_begun(), 24u);
}

TEST_F(StreamReaderTest, RedialsAtMostTenTimesASecondAndA200ResetsTheWait) {
  network_.SetAnswer({"a", 1}, event::MemoryNetwork::Answer::kRefused);
  StartReader();
  loop_.RunFor(absl::Seconds(20));
  network_.SetAnswer({"a", 1}, event::MemoryNetwork::Answer::kListener);
  peer_->answer = absl::StrCat(kOk, "0\r\n\r\n");
  loop_.RunFor(absl::Seconds(1));
  const size_t before = network_.attempts_begun();
  loop_.RunFor(absl::Seconds(10));
  EXPECT_GE(network_.attempts_begun() - before, 95u);
  EXPECT_LE(network_.attempts_begun() - before, 101u);
}

class StreamReaderUrlsTest : public StreamReaderTest {
 protected:
  StreamReaderUrlsTest() : StreamReaderTest({"http://a:1", "http://b:1"}) {}
};

TEST_F(StreamReaderUrlsTest, AFailureToOpenMovesToTheNextUrl) {
  ScriptedPeer second(network_, {"b", 1});
  second.answer = kOk;
  network_.SetAnswer({"a", 1}, event::MemoryNetwork::Answer::kRefused);
  StartReader();
  loop_.RunFor(absl::Seconds(1));
  EXPECT_THAT(heard_, ElementsAre("closed refused", "opened 3.4.23"));
  // One that was open is tried again first.
  second.Close();
  loop_.RunFor(absl::Seconds(1));
  EXPECT_EQ(second.connections, 2);
  reader_.reset();
}

// Another URL may be better than to wait until the peer must be gone: 0.9 s
// after a link heartbeat is missed, that one is dialled.
TEST_F(StreamReaderUrlsTest, SilenceMovesToTheNextUrlSooner) {
  ScriptedPeer second(network_, {"b", 1});
  peer_->answer = second.answer = kOk;
  StartReader();
  Settle();
  for (int i = 0; i < 5; ++i) {
    peer_->Write(Chunk(kMessageLinkHeartbeat));
    loop_.RunFor(absl::Seconds(5) / 3 + absl::Seconds(0.85));
  }
  EXPECT_EQ(heard_.back(), "heartbeat");
  EXPECT_EQ(second.connections, 0);
  loop_.RunFor(absl::Milliseconds(60));
  EXPECT_THAT(heard_, ::testing::IsSupersetOf(
                          {"closed read_timeout", "opened 3.4.23"}));
  EXPECT_EQ(last_closed_.redial_in, absl::ZeroDuration());
  EXPECT_EQ(second.connections, 1);
  EXPECT_TRUE(reader_->is_open());
  reader_.reset();
}

TEST_F(StreamReaderUrlsTest, AUrlThatIsAddedCountsFromTheNextLook) {
  picker_->Update({*http1::ParsePeerUrl("http://a:1")});
  peer_->answer = kOk;
  StartReader();
  loop_.RunFor(absl::Seconds(4));
  EXPECT_TRUE(reader_->is_open());
  picker_->Update(
      {*http1::ParsePeerUrl("http://a:1"), *http1::ParsePeerUrl("http://b:1")});
  loop_.RunFor(absl::Seconds(1.1));
  EXPECT_EQ(heard_[1], "closed read_timeout");
}

TEST_F(StreamReaderTest, APausedReaderReadsNothingAndDoesNotTimeOut) {
  peer_->answer = kOk;
  StartReader();
  Settle();
  reader_->set_is_paused(true);
  peer_->Write(Chunk(kMessageFrame));
  loop_.RunFor(absl::Seconds(60));
  EXPECT_THAT(heard_, ElementsAre("opened 3.4.23"));
  reader_->set_is_paused(false);
  Settle();
  EXPECT_THAT(heard_, ElementsAre("opened 3.4.23",
                                  "message 3 from 2 to 1 index 6 entries 1"));
  loop_.RunFor(absl::Seconds(5.1));
  EXPECT_EQ(heard_[2], "closed read_timeout");
}

TEST_F(StreamReaderTest, PausedBeforeItOpensItStillOpens) {
  peer_->answer = absl::StrCat(kOk, Chunk(kMessageFrame));
  StartReader();
  reader_->set_is_paused(true);
  Settle();
  EXPECT_THAT(heard_, ElementsAre("opened 3.4.23"));
  reader_->set_is_paused(false);
  Settle();
  EXPECT_EQ(heard_.size(), 2u);
}

TEST_F(StreamReaderTest, StopsInTheMiddleOfABatch) {
  peer_->answer =
      absl::StrCat(kOk, Chunk(kMessageFrame + kMessageFrame + kMessageFrame));
  on_event_ = [this] {
    if (heard_.size() == 2) reader_->Stop();
  };
  StartReader();
  loop_.RunFor(absl::Seconds(10));
  EXPECT_THAT(heard_, ElementsAre("opened 3.4.23", StartsWith("message")));
  EXPECT_EQ(peer_->connections, 1);
  // And starts again, where the codec begins anew.
  on_event_ = nullptr;
  reader_->Start();
  Settle();
  EXPECT_EQ(heard_.size(), 6u);
}

// Destroyed inside each callback, and between any two turns of a whole life.
TEST_F(StreamReaderTest, MayBeDestroyedInsideEachCallback) {
  peer_->answer = absl::StrCat(
      kOk, Chunk(kMessageLinkHeartbeat + kMessageFrame), "0\r\n\r\n");
  for (size_t last = 1; last <= 4; ++last) {
    SCOPED_TRACE(last);
    heard_.clear();
    on_event_ = [this, last] {
      if (heard_.size() == last) reader_.reset();
    };
    StartReader();
    loop_.RunFor(absl::Seconds(2));
    EXPECT_EQ(heard_.size(), last);
  }
}

TEST_F(StreamReaderTest, MayBeDestroyedAfterAnyTurn) {
  peer_->answer = absl::StrCat(
      kOk, Chunk(kMessageLinkHeartbeat + kMessageFrame), "0\r\n\r\n");
  for (int turns = 0; turns < 40; ++turns) {
    StartReader();
    for (int i = 0; i < turns; ++i) loop_.RunOnce(loop_.Now());
    reader_.reset();
    const size_t heard = heard_.size();
    loop_.RunFor(absl::Seconds(1));
    EXPECT_EQ(heard_.size(), heard);
  }
}

TEST_F(StreamReaderTest, HttpsIsDeclinedWithoutDialling) {
  picker_->Update({*http1::ParsePeerUrl("https://a:1")});
  StartReader();
  Settle();
  EXPECT_THAT(heard_, ElementsAre("closed unreachable"));
  EXPECT_EQ(network_.attempts_begun(), 0u);
}

// Redials as etcd does, ten times a second, the first time at once.
class Rival final : private event::ByteStream::Reader {
 public:
  Rival(event::EventLoop& loop, event::Connector& connector)
      : loop_(loop),
        connector_(connector),
        timer_(loop.NewTimer([this] { Dial(); })) {
    timer_->Start(absl::ZeroDuration());
  }

 private:
  void Dial() {
    attempt_ = connector_.Connect(
        {"a", 1}, {},
        [this](absl::StatusOr<std::unique_ptr<event::ByteStream>> stream) {
          stream_ = *std::move(stream);
          stream_->Write({request_}, [](absl::Status) {});
          stream_->StartReading(*this);
        });
  }
  void OnBytes(absl::string_view) override {}
  void OnEnd(absl::Status) override {
    stream_.reset();
    timer_->Start(limiter_.Reserve(loop_.Now()));
  }

  const std::string request_ = "GET / HTTP/1.1\r\n\r\n";
  event::EventLoop& loop_;
  event::Connector& connector_;
  event::RateLimiter limiter_{{.interval = absl::Milliseconds(100)}};
  std::unique_ptr<event::Connector::Attempt> attempt_;
  std::unique_ptr<event::ByteStream> stream_;
  std::unique_ptr<event::Timer> timer_;
};

// Gives its stream to whoever asked last.
class LastWins final {
 public:
  LastWins(event::MemoryNetwork& network, const event::Address& address)
      : listener_(*network.Listen(
            address, [this](std::unique_ptr<event::ByteStream> stream) {
              clients_.push_back(
                  std::make_unique<Client>(*this, std::move(stream)));
            })) {}

 private:
  class Client final : public event::ByteStream::Reader {
   public:
    Client(LastWins& owner, std::unique_ptr<event::ByteStream> stream)
        : owner_(owner), stream_(std::move(stream)) {
      stream_->StartReading(*this);
    }
    void OnBytes(absl::string_view) override {
      for (const auto& client : owner_.clients_) {
        if (client.get() != this) client->Finish();
      }
      stream_->Write({absl::string_view(kOk)}, [](absl::Status) {});
    }
    void OnEnd(absl::Status) override { stream_.reset(); }
    void Finish() {
      if (stream_ == nullptr || std::exchange(is_finished_, true)) return;
      stream_->Write({absl::string_view("0\r\n\r\n")}, [](absl::Status) {});
      stream_->ShutdownWrite();
    }

   private:
    LastWins& owner_;
    std::unique_ptr<event::ByteStream> stream_;
    bool is_finished_ = false;
  };

  std::vector<std::unique_ptr<Client>> clients_;
  std::unique_ptr<event::Listener> listener_;
};

// Two that take a stream from each other share it, rather than that one of them
// always comes just before the other.
TEST_F(StreamReaderTest, OfAContestedStreamItHasItsHalf) {
  network_.SetFaultSource(
      [] { return event::LinkFaults{.latency = absl::Microseconds(300)}; });
  peer_.reset();
  LastWins owner(network_, {"a", 1});
  std::optional<Rival> rival(std::in_place, loop_, *connector_);
  loop_.RunFor(absl::Seconds(3));
  absl::Time opened_at;
  absl::Duration held;
  int opened = 0;
  on_event_ = [&] {
    if (absl::StartsWith(heard_.back(), "opened")) {
      ++opened;
      opened_at = loop_.Now();
    } else {
      held += loop_.Now() - opened_at;
    }
  };
  StartReader();
  loop_.RunFor(absl::Seconds(20));
  EXPECT_GT(held, absl::Seconds(8));
  EXPECT_LT(held, absl::Seconds(12));
  EXPECT_GT(opened, 190);
  EXPECT_LE(opened, 201);
  // Also after a hiccup that makes it come late.
  held = absl::ZeroDuration();
  reader_->Stop();
  loop_.RunFor(absl::Milliseconds(550));
  reader_->Start();
  loop_.RunFor(absl::Seconds(20));
  EXPECT_GT(held, absl::Seconds(8));
  EXPECT_LT(held, absl::Seconds(12));
  on_event_ = nullptr;
  reader_.reset();
  rival.reset();
}

}  // namespace
}  // namespace rafthttp
