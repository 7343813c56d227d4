// What a frame costs, without any I/O:
//
//   bazel run --config=opt //rafthttp/codec:codec_bench --
//   --benchmark_min_time=1
//
// One item is one message. "Views" is what inline delivery costs, "Messages"
// adds the copy into a raftpb::Message that is reused, "Reads64K" feeds the
// stream in reads of 64 KiB, so that frames have to be gathered.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "rafthttp/base/check.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/codec/frame_decoder.h"
#include "rafthttp/codec/frame_encoder.h"
#include "rafthttp/codec/message_codec.h"
#include "rafthttp/codec/message_view.h"
#include "rafthttp/codec/msgappv2_codec.h"
#include "rafthttp/codec/wire_buffer.h"
#include "raftpb/raft.pb.h"

namespace rafthttp::codec {
namespace {

constexpr MemberId kWriter(0xcb4d3019f580a15e);
constexpr MemberId kReader(0x2a7c96ad52bc3e90);
constexpr size_t kSlabBytes = 64 << 10;

class CountingSink final : public FrameSink {
 public:
  void OnLinkHeartbeat(const MessageView&) override { ++count_; }
  void OnMessage(const MessageView& message) override {
    benchmark::DoNotOptimize(message);
    ++count_;
  }
  int64_t count() const { return count_; }

 private:
  int64_t count_ = 0;
};

class CopyingSink final : public FrameSink {
 public:
  void OnLinkHeartbeat(const MessageView&) override { ++count_; }
  void OnMessage(const MessageView& message) override {
    message.CopyTo(&message_);
    benchmark::DoNotOptimize(message_);
    ++count_;
  }
  int64_t count() const { return count_; }

