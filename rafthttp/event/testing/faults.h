#ifndef RAFTHTTP_EVENT_TESTING_FAULTS_H_
#define RAFTHTTP_EVENT_TESTING_FAULTS_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <vector>

#include "absl/time/time.h"

namespace rafthttp::event {

// How one direction of a connection misbehaves. By default it does not. Offsets
// count the direction's bytes from its first.
struct LinkFaults {
  // How far the writer may be ahead of the reader, as by socket buffers.
  size_t in_flight_bytes_max = 64 << 10;
  // From being written to being readable.
  absl::Duration latency = absl::ZeroDuration();

  // The reader gets at most so much at once ...
  size_t read_bytes_max = std::numeric_limits<size_t>::max();
  // ... and what was written is cut at these offsets (ascending) ...
  std::vector<uint64_t> split_offsets = {};
  // ... or at random places.
  std::optional<uint64_t> split_seed = std::nullopt;

  // The writer cannot write past this offset, as if the peer's host had hung.
  std::optional<uint64_t> write_stalls_after_bytes = std::nullopt;
  // The connection is reset, in both directions, once so many bytes are read.
  std::optional<uint64_t> resets_after_bytes = std::nullopt;
};

// Draws faults from a seed: the same seed, the same faults.
class SeededFaults {
 public:
  struct Options {
    // How often, of 100 directions, each fault is there.
    unsigned split_percent = 50;
    unsigned stall_percent = 5;
    unsigned reset_percent = 20;
    // Stalls and resets come at an offset below this.
    uint64_t offset_max = 4096;
    absl::Duration latency_max = absl::Milliseconds(50);
    // Never more in flight than this; at least 1.
    size_t in_flight_bytes_max = 8192;
  };
  SeededFaults(uint64_t seed, Options options);

  LinkFaults Next();

 private:
  uint64_t Below(uint64_t end);  // from 0 to end - 1
  bool Percent(unsigned percent);

  Options options_;
  std::mt19937_64 random_;
};

}  // namespace rafthttp::event

#endif  // RAFTHTTP_EVENT_TESTING_FAULTS_H_
