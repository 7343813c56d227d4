// Both ends of a stream, and all that stands between them: StreamReader dials a
// server, whose StreamHandler gives the connection to a StreamWriter.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rafthttp/base/drop_reason.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/base/tally.h"
#include "rafthttp/codec/message_view.h"
#include "rafthttp/codec/outgoing_message.h"
#include "rafthttp/event/byte_stream.h"
#include "rafthttp/event/connector.h"
#include "rafthttp/event/event_loop.h"
#include "rafthttp/event/listener.h"
#include "rafthttp/event/testing/faults.h"
#include "rafthttp/event/testing/memory_network.h"
#include "rafthttp/event/testing/sim_loop.h"
#include "rafthttp/event/uv_connector.h"
#include "rafthttp/event/uv_listener.h"
#include "rafthttp/event/uv_loop.h"
#include "rafthttp/handshake/identity.h"
#include "rafthttp/handshake/url_picker.h"
#include "rafthttp/http1/server.h"
#include "rafthttp/http1/url.h"
#include "rafthttp/stream/close_reason.h"
#include "rafthttp/stream/stream_handler.h"
#include "rafthttp/stream/stream_kind.h"
#include "rafthttp/stream/stream_reader.h"
#include "rafthttp/stream/stream_writer.h"
#include "raftpb/raft.pb.h"

namespace rafthttp {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::SizeIs;

constexpr MemberId kWriter(0xcb4);
constexpr MemberId kReader(0x2a7);
constexpr ClusterId kCluster(0x1000);

Identity IdentityOf(MemberId self) {
  Identity identity;
  identity.self = self;
  identity.cluster = kCluster;
  return identity;
}

// All of a message that a compact frame keeps, too.
std::string Text(const raftpb::Message& message) {
  std::string text =
      absl::StrCat(message.type(), " ", message.from(), " ", message.to(), " ",
                   message.term(), " ", message.logterm(), " ", message.index(),
                   " ", message.commit());
  for (const raftpb::Entry& entry : message.entries()) {
    absl::StrAppend(&text, " (", entry.term(), " ", entry.index(), " ",
                    entry.data(), ")");
  }
  return text;
}

// A member that writes to whoever opens its stream.
class WritingMember final : private StreamHandler::Peers,
                            private StreamWriter::Events {
 public:
  WritingMember(event::EventLoop& loop, StreamKind kind)
      : writer_(loop, *this, OptionsOf(kind)),
        handler_(*this, IdentityOf(kWriter)),
        server_(
            loop, handler_, http1::Server::Options(),
            [] { return absl::UnixEpoch(); }, nullptr) {}

  event::Listener::OnAccept acceptor() {
    return [this](std::unique_ptr<event::ByteStream> stream) {
      server_.Accept(std::move(stream));
    };
  }
  StreamWriter& writer() { return writer_; }
  uint64_t written() const { return written_; }

 private:
  static StreamWriter::Options OptionsOf(StreamKind kind) {
    StreamWriter::Options options;
    options.kind = kind;
    options.self = kWriter;
    options.peer = kReader;
    return options;
  }
  bool IsIdRemoved(MemberId) override { return false; }
  bool IsPeer(MemberId id) override { return id == kReader; }
  void OnUnknownSender(MemberId, std::vector<http1::Url>) override {}
  void AttachStream(MemberId, StreamKind kind,
                    std::unique_ptr<event::ByteStream> stream,
                    std::string) override {
    if (kind == writer_.kind()) writer_.Attach(std::move(stream));
  }
  void OnWriterAttached(StreamWriter&) override {}
  void OnWriterDetached(StreamWriter&, StreamWriter::DetachReason,
                        const absl::Status&) override {}
  void OnWritten(StreamWriter&, const Tally& tally) override {
    written_ += tally.messages;
  }
  void OnDropped(StreamWriter&, const Tally&, DropReason) override {}

  uint64_t written_ = 0;
  StreamWriter writer_;
  StreamHandler handler_;
  http1::Server server_;
};

class ReadingMember final : private StreamReader::Events {
 public:
  ReadingMember(event::EventLoop& loop, event::Connector& connector,
                StreamKind kind, absl::string_view url)
      : urls_({*http1::ParsePeerUrl(url)}),
        reader_(loop, connector, urls_, *this, OptionsOf(kind)) {
    reader_.Start();
  }

  StreamReader& reader() { return reader_; }
  const std::vector<std::string>& messages() const { return messages_; }
  int heartbeats() const { return heartbeats_; }
  const std::vector<std::string>& ends() const { return ends_; }

