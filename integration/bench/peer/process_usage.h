#ifndef INTEGRATION_BENCH_PEER_PROCESS_USAGE_H_
#define INTEGRATION_BENCH_PEER_PROCESS_USAGE_H_

#include <sys/types.h>

#include <cstdint>

namespace rafthttp::bench {

// What this process has used so far.
struct OwnUsage {
  double user_seconds = 0;
  double system_seconds = 0;
  int64_t voluntary_switches = 0;
  int64_t involuntary_switches = 0;

  static OwnUsage Now();
};

// Of any process of the same user, from /proc; zeros if it is gone or pid <= 0.
double CpuSecondsOf(pid_t pid);

struct CallCounts {
  int64_t reads = 0;   // read-like system calls, as the kernel counts them
  int64_t writes = 0;  // write-like ones
};
CallCounts CallsOf(pid_t pid);

struct Memory {
  int64_t rss_kb = 0;
  int64_t rss_max_kb = 0;
  int64_t threads = 0;
};
Memory MemoryOf(pid_t pid);

// Open descriptors of this process.
int64_t OwnDescriptors();

}  // namespace rafthttp::bench

#endif  // INTEGRATION_BENCH_PEER_PROCESS_USAGE_H_
