#include "integration/bench/peer/acknowledger.h"

#include <utility>

namespace rafthttp::bench {

Acknowledger::Acknowledger(event::EventLoop& loop, Options options, Send send)
    : options_(options),
      send_(std::move(send)),
      timer_(loop.NewTimer([this] { AnswerAll(); })) {}

void Acknowledger::OnMessage(const codec::MessageView& message) {
  const std::optional<Numbers> numbers = NumbersOf(message);
  if (!numbers) {
    ++(message.type == raftpb::MsgSnap ? counters_.snapshots : counters_.other);
    return;
  }
  if (options_.checks_entries && !HasFilledEntries(message)) {
    ++counters_.bad_data;
  }
  ++counters_.received;
  counters_.bytes += numbers->bytes;
  if (last_sender_ == nullptr || last_from_ != message.from) {
    last_from_ = message.from;
    last_sender_ = &senders_[message.from];
  }
  Sender& sender = *last_sender_;
  const auto kind = static_cast<size_t>(numbers->kind);
  Flow& flow = sender.flows[kind];
  if (numbers->before == 0) {
    flow.last = 0;  // a sender that starts over
  } else if (numbers->before > flow.last) {
    ++counters_.gaps;
  } else if (numbers->before < flow.last) {
    ++counters_.repeats;
  }
  if (numbers->last > flow.last) flow.last = numbers->last;
  ++flow.count;
  ++flow.unanswered;
  sender.unanswered_bytes += numbers->bytes;
  if (options_.is_echo || flow.unanswered >= options_.every ||
      sender.unanswered_bytes >= options_.every_bytes) {
    Answer(message.from, sender, kind);
  } else if (!timer_->is_armed()) {
    timer_->Start(options_.delay);
  }
}

void Acknowledger::Answer(uint64_t to, Sender& sender, size_t kind) {
  Flow& flow = sender.flows[kind];
  flow.unanswered = 0;
  sender.unanswered_bytes = 0;
  raftpb::Message answer;
  answer.set_type(static_cast<Kind>(kind) == Kind::kApp
                      ? raftpb::MsgAppResp
                      : raftpb::MsgHeartbeatResp);
  answer.set_to(to);
  answer.set_from(options_.self.value());
  answer.set_term(1);
  answer.set_index(flow.last);
  answer.set_commit(flow.count);
  ++counters_.answers;
  send_(std::move(answer));
}

void Acknowledger::AnswerAll() {
  for (auto& [from, sender] : senders_) {
    for (size_t kind = 0; kind < kKinds; ++kind) {
      if (sender.flows[kind].unanswered > 0) Answer(from, sender, kind);
    }
  }
}

}  // namespace rafthttp::bench
