#ifndef RAFTHTTP_METRICS_SERIES_H_
#define RAFTHTTP_METRICS_SERIES_H_

#include <map>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "prometheus/counter.h"
#include "prometheus/family.h"
#include "prometheus/labels.h"
#include "rafthttp/base/mutex.h"

namespace rafthttp {

// One series of a family, which leaves the family when this is destroyed. The
// family must outlive it, and no two may have the same labels.
template <typename Metric>
class Series {
 public:
  // `args` are for the metric's constructor.
  template <typename... Args>
  Series(prometheus::Family<Metric>& family, const prometheus::Labels& labels,
         const Args&... args)
      : family_(family), metric_(family.Add(labels, args...)) {}
  ~Series() { family_.Remove(&metric_); }

  Series(const Series&) = delete;
  Series& operator=(const Series&) = delete;

  Metric* operator->() { return &metric_; }

 private:
  prometheus::Family<Metric>& family_;
  Metric& metric_;
};

// Counters that differ in their label "reason", each there from the first time
// on that its reason occurs.
//
// Threads: thread-safe.
class SeriesByReason {
 public:
  // `labels` are the others.
  SeriesByReason(prometheus::Family<prometheus::Counter>& family,
                 prometheus::Labels labels);

  void Increment(absl::string_view reason, double by = 1);

 private:
  prometheus::Family<prometheus::Counter>& family_;
  const prometheus::Labels labels_;
  Mutex mutex_;
  std::map<std::string, Series<prometheus::Counter>, std::less<>> series_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace rafthttp

#endif  // RAFTHTTP_METRICS_SERIES_H_
