#include "rafthttp/stream/stream_writer.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rafthttp/base/drop_reason.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/base/tally.h"
#include "rafthttp/codec/frame_decoder.h"
#include "rafthttp/codec/message_codec.h"
#include "rafthttp/codec/message_view.h"
#include "rafthttp/codec/msgappv2_codec.h"
#include "rafthttp/codec/outgoing_message.h"
#include "rafthttp/event/byte_stream.h"
#include "rafthttp/event/event_loop.h"
#include "rafthttp/event/io_status.h"
#include "rafthttp/event/testing/faults.h"
#include "rafthttp/event/testing/memory_network.h"
#include "rafthttp/event/testing/sim_loop.h"
#include "rafthttp/http1/chunked.h"
#include "rafthttp/http1/limits.h"
#include "rafthttp/stream/stream_farewell.h"
#include "rafthttp/stream/stream_kind.h"
#include "raftpb/raft.pb.h"

namespace rafthttp {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr MemberId kSelf(0xcb4);
constexpr MemberId kPeer(0x2a7);

raftpb::Message Heartbeat(uint64_t commit) {
  raftpb::Message message;
  message.set_type(raftpb::MsgHeartbeat);
  message.set_from(kSelf.value());
  message.set_to(kPeer.value());
  message.set_term(7);
  message.set_commit(commit);
  return message;
}

// One entry, which follows `index`.
raftpb::Message Append(uint64_t index, size_t data_bytes = 10) {
  raftpb::Message message;
  message.set_type(raftpb::MsgApp);
  message.set_from(kSelf.value());
  message.set_to(kPeer.value());
  message.set_term(7);
  message.set_logterm(7);
  message.set_index(index);
  message.set_commit(index);
  raftpb::Entry* const entry = message.add_entries();
  entry->set_term(7);
  entry->set_index(index + 1);
  entry->set_data(std::string(data_bytes, 'x'));
  return message;
}

// The other end of a stream: takes chunks and frames apart.
class PeerEnd final : private event::ByteStream::Reader,
                      private codec::FrameSink {
 public:
  PeerEnd(event::EventLoop& loop, StreamKind kind,
          std::unique_ptr<event::ByteStream> stream)
      : loop_(loop), stream_(std::move(stream)) {
    if (kind == StreamKind::kMessage) {
      decoder_ = std::make_unique<codec::MessageDecoder>();
    } else {
      decoder_ = std::make_unique<codec::MsgAppV2Decoder>(kPeer, kSelf);
    }
    stream_->StartReading(*this);
  }

  void Write(std::string bytes) {
    auto kept = std::make_unique<std::string>(std::move(bytes));
    const absl::string_view view = *kept;
    stream_->Write({view}, [kept = std::move(kept)](absl::Status) {});
  }
  size_t unsent_bytes() const { return stream_->pending_write_bytes(); }
  void Close() { stream_.reset(); }
  void StopReading() { stream_->StopReading(); }
  void ResumeReading() { stream_->StartReading(*this); }
  // Takes what one read brings, and reads no more.
  void ReadOnce() {
    stops_after_read_ = true;
    ResumeReading();
  }
  bool is_ended() const { return end.has_value(); }

  std::string wire;                    // as it came, but for large data
  std::vector<uint64_t> numbers;       // commit, or index, of each message
  std::vector<absl::Time> heartbeats;  // when each link heartbeat came
  bool has_final_chunk = false;
  std::optional<absl::Status> end;
  bool closes_at_end = true;

 private:
  void OnBytes(absl::string_view bytes) override {
    if (stops_after_read_) stream_->StopReading();
    if (wire.size() < 4096) absl::StrAppend(&wire, bytes);
    while (true) {
      const absl::StatusOr<absl::string_view> span = chunks_.Next(bytes);
      ASSERT_TRUE(span.ok()) << span.status();
      if (span->empty()) break;
      const absl::Status status = decoder_->Decode(*span, *this);
      ASSERT_TRUE(status.ok()) << status;
    }
    has_final_chunk = chunks_.is_done();
    if (has_final_chunk) {
      EXPECT_TRUE(decoder_->Finish().ok());
    }
  }
  void OnEnd(absl::Status status) override {
    end = status;
    if (closes_at_end) stream_.reset();
  }
  void OnLinkHeartbeat(const codec::MessageView&) override {
    heartbeats.push_back(loop_.Now());
  }
  void OnMessage(const codec::MessageView& message) override {
    EXPECT_EQ(message.from, kSelf.value());
    EXPECT_EQ(message.to, kPeer.value());
    numbers.push_back(message.type == raftpb::MsgApp ? message.index
                                                     : message.commit);
  }

  event::EventLoop& loop_;
  std::unique_ptr<event::ByteStream> stream_;
  http1::ChunkDecoder chunks_{http1::Limits()};
  std::unique_ptr<codec::FrameDecoder> decoder_;
  bool stops_after_read_ = false;
};

class StreamWriterTest : public ::testing::Test, public StreamWriter::Events {
 protected:
  StreamWriterTest() : network_(loop_) { NewWriter(StreamKind::kMessage); }
  ~StreamWriterTest() override {
    on_event_ = nullptr;
    writer_.reset();
    ends_.clear();
    loop_.RunFor(absl::Seconds(10));
    EXPECT_EQ(network_.open_streams(), 0u);
  }

