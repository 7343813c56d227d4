#include <unistd.h>

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "integration/bench/peer/modes.h"
#include "integration/bench/peer/process_usage.h"
#include "integration/bench/peer/report.h"
#include "integration/bench/peer/running_member.h"
#include "integration/bench/peer/sender.h"
#include "integration/bench/peer/workload.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/base/lane.h"
#include "rafthttp/base/ledger.h"
#include "rafthttp/event/event_loop.h"

namespace rafthttp::bench {
namespace {

// Until messages go by the stream that they belong on, and are answered.
bool Connect(Member& member, Sender& sender, const Flags& flags) {
  const absl::Time end = absl::Now() + flags.connect_wait;
  const Lane lane = flags.kind == Kind::kApp ? Lane::kMsgApp : Lane::kMessage;
  while (absl::Now() < end) {
    sender.SendOne();
    member.RunUntil([&] { return sender.is_answered(); },
                    absl::Milliseconds(100));
    uint64_t streamed = 0;
    for (const LedgerReport::Line& line : member.ReadLedger().lines) {
      if (line.lane == lane) streamed += line.written;
    }
    const bool is_ready = sender.is_answered() && streamed > 0;
    sender.GiveUp();
    if (is_ready) return true;
  }
  return false;
}

// One run of sending; how many were never answered.
uint64_t Run(event::EventLoop& loop, Member& member, Sender& sender,
             const Flags& flags, uint64_t count, absl::Duration duration) {
  const absl::Time end = duration > absl::ZeroDuration()
                             ? absl::Now() + duration
                             : absl::InfiniteFuture();
  // What is due at each millisecond, which is as often as Go's sleep ends, too.
  std::unique_ptr<event::Timer> pacer;
  if (flags.rate > 0) {
    sender.BeginPaced(flags.rate, count, end);
    pacer = loop.NewTimer([&] {
      if (sender.SendDue()) pacer->Start(absl::Milliseconds(1));
    });
    pacer->Start(absl::ZeroDuration());
  } else {
    sender.Begin(count, end);
  }
  uint64_t last = sender.acked();
  uint64_t lost = 0;
  while (true) {
    // A second without an answer: the rest of the window is lost.
    const auto is_done = [&] {
      return (sender.is_sending_over() && sender.is_answered());
    };
    if (member.RunUntil(is_done, absl::Seconds(1))) break;
    if (sender.acked() == last && flags.rate == 0) {
      lost += sender.GiveUp();
      if (sender.is_sending_over()) break;
      sender.Pump();
    } else if (sender.acked() == last && sender.is_sending_over()) {
      lost += sender.GiveUp();
      break;
    }
    last = sender.acked();
    // Nothing but an answer would make it look at the time.
    if (flags.rate == 0 && absl::Now() >= end) sender.Pump();
  }
  return lost;
}

Json Measure(event::EventLoop& loop, Member& member, Sender& sender,
             const Flags& flags) {
  if (flags.warmup > absl::ZeroDuration()) {
    Run(loop, member, sender, flags, 0, flags.warmup);
  }
  sender.latencies().Clear();
  const uint64_t sent_before = sender.sent();
  const uint64_t seen_before = sender.seen();
  const uint64_t answers_before = sender.answers();
  const uint64_t unreachable_before = member.unreachable();
  const LedgerReport ledger_before = member.ReadLedger();
  const double peer_cpu_before = CpuSecondsOf(flags.peer_pid);
  const CallCounts peer_calls_before = CallsOf(flags.peer_pid);
  const CallCounts calls_before = CallsOf(getpid());
  const OwnUsage before = OwnUsage::Now();
  const absl::Time begin = absl::Now();
  sender.set_is_recording(true);

  const uint64_t undelivered =
      Run(loop, member, sender, flags, flags.count, flags.duration);

  const double wall = absl::ToDoubleSeconds(absl::Now() - begin);
  sender.set_is_recording(false);
  const OwnUsage after = OwnUsage::Now();
  const CallCounts calls = CallsOf(getpid());
  const double peer_cpu = CpuSecondsOf(flags.peer_pid) - peer_cpu_before;
  const CallCounts peer_calls = CallsOf(flags.peer_pid);
  const LedgerReport ledger = member.ReadLedger();
  const Memory memory = MemoryOf(getpid());
  const Memory peer_memory = MemoryOf(flags.peer_pid);

  const uint64_t messages = sender.sent() - sent_before;
  const uint64_t seen = sender.seen() - seen_before;
  const double n = messages == 0 ? 1 : static_cast<double>(messages);
  const double user = after.user_seconds - before.user_seconds;
  const double system = after.system_seconds - before.system_seconds;
  const MessageMaker::Options& made = sender.maker().options();
  const double payload =
      made.kind == Kind::kApp
          ? static_cast<double>(made.entry_bytes * made.entries)
          : static_cast<double>(sender.maker().WireBytes());
  const Histogram& latencies = sender.latencies();
  return {
      {"type", flags.type_name},
      {"size", made.entry_bytes},
      {"entries", made.entries},
      {"window", sender.window()},
      {"batch", flags.batch},
      {"sent", messages},
      {"received", seen},
      {"dropped", static_cast<int64_t>(messages) - static_cast<int64_t>(seen)},
      {"undelivered", undelivered},
      {"acks", sender.answers() - answers_before},
      {"unreachable", member.unreachable() - unreachable_before},
      {"sent_failures", ledger.dropped - ledger_before.dropped},
      {"wall_s", wall},
      {"msgs_s", n / wall},
      {"mb_s", n * payload / 1e6 / wall},
      {"p50_us", latencies.Percentile(0.5)},
      {"p99_us", latencies.Percentile(0.99)},
      {"p999_us", latencies.Percentile(0.999)},
      {"mean_us", latencies.Mean()},
      {"max_us", latencies.Max()},
      {"user_s", user},
      {"sys_s", system},
      {"cpu_s", user + system},
      {"peer_cpu_s", peer_cpu},
      {"cpu_us_per_msg", (user + system + peer_cpu) / n * 1e6},
      {"max_rss_kb", memory.rss_max_kb},
      {"peer_rss_kb", peer_memory.rss_kb},
      {"peer_max_rss_kb", peer_memory.rss_max_kb},
      {"threads", memory.threads},
      {"nvcsw", after.voluntary_switches - before.voluntary_switches},
      {"nivcsw", after.involuntary_switches - before.involuntary_switches},
      {"syscr", calls.reads - calls_before.reads},
      {"syscw", calls.writes - calls_before.writes},
      {"peer_syscr", peer_calls.reads - peer_calls_before.reads},
      {"peer_syscw", peer_calls.writes - peer_calls_before.writes},
      {"syscw_per_msg",
       static_cast<double>(calls.writes - calls_before.writes) / n},
      {"peer_syscr_per_msg",
       static_cast<double>(peer_calls.reads - peer_calls_before.reads) / n},
      {"wire_bytes_per_msg", sender.maker().WireBytes()}};
}

}  // namespace

int Send(uv_loop_t& uv, event::UvLoop& loop, Flags flags) {
  SendingMember sending(uv, flags);
  Member& member = sending.member();
  std::unique_ptr<AnsweringMember> receiving;
  if (absl::Status status = member.Start(); !status.ok()) {
    return Fail(status.ToString());
  }
  if (flags.is_inproc) {
    Member::Options options = MemberOptions(flags);
    options.id = MemberId(flags.id.value() + 1);
    options.listen_url = "http://127.0.0.1:0";
    receiving = std::make_unique<AnsweringMember>(
        uv, loop, flags, options, flags.mode == Flags::Mode::kPingPong);
    if (absl::Status status = receiving->member().Start(); !status.ok()) {
      return Fail(status.ToString());
    }
    flags.peers.insert(flags.peers.begin(),
                       {options.id, receiving->member().url()});
    flags.peer_pid = 0;
    static_cast<void>(
        receiving->member().transport().AddPeer(flags.id, {member.url()}));
  }
  if (flags.peers.empty()) return Fail("needs a --peer, or --inproc");
  for (const auto& [id, url] : flags.peers) {
    if (absl::Status status = member.transport().AddPeer(id, {url});
        !status.ok()) {
      return Fail(status.ToString());
    }
  }
  if (flags.mode == Flags::Mode::kPingPong) flags.window = flags.batch = 1;
  Sender sender(member.transport(),
                {.messages = {.kind = flags.kind,
                              .from = flags.id,
                              .to = flags.peers[0].first,
                              .entry_bytes = flags.size,
                              .entries = flags.entries,
                              .fills_entries = flags.is_checked},
                 .window = flags.window,
                 .window_bytes = flags.window_bytes,
                 .batch = flags.batch,
                 .is_plain = flags.is_plain});
  sending.Attach(&sender);
  if (!Connect(member, sender, flags)) {
    return Fail("the peer does not answer by stream");
  }
  Print(flags, Measure(loop, member, sender, flags));
  return 0;
}

}  // namespace rafthttp::bench
