#ifndef INTEGRATION_BENCH_PEER_HISTOGRAM_H_
#define INTEGRATION_BENCH_PEER_HISTOGRAM_H_

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace rafthttp::bench {

// Counts nanoseconds in buckets, 128 per power of two: a percentile is at most
// 0.8 % off.
class Histogram {
 public:
  void Add(uint64_t nanos) {
    ++buckets_[BucketOf(nanos)];
    ++count_;
    sum_ += static_cast<double>(nanos);
    if (nanos > max_) max_ = nanos;
  }
  void Clear() { *this = Histogram(); }

  uint64_t count() const { return count_; }
  // In microseconds; `share` from 0 to 1.
  double Percentile(double share) const {
    if (count_ == 0) return 0;
    auto wanted =
        static_cast<uint64_t>(share * static_cast<double>(count_) + 0.5);
    if (wanted == 0) wanted = 1;
    uint64_t seen = 0;
    for (size_t i = 0; i < buckets_.size(); ++i) {
      seen += buckets_[i];
      if (seen >= wanted) return static_cast<double>(ValueOf(i)) / 1e3;
    }
    return static_cast<double>(max_) / 1e3;
  }
  double Mean() const {
    return count_ == 0 ? 0 : sum_ / static_cast<double>(count_) / 1e3;
  }
  double Max() const { return static_cast<double>(max_) / 1e3; }

 private:
  static constexpr size_t kSubBuckets = 128;

  static size_t BucketOf(uint64_t value) {
    if (value < kSubBuckets) return static_cast<size_t>(value);
    const auto shift = static_cast<size_t>(std::bit_width(value)) - 8;
    return shift * kSubBuckets + static_cast<size_t>(value >> shift);
  }
  static uint64_t ValueOf(size_t bucket) {
    if (bucket < 2 * kSubBuckets) return bucket;
    const size_t shift = bucket / kSubBuckets - 1;
    return static_cast<uint64_t>(bucket % kSubBuckets + kSubBuckets) << shift;
  }

  std::array<uint64_t, 58 * kSubBuckets> buckets_ = {};
  uint64_t count_ = 0;
  uint64_t max_ = 0;
  double sum_ = 0;
};

}  // namespace rafthttp::bench

#endif  // INTEGRATION_BENCH_PEER_HISTOGRAM_H_
