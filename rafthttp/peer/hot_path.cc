// One step of a message's way, so many times: what integration/bench/
// instructions.sh counts the instructions of.
//
//   hot_path STEP TIMES
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "rafthttp/base/check.h"
#include "rafthttp/base/drop_reason.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/base/tally.h"
#include "rafthttp/codec/frame_decoder.h"
#include "rafthttp/codec/frame_encoder.h"
#include "rafthttp/codec/limits.h"
#include "rafthttp/codec/message_codec.h"
#include "rafthttp/codec/message_view.h"
#include "rafthttp/codec/msgappv2_codec.h"
#include "rafthttp/codec/outgoing_message.h"
#include "rafthttp/codec/wire_buffer.h"
#include "rafthttp/event/testing/sim_loop.h"
#include "rafthttp/http1/chunked.h"
#include "rafthttp/http1/limits.h"
#include "rafthttp/peer/mailbox.h"
#include "raftpb/raft.pb.h"

namespace rafthttp {
namespace {

constexpr MemberId kFrom(1);
constexpr MemberId kTo(2);
constexpr uint64_t kTerm = 7;

codec::MessageView Heartbeat() {
  codec::MessageView view;
  view.type = raftpb::MsgHeartbeat;
  view.to = kTo.value();
  view.from = kFrom.value();
  view.term = kTerm;
  view.commit = 1 << 20;
  return view;
}

// An append of one entry of 128 bytes, after `index`.
class Append {
 public:
  codec::MessageView After(uint64_t index) {
    entry_.term = kTerm;
    entry_.index = index + 1;
    entry_.data = data_;
    codec::MessageView view;
    view.type = raftpb::MsgApp;
    view.to = kTo.value();
    view.from = kFrom.value();
    view.term = view.log_term = kTerm;
    view.index = view.commit = index;
    view.entries = absl::MakeConstSpan(&entry_, 1);
    return view;
  }

 private:
  const std::string data_ = std::string(128, 'd');
  codec::EntryView entry_;
};

// So many frames as they come from a stream: one full append first, which the
// others follow.
std::string Frames(bool are_appends, uint64_t times) {
  std::unique_ptr<codec::FrameEncoder> encoder;
  if (are_appends) {
    encoder =
        std::make_unique<codec::MsgAppV2Encoder>(kFrom, kTo, codec::Limits());
  } else {
    encoder = std::make_unique<codec::MessageEncoder>(codec::Limits());
  }
  Append append;
  codec::WireBuffer buffer;
  for (uint64_t i = 0; i <= times; ++i) {
    CHECK(encoder
              ->AppendView(are_appends ? append.After(i) : Heartbeat(), &buffer)
              .ok());
  }
  std::string bytes;
  buffer.AppendTo(&bytes);
  return bytes;
}

class CountingSink final : public codec::FrameSink {
 public:
  void OnMessage(const codec::MessageView&) override { ++count; }
  void OnLinkHeartbeat(const codec::MessageView&) override {}
  uint64_t count = 0;
};

// The same bytes over and over: what makes them is not to be counted. Appends
// are decoded by a decoder of their own each time, as their indexes go on.
void Decode(bool are_appends, uint64_t times) {
  constexpr uint64_t kBatch = 1000;
  const std::string frames = Frames(are_appends, kBatch);
  CountingSink sink;
  for (uint64_t i = 0; i < times; i += kBatch) {
    std::unique_ptr<codec::FrameDecoder> decoder;
    if (are_appends) {
      decoder =
          std::make_unique<codec::MsgAppV2Decoder>(kTo, kFrom, codec::Limits());
    } else {
      decoder = std::make_unique<codec::MessageDecoder>(codec::Limits());
    }
    CHECK(decoder->Decode(frames, sink).ok());
  }
}

void Encode(bool are_appends, uint64_t times) { Frames(are_appends, times); }

// As Send hands it over, and a stream takes it.
void EncodeOutgoing(bool are_appends, uint64_t times) {
  std::unique_ptr<codec::FrameEncoder> encoder;
  if (are_appends) {
    encoder =
        std::make_unique<codec::MsgAppV2Encoder>(kFrom, kTo, codec::Limits());
  } else {
    encoder = std::make_unique<codec::MessageEncoder>(codec::Limits());
  }
  Append append;
  codec::WireBuffer buffer;
  codec::ViewStorage storage;
  for (uint64_t i = 0; i < times; ++i) {
    const codec::OutgoingMessage message(
        are_appends ? append.After(i) : Heartbeat(), nullptr);
    CHECK(encoder->AppendOutgoing(message, &storage, &buffer).ok());
    if (buffer.size() > 64 << 10) buffer.Clear();
  }
}

void PassMailbox(uint64_t times) {
  class Receiver final : public Mailbox::Receiver {
    void OnMail() override {}
  };
  event::SimLoop loop;
  Mailbox::Options options;
  options.member = kTo;
  const auto mailbox = std::make_shared<Mailbox>(
      loop, options, std::make_shared<Mailbox::ProcessBudget>(1 << 30));
  Receiver receiver;
  mailbox->SetReceiver(&receiver);
  Mailbox::Mail mail;
  constexpr uint64_t kBatch = 100;
  for (uint64_t i = 0; i < times; i += kBatch) {
    for (uint64_t j = 0; j < kBatch; ++j) {
      mailbox->Put(1,
                   [] { return codec::OutgoingMessage(Heartbeat(), nullptr); });
    }
    loop.RunFor(absl::ZeroDuration());
    mailbox->Take(&mail);
    Tally tally;
    for (const codec::OutgoingMessage& message : mail.messages) {
      tally.Add(message.type(), message.size_bytes());
    }
    mailbox->Release(tally);
  }
  mailbox->Close(DropReason::kStopped);
}

void PassChunks(uint64_t times) {
  const std::string data(4096, 'x');
  http1::ChunkEncoder chunk;
  http1::ChunkDecoder decoder{http1::Limits()};
  for (uint64_t i = 0; i < times; ++i) {
    chunk.Clear();
    chunk.Add(data);
    for (absl::string_view piece : chunk.Finish()) {
      while (true) {
        const auto span = decoder.Next(piece);
        CHECK(span.ok());
        if (span->empty()) break;
      }
    }
  }
}

int Main(int argc, char** argv) {
  const std::map<std::string, std::function<void(uint64_t)>> steps = {
      {"encode_heartbeat", [](uint64_t n) { Encode(false, n); }},
      {"encode_append", [](uint64_t n) { Encode(true, n); }},
      {"send_heartbeat", [](uint64_t n) { EncodeOutgoing(false, n); }},
      {"send_append", [](uint64_t n) { EncodeOutgoing(true, n); }},
      {"decode_heartbeat", [](uint64_t n) { Decode(false, n); }},
      {"decode_append", [](uint64_t n) { Decode(true, n); }},
      {"mailbox", PassMailbox},
      {"chunk", PassChunks},
  };
  uint64_t times = 0;
  const auto step = argc == 3 ? steps.find(argv[1]) : steps.end();
  if (step == steps.end() || !absl::SimpleAtoi(argv[2], &times)) {
    for (const auto& [name, run] : steps) std::printf("%s\n", name.c_str());
    return argc == 1 ? 0 : 2;
  }
  step->second(times);
  return 0;
}

}  // namespace
}  // namespace rafthttp

int main(int argc, char** argv) { return rafthttp::Main(argc, argv); }
