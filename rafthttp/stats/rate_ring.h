#ifndef RAFTHTTP_STATS_RATE_RING_H_
#define RAFTHTTP_STATS_RATE_RING_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"

namespace rafthttp {

// How fast requests come, judged by the last 200 records of them. A record may
// stand for several requests of the same moment.
//
// Threads: none of its own; the owner locks.
class RateRing {
 public:
  // etcd's figures.
  static constexpr size_t kRecordsMax = 200;
  static constexpr absl::Duration kSilenceMax = absl::Seconds(1);

  struct Rate {
    double requests_per_second = 0;
    double bytes_per_second = 0;
  };

  void Add(uint64_t count, uint64_t bytes, absl::Time at);

  // Over the time between the oldest and the newest record; 0 where that is
  // none. Forgets all records if the newest is older than kSilenceMax.
  Rate Measure(absl::Time now);

 private:
  struct Record {
    absl::Time at;
    uint64_t count = 0;
    uint64_t bytes = 0;
  };
  std::array<Record, kRecordsMax> records_;
  size_t oldest_ = 0;
  size_t size_ = 0;
  uint64_t count_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace rafthttp

#endif  // RAFTHTTP_STATS_RATE_RING_H_
