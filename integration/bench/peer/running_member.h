#ifndef INTEGRATION_BENCH_PEER_RUNNING_MEMBER_H_
#define INTEGRATION_BENCH_PEER_RUNNING_MEMBER_H_

#include <uv.h>

#include <cstdint>

#include "absl/status/status.h"
#include "integration/bench/peer/acknowledger.h"
#include "integration/bench/peer/flags.h"
#include "integration/bench/peer/member.h"
#include "integration/bench/peer/sender.h"
#include "rafthttp/event/event_loop.h"

namespace rafthttp::bench {

Member::Options MemberOptions(const Flags& flags);

// Starts it, and adds the peers that the flags name.
absl::Status StartWithPeers(Member& member, const Flags& flags);

// A member that answers what comes.
class AnsweringMember final : private Member::Receiver {
 public:
  // `options` may differ from what the flags say.
  AnsweringMember(uv_loop_t& uv, event::EventLoop& loop, const Flags& flags,
                  Member::Options options, bool is_echo);

  Member& member() { return member_; }
  const Acknowledger::Counters& counters() const {
    return acknowledger_.counters();
  }

 private:
  void OnMessage(const codec::MessageView& message) override {
    acknowledger_.OnMessage(message);
  }

  Acknowledger acknowledger_;
  Member member_;
};

// A member that sends, and takes the answers.
class SendingMember final : private Member::Receiver {
 public:
  SendingMember(uv_loop_t& uv, const Flags& flags)
      : member_(uv, *this, MemberOptions(flags)) {}

  Member& member() { return member_; }
  void Attach(Sender* sender) { sender_ = sender; }
  uint64_t answers() const { return answers_; }

 private:
  void OnMessage(const codec::MessageView& message) override {
    ++answers_;
    if (sender_ != nullptr) sender_->OnAnswer(message);
  }
  void OnMessagesEnd() override {
    if (sender_ != nullptr) sender_->Pump();
  }

  Member member_;
  Sender* sender_ = nullptr;
  uint64_t answers_ = 0;
};

}  // namespace rafthttp::bench

#endif  // INTEGRATION_BENCH_PEER_RUNNING_MEMBER_H_
