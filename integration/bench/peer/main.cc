// Our transport under the measuring stick. Each mode is what the stick's own
// programs do in it.
#include <signal.h>
#include <unistd.h>
#include <uv.h>

#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "integration/bench/peer/acknowledger.h"
#include "integration/bench/peer/flags.h"
#include "integration/bench/peer/member.h"
#include "integration/bench/peer/process_usage.h"
#include "integration/bench/peer/sender.h"
#include "integration/bench/peer/workload.h"
#include "nlohmann/json.hpp"
#include "rafthttp/base/lane.h"
#include "rafthttp/base/ledger.h"
#include "rafthttp/event/uv_loop.h"
#include "rafthttp/event/uv_signal.h"

namespace rafthttp::bench {
namespace {

using Json = nlohmann::ordered_json;

void Print(const Flags& flags, Json result) {
  result["tool"] = "rafthttp";
  result["mode"] = flags.mode_name;
  result["inproc"] = flags.is_inproc;
  result["plain"] = flags.is_plain;
  std::printf("%s\n", result.dump(flags.is_json ? -1 : 2).c_str());
  std::fflush(stdout);
}

int Fail(const std::string& why) {
  std::fprintf(stderr, "peer: %s\n", why.c_str());
  return 1;
}

Member::Options MemberOptions(const Flags& flags) {
  return {.id = flags.id,
          .cluster = flags.cluster_id,
          .listen_url = flags.listen,
          .is_plain = flags.is_plain,
          .is_verbose = flags.is_verbose};
}

Acknowledger::Options AcknowledgerOptions(const Flags& flags, MemberId self,
                                          bool is_echo) {
  return {.self = self,
          .is_echo = is_echo,
          .every = flags.ack_every,
          .every_bytes = flags.ack_bytes,
          .delay = flags.ack_delay,
          .checks_entries = flags.is_checked};
}

// A member that answers what comes.
class AnsweringMember final : private Member::Receiver {
 public:
  AnsweringMember(uv_loop_t& uv, event::EventLoop& loop, const Flags& flags,
                  Member::Options options, bool is_echo)
      : member_(uv, *this, options),
        acknowledger_(loop, AcknowledgerOptions(flags, options.id, is_echo),
                      [this](raftpb::Message answer) {
                        member_.transport().Send(std::move(answer));
                      }) {}

  Member& member() { return member_; }
  const Acknowledger::Counters& counters() const {
    return acknowledger_.counters();
  }

 private:
  void OnMessage(const codec::MessageView& message) override {
    acknowledger_.OnMessage(message);
  }