  void NewWriter(StreamKind kind, StreamWriter::Options options = {}) {
    options.kind = kind;
    options.self = kSelf;
    options.peer = kPeer;
    options.limits.message_bytes_max = 4 << 20;
    writer_ = std::make_unique<StreamWriter>(loop_, *this, options);
  }

  // The peer's end of a connection that is attached.
  PeerEnd& Attach(event::LinkFaults towards_peer = {}) {
    auto [peer, ours] = network_.NewPair({}, std::move(towards_peer));
    ends_.push_back(
        std::make_unique<PeerEnd>(loop_, writer_->kind(), std::move(peer)));
    PeerEnd& end = *ends_.back();
    writer_->Attach(std::move(ours));
    return end;
  }

  void Send(raftpb::Message message) {
    codec::OutgoingMessage outgoing(std::move(message));
    appended_.Add(outgoing.type(), outgoing.size_bytes());
    writer_->Append(std::move(outgoing));
  }
  void SendAndFlush(raftpb::Message message) {
    Send(std::move(message));
    writer_->Flush();
  }
  // Runs until nothing is to be done but what waits for time to pass.
  void Settle() { loop_.RunFor(absl::Milliseconds(1)); }

  // What was appended is written, dropped, or queued, at any time.
  void CheckBooks() {
    Tally sum = written_;
    for (const auto& [reason, tally] : dropped_) sum.Add(tally);
    const uint64_t queued = writer_ == nullptr ? 0 : writer_->queued_messages();
    const uint64_t queued_bytes =
        writer_ == nullptr ? 0 : writer_->queued_bytes();
    EXPECT_EQ(appended_.messages, sum.messages + queued);
    EXPECT_EQ(appended_.bytes, sum.bytes + queued_bytes);
    if (queued == 0) {
      EXPECT_EQ(appended_, sum);
    }
  }

  void OnWriterAttached(StreamWriter& writer) override {
    EXPECT_TRUE(writer.is_attached());
    Hear("attached");
  }
  void OnWriterDetached(StreamWriter& writer, StreamWriter::DetachReason reason,
                        const absl::Status& status) override {
    EXPECT_FALSE(writer.is_attached());
    EXPECT_EQ(writer.queued_messages(), 0u);
    last_status_ = status;
    Hear(absl::StrCat("detached ", DetachReasonName(reason)));
  }
  void OnWritten(StreamWriter&, const Tally& tally) override {
    EXPECT_FALSE(tally.empty());
    written_.Add(tally);
    Hear(absl::StrCat("written ", tally.messages));
  }
  void OnDropped(StreamWriter&, const Tally& tally,
                 DropReason reason) override {
    EXPECT_FALSE(tally.empty());
    dropped_[reason].Add(tally);
    Hear(absl::StrCat("dropped ", tally.messages, " ", DropReasonName(reason)));
  }
  void Hear(std::string event) {
    heard_.push_back(std::move(event));
    if (on_event_) on_event_();
  }

