#include <unistd.h>
#include <uv.h>

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "integration/bench/peer/modes.h"
#include "integration/bench/peer/process_usage.h"
#include "integration/bench/peer/report.h"
#include "integration/bench/peer/running_member.h"
#include "integration/bench/peer/workload.h"
#include "rafthttp/base/ids.h"
#include "raftpb/raft.pb.h"

namespace rafthttp::bench {
namespace {

Json FootprintNow() {
  const Memory memory = MemoryOf(getpid());
  return {{"rss_kb", memory.rss_kb},
          {"fds", OwnDescriptors()},
          {"threads", memory.threads}};
}

}  // namespace

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

}  // namespace rafthttp::bench