  Member member_;
  Acknowledger acknowledger_;
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

absl::Status StartWithPeers(Member& member, const Flags& flags) {
  if (absl::Status status = member.Start(); !status.ok()) return status;
  for (const auto& [id, url] : flags.peers) {
    if (absl::Status status = member.transport().AddPeer(id, {url});
        !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

int Receive(uv_loop_t& uv, event::UvLoop& loop, const Flags& flags) {
  AnsweringMember receiving(uv, loop, flags, MemberOptions(flags),
                            flags.mode == Flags::Mode::kEcho);
  Member& member = receiving.member();
  if (absl::Status status = StartWithPeers(member, flags); !status.ok()) {
    return Fail(status.ToString());
  }
  std::fprintf(stderr, "peer: listening on %s\n", member.url().c_str());
  bool is_over = false;
  const auto signals = event::UvSignalWatcher::Create(
      loop, {SIGTERM, SIGINT}, [&](int) { is_over = true; });
  if (!signals.ok()) return Fail(signals.status().ToString());
  const OwnUsage before = OwnUsage::Now();
  while (!is_over) uv_run(&uv, UV_RUN_ONCE);
  const OwnUsage after = OwnUsage::Now();
  const Acknowledger::Counters& counters = receiving.counters();
  const Memory memory = MemoryOf(getpid());
  Print(flags, {{"received", counters.received},
                {"recv_bytes", counters.bytes},
                {"gaps", counters.gaps},
                {"dups", counters.repeats},
                {"bad_data", counters.bad_data},
                {"acks_sent", counters.answers},
                {"other", counters.other},
                {"snapshots", counters.snapshots},
                {"unreachable", member.unreachable()},
                {"user_s", after.user_seconds - before.user_seconds},
                {"sys_s", after.system_seconds - before.system_seconds},
                {"max_rss_kb", memory.rss_max_kb},
                {"threads", memory.threads}});
  return 0;
}

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
uint64_t Run(Member& member, Sender& sender, const Flags& flags, uint64_t count,
             absl::Duration duration) {
  const absl::Time end = duration > absl::ZeroDuration()
                             ? absl::Now() + duration
                             : absl::InfiniteFuture();
  std::thread pacer;
  if (flags.rate > 0) {
    pacer = std::thread([&] { sender.Pace(flags.rate, count, end); });
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
  if (pacer.joinable()) pacer.join();
  return lost;
}

Json Measure(Member& member, Sender& sender, const Flags& flags) {
  if (flags.warmup > absl::ZeroDuration()) {
    Run(member, sender, flags, 0, flags.warmup);
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
      Run(member, sender, flags, flags.count, flags.duration);

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
  Print(flags, Measure(member, sender, flags));
  return 0;
}

Json FootprintNow() {
  const Memory memory = MemoryOf(getpid());
  return {{"rss_kb", memory.rss_kb},
          {"fds", OwnDescriptors()},
          {"threads", memory.threads}};
}

// What many peers cost: idle, after a little traffic, and after so much that
// every queue was full once.
int ConnCost(uv_loop_t& uv, const Flags& flags) {
  SendingMember sending(uv, flags);
  Member& member = sending.member();
  if (absl::Status status = member.Start(); !status.ok()) {
    return Fail(status.ToString());
  }
  const Json base = FootprintNow();
  const absl::Time begin = absl::Now();
  std::vector<MemberId> peers;
  for (int i = 0; i < flags.npeers; ++i) {
    peers.emplace_back(flags.peer_base_id + static_cast<uint64_t>(i));
    if (absl::Status status =
            member.transport().AddPeer(peers.back(), {flags.peer_url});
        !status.ok()) {
      return Fail(status.ToString());
    }
  }
  if (!member.RunUntil(
          [&] { return member.transport().ActivePeers() == peers.size(); },
          absl::Seconds(30))) {
    return Fail("not all peers became active within 30 s");
  }
  const absl::Duration setup = absl::Now() - begin;
  member.RunFor(flags.settle);
  const Json idle = FootprintNow();
  // Without RunUntil's ticks, which would count as ours.
  const OwnUsage before = OwnUsage::Now();
  uv_timer_t over;
  bool is_over = false;
  uv_timer_init(&uv, &over);
  over.data = &is_over;
  uv_timer_start(
      &over, [](uv_timer_t* timer) { *static_cast<bool*>(timer->data) = true; },
      static_cast<uint64_t>(absl::ToInt64Milliseconds(flags.idle)), 0);
  while (!is_over) uv_run(&uv, UV_RUN_ONCE);
  const OwnUsage after = OwnUsage::Now();
  uv_close(reinterpret_cast<uv_handle_t*>(&over), nullptr);
  uv_run(&uv, UV_RUN_NOWAIT);

  uint64_t sent = 0;
  uint64_t index = 0;
  const auto traffic = [&](int rounds, int burst, size_t size) {
    for (int round = 0; round < rounds; ++round) {
      for (int i = 0; i < burst; ++i) {
        std::vector<raftpb::Message> messages;
        for (const MemberId peer : peers) {
          MessageMaker append({.kind = Kind::kApp,
                               .from = flags.id,
                               .to = peer,
                               .entry_bytes = size});
          messages.push_back(append.Make(index + 1));
          MessageMaker heartbeat(
              {.kind = Kind::kHeartbeat, .from = flags.id, .to = peer});
          messages.push_back(heartbeat.Make(index + 1));
        }
        ++index;
        sent += messages.size();
        member.transport().Send(absl::MakeSpan(messages));
      }
      member.RunUntil([&] { return sending.answers() >= sent; },
                      absl::Seconds(2));
    }
    member.RunFor(absl::Seconds(1));
  };
  traffic(64, 1, flags.size);
  const Json light = FootprintNow();
  traffic(66, 64, 128);
  const Json full = FootprintNow();

  const auto per_peer = [&](const Json& from, const Json& to,
                            const char* what) {
    return (to[what].get<double>() - from[what].get<double>()) / flags.npeers;
  };
  const double cpu = after.user_seconds - before.user_seconds +
                     after.system_seconds - before.system_seconds;
  Print(flags,
        {{"npeers", flags.npeers},
         {"base", base},
         {"idle", idle},
         {"light", light},
         {"full", full},
         {"max_rss_kb", MemoryOf(getpid()).rss_max_kb},
         {"setup_ms", absl::ToDoubleMilliseconds(setup)},
         {"sent", sent},
         {"received", sending.answers()},
         {"dropped",
          static_cast<int64_t>(sent) - static_cast<int64_t>(sending.answers())},
         {"rss_kb_per_peer", per_peer(base, idle, "rss_kb")},
         {"rss_kb_per_peer_light", per_peer(base, light, "rss_kb")},
         {"rss_kb_per_peer_full", per_peer(base, full, "rss_kb")},
         {"fds_per_peer", per_peer(base, idle, "fds")},
         {"idle_cpu_ms_per_s", cpu * 1e3 / absl::ToDoubleSeconds(flags.idle)}});
  return 0;
}

int Main(int argc, char** argv) {
  const Flags flags = ParseFlags(argc, argv);
  alarm(static_cast<unsigned>(absl::ToInt64Seconds(flags.max_life)));
  uv_loop_t uv;
  uv_loop_init(&uv);
  int code = 0;
  {
    event::UvLoop loop(uv);
    switch (flags.mode) {
      case Flags::Mode::kRecv:
      case Flags::Mode::kEcho:
        code = Receive(uv, loop, flags);
        break;
      case Flags::Mode::kSend:
      case Flags::Mode::kPingPong:
        code = Send(uv, loop, flags);
        break;
      case Flags::Mode::kConnCost:
        code = ConnCost(uv, flags);
        break;
      case Flags::Mode::kSnapSend:
      case Flags::Mode::kFarm:
        code = Fail(absl::StrCat("no --mode ", flags.mode_name, " here"));
        break;
    }
  }
  while (uv_run(&uv, UV_RUN_NOWAIT) != 0) {
  }
  if (uv_loop_close(&uv) != 0) return Fail("the loop has open handles");
  return code;
}

}  // namespace
}  // namespace rafthttp::bench

int main(int argc, char** argv) { return rafthttp::bench::Main(argc, argv); }
