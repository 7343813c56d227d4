#ifndef INTEGRATION_BENCH_PEER_REPORT_H_
#define INTEGRATION_BENCH_PEER_REPORT_H_

#include <string>

#include "integration/bench/peer/flags.h"
#include "nlohmann/json.hpp"

namespace rafthttp::bench {

using Json = nlohmann::ordered_json;

// Prints a run's result, and which run it was.
void Print(const Flags& flags, Json result);

// Says why there is none; the exit code.
int Fail(const std::string& why);

}  // namespace rafthttp::bench

#endif  // INTEGRATION_BENCH_PEER_REPORT_H_
