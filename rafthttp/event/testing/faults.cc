#include "rafthttp/event/testing/faults.h"

#include <utility>

#include "rafthttp/base/check.h"

namespace rafthttp::event {

SeededFaults::SeededFaults(uint64_t seed, Options options)
    : options_(std::move(options)), random_(seed) {
  CHECK(options_.in_flight_bytes_max > 0);
  CHECK(options_.offset_max > 0);
}

LinkFaults SeededFaults::Next() {
  LinkFaults faults;
  faults.in_flight_bytes_max = 1 + Below(options_.in_flight_bytes_max);
  const int64_t latency_us_max =
      absl::ToInt64Microseconds(options_.latency_max);
  faults.latency = absl::Microseconds(
      static_cast<int64_t>(Below(static_cast<uint64_t>(latency_us_max) + 1)));
  if (Percent(options_.split_percent)) faults.split_seed = random_();
  if (Percent(options_.stall_percent)) {
    faults.write_stalls_after_bytes = Below(options_.offset_max);
  }
  if (Percent(options_.reset_percent)) {
    faults.resets_after_bytes = Below(options_.offset_max);
  }
  return faults;
}

// The standard library's distributions differ between implementations; this
// does not, and its bias does not matter here.
uint64_t SeededFaults::Below(uint64_t end) { return random_() % end; }

bool SeededFaults::Percent(unsigned percent) { return Below(100) < percent; }

}  // namespace rafthttp::event
