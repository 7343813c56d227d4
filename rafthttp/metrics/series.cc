#include "rafthttp/metrics/series.h"

#include <utility>

namespace rafthttp {

SeriesByReason::SeriesByReason(prometheus::Family<prometheus::Counter>& family,
                               prometheus::Labels labels)
    : family_(family), labels_(std::move(labels)) {}

void SeriesByReason::Increment(absl::string_view reason, double by) {
  MutexLock lock(mutex_);
  auto found = series_.find(reason);
  if (found == series_.end()) {
    prometheus::Labels labels = labels_;
    labels["reason"] = std::string(reason);
    found = series_.try_emplace(std::string(reason), family_, labels).first;
  }
  found->second->Increment(by);
}

}  // namespace rafthttp