 private:
  raftpb::Message message_;
  int64_t count_ = 0;
};

raftpb::Message Heartbeat() {
  raftpb::Message message;
  message.set_type(raftpb::MsgHeartbeat);
  message.set_from(kWriter.value());
  message.set_to(kReader.value());
  message.set_term(7);
  message.set_commit(1234567);
  return message;
}

// `count` messages, each going on where the one before ended.
std::vector<raftpb::Message> Appends(int64_t count, int64_t entries,
                                     int64_t data_bytes) {
  std::vector<raftpb::Message> messages;
  uint64_t index = 1234567;
  for (int64_t i = 0; i < count; ++i) {
    raftpb::Message& message = messages.emplace_back();
    message.set_type(raftpb::MsgApp);
    message.set_from(kWriter.value());
    message.set_to(kReader.value());
    message.set_term(7);
    message.set_logterm(7);
    message.set_index(index);
    message.set_commit(index);
    for (int64_t j = 0; j < entries; ++j) {
      raftpb::Entry* const entry = message.add_entries();
      entry->set_term(7);
      entry->set_index(++index);
      entry->set_data(std::string(static_cast<size_t>(data_bytes), 'x'));
    }
  }
  return messages;
}

// Enough messages that the full one at the start of a stream does not count.
int64_t MessagesFor(int64_t entries, int64_t data_bytes) {
  return std::clamp<int64_t>((16 << 20) / (entries * data_bytes), 16, 256);
}

std::string Encode(FrameEncoder& encoder,
                   const std::vector<raftpb::Message>& messages) {
  WireBuffer out(WireBuffer::kCopyAll);
  for (const raftpb::Message& message : messages) {
    CHECK(encoder.Append(message, &out).ok());
  }
  return std::string(out.slab());
}

template <typename Sink, typename NewDecoder>
void Decode(benchmark::State& state, absl::string_view stream,
            size_t read_bytes, NewDecoder new_decoder) {
  Sink sink;
  for (auto _ : state) {
    auto decoder = new_decoder();
    for (size_t i = 0; i < stream.size(); i += read_bytes) {
      CHECK(decoder.Decode(stream.substr(i, read_bytes), sink).ok());
    }
    CHECK(decoder.Finish().ok());
  }
  state.SetItemsProcessed(sink.count());
}

void EncodeAll(benchmark::State& state, FrameEncoder& encoder,
               const std::vector<raftpb::Message>& messages, WireBuffer* out) {
  std::vector<absl::string_view> pieces;
  for (const raftpb::Message& message : messages) {
    CHECK(encoder.Append(message, out).ok());
    // As a writer does that has filled a slab.
    if (out->slab().size() < kSlabBytes) continue;
    out->AppendPieces(&pieces);
    benchmark::DoNotOptimize(pieces);
    pieces.clear();
    out->Clear();
  }
  state.SetItemsProcessed(state.items_processed() +
                          static_cast<int64_t>(messages.size()));
}

void BM_EncodeHeartbeat(benchmark::State& state) {
  const std::vector<raftpb::Message> messages(256, Heartbeat());
  MessageEncoder encoder;
  WireBuffer out;
  for (auto _ : state) EncodeAll(state, encoder, messages, &out);
}
BENCHMARK(BM_EncodeHeartbeat);

void BM_EncodeAppend(benchmark::State& state) {
  const std::vector<raftpb::Message> messages =
      Appends(MessagesFor(state.range(0), state.range(1)), state.range(0),
              state.range(1));
  WireBuffer out;
  for (auto _ : state) {
    MsgAppV2Encoder encoder(kWriter, kReader);
    EncodeAll(state, encoder, messages, &out);
  }
}

void BM_EncodeAppendCopied(benchmark::State& state) {
  const std::vector<raftpb::Message> messages =
      Appends(MessagesFor(state.range(0), state.range(1)), state.range(0),
              state.range(1));
  WireBuffer out(WireBuffer::kCopyAll);
  for (auto _ : state) {
    MsgAppV2Encoder encoder(kWriter, kReader);
    EncodeAll(state, encoder, messages, &out);
  }
}

template <typename Sink>
void BM_DecodeHeartbeat(benchmark::State& state) {
  const std::vector<raftpb::Message> messages(256, Heartbeat());
  MessageEncoder encoder;
  const std::string stream = Encode(encoder, messages);
  Decode<Sink>(state, stream, kSlabBytes, [] { return MessageDecoder(); });
}
BENCHMARK(BM_DecodeHeartbeat<CountingSink>)->Name("BM_DecodeHeartbeatViews");
BENCHMARK(BM_DecodeHeartbeat<CopyingSink>)->Name("BM_DecodeHeartbeatMessages");

template <typename Sink, bool kIsGathered>
void BM_DecodeAppend(benchmark::State& state) {
  const std::vector<raftpb::Message> messages =
      Appends(MessagesFor(state.range(0), state.range(1)), state.range(0),
              state.range(1));
  MsgAppV2Encoder encoder(kWriter, kReader);
  const std::string stream = Encode(encoder, messages);
  Decode<Sink>(state, stream, kIsGathered ? kSlabBytes : stream.size(),
               [] { return MsgAppV2Decoder(kReader, kWriter); });
}

// Entries in a message, and the bytes of each one's data.
void Shapes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"entries", "bytes"})
      ->Args({1, 128})
      ->Args({64, 128})
      ->Args({1, 4096})
      ->Args({1, 1 << 20});
}
BENCHMARK(BM_EncodeAppend)->Apply(Shapes);
BENCHMARK(BM_EncodeAppendCopied)->Apply(Shapes);
BENCHMARK(BM_DecodeAppend<CountingSink, false>)
    ->Name("BM_DecodeAppendViews")
    ->Apply(Shapes);
BENCHMARK(BM_DecodeAppend<CopyingSink, false>)
    ->Name("BM_DecodeAppendMessages")
    ->Apply(Shapes);
BENCHMARK(BM_DecodeAppend<CountingSink, true>)
    ->Name("BM_DecodeAppendViewsReads64K")
    ->Apply(Shapes);
BENCHMARK(BM_DecodeAppend<CopyingSink, true>)
    ->Name("BM_DecodeAppendMessagesReads64K")
    ->Apply(Shapes);

}  // namespace
}  // namespace rafthttp::codec