  event::SimLoop loop_;
  event::MemoryNetwork network_;
  std::vector<std::unique_ptr<PeerEnd>> ends_;
  std::vector<std::string> heard_;
  std::function<void()> on_event_;
  absl::Status last_status_;
  Tally appended_;
  Tally written_;
  std::map<DropReason, Tally> dropped_;
  std::unique_ptr<StreamWriter> writer_;
};

// The wire.

TEST_F(StreamWriterTest, AFrameIsWrittenAsEtcdWould) {
  PeerEnd& peer = Attach();
  raftpb::Message message;
  message.set_type(raftpb::MsgHeartbeatResp);
  message.set_to(kPeer.value());
  message.set_from(kSelf.value());
  message.set_term(2);
  message.set_context(std::string("\0\0\0\0\0\0\0\x09", 8));
  SendAndFlush(message);
  Settle();
  // 30 bytes of message make 38, or 0x26, of frame.
  EXPECT_EQ(absl::CHexEscape(peer.wire.substr(0, 4)), "26\\r\\n");
  EXPECT_EQ(absl::BytesToHexString(peer.wire.substr(4)),
            "000000000000001e"
            "080910a70518b4192002280030004000500058006208"
            "0000000000000009"
            "0d0a");
}

TEST_F(StreamWriterTest, WhatIsAppendedInOneTurnIsOneChunk) {
  PeerEnd& peer = Attach();
  for (uint64_t i = 0; i < 100; ++i) Send(Heartbeat(i));
  EXPECT_EQ(writer_->queued_messages(), 100u);
  EXPECT_EQ(writer_->queued_bytes(), appended_.bytes);
  EXPECT_EQ(network_.bytes_written(), 0u);
  writer_->Flush();
  EXPECT_THAT(heard_, ElementsAre("attached", "written 100"));
  EXPECT_EQ(writer_->queued_messages(), 0u);
  Settle();
  ASSERT_THAT(peer.numbers, SizeIs(100));
  EXPECT_EQ(peer.numbers[99], 99u);
  const size_t data_bytes = network_.bytes_written() - 3 - 2 - 2;
  EXPECT_EQ(peer.wire.substr(0, 5),
            absl::StrCat(absl::Hex(data_bytes), "\r\n"));
  CheckBooks();
}

TEST_F(StreamWriterTest, AFlushWithoutMessagesWritesNothing) {
  Attach();
  writer_->Flush();
  EXPECT_EQ(network_.bytes_written(), 0u);
  EXPECT_THAT(heard_, ElementsAre("attached"));
}

TEST_F(StreamWriterTest, TellsHowOldTheOldestIs) {
  PeerEnd& peer = Attach({.in_flight_bytes_max = 100});
  EXPECT_EQ(writer_->oldest_at(), absl::InfiniteFuture());
  peer.StopReading();
  const absl::Time first = loop_.Now();
  for (int i = 0; i < 10; ++i) {
    SendAndFlush(Heartbeat(1));
    loop_.RunFor(absl::Milliseconds(10));
  }
  EXPECT_EQ(writer_->oldest_at(), first + absl::Milliseconds(20));
  peer.ResumeReading();
  Settle();
  EXPECT_EQ(writer_->oldest_at(), absl::InfiniteFuture());
}

TEST_F(StreamWriterTest, WhatIsNotFlushedIsAsOldAsItsFirst) {
  Attach();
  const absl::Time first = loop_.Now();
  Send(Heartbeat(1));
  loop_.RunFor(absl::Milliseconds(10));
  Send(Heartbeat(2));
  EXPECT_EQ(writer_->oldest_at(), first);
}

// Heartbeats.

TEST_F(StreamWriterTest, LinkHeartbeatsGoOutTrafficOrNot) {
  for (const StreamKind kind : {StreamKind::kMessage, StreamKind::kMsgApp}) {
    NewWriter(kind);
    const absl::Time begin = loop_.Now();
    PeerEnd& peer = Attach();
    loop_.RunFor(absl::Seconds(10.5));
    ASSERT_THAT(peer.heartbeats, SizeIs(6));
    for (int i = 0; i < 6; ++i) {
      EXPECT_EQ(peer.heartbeats[static_cast<size_t>(i)],
                begin + (i + 1) * (absl::Seconds(5) / 3));
    }
    for (int i = 0; i < 100; ++i) {
      SendAndFlush(kind == StreamKind::kMessage ? Heartbeat(1) : Append(1));
      loop_.RunFor(absl::Milliseconds(100));
    }
    EXPECT_THAT(peer.heartbeats, SizeIs(12));
    EXPECT_THAT(peer.numbers, SizeIs(100));
  }
}

TEST_F(StreamWriterTest, WhileAWriteIsPendingOneHeartbeatWaits) {
  PeerEnd& peer = Attach({.in_flight_bytes_max = 100});
  peer.StopReading();
  for (uint64_t i = 0; i < 10; ++i) SendAndFlush(Heartbeat(i));
  loop_.RunFor(absl::Seconds(20));
  EXPECT_THAT(peer.heartbeats, IsEmpty());
  peer.ResumeReading();
  Settle();
  EXPECT_THAT(peer.heartbeats, SizeIs(1));
  EXPECT_THAT(peer.numbers, SizeIs(10));
}

TEST_F(StreamWriterTest, ANewConnectionOwesNoHeartbeatOfTheOldOne) {
  PeerEnd& first = Attach({.in_flight_bytes_max = 100});
  first.StopReading();
  for (uint64_t i = 0; i < 10; ++i) SendAndFlush(Heartbeat(i));
  loop_.RunFor(absl::Seconds(3));
  PeerEnd& second = Attach();
  SendAndFlush(Heartbeat(1));
  loop_.RunFor(absl::Seconds(1.6));
  EXPECT_THAT(second.heartbeats, IsEmpty());
  EXPECT_THAT(second.numbers, ElementsAre(1));
}

// How much at once.

// A stream that takes what it is told to, and shows what it was given.
class ScriptedStream final : public event::ByteStream {
 public:
  void StartReading(Reader& reader) override { reader_ = &reader; }
  void StopReading() override {}
  absl::StatusOr<size_t> TryWrite(
      absl::Span<const absl::string_view> buffers) override {
    ++try_writes;
    if (!try_write_status.ok()) return try_write_status;
    size_t taken = 0;
    for (const absl::string_view buffer : buffers) {
      const size_t size = std::min(buffer.size(), try_write_room - taken);
      pieces.push_back(buffer.substr(0, size));
      taken += size;
    }
    bytes_taken += taken;
    return taken;
  }
  void Write(absl::Span<const absl::string_view> buffers,
             absl::AnyInvocable<void(absl::Status)> on_written) override {
    ++writes;
    pieces.insert(pieces.end(), buffers.begin(), buffers.end());
    on_written_ = std::move(on_written);
  }
  size_t pending_write_bytes() const override { return on_written_ ? 1 : 0; }
  void ShutdownWrite() override {}
  std::string local_address() const override { return "us"; }
  std::string peer_address() const override { return "them"; }

