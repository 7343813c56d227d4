#ifndef INTEGRATION_BENCH_COMPARE_MEASURED_RUN_H_
#define INTEGRATION_BENCH_COMPARE_MEASURED_RUN_H_

#include <functional>

#include "absl/time/time.h"
#include "integration/bench/compare/windowed_load.h"
#include "integration/bench/peer/flags.h"

namespace rafthttp::bench {

// How many messages of these flags may be unanswered.
uint64_t WindowOf(const Flags& flags);

// Runs `load` for the warm-up, and then for the duration, which it measures and
// prints as //integration/bench:peer does.
void RunAndPrint(const Flags& flags, WindowedLoad& load, uint64_t batch,
                 const std::function<uint64_t(uint64_t)>& send);

}  // namespace rafthttp::bench

#endif  // INTEGRATION_BENCH_COMPARE_MEASURED_RUN_H_
