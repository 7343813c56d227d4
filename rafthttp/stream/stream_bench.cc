// What a message costs from Append to the peer's decoder:
//
//   bazel run --config=opt //rafthttp/stream:stream_bench --
//   --benchmark_min_time=1
//
// One item is one message. "ToNull" writes to a stream that takes everything:
// encoding, framing and accounting. "Loopback" goes over a TCP connection to
// the StreamReader at the other end, on the same loop and thread, so that it
// counts both ends and the kernel. Heartbeats and the first kind of appends are
// raftpb::Messages, "Shared" ones a head whose data several peers share.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "rafthttp/base/check.h"
#include "rafthttp/base/drop_reason.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/base/tally.h"
#include "rafthttp/codec/message_view.h"
#include "rafthttp/codec/outgoing_message.h"
#include "rafthttp/event/byte_stream.h"
#include "rafthttp/event/event_loop.h"
#include "rafthttp/event/listener.h"
#include "rafthttp/event/testing/sim_loop.h"
#include "rafthttp/event/uv_connector.h"
#include "rafthttp/event/uv_listener.h"
#include "rafthttp/event/uv_loop.h"
#include "rafthttp/handshake/identity.h"
#include "rafthttp/handshake/url_picker.h"
#include "rafthttp/http1/server.h"
#include "rafthttp/http1/url.h"
#include "rafthttp/stream/stream_handler.h"
#include "rafthttp/stream/stream_kind.h"
#include "rafthttp/stream/stream_reader.h"
#include "rafthttp/stream/stream_writer.h"
#include "raftpb/raft.pb.h"

namespace rafthttp {
namespace {

constexpr MemberId kWriter(0xcb4d3019f580a15e);
constexpr MemberId kReader(0x2a7c96ad52bc3e90);
constexpr ClusterId kCluster(0x1000);
// What a turn of the raft loop gives to one peer at a time.
constexpr size_t kTurnMessages = 64;

Identity IdentityOf(MemberId self) {
  Identity identity;
  identity.self = self;
  identity.cluster = kCluster;
  return identity;
}

// Makes the messages of one benchmark.
class Source {
 public:
  // No entries: heartbeats.
  Source(int64_t entries, int64_t data_bytes, bool is_shared)
      : entries_(static_cast<size_t>(entries)),
        is_shared_(is_shared),
        data_(std::make_shared<const std::string>(
            static_cast<size_t>(data_bytes), 'x')) {}

  StreamKind kind() const {
    return entries_ == 0 ? StreamKind::kMessage : StreamKind::kMsgApp;
  }
  int64_t message_bytes() const {
    return static_cast<int64_t>(entries_ * data_->size());
  }
  // How many to make at a time: what the mailbox may hold, 64 MiB of it.
  size_t batch_messages() const {
    const size_t bytes = std::max<size_t>(entries_ * data_->size(), 1);
    return std::clamp<size_t>((size_t{64} << 20) / bytes, 16, 4096);
  }

  codec::OutgoingMessage Next() {
    if (entries_ == 0) return codec::OutgoingMessage(Heartbeat());
    return is_shared_ ? SharedAppend() : codec::OutgoingMessage(PlainAppend());
  }

 private:
  raftpb::Message Heartbeat() {
    raftpb::Message message;
    message.set_type(raftpb::MsgHeartbeat);
    message.set_from(kWriter.value());
    message.set_to(kReader.value());
    message.set_term(7);
    message.set_commit(index_);
    return message;
  }
  raftpb::Message PlainAppend() {
    raftpb::Message message;
    message.set_type(raftpb::MsgApp);
    message.set_from(kWriter.value());
    message.set_to(kReader.value());
    message.set_term(7);
    message.set_logterm(7);
    message.set_index(index_);
    message.set_commit(index_);
    for (size_t i = 0; i < entries_; ++i) {
      raftpb::Entry* const entry = message.add_entries();
      entry->set_term(7);
      entry->set_index(++index_);
      entry->set_data(*data_);
    }
    return message;
  }
  codec::OutgoingMessage SharedAppend() {
    codec::MessageView view;
    view.type = raftpb::MsgApp;
    view.from = kWriter.value();
    view.to = kReader.value();
    view.term = 7;
    view.log_term = 7;
    view.index = index_;
    view.commit = index_;
    views_.resize(entries_);
    for (codec::EntryView& entry : views_) {
      entry.term = 7;
      entry.index = ++index_;
      entry.data = *data_;
      entry.fields = 1 << 4;
    }
    view.entries = views_;
    return codec::OutgoingMessage(view, data_);
  }

  const size_t entries_;
  const bool is_shared_;
  const std::shared_ptr<const std::string> data_;
  std::vector<codec::EntryView> views_;
  uint64_t index_ = 1'234'567;
};

class Books final : public StreamWriter::Events {
 public:
  void OnWriterAttached(StreamWriter&) override { is_attached = true; }
  void OnWriterDetached(StreamWriter&, StreamWriter::DetachReason,
                        const absl::Status&) override {
    is_attached = false;
  }
  void OnWritten(StreamWriter&, const Tally& tally) override {
    written += tally.messages;
  }
  void OnDropped(StreamWriter&, const Tally&, DropReason) override {
    CHECK(!is_attached);  // nothing is dropped here
  }

