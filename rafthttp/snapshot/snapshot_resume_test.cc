// Between two of ours: frames, breaks and going on, in virtual time on a
// network in memory. The same over sockets is in
// //rafthttp/transport:snapshot_test.
#include <algorithm>
#include <list>
#include <memory>
#include <optional>
#include <random>
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
#include "rafthttp/base/check.h"
#include "rafthttp/codec/big_endian.h"
#include "rafthttp/event/byte_stream.h"
#include "rafthttp/event/testing/memory_network.h"
#include "rafthttp/event/testing/sim_loop.h"
#include "rafthttp/handshake/identity.h"
#include "rafthttp/handshake/url_picker.h"
#include "rafthttp/http1/mux.h"
#include "rafthttp/http1/server.h"
#include "rafthttp/http1/url.h"
#include "rafthttp/snapshot/snapshot_frames.h"
#include "rafthttp/snapshot/snapshot_handler.h"
#include "rafthttp/snapshot/snapshot_sender.h"
#include "raftpb/raft.pb.h"
#include "snap/crc.h"
#include "snap/names.h"
#include "snap/snapshot_message.h"
#include "snap/snapshotter.h"
#include "snap/testing/faulty_file_system.h"

namespace rafthttp {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr uint64_t kInFlightBytesMax = 64 << 10;

// Bytes that tell their place.
std::string Pattern(size_t size) {
  std::string bytes;
  bytes.reserve(size + 20);
  for (uint64_t i = 0; bytes.size() < size; ++i)
    absl::StrAppend(&bytes, i, ",");
  bytes.resize(size);
  return bytes;
}

raftpb::Message SnapOf(uint64_t index) {
  raftpb::Message message;
  message.set_type(raftpb::MsgSnap);
  message.set_from(1);
  message.set_to(2);
  message.mutable_snapshot()->mutable_metadata()->set_index(index);
  return message;
}

class StringSource final : public snap::SnapshotSource {
 public:
  StringSource(std::string content, bool is_seekable)
      : content_(std::move(content)), is_seekable_(is_seekable) {}
  uint64_t size_bytes() const override { return content_.size(); }
  absl::StatusOr<size_t> ReadAt(uint64_t offset, char* out,
                                size_t size) override {
    return content_.copy(out, std::min<size_t>(size, 100000), offset);
  }
  bool is_seekable() const override { return is_seekable_; }

 private:
  const std::string content_;
  const bool is_seekable_;
};

class RecordingReceiver final : public SnapshotHandler::Receiver {
 public:
  explicit RecordingReceiver(event::EventLoop& loop) : loop_(loop) {}
  void OnSender(MemberId, std::vector<http1::Url>) override {}
  void OnSnapshotBegan(MemberId) override {}
  void Receive(raftpb::Message message, size_t,
               absl::AnyInvocable<void(absl::Status)> on_processed) override {
    processed.push_back(std::move(message));
    loop_.Post([on_processed = std::move(on_processed)]() mutable {
      on_processed(absl::OkStatus());
    });
  }
  void OnSnapshotEnded(const SnapshotHandler::Received& received) override {
    ended_bytes.push_back(received.database_bytes);
    ended.push_back(received.status);
  }

  std::vector<raftpb::Message> processed;
  std::vector<uint64_t> ended_bytes;
  std::vector<absl::Status> ended;

 private:
  event::EventLoop& loop_;
};

// What one connection says, and what it hears.
class RawClient final : private event::ByteStream::Reader {
 public:
  explicit RawClient(std::unique_ptr<event::ByteStream> stream)
      : stream_(std::move(stream)) {
    stream_->StartReading(*this);
  }
  void Write(std::string bytes) {
    written_.push_back(std::move(bytes));
    stream_->Write({absl::string_view(written_.back())}, [](absl::Status) {});
  }
  std::string heard;

