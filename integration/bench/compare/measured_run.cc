#include "integration/bench/compare/measured_run.h"

#include <algorithm>
#include <cstdint>

#include "absl/time/clock.h"
#include "integration/bench/peer/process_usage.h"
#include "integration/bench/peer/report.h"
#include "integration/bench/peer/workload.h"

namespace rafthttp::bench {

uint64_t WindowOf(const Flags& flags) {
  if (flags.mode == Flags::Mode::kPingPong) return 1;
  const uint64_t bytes =
      flags.kind == Kind::kApp ? flags.size * flags.entries : 1;
  return std::clamp<uint64_t>(flags.window_bytes / bytes, 1, flags.window);
}

void RunAndPrint(const Flags& flags, WindowedLoad& load, uint64_t batch,
                 const std::function<uint64_t(uint64_t)>& send) {
  load.Run(flags.warmup, batch, send);
  load.set_is_recording(true);
  const uint64_t before = load.sent();
  const OwnUsage usage = OwnUsage::Now();
  const double peer_cpu = CpuSecondsOf(flags.peer_pid);
  const absl::Time begin = absl::Now();
  load.Run(flags.duration, batch, send);
  const double seconds = absl::ToDoubleSeconds(absl::Now() - begin);
  const OwnUsage after = OwnUsage::Now();
  const double cpu = after.user_seconds - usage.user_seconds +
                     after.system_seconds - usage.system_seconds +
                     CpuSecondsOf(flags.peer_pid) - peer_cpu;
  const auto count = static_cast<double>(load.sent() - before);
  Print(flags, {{"sent", load.sent() - before},
                {"msgs_s", count / seconds},
                {"cpu_us_per_msg", cpu / count * 1e6},
                {"p50_us", load.latencies().Percentile(0.5)},
                {"p99_us", load.latencies().Percentile(0.99)}});
}

}  // namespace rafthttp::bench