  bool is_attached = false;
  uint64_t written = 0;
};

StreamWriter::Options WriterOptions(StreamKind kind) {
  StreamWriter::Options options;
  options.kind = kind;
  options.self = kWriter;
  options.peer = kReader;
  return options;
}

// Takes everything at once.
class NullStream final : public event::ByteStream {
 public:
  void StartReading(Reader&) override {}
  void StopReading() override {}
  absl::StatusOr<size_t> TryWrite(
      absl::Span<const absl::string_view> buffers) override {
    size_t size = 0;
    for (const absl::string_view buffer : buffers) size += buffer.size();
    return size;
  }
  void Write(absl::Span<const absl::string_view>,
             absl::AnyInvocable<void(absl::Status)>) override {}
  size_t pending_write_bytes() const override { return 0; }
  void ShutdownWrite() override {}
  std::string local_address() const override { return "null"; }
  std::string peer_address() const override { return "null"; }
};

// Appends what `source` makes in turns, each ended by a Flush and `after_turn`;
// the making is not counted.
template <typename AfterTurn, typename AfterBatch>
void Run(benchmark::State& state, Source& source, StreamWriter& writer,
         AfterTurn after_turn, AfterBatch after_batch) {
  const size_t batch = source.batch_messages();
  std::vector<codec::OutgoingMessage> messages;
  messages.reserve(batch);
  uint64_t count = 0;
  for (auto _ : state) {
    state.PauseTiming();
    messages.clear();
    while (messages.size() < batch) messages.push_back(source.Next());
    state.ResumeTiming();
    size_t left_in_turn = kTurnMessages;
    for (codec::OutgoingMessage& message : messages) {
      writer.Append(std::move(message));
      if (--left_in_turn > 0) continue;
      left_in_turn = kTurnMessages;
      writer.Flush();
      after_turn();
    }
    writer.Flush();
    count += batch;
    after_batch(count);
  }
  state.SetItemsProcessed(static_cast<int64_t>(count));
  state.SetBytesProcessed(static_cast<int64_t>(count) * source.message_bytes());
}

void BM_ToNull(benchmark::State& state) {
  event::SimLoop loop;
  Books books;
  Source source(state.range(0), state.range(1), state.range(2) != 0);
  StreamWriter writer(loop, books, WriterOptions(source.kind()));
  writer.Attach(std::make_unique<NullStream>());
  const auto run = [&] { loop.RunOnce(loop.Now()); };
  Run(state, source, writer, run, [&](uint64_t count) {
    while (books.written < count) run();
  });
}

// A listener with one stream to write, and its reader, on one loop.
class Loopback final : private StreamHandler::Peers,
                       private StreamReader::Events {
 public:
  explicit Loopback(StreamKind kind)
      : writer(loop, books, WriterOptions(kind)),
        handler_(*this, IdentityOf(kWriter)),
        server_(
            loop, handler_, http1::Server::Options(),
            [] { return absl::UnixEpoch(); }, nullptr),
        listener_(*event::UvListener::Listen(
            loop, {"127.0.0.1", 0}, {},
            [this](std::unique_ptr<event::ByteStream> stream) {
              server_.Accept(std::move(stream));
            })),
        connector_(loop),
        urls_({*http1::ParsePeerUrl(
            absl::StrCat("http://127.0.0.1:", listener_->port()))}),
        reader_(loop, connector_, urls_, *this, ReaderOptions(kind)) {
    reader_.Start();
    CHECK(loop.RunUntil([&] { return books.is_attached; }, 1000));
  }

  event::UvLoop loop;
  Books books;
  uint64_t received = 0;
  StreamWriter writer;

 private:
  static StreamReader::Options ReaderOptions(StreamKind kind) {
    StreamReader::Options options;
    options.kind = kind;
    options.peer = kWriter;
    options.identity = IdentityOf(kReader);
    return options;
  }
  bool IsIdRemoved(MemberId) override { return false; }
  bool IsPeer(MemberId) override { return true; }
  void OnUnknownSender(MemberId, std::vector<http1::Url>) override {}
  void AttachStream(MemberId, StreamKind,
                    std::unique_ptr<event::ByteStream> stream,
                    std::string) override {
    writer.Attach(std::move(stream));
  }
  void OnStreamOpened(StreamReader&, const StreamReader::Opened&) override {}
  void OnStreamMessage(StreamReader&,
                       const codec::MessageView& message) override {
    benchmark::DoNotOptimize(message);
    ++received;
  }
  void OnStreamLinkHeartbeat(StreamReader&) override {}
  void OnStreamClosed(StreamReader&, const StreamReader::Closed&) override {
    CHECK(false);
  }

  StreamHandler handler_;
  http1::Server server_;
  std::unique_ptr<event::Listener> listener_;
  event::UvConnector connector_;
  UrlPicker urls_;
  StreamReader reader_;
};

void BM_Loopback(benchmark::State& state) {
  Source source(state.range(0), state.range(1), state.range(2) != 0);
  Loopback world(source.kind());
  Run(
      state, source, world.writer, [] {},
      [&](uint64_t count) {
        CHECK(world.loop.RunUntil([&] { return world.received == count; },
                                  1'000'000));
      });
}

void Shapes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"entries", "bytes", "shared"})
      ->Args({0, 0, 0})
      ->Args({1, 128, 0})
      ->Args({1, 128, 1})
      ->Args({64, 128, 0})
      ->Args({64, 128, 1})
      ->Args({1, 64 << 10, 1})
      ->Args({1, 1 << 20, 1});
}
BENCHMARK(BM_ToNull)->Apply(Shapes);
BENCHMARK(BM_Loopback)->Apply(Shapes)->UseRealTime();

}  // namespace
}  // namespace rafthttp