 private:
  void OnBytes(absl::string_view bytes) override {
    heard.append(bytes.data(), bytes.size());
  }
  void OnEnd(absl::Status) override {}
  const std::unique_ptr<event::ByteStream> stream_;
  std::list<std::string> written_;
};

class SnapshotResumeTest : public testing::Test,
                           protected SnapshotSender::Events {
 protected:
  SnapshotResumeTest() {
    Identity identity;
    identity.cluster = ClusterId(0x1000);
    identity.self = MemberId(2);
    handler_ = std::make_unique<SnapshotHandler>(
        loop_, nullptr, snapshotter_, receiver_,
        SnapshotHandler::Options{.identity = identity,
                                 .limits = {},
                                 .receives_max = 2,
                                 .partial_timeout = absl::Minutes(1)});
    mux_.Add("/raft/snapshot", {}, *handler_);
    auto listener =
        network_.Listen({.host = "b", .port = 2380, .unix_path = ""},
                        [this](std::unique_ptr<event::ByteStream> stream) {
                          server_.Accept(std::move(stream));
                        });
    CHECK(listener.ok());
    listener_ = *std::move(listener);
    options_.identity.cluster = identity.cluster;
    options_.identity.self = MemberId(1);
    options_.bytes_per_second_max = 8 << 20;
    connector_ = network_.NewConnector("a");
    network_.SetFaultSource([] {
      event::LinkFaults faults;
      faults.in_flight_bytes_max = kInFlightBytesMax;
      faults.latency = absl::Milliseconds(1);
      return faults;
    });
  }

  void Begin(const std::string& content, bool is_seekable = true,
             uint64_t index = 10) {
    sender_ = std::make_unique<SnapshotSender>(
        loop_, *connector_, nullptr, urls_,
        static_cast<SnapshotSender::Events&>(*this), options_);
    CHECK(
        sender_
            ->Send(snap::SnapshotMessage(
                SnapOf(index),
                std::make_unique<StringSource>(content, is_seekable), nullptr))
            .ok());
  }
  void RunUntilSent() {
    while (!outcome_) loop_.RunFor(absl::Milliseconds(100));
  }
  void OnSnapshotSent(SnapshotSender&,
                      const SnapshotSender::Outcome& outcome) override {
    outcome_ = outcome;
  }

  // Requests by hand.
  std::unique_ptr<RawClient> Dial() {
    auto [client, server] = network_.NewPair();
    server_.Accept(std::move(server));
    return std::make_unique<RawClient>(std::move(client));
  }
  static std::string Head(absl::string_view method, absl::string_view from,
                          absl::string_view others) {
    return absl::StrCat(
        method,
        " /raft/snapshot HTTP/1.1\r\nHost: b\r\n"
        "X-Etcd-Cluster-Id: 1000\r\nX-Server-Version: 3.4.23\r\n"
        "X-Min-Cluster-Version: 3.0.0\r\nX-Server-From: ",
        from, "\r\n", others, "\r\n");
  }
  static std::string Framed(absl::string_view data) {
    return absl::StrCat(SnapshotFrameHead(data), data);
  }
  static std::string MessageFrame(uint64_t index) {
    const std::string bytes = SnapOf(index).SerializeAsString();
    char length[codec::kBigEndianBytes];
    codec::StoreBigEndian(bytes.size(), length);
    return absl::StrCat(absl::string_view(length, sizeof(length)), bytes);
  }
  // A POST of `body`, behind the message, on a connection of its own.
  std::string Post(absl::string_view transfer, uint64_t offset,
                   absl::string_view body, uint64_t index = 10,
                   absl::string_view from = "1") {
    const std::string message = MessageFrame(index);
    auto client = Dial();
    client->Write(Head(
        "POST", from,
        absl::StrCat("X-Rafthttp-Transfer: ", transfer,
                     "\r\nX-Rafthttp-Offset: ", offset, "\r\nContent-Length: ",
                     message.size() + body.size(), "\r\n")));
    client->Write(absl::StrCat(message, body));
    loop_.RunFor(absl::Seconds(1));
    return client->heard;
  }
  std::string Get(absl::string_view transfer, absl::string_view from = "1") {
    auto client = Dial();
    client->Write(Head(
        "GET", from, absl::StrCat("X-Rafthttp-Transfer: ", transfer, "\r\n")));
    loop_.RunFor(absl::Milliseconds(100));
    return client->heard;
  }

  event::SimLoop loop_;
  event::MemoryNetwork network_{loop_};
  snap::FaultyFileSystem files_;
  snap::Snapshotter snapshotter_{files_, "/snap"};
  RecordingReceiver receiver_{loop_};
  std::unique_ptr<SnapshotHandler> handler_;
  http1::Mux mux_;
  http1::Server server_{
      loop_, mux_, {}, [] { return absl::UnixEpoch(); }, nullptr};
  std::unique_ptr<event::Listener> listener_;
  UrlPicker urls_{{*http1::ParsePeerUrl("http://b:2380")}};
  SnapshotSender::Options options_;
  std::unique_ptr<event::Connector> connector_;
  std::unique_ptr<SnapshotSender> sender_;
  std::optional<SnapshotSender::Outcome> outcome_;
};

constexpr char kTransfer[] = "00000000000000aa";
const std::string& Name10() {
  static const std::string name = "/snap/" + snap::DbName(10);
  return name;
}

TEST_F(SnapshotResumeTest, GoesOnAfterEachOf200Breaks) {
  const std::string content = Pattern((128 << 20) + 12345);
  options_.bytes_per_second_max = 64 << 20;
  options_.retries_max = 20;
  std::mt19937_64 random(4);
  Begin(content);
  int breaks = 0;
  uint64_t lost_max = 0;
  while (!outcome_) {
    loop_.RunFor(absl::Milliseconds(1 + random() % 30));
    if (outcome_ || breaks == 200) continue;
    const uint64_t sent = sender_->sent_bytes();
    const size_t ended = receiver_.ended.size();
    network_.ResetConnections("a", "b");
    loop_.RunFor(absl::Milliseconds(5));
    if (receiver_.ended.size() == ended) continue;  // it was between two
    ++breaks;
    ASSERT_GE(sent, receiver_.ended_bytes.back());
    lost_max = std::max(lost_max, sent - receiver_.ended_bytes.back());
  }
  EXPECT_EQ(outcome_->status, absl::OkStatus());
  EXPECT_EQ(breaks, 200);
  EXPECT_GE(outcome_->breaks, breaks);
  EXPECT_GT(lost_max, 0u);
  EXPECT_LE(lost_max, kSnapshotFrameBytes + kInFlightBytesMax);
  EXPECT_EQ(receiver_.processed.size(), 1u);
  EXPECT_TRUE(files_.Contents()[Name10()] == content);
  EXPECT_EQ(files_.Contents().size(), 1u);
  EXPECT_EQ(handler_->partials(), 0u);
}

TEST_F(SnapshotResumeTest, SmallOnesAndEmptyOnes) {
  for (const size_t size : {size_t{0}, size_t{1}, kSnapshotFrameBytes - 1,
                            kSnapshotFrameBytes, kSnapshotFrameBytes + 1}) {
    outcome_.reset();
    Begin(Pattern(size), /*is_seekable=*/true, /*index=*/100 + size);
    RunUntilSent();
    EXPECT_EQ(outcome_->status, absl::OkStatus());
    EXPECT_TRUE(outcome_->is_framed);
    EXPECT_EQ(outcome_->sent_bytes, size);
    EXPECT_TRUE(files_.Contents()["/snap/" + snap::DbName(100 + size)] ==
                Pattern(size));
  }
}

TEST_F(SnapshotResumeTest, APeerThatStaysAwayEndsIt) {
  Begin(Pattern(20 << 20));
  loop_.RunFor(absl::Seconds(1));
  network_.ResetConnections("a", "b");
  network_.SetAnswer({.host = "b", .port = 2380, .unix_path = ""},
                     event::MemoryNetwork::Answer::kRefused);
  RunUntilSent();
  EXPECT_TRUE(absl::IsUnavailable(outcome_->status)) << outcome_->status;
  EXPECT_EQ(outcome_->breaks, options_.retries_max);
  EXPECT_EQ(handler_->partials(), 1u);
  EXPECT_EQ(files_.Contents().size(), 1u);
  // What is left waits for a minute.
  loop_.RunFor(absl::Minutes(1));
  EXPECT_EQ(handler_->partials(), 0u);
  EXPECT_THAT(files_.Contents(), IsEmpty());
  EXPECT_THAT(receiver_.processed, IsEmpty());
}

TEST_F(SnapshotResumeTest, AStallIsABreak) {
  options_.stall_timeout = absl::Seconds(4);
  const std::string content = Pattern(20 << 20);
  Begin(content);
  loop_.RunFor(absl::Seconds(1));
  network_.Partition("a", "b");
  loop_.RunFor(absl::Seconds(6));
  EXPECT_FALSE(outcome_);
  network_.Heal("a", "b");
  RunUntilSent();
  EXPECT_EQ(outcome_->status, absl::OkStatus());
  EXPECT_GE(outcome_->breaks, 1);
  EXPECT_TRUE(files_.Contents()[Name10()] == content);
}

TEST_F(SnapshotResumeTest, ASourceThatCannotGoBackEndsWithTheConnection) {
  Begin(Pattern(20 << 20), /*is_seekable=*/false);
  loop_.RunFor(absl::Seconds(1));
  network_.ResetConnections("a", "b");
  RunUntilSent();
  EXPECT_FALSE(outcome_->status.ok());
  EXPECT_EQ(outcome_->breaks, 0);
}

TEST_F(SnapshotResumeTest, WithoutRetriesItIsEtcdsRequest) {
  options_.retries_max = 0;
  const std::string content = Pattern(3 << 20);
  Begin(content);
  RunUntilSent();
  EXPECT_EQ(outcome_->status, absl::OkStatus());
  EXPECT_FALSE(outcome_->is_framed);
  EXPECT_TRUE(files_.Contents()[Name10()] == content);
}

TEST_F(SnapshotResumeTest, StopInTheMiddleOfAWait) {
  Begin(Pattern(20 << 20));
  loop_.RunFor(absl::Seconds(1));
  network_.ResetConnections("a", "b");
  loop_.RunFor(absl::Milliseconds(10));
  sender_->Stop(absl::CancelledError("removed"));
  ASSERT_TRUE(outcome_.has_value());
  EXPECT_TRUE(absl::IsCancelled(outcome_->status));
  loop_.RunFor(absl::Minutes(2));
  EXPECT_THAT(files_.Contents(), IsEmpty());
}

TEST_F(SnapshotResumeTest, AWrongFrameMayBeSentAgain) {
  const std::string first = Pattern(kSnapshotFrameBytes);
  std::string second = Framed("the rest");
  second.back() ^= 1;
  const std::string refused =
      Post(kTransfer, 0, absl::StrCat(Framed(first), second));
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(refused, HasSubstr("\r\nX-Rafthttp-Offset: 1048576\r\n"));
  EXPECT_THAT(refused, HasSubstr("a frame's checksum is wrong"));
  EXPECT_TRUE(absl::IsDataLoss(receiver_.ended.back()));
  EXPECT_THAT(Get(kTransfer), HasSubstr("\r\nX-Rafthttp-Offset: 1048576\r\n"));

  const std::string whole = absl::StrCat(first, "the rest");
  const std::string rest =
      absl::StrCat(Framed("the rest"),
                   SnapshotEndFrame(snap::ExtendCrc64(/*crc=*/0, whole)));
  // Not from another place than where it ended, nor by somebody else.
  const std::string elsewhere = Post(kTransfer, 0, rest);
  EXPECT_THAT(elsewhere, StartsWith("HTTP/1.1 409 "));
  EXPECT_THAT(elsewhere, HasSubstr("\r\nX-Rafthttp-Offset: 1048576\r\n"));
  EXPECT_THAT(Get(kTransfer, "3"), HasSubstr("\r\nX-Rafthttp-Offset: 0\r\n"));

  EXPECT_THAT(Post(kTransfer, 1048576, rest), StartsWith("HTTP/1.1 204 "));
  EXPECT_TRUE(files_.Contents()[Name10()] == whole);
  EXPECT_EQ(receiver_.processed.size(), 1u);
  EXPECT_THAT(Get(kTransfer), HasSubstr("\r\nX-Rafthttp-Offset: 0\r\n"));
}

TEST_F(SnapshotResumeTest, AWrongDigestIsFinal) {
  const std::string refused = Post(
      kTransfer, 0,
      absl::StrCat(Framed("database"),
                   SnapshotEndFrame(snap::ExtendCrc64(/*crc=*/0, "datebase"))));
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(refused, HasSubstr("the snapshot's digest is wrong"));
  EXPECT_THAT(refused, Not(HasSubstr("X-Rafthttp-Offset")));
  EXPECT_THAT(receiver_.processed, IsEmpty());
  EXPECT_THAT(files_.Contents(), IsEmpty());
}

TEST_F(SnapshotResumeTest, AnotherIndexIsAnotherSnapshot) {
  EXPECT_THAT(Post(kTransfer, 0, Framed(Pattern(kSnapshotFrameBytes))),
              HasSubstr("no end frame"));
  const std::string refused =
      Post(kTransfer, 1048576, SnapshotEndFrame(0), /*index=*/11);
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(refused, HasSubstr("its index is 11, but the transfer began"));
  EXPECT_THAT(files_.Contents(), IsEmpty());
}

TEST_F(SnapshotResumeTest, AnotherTransferOfTheSenderEndsTheFirst) {
  Post(kTransfer, 0, Framed(Pattern(kSnapshotFrameBytes)));
  EXPECT_EQ(handler_->partials(), 1u);
  EXPECT_THAT(Post("00000000000000bb", 0,
                   SnapshotEndFrame(snap::ExtendCrc64(/*crc=*/0, ""))),
              StartsWith("HTTP/1.1 204 "));
  EXPECT_EQ(handler_->partials(), 0u);
  EXPECT_EQ(files_.Contents().size(), 1u);
}

TEST_F(SnapshotResumeTest, MalformedAnnouncements) {
  EXPECT_THAT(Get("xyz"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Get("00000000000000aa0"), StartsWith("HTTP/1.1 400 "));
  auto client = Dial();
  client->Write(Head("POST", "1",
                     absl::StrCat("X-Rafthttp-Transfer: ", kTransfer,
                                  "\r\nX-Rafthttp-Offset: -1\r\n"
                                  "Content-Length: 0\r\n")));
  auto getter = Dial();
  getter->Write(Head("GET", "1", ""));
  loop_.RunFor(absl::Milliseconds(100));
  EXPECT_THAT(client->heard, StartsWith("HTTP/1.1 400 "));
  // As etcd.
  EXPECT_THAT(getter->heard, StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(getter->heard, HasSubstr("\r\nAllow: POST\r\n"));
}

// receives_max is 2.
TEST_F(SnapshotResumeTest, ReceivesAreCountedAndTheNewestOfASenderWins) {
  const auto begin = [this](absl::string_view from) {
    auto client = Dial();
    client->Write(absl::StrCat(Head("POST", from, "Content-Length: 1000\r\n"),
                               MessageFrame(10)));
    loop_.RunFor(absl::Milliseconds(10));
    return client;
  };
  const auto first = begin("1");
  const auto second = begin("3");
  EXPECT_EQ(handler_->receives(), 2u);
  const auto third = begin("4");
  EXPECT_THAT(third->heard, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(third->heard, HasSubstr("too many snapshots are being received"));
  const auto again = begin("1");
  EXPECT_THAT(first->heard, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(first->heard, HasSubstr("the sender has begun another snapshot"));
  EXPECT_THAT(again->heard, IsEmpty());
  EXPECT_EQ(handler_->receives(), 2u);
  EXPECT_EQ(receiver_.ended.size(), 1u);
}

// Whoever goes on finds the connection of before still open: a reset that only
// the sender saw.
TEST_F(SnapshotResumeTest, TheOldConnectionGivesWhatItHas) {
  const std::string content = Pattern(kSnapshotFrameBytes);
  auto client = Dial();
  client->Write(Head("POST", "1",
                     absl::StrCat("X-Rafthttp-Transfer: ", kTransfer,
                                  "\r\nContent-Length: 9000000\r\n")));
  client->Write(absl::StrCat(MessageFrame(10), Framed(content), "half"));
  loop_.RunFor(absl::Seconds(1));
  EXPECT_EQ(handler_->receives(), 1u);
  EXPECT_THAT(Get(kTransfer), HasSubstr("\r\nX-Rafthttp-Offset: 1048576\r\n"));
  EXPECT_EQ(handler_->receives(), 0u);
  EXPECT_TRUE(absl::IsAborted(receiver_.ended.back()));
  EXPECT_THAT(Post(kTransfer, 1048576,
                   SnapshotEndFrame(snap::ExtendCrc64(/*crc=*/0, content))),
              StartsWith("HTTP/1.1 204 "));
  EXPECT_TRUE(files_.Contents()[Name10()] == content);
}

TEST_F(SnapshotResumeTest, ADiskThatFailsBetweenLeavesNothingToGoOnWith) {
  files_.BreakChange(files_.changes() + 2,
                     snap::FaultyFileSystem::Fault::kDiskFull);
  Post(kTransfer, 0, Framed(Pattern(kSnapshotFrameBytes)));
  EXPECT_THAT(Get(kTransfer), HasSubstr("\r\nX-Rafthttp-Offset: 0\r\n"));
  EXPECT_THAT(files_.Contents(), IsEmpty());
}

}  // namespace
}  // namespace rafthttp