 private:
  static StreamReader::Options OptionsOf(StreamKind kind) {
    StreamReader::Options options;
    options.kind = kind;
    options.peer = kWriter;
    options.identity = IdentityOf(kReader);
    return options;
  }
  void OnStreamOpened(StreamReader&, const StreamReader::Opened&) override {}
  void OnStreamMessage(StreamReader&, const codec::MessageView& view) override {
    raftpb::Message message;
    view.CopyTo(&message);
    messages_.push_back(Text(message));
  }
  void OnStreamLinkHeartbeat(StreamReader&) override { ++heartbeats_; }
  void OnStreamClosed(StreamReader&,
                      const StreamReader::Closed& closed) override {
    ends_.emplace_back(CloseReasonName(closed.reason));
  }

  std::vector<std::string> messages_;
  int heartbeats_ = 0;
  std::vector<std::string> ends_;
  UrlPicker urls_;
  StreamReader reader_;
};

// MsgApps that follow each other, the second with data that is not copied, and
// one that steps back, which is no compact frame.
std::vector<raftpb::Message> Messages() {
  std::vector<raftpb::Message> messages;
  uint64_t index = 10;
  for (const size_t data_bytes : {20, 4200, 0, 5}) {
    raftpb::Message& message = messages.emplace_back();
    message.set_type(raftpb::MsgApp);
    message.set_from(kWriter.value());
    message.set_to(kReader.value());
    message.set_term(7);
    message.set_logterm(7);
    message.set_index(index);
    message.set_commit(index);
    raftpb::Entry* const entry = message.add_entries();
    entry->set_term(7);
    entry->set_index(++index);
    entry->set_type(raftpb::EntryNormal);
    if (data_bytes > 0) entry->set_data(std::string(data_bytes, 'x'));
  }
  messages.push_back(messages[0]);
  return messages;
}

class ReaderToWriterTest : public ::testing::TestWithParam<StreamKind> {
 protected:
  ReaderToWriterTest() : network_(loop_), connector_(network_.NewConnector()) {}
  ~ReaderToWriterTest() override {
    loop_.RunFor(absl::Seconds(30));
    EXPECT_EQ(network_.open_streams(), 0u);
  }

  // Sends in one chunk, and returns what is to arrive.
  std::vector<std::string> SendAll(StreamWriter& writer) {
    std::vector<std::string> sent;
    for (raftpb::Message& message : Messages()) {
      sent.push_back(Text(message));
      writer.Append(codec::OutgoingMessage(std::move(message)));
    }
    writer.Flush();
    return sent;
  }
  void Settle() { loop_.RunFor(absl::Milliseconds(10)); }

