#include "rafthttp/stats/rate_ring.h"

namespace rafthttp {

void RateRing::Add(uint64_t count, uint64_t bytes, absl::Time at) {
  Record& record = records_[(oldest_ + size_) % kRecordsMax];
  if (size_ < kRecordsMax) {
    ++size_;
  } else {  // `record` is the oldest
    count_ -= record.count;
    bytes_ -= record.bytes;
    oldest_ = (oldest_ + 1) % kRecordsMax;
  }
  record = {.at = at, .count = count, .bytes = bytes};
  count_ += count;
  bytes_ += bytes;
}

RateRing::Rate RateRing::Measure(absl::Time now) {
  if (size_ == 0) return {};
  const absl::Time newest = records_[(oldest_ + size_ - 1) % kRecordsMax].at;
  if (now - newest > kSilenceMax) {
    *this = RateRing();
    return {};
  }
  const absl::Duration span = newest - records_[oldest_].at;
  if (span <= absl::ZeroDuration()) return {};
  // In the order in which etcd computes it, so that not a bit differs.
  constexpr double kSecond = 1e9;
  const auto nanoseconds = static_cast<double>(absl::ToInt64Nanoseconds(span));
  return {
      .requests_per_second =
          static_cast<double>(count_) / nanoseconds * kSecond,
      .bytes_per_second = static_cast<double>(bytes_) / nanoseconds * kSecond};
}

}  // namespace rafthttp
