#include "integration/bench/peer/process_usage.h"

#include <sys/resource.h>
#include <time.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace rafthttp::bench {
namespace {

double SecondsOf(const timeval& time) {
  return static_cast<double>(time.tv_sec) +
         static_cast<double>(time.tv_usec) / 1e6;
}

// Reads lines of "name: number".
template <typename OnNumber>
void ReadProc(pid_t pid, const char* file, OnNumber on_number) {
  std::ifstream in(absl::StrCat("/proc/", pid, "/", file));
  std::string name;
  std::string line;
  while (in >> name) {
    int64_t number = 0;
    if (in >> number) on_number(name, number);
    in.clear();
    std::getline(in, line);
  }
}

}  // namespace

OwnUsage OwnUsage::Now() {
  rusage used = {};
  getrusage(RUSAGE_SELF, &used);
  return {.user_seconds = SecondsOf(used.ru_utime),
          .system_seconds = SecondsOf(used.ru_stime),
          .voluntary_switches = used.ru_nvcsw,
          .involuntary_switches = used.ru_nivcsw};
}

double CpuSecondsOf(pid_t pid) {
  if (pid <= 0) return 0;
  clockid_t clock = 0;
  timespec time = {};
  if (clock_getcpuclockid(pid, &clock) != 0) return 0;
  if (clock_gettime(clock, &time) != 0) return 0;
  return static_cast<double>(time.tv_sec) +
         static_cast<double>(time.tv_nsec) / 1e9;
}

CallCounts CallsOf(pid_t pid) {
  CallCounts calls;
  if (pid <= 0) return calls;
  ReadProc(pid, "io", [&](const std::string& name, int64_t number) {
    if (name == "syscr:") calls.reads = number;
    if (name == "syscw:") calls.writes = number;
  });
  return calls;
}

Memory MemoryOf(pid_t pid) {
  Memory memory;
  if (pid <= 0) return memory;
  ReadProc(pid, "status", [&](const std::string& name, int64_t number) {
    if (name == "VmRSS:") memory.rss_kb = number;
    if (name == "VmHWM:") memory.rss_max_kb = number;
    if (name == "Threads:") memory.threads = number;
  });
  return memory;
}

int64_t OwnDescriptors() {
  int64_t count = -1;  // the folder that we look at is open, too
  std::error_code error;
  for (const auto& entry :
       std::filesystem::directory_iterator("/proc/self/fd", error)) {
    static_cast<void>(entry);
    ++count;
  }
  return count;
}

}  // namespace rafthttp::bench
