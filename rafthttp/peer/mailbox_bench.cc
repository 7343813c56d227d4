// From Send's thread to the loop and back to the budget: Put, Take, Release.
// One item is one message; so many wait at once.
//
//   bazel run --config=opt //rafthttp/peer:mailbox_bench
#include <benchmark/benchmark.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "rafthttp/base/drop_reason.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/base/tally.h"
#include "rafthttp/codec/message_view.h"
#include "rafthttp/codec/outgoing_message.h"
#include "rafthttp/event/testing/sim_loop.h"
#include "rafthttp/peer/mailbox.h"
#include "raftpb/raft.pb.h"

namespace rafthttp {
namespace {

class Receiver final : public Mailbox::Receiver {
  void OnMail() override {}
};

void PutAndTake(benchmark::State& state, const codec::MessageView& view) {
  event::SimLoop loop;
  const auto budget = std::make_shared<Mailbox::ProcessBudget>(1 << 30);
  Mailbox::Options options;
  options.member = MemberId(2);
  const auto mailbox = std::make_shared<Mailbox>(loop, options, budget);
  Receiver receiver;
  mailbox->SetReceiver(&receiver);
  Mailbox::Mail mail;
  const int64_t count = state.range(0);
  for (auto _ : state) {
    for (int64_t i = 0; i < count; ++i) {
      mailbox->Put(1, [&] { return codec::OutgoingMessage(view, nullptr); });
    }
    loop.RunFor(absl::ZeroDuration());
    mailbox->Take(&mail);
    Tally tally;
    for (const codec::OutgoingMessage& message : mail.messages) {
      tally.Add(message.type(), message.size_bytes());
    }
    mailbox->Release(tally);
  }
  state.SetItemsProcessed(state.iterations() * count);
  mailbox->Close(DropReason::kStopped);
}

void BM_Heartbeats(benchmark::State& state) {
  codec::MessageView view;
  view.type = raftpb::MsgHeartbeat;
  view.to = 2;
  view.from = 1;
  view.term = 7;
  view.commit = 1 << 20;
  PutAndTake(state, view);
}
BENCHMARK(BM_Heartbeats)->Arg(1)->Arg(64)->Arg(1024);

void BM_Appends(benchmark::State& state) {
  const std::string data(128, 'd');
  codec::EntryView entry;
  entry.term = 7;
  entry.index = (1 << 20) + 1;
  entry.data = data;
  codec::MessageView view;
  view.type = raftpb::MsgApp;
  view.to = 2;
  view.from = 1;
  view.term = view.log_term = 7;
  view.index = view.commit = 1 << 20;
  view.entries = absl::MakeConstSpan(&entry, 1);
  PutAndTake(state, view);
}
BENCHMARK(BM_Appends)->Arg(1)->Arg(64)->Arg(1024);

}  // namespace
}  // namespace rafthttp
