#include "integration/bench/peer/report.h"

#include <cstdio>

namespace rafthttp::bench {

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

}  // namespace rafthttp::bench