  event::SimLoop loop_;
  event::MemoryNetwork network_;
  std::unique_ptr<event::Connector> connector_;
};

TEST_P(ReaderToWriterTest, AtEachSplitPoint) {
  size_t wire_bytes = 100;  // more, as soon as it is known
  for (size_t split = 1; split < wire_bytes; ++split) {
    SCOPED_TRACE(split);
    bool is_towards_reader = true;
    network_.SetFaultSource([&] {
      is_towards_reader = !is_towards_reader;
      event::LinkFaults faults;
      if (is_towards_reader) faults.split_offsets = {split};
      return faults;
    });
    const uint64_t before = network_.bytes_written();
    WritingMember member(loop_, GetParam());
    const auto listener = *network_.Listen({"a", 1}, member.acceptor());
    ReadingMember peer(loop_, *connector_, GetParam(), "http://a:1");
    Settle();
    ASSERT_TRUE(member.writer().is_attached());
    const std::vector<std::string> sent = SendAll(member.writer());
    Settle();
    EXPECT_THAT(peer.messages(), ElementsAreArray(sent));
    EXPECT_TRUE(peer.reader().is_open());
    member.writer().Detach(DropReason::kStopped);
    Settle();
    EXPECT_THAT(peer.ends(), ElementsAre("peer_eof"));
    wire_bytes = network_.bytes_written() - before;
    peer.reader().Stop();
    Settle();
  }
  EXPECT_GT(wire_bytes, 4000u);
}

TEST_P(ReaderToWriterTest, HeartbeatsKeepAnIdleStreamOpen) {
  WritingMember member(loop_, GetParam());
  const auto listener = *network_.Listen({"a", 1}, member.acceptor());
  ReadingMember peer(loop_, *connector_, GetParam(), "http://a:1");
  loop_.RunFor(absl::Hours(1));
  EXPECT_TRUE(peer.reader().is_open());
  EXPECT_EQ(peer.heartbeats(), 3600 * 3 / 5);
  EXPECT_EQ(network_.attempts_begun(), 1u);
  peer.reader().Stop();
}

TEST_P(ReaderToWriterTest, TheReaderThatAskedLastHasTheStream) {
  WritingMember member(loop_, GetParam());
  const auto listener = *network_.Listen({"a", 1}, member.acceptor());
  ReadingMember first(loop_, *connector_, GetParam(), "http://a:1");
  Settle();
  ReadingMember second(loop_, *connector_, GetParam(), "http://a:1");
  Settle();
  EXPECT_THAT(first.ends(), ElementsAre("peer_eof"));
  first.reader().Stop();
  SendAll(member.writer());
  Settle();
  EXPECT_TRUE(second.reader().is_open());
  EXPECT_THAT(second.messages(), SizeIs(Messages().size()));
  second.reader().Stop();
}

// Nobody has to close for it: what the peer left in the middle of a write is
// dropped, and it may come back.
TEST_P(ReaderToWriterTest, AReaderThatGoesIsMissedAtOnceAndMayComeBack) {
  WritingMember member(loop_, GetParam());
  const auto listener = *network_.Listen({"a", 1}, member.acceptor());
  ReadingMember peer(loop_, *connector_, GetParam(), "http://a:1");
  for (int i = 0; i < 5; ++i) {
    Settle();
    ASSERT_TRUE(member.writer().is_attached());
    SendAll(member.writer());
    peer.reader().Stop();
    loop_.RunFor(absl::Milliseconds(150));
    EXPECT_FALSE(member.writer().is_attached());
    peer.reader().Start();
  }
  Settle();
  SendAll(member.writer());
  Settle();
  EXPECT_THAT(peer.messages(), SizeIs(Messages().size()));
  peer.reader().Stop();
}

// A reader that is paused makes its peer wait, not drop.
TEST_P(ReaderToWriterTest, APausedReaderLosesNothing) {
  WritingMember member(loop_, GetParam());
  const auto listener = *network_.Listen({"a", 1}, member.acceptor());
  ReadingMember peer(loop_, *connector_, GetParam(), "http://a:1");
  Settle();
  peer.reader().set_is_paused(true);
  for (int i = 0; i < 100; ++i) SendAll(member.writer());
  loop_.RunFor(absl::Seconds(30));
  EXPECT_GT(member.writer().queued_messages(), 0u);
  EXPECT_THAT(peer.messages(), SizeIs(0));
  peer.reader().set_is_paused(false);
  Settle();
  EXPECT_EQ(member.writer().queued_messages(), 0u);
  EXPECT_THAT(peer.messages(), SizeIs(100 * Messages().size()));
  EXPECT_TRUE(peer.reader().is_open());
  peer.reader().Stop();
}

// The same over real sockets, with more than they hold at once.
TEST_P(ReaderToWriterTest, OverLoopback) {
  event::UvLoop loop;
  event::UvConnector connector(loop);
  WritingMember member(loop, GetParam());
  const auto listener =
      *event::UvListener::Listen(loop, {"127.0.0.1", 0}, {}, member.acceptor());
  ReadingMember peer(loop, connector, GetParam(),
                     absl::StrCat("http://127.0.0.1:", listener->port()));
  constexpr int kTurnsMax = 1'000'000;
  ASSERT_TRUE(
      loop.RunUntil([&] { return member.writer().is_attached(); }, kTurnsMax));
  std::vector<std::string> sent;
  uint64_t index = 1;
  for (int i = 0; i < 3000; ++i) {
    raftpb::Message message = Messages()[0];
    message.set_index(index);
    message.set_logterm(message.term());
    message.mutable_entries(0)->set_index(++index);
    message.mutable_entries(0)->set_data(std::string(
        i % 300 == 7 ? size_t{1} << 20 : static_cast<size_t>(i), 'x'));
    sent.push_back(Text(message));
    member.writer().Append(codec::OutgoingMessage(std::move(message)));
    if (i % 50 == 0) member.writer().Flush();
  }
  member.writer().Flush();
  EXPECT_LT(member.written(), sent.size());
  ASSERT_TRUE(loop.RunUntil(
      [&] { return peer.messages().size() == sent.size(); }, kTurnsMax));
  // Too long to be printed.
  EXPECT_TRUE(peer.messages() == sent);
  EXPECT_EQ(member.written(), sent.size());
  member.writer().Detach(DropReason::kStopped);
  ASSERT_TRUE(loop.RunUntil([&] { return !peer.ends().empty(); }, kTurnsMax));
  EXPECT_THAT(peer.ends(), ElementsAre("peer_eof"));
}

INSTANTIATE_TEST_SUITE_P(BothKinds, ReaderToWriterTest,
                         ::testing::Values(StreamKind::kMessage,
                                           StreamKind::kMsgApp));

}  // namespace
}  // namespace rafthttp
