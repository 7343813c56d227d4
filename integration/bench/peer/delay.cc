#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "integration/bench/peer/histogram.h"
#include "integration/bench/peer/modes.h"
#include "integration/bench/peer/report.h"
#include "integration/bench/peer/running_member.h"
#include "integration/bench/peer/sender.h"
#include "rafthttp/event/event_loop.h"
#include "raftpb/raft.pb.h"

namespace rafthttp::bench {
namespace {

// Sends appends as its sender has them, and heartbeats between.
class DelayMember final : private Member::Receiver {
 public:
  DelayMember(uv_loop_t& uv, const Flags& flags)
      : flags_(flags), member_(uv, *this, MemberOptions(flags)) {
    sender_.emplace(member_.transport(),
                    Sender::Options{.messages = {.kind = Kind::kApp,
                                                 .from = flags.id,
                                                 .to = flags.peers[0].first,
                                                 .entry_bytes = 1 << 20,
                                                 .entries = 1,
                                                 .fills_entries = false},
                                    .window = flags.window,
                                    .window_bytes = flags.window_bytes,
                                    .batch = 1,
                                    .is_plain = flags.is_plain});
  }

  Member& member() { return member_; }
  Sender& sender() { return *sender_; }
  void Beat() {
    raftpb::Message heartbeat;
    heartbeat.set_type(raftpb::MsgHeartbeat);
    heartbeat.set_to(flags_.peers[0].first.value());
    heartbeat.set_from(flags_.id.value());
    heartbeat.set_term(1);
    heartbeat.set_commit(++beats_);
    sent_at_[beats_] = absl::Now();
    member_.transport().Send(std::move(heartbeat));
  }
  const Histogram& latencies() const { return latencies_; }
  size_t unanswered() const { return sent_at_.size(); }

 private:
  void OnMessage(const codec::MessageView& message) override {
    if (message.type != raftpb::MsgHeartbeatResp) {
      return sender_->OnAnswer(message);
    }
    const auto found = sent_at_.find(message.index);
    if (found == sent_at_.end()) return;
    latencies_.Add(static_cast<uint64_t>(
        absl::ToInt64Nanoseconds(absl::Now() - found->second)));
    sent_at_.erase(found);
  }
  void OnMessagesEnd() override { sender_->Pump(); }

  const Flags& flags_;
  // Its data is in messages that the member may still be sending.
  std::optional<Sender> sender_;
  Member member_;
  uint64_t beats_ = 0;
  std::map<uint64_t, absl::Time> sent_at_;
  Histogram latencies_;
};

}  // namespace

int Delay(uv_loop_t& uv, event::UvLoop& loop, const Flags& flags) {
  if (flags.peers.empty()) return Fail("needs a --peer");
  DelayMember delayed(uv, flags);
  Member& member = delayed.member();
  if (absl::Status status = StartWithPeers(member, flags); !status.ok()) {
    return Fail(status.ToString());
  }
  if (!member.RunUntil([&] { return member.transport().ActivePeers() > 0; },
                       flags.connect_wait)) {
    return Fail("the peer did not become active");
  }
  // Until messages go by streams.
  member.RunFor(absl::Milliseconds(200));
  delayed.sender().Begin(/*count=*/0, absl::Now() + flags.warmup);
  member.RunFor(flags.warmup);
  const uint64_t before = delayed.sender().sent();
  delayed.sender().Begin(/*count=*/0, absl::Now() + flags.duration);
  std::unique_ptr<event::Timer> beating = loop.NewTimer([&] {
    delayed.Beat();
    beating->Start(absl::Milliseconds(5));
  });
  beating->Start(absl::ZeroDuration());
  member.RunFor(flags.duration);
  const uint64_t appends = delayed.sender().sent() - before;
  beating.reset();
  member.RunUntil([&] { return delayed.unanswered() == 0; }, absl::Seconds(5));
  const Histogram& latencies = delayed.latencies();
  Print(flags, {{"heartbeats", latencies.count()},
                {"unanswered", delayed.unanswered()},
                {"appends_s", static_cast<double>(appends) /
                                  absl::ToDoubleSeconds(flags.duration)},
                {"p50_us", latencies.Percentile(0.5)},
                {"p99_us", latencies.Percentile(0.99)},
                {"max_us", latencies.Max()}});
  return 0;
}

}  // namespace rafthttp::bench