  void Finish(absl::Status status) {
    std::exchange(on_written_, nullptr)(std::move(status));
  }
  bool Holds(absl::string_view data) const {
    for (const absl::string_view piece : pieces) {
      if (piece.data() == data.data() && piece.size() == data.size()) {
        return true;
      }
    }
    return false;
  }

  size_t try_write_room = std::numeric_limits<size_t>::max();
  absl::Status try_write_status;
  int try_writes = 0;
  int writes = 0;
  uint64_t bytes_taken = 0;
  std::vector<absl::string_view> pieces;
  Reader* reader_ = nullptr;

 private:
  absl::AnyInvocable<void(absl::Status)> on_written_;
};

class ScriptedStreamTest : public StreamWriterTest {
 protected:
  void AttachScripted(StreamKind kind, StreamWriter::Options options = {}) {
    NewWriter(kind, options);
    auto stream = std::make_unique<ScriptedStream>();
    stream_ = stream.get();
    writer_->Attach(std::move(stream));
  }

  ScriptedStream* stream_ = nullptr;  // the writer's
};

TEST_F(ScriptedStreamTest, ABatchIsOneSystemCall) {
  AttachScripted(StreamKind::kMsgApp);
  for (uint64_t i = 0; i < 100; ++i) Send(Append(i, i % 2 == 0 ? 10 : 5000));
  writer_->Flush();
  EXPECT_EQ(stream_->try_writes, 1);
  EXPECT_EQ(stream_->writes, 0);
}

TEST_F(ScriptedStreamTest, OnlyTheRestIsWrittenLater) {
  AttachScripted(StreamKind::kMsgApp);
  stream_->try_write_room = 7000;
  for (uint64_t i = 0; i < 3; ++i) Send(Append(i, 5000));
  writer_->Flush();
  EXPECT_EQ(stream_->try_writes, 1);
  EXPECT_EQ(stream_->writes, 1);
  EXPECT_THAT(heard_, ElementsAre("attached"));
  EXPECT_EQ(writer_->queued_messages(), 3u);
  size_t bytes = 0;
  for (const absl::string_view piece : stream_->pieces) bytes += piece.size();
  EXPECT_GT(bytes, 15000u);
  EXPECT_LT(bytes, 15300u);
  stream_->Finish(absl::OkStatus());
  EXPECT_THAT(heard_, ElementsAre("attached", "written 3"));
  CheckBooks();
}

TEST_F(ScriptedStreamTest, LargeEntriesAreNotCopied) {
  for (const StreamKind kind : {StreamKind::kMessage, StreamKind::kMsgApp}) {
    AttachScripted(kind);
    raftpb::Message message = Append(1, 100'000);
    // A message keeps its entries where they are when it is moved.
    const absl::string_view data = message.entries(0).data();
    SendAndFlush(std::move(message));
    EXPECT_TRUE(stream_->Holds(data));
    SendAndFlush(Append(2, 100));
    // All else of a chunk is at most: its size, a head, what follows the data.
    EXPECT_LE(stream_->pieces.size(), 5u + 3u);
  }
}

TEST_F(ScriptedStreamTest, SharedDataLivesUntilItIsWrittenAndNoLonger) {
  AttachScripted(StreamKind::kMsgApp);
  stream_->try_write_room = 0;
  const auto append = [&](size_t data_bytes) {
    auto data = std::make_shared<const std::string>(data_bytes, 'x');
    codec::EntryView entry;
    entry.term = 7;
    entry.index = 1;
    entry.data = *data;
    entry.fields = 1 << 4;
    codec::MessageView view;
    view.type = raftpb::MsgApp;
    view.entries = absl::MakeConstSpan(&entry, 1);
    writer_->Append(codec::OutgoingMessage(view, data));
    return data;
  };
  const auto small = append(100);
  const auto large = append(100'000);
  // What was copied is not held on to.
  EXPECT_EQ(small.use_count(), 1);
  EXPECT_EQ(large.use_count(), 2);
  writer_->Flush();
  EXPECT_TRUE(stream_->Holds(*large));
  // Nor what is small, while it waits behind the write under way.
  EXPECT_EQ(append(100).use_count(), 1);
  const auto waiting = append(50'000);
  EXPECT_EQ(waiting.use_count(), 2);
  EXPECT_EQ(large.use_count(), 2);
  stream_->try_write_room = 1 << 20;
  stream_->Finish(absl::OkStatus());
  EXPECT_EQ(large.use_count(), 1);
  EXPECT_EQ(waiting.use_count(), 1);
  EXPECT_EQ(written_.messages, 4u);
}

// A snapshot's bytes are made for the view alone, and do not outlive it.
TEST_F(ScriptedStreamTest, TwoLargeSnapshotsInOneSlice) {
  AttachScripted(StreamKind::kMessage);
  for (const char fill : {'a', 'b'}) {
    raftpb::Message message;
    message.set_type(raftpb::MsgSnap);
    message.mutable_snapshot()->set_data(std::string(20'000, fill));
    Send(std::move(message));
  }
  stream_->try_write_room = 0;
  writer_->Flush();
  std::string bytes;
  for (const absl::string_view piece : stream_->pieces) {
    absl::StrAppend(&bytes, piece);
  }
  EXPECT_NE(bytes.find(std::string(20'000, 'a')), std::string::npos);
  EXPECT_NE(bytes.find(std::string(20'000, 'b')), std::string::npos);
}

TEST_F(ScriptedStreamTest, AMiBInOneTurnThenOthersGetTheirs) {
  StreamWriter::Options options;
  options.slice_bytes = 100'000;
  AttachScripted(StreamKind::kMsgApp, options);
  for (uint64_t i = 0; i < 500; ++i) Send(Append(i, 10'000));
  writer_->Flush();
  writer_->Flush();  // which does not help
  EXPECT_GE(stream_->bytes_taken, 1u << 20);
  EXPECT_LE(stream_->bytes_taken, (1u << 20) + 110'000);
  EXPECT_EQ(stream_->try_writes, 11);
  // A slice is over once it has slice_bytes.
  EXPECT_EQ(heard_[1], "written 10");
  const uint64_t taken = stream_->bytes_taken;
  bool is_others_turn = false;
  loop_.Post([&] {
    is_others_turn = true;
    EXPECT_EQ(stream_->bytes_taken, taken);
  });
  Settle();
  EXPECT_TRUE(is_others_turn);
  EXPECT_EQ(written_.messages, 500u);
  CheckBooks();
}

TEST_F(ScriptedStreamTest, SmallMessagesComeInSlicesToo) {
  AttachScripted(StreamKind::kMsgApp);
  for (uint64_t i = 0; i < 20'000; ++i) Send(Append(i));
  writer_->Flush();
  EXPECT_EQ(written_.messages, 20'000u);
  EXPECT_GT(stream_->try_writes, 4);
  EXPECT_LT(stream_->try_writes, 20);
}

TEST_F(ScriptedStreamTest, AFailedTryWriteEndsTheStream) {
  AttachScripted(StreamKind::kMessage);
  stream_->try_write_status =
      event::IoError(event::IoCause::kReset, "connection reset");
  SendAndFlush(Heartbeat(1));
  EXPECT_THAT(heard_, ElementsAre("attached", "dropped 1 stream_broken",
                                  "detached write_failed"));
  EXPECT_EQ(event::IoCauseOf(last_status_), event::IoCause::kReset);
  CheckBooks();
}

TEST_F(ScriptedStreamTest, AFailedWriteEndsTheStream) {
  AttachScripted(StreamKind::kMessage);
  stream_->try_write_room = 10;
  SendAndFlush(Heartbeat(1));
  Send(Heartbeat(2));
  stream_->Finish(event::IoError(event::IoCause::kReset, "connection reset"));
  EXPECT_THAT(heard_, ElementsAre("attached", "dropped 2 stream_broken",
                                  "detached write_failed"));
  CheckBooks();
}

// Back-pressure.

TEST_F(StreamWriterTest, WhatTheKernelDoesNotTakeWaitsAndKeepsItsOrder) {
  for (const StreamKind kind : {StreamKind::kMessage, StreamKind::kMsgApp}) {
    NewWriter(kind);
    PeerEnd& peer = Attach({.in_flight_bytes_max = 1000});
    peer.StopReading();
    const size_t written_before = network_.bytes_written();
    for (uint64_t i = 0; i < 1000; ++i) {
      SendAndFlush(kind == StreamKind::kMessage ? Heartbeat(i) : Append(i));
      if (i % 100 == 0) Settle();
      CheckBooks();
    }
    EXPECT_EQ(network_.bytes_written() - written_before, 1000u);
    EXPECT_GT(writer_->queued_messages(), 900u);
    peer.ResumeReading();
    Settle();
    ASSERT_THAT(peer.numbers, SizeIs(1000));
    for (uint64_t i = 0; i < 1000; ++i) EXPECT_EQ(peer.numbers[i], i);
    CheckBooks();
  }
}

// What a callback appends comes behind what waited before.
TEST_F(StreamWriterTest, WhatIsAppendedWhenAWriteEndsKeepsItsOrder) {
  PeerEnd& peer = Attach({.in_flight_bytes_max = 50});
  on_event_ = [this] {
    if (heard_.size() == 3) Send(Heartbeat(100));
  };
  for (uint64_t i = 0; i < 5; ++i) SendAndFlush(Heartbeat(i));
  Settle();
  EXPECT_THAT(peer.numbers, ElementsAre(0, 1, 2, 3, 4, 100));
}

TEST_F(StreamWriterTest, APeerThatTakesNothingForAMinuteIsGivenUp) {
  PeerEnd& peer = Attach({.in_flight_bytes_max = 100});
  peer.StopReading();
  for (uint64_t i = 0; i < 10; ++i) SendAndFlush(Heartbeat(i));
  loop_.RunFor(absl::Seconds(59));
  EXPECT_TRUE(writer_->is_attached());
  loop_.RunFor(absl::Seconds(4));
  EXPECT_EQ(heard_[heard_.size() - 1], "detached write_timeout");
  EXPECT_EQ(dropped_[DropReason::kStreamBroken].messages,
            10u - written_.messages);
  EXPECT_TRUE(absl::IsDeadlineExceeded(last_status_));
  CheckBooks();
  peer.ResumeReading();
  Settle();
  EXPECT_TRUE(peer.is_ended());
  EXPECT_FALSE(peer.has_final_chunk);
}

TEST_F(StreamWriterTest, APeerThatTakesALittleIsNotGivenUp) {
  PeerEnd& peer = Attach({.in_flight_bytes_max = 1000, .read_bytes_max = 1000});
  peer.StopReading();
  SendAndFlush(Append(1, 1 << 20));
  for (int i = 0; i < 300; ++i) {
    peer.ReadOnce();
    loop_.RunFor(absl::Seconds(1));
  }
  EXPECT_TRUE(writer_->is_attached());
  EXPECT_THAT(heard_, ElementsAre("attached"));
}

// Messages that nobody could read.

TEST_F(StreamWriterTest, OnlyWhatCannotBeEncodedIsDropped) {
  NewWriter(StreamKind::kMsgApp);
  PeerEnd& peer = Attach();
  Send(Append(1));
  Send(Heartbeat(1));
  Send(Append(2));
  EXPECT_EQ(writer_->queued_messages(), 3u);
  writer_->Flush();
  EXPECT_THAT(heard_,
              ElementsAre("attached", "dropped 1 not_encodable", "written 2"));
  Settle();
  EXPECT_THAT(peer.numbers, ElementsAre(1, 2));
  CheckBooks();
}

TEST_F(StreamWriterTest, AMessageOverTheLimitIsDroppedFromTheQueueToo) {
  PeerEnd& peer = Attach({.in_flight_bytes_max = 10});
  peer.StopReading();
  SendAndFlush(Heartbeat(1));
  SendAndFlush(Append(2, 5 << 20));
  SendAndFlush(Heartbeat(3));
  peer.ResumeReading();
  Settle();
  EXPECT_THAT(peer.numbers, ElementsAre(1, 3));
  EXPECT_EQ(dropped_[DropReason::kNotEncodable].by_type[raftpb::MsgApp], 1u);
  CheckBooks();
}

// How streams end.

TEST_F(StreamWriterTest, TheNextConnectionBeginsAnewAndTheOldOneEndsInOrder) {
  NewWriter(StreamKind::kMsgApp);
  PeerEnd& first = Attach();
  SendAndFlush(Append(1));
  Send(Append(2));
  PeerEnd& second = Attach();
  EXPECT_THAT(heard_, ElementsAre("attached", "written 1",
                                  "dropped 1 stream_replaced", "attached"));
  SendAndFlush(Append(3));
  Settle();
  EXPECT_THAT(first.numbers, ElementsAre(1));
  EXPECT_TRUE(first.has_final_chunk);
  ASSERT_TRUE(first.is_ended());
  EXPECT_TRUE(first.end->ok());
  // Its first frame is a full message.
  EXPECT_EQ(second.wire.substr(second.wire.find("\r\n") + 2, 1), "\x02");
  EXPECT_THAT(second.numbers, ElementsAre(3));
  CheckBooks();
}

TEST_F(StreamWriterTest, AHalfWrittenChunkIsNotFollowedByTheFinalOne) {
  PeerEnd& first = Attach({.in_flight_bytes_max = 10});
  SendAndFlush(Heartbeat(1));
  PeerEnd& second = Attach();
  EXPECT_EQ(heard_[1], "dropped 1 stream_replaced");
  SendAndFlush(Heartbeat(2));
  Settle();
  EXPECT_FALSE(first.has_final_chunk);
  EXPECT_TRUE(first.is_ended());
  EXPECT_THAT(second.numbers, ElementsAre(2));
}

TEST_F(StreamWriterTest, DetachReportsAndEndsInOrder) {
  PeerEnd& peer = Attach();
  SendAndFlush(Heartbeat(1));
  Send(Heartbeat(2));
  writer_->Detach(DropReason::kStopped);
  EXPECT_THAT(heard_, ElementsAre("attached", "written 1", "dropped 1 stopped",
                                  "detached detached"));
  writer_->Detach(DropReason::kStopped);
  EXPECT_THAT(heard_, SizeIs(4));
  Settle();
  EXPECT_TRUE(peer.has_final_chunk);
  EXPECT_THAT(peer.numbers, ElementsAre(1));
  EXPECT_EQ(writer_->remote_address(), "");
  loop_.RunFor(absl::Seconds(10));
  EXPECT_THAT(peer.heartbeats, IsEmpty());
  CheckBooks();
}

TEST_F(StreamWriterTest, TheFinalChunkOutlivesTheWriter) {
  PeerEnd& peer = Attach();
  SendAndFlush(Heartbeat(1));
  writer_->Detach(DropReason::kStopped);
  writer_.reset();
  Settle();
  EXPECT_TRUE(peer.has_final_chunk);
  EXPECT_TRUE(peer.end->ok());
}

// To close with bytes unread would reset the connection, and with it destroy
// what the peer has not read yet.
TEST_F(StreamWriterTest, APeerThatTalksStillReadsToTheEnd) {
  PeerEnd& peer = Attach();
  SendAndFlush(Heartbeat(1));
  peer.Write(std::string(1000, '?'));
  writer_->Detach(DropReason::kStopped);
  Settle();
  EXPECT_THAT(peer.numbers, ElementsAre(1));
  EXPECT_TRUE(peer.has_final_chunk);
  EXPECT_TRUE(peer.end->ok()) << *peer.end;
}

TEST_F(StreamWriterTest, APeerThatDoesNotCloseIsClosedAfterFiveSeconds) {
  PeerEnd& peer = Attach();
  peer.closes_at_end = false;
  writer_->Detach(DropReason::kStopped);
  loop_.RunFor(StreamFarewell::kLinger - absl::Milliseconds(1));
  EXPECT_EQ(network_.open_streams(), 2u);
  loop_.RunFor(absl::Milliseconds(2));
  EXPECT_EQ(network_.open_streams(), 1u);
}

TEST_F(StreamWriterTest, APeerThatTalksForEverIsClosedAtOnce) {
  PeerEnd& peer = Attach();
  peer.closes_at_end = false;
  writer_->Detach(DropReason::kStopped);
  peer.Write(std::string(StreamFarewell::kUnreadBytesMax + 1, '?'));
  Settle();
  EXPECT_EQ(network_.open_streams(), 1u);
}

TEST_F(StreamWriterTest, AFinalChunkThatDoesNotFitFollows) {
  // A chunk of 34 bytes, and two of five.
  PeerEnd& peer = Attach({.in_flight_bytes_max = 34 + 2});
  peer.StopReading();
  SendAndFlush(Heartbeat(1));
  EXPECT_EQ(network_.bytes_written(), 34u);
  writer_->Detach(DropReason::kStopped);
  EXPECT_EQ(network_.bytes_written(), 36u);
  peer.ResumeReading();
  Settle();
  EXPECT_TRUE(peer.has_final_chunk);
  EXPECT_TRUE(peer.end->ok());
}

TEST_F(StreamWriterTest, OfThoseOnTheirWayOutOneIsKept) {
  for (int i = 0; i < 10; ++i) Attach().closes_at_end = false;
  EXPECT_EQ(network_.open_streams(), 10u + 2u);
  Settle();
  for (int i = 0; i < 9; ++i) {
    EXPECT_TRUE(ends_[static_cast<size_t>(i)]->has_final_chunk);
  }
}

TEST_F(StreamWriterTest, ThePeersEndIsNoticedByReading) {
  PeerEnd& peer = Attach();
  Send(Heartbeat(1));
  peer.Close();
  Settle();
  EXPECT_THAT(heard_, ElementsAre("attached", "dropped 1 stream_broken",
                                  "detached peer_closed"));
  EXPECT_TRUE(last_status_.ok());
  CheckBooks();
}

TEST_F(StreamWriterTest, AResetIsToldApart) {
  Attach({.resets_after_bytes = 10});
  SendAndFlush(Heartbeat(1));
  Settle();
  EXPECT_THAT(heard_,
              ElementsAre("attached", "written 1", "detached peer_closed"));
  EXPECT_EQ(event::IoCauseOf(last_status_), event::IoCause::kReset);
  CheckBooks();
}

TEST_F(StreamWriterTest, WhatThePeerSaysIsIgnoredAndNotForEver) {
  PeerEnd& peer = Attach();
  peer.Write(std::string(60'000, '?'));
  Settle();
  EXPECT_EQ(peer.unsent_bytes(), 0u);
  peer.Write(std::string(1 << 20, '?'));
  Settle();
  EXPECT_GT(peer.unsent_bytes(), 800'000u);
  SendAndFlush(Heartbeat(1));
  Settle();
  EXPECT_THAT(peer.numbers, ElementsAre(1));
  // Each connection counts its own.
  PeerEnd& next = Attach();
  next.Write("?");
  Settle();
  next.Close();
  Settle();
  EXPECT_FALSE(writer_->is_attached());
}

TEST_F(StreamWriterTest, TheEndOfAPeerThatIsNotReadShowsInWriting) {
  PeerEnd& peer = Attach();
  peer.Write(std::string(1 << 20, '?'));
  Settle();
  peer.Close();
  loop_.RunFor(absl::Seconds(10));
  EXPECT_FALSE(writer_->is_attached());
}

// Callbacks.

// All that a callback may want to do, at each place where there is one.
class StreamWriterCallbackTest : public StreamWriterTest {
 protected:
  // A life in which every callback has its turn.
  void Live() {
    NewWriter(StreamKind::kMsgApp);
    heard_.clear();
    appended_ = written_ = Tally();
    dropped_.clear();
    PeerEnd* peer = AttachIf({.in_flight_bytes_max = 300});
    for (uint64_t i = 0; i < 4; ++i) SendIf(Append(i, 50));
    SendIf(Heartbeat(1));
    FlushIf();
    for (uint64_t i = 4; i < 20; ++i) SendIf(Append(i, 50));
    SendIf(Heartbeat(2));
    FlushIf();
    Settle();
    SendIf(Append(20));
    if (writer_ != nullptr) peer = AttachIf({});
    SendIf(Append(21));
    FlushIf();
    SendIf(Append(22));
    if (writer_ != nullptr) writer_->Detach(DropReason::kStopped);
    peer = AttachIf({});
    SendIf(Append(23));
    if (peer != nullptr) peer->Close();
    Settle();
    AttachIf({.resets_after_bytes = 5});
    SendIf(Append(24));
    FlushIf();
    loop_.RunFor(absl::Seconds(20));
    CheckBooks();
  }

  PeerEnd* AttachIf(event::LinkFaults faults) {
    return writer_ == nullptr ? nullptr : &Attach(std::move(faults));
  }
  void SendIf(raftpb::Message message) {
    if (writer_ != nullptr && writer_->is_attached()) Send(std::move(message));
  }
  void FlushIf() {
    if (writer_ != nullptr && writer_->is_attached()) writer_->Flush();
  }

  // Lives once for each callback, in which `act` is called.
  void AtEachCallback(std::function<void()> act) {
    on_event_ = nullptr;
    Live();
    const std::vector<std::string> events = heard_;
    ASSERT_GE(events.size(), 12u);
    for (size_t at = 1; at <= events.size(); ++at) {
      SCOPED_TRACE(absl::StrCat("in callback ", at, ", ", events[at - 1]));
      on_event_ = [this, at, &act] {
        if (heard_.size() == at) act();
      };
      Live();
    }
  }
};

TEST_F(StreamWriterCallbackTest, EachMayDestroyTheWriter) {
  AtEachCallback([this] {
    // What it had is not reported, and belongs to no book.
    appended_.messages -= writer_->queued_messages();
    appended_.bytes -= writer_->queued_bytes();
    writer_.reset();
    appended_ = written_;
    for (const auto& [reason, tally] : dropped_) appended_.Add(tally);
  });
}

TEST_F(StreamWriterCallbackTest, EachMayDetach) {
  AtEachCallback([this] { writer_->Detach(DropReason::kPeerRemoved); });
}

TEST_F(StreamWriterCallbackTest, EachMayAttach) {
  AtEachCallback([this] { Attach(); });
}

TEST_F(StreamWriterCallbackTest, EachMayAppendAndFlush) {
  AtEachCallback([this] {
    SendIf(Append(1000));
    SendIf(Heartbeat(1000));
    FlushIf();
    SendIf(Append(1001));
  });
}

TEST_F(StreamWriterTest, MayBeDestroyedAfterAnyTurn) {
  for (int turns = 0; turns < 30; ++turns) {
    NewWriter(StreamKind::kMessage);
    PeerEnd& peer = Attach({.in_flight_bytes_max = 500});
    for (uint64_t i = 0; i < 50; ++i) Send(Heartbeat(i));
    writer_->Flush();
    if (turns % 2 == 1) peer.Write("?");
    for (int i = 0; i < turns; ++i) loop_.RunOnce(loop_.Now());
    if (turns % 3 == 0) writer_->Detach(DropReason::kStopped);
    const size_t heard = heard_.size();
    writer_.reset();
    loop_.RunFor(absl::Seconds(10));
    EXPECT_EQ(heard_.size(), heard);
  }
}

// Whatever the network does: the books balance, and what a connection brings is
// what was appended for it from its first message on, in order.
TEST_F(StreamWriterTest, SeededFaults) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    event::SeededFaults::Options options;
    options.reset_percent = 30;
    options.offset_max = 5'000;
    event::SeededFaults faults(seed, options);
    NewWriter(seed % 2 == 0 ? StreamKind::kMessage : StreamKind::kMsgApp);
    ends_.clear();
    uint64_t next = 1;
    std::vector<uint64_t> firsts;
    for (int step = 0; step < 30; ++step) {
      if (!writer_->is_attached() || random() % 20 == 0) {
        firsts.push_back(next);
        Attach(faults.Next());
      }
      const uint64_t count = random() % 20;
      for (uint64_t i = 0; i < count && writer_->is_attached(); ++i) {
        Send(Append(next++, random() % 20 == 0 ? 5000 : random() % 100));
      }
      writer_->Flush();
      if (random() % 4 == 0) loop_.RunFor(absl::Milliseconds(random() % 100));
      CheckBooks();
    }
    loop_.RunFor(absl::Seconds(70));
    CheckBooks();
    ASSERT_EQ(ends_.size(), firsts.size());
    for (size_t i = 0; i < ends_.size(); ++i) {
      const std::vector<uint64_t>& numbers = ends_[i]->numbers;
      for (size_t j = 0; j < numbers.size(); ++j) {
        ASSERT_EQ(numbers[j], firsts[i] + j);
      }
    }
    writer_.reset();
    appended_ = written_;
    for (const auto& [reason, tally] : dropped_) appended_.Add(tally);
  }
}

}  // namespace
}  // namespace rafthttp
