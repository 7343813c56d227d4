#ifndef RAFTHTTP_METRICS_METRICS_TEXT_H_
#define RAFTHTTP_METRICS_METRICS_TEXT_H_

#include <string>

namespace prometheus {
class Collectable;
}  // namespace prometheus

namespace rafthttp {

// The Content-Type of what MetricsText returns.
inline constexpr char kMetricsContentType[] =
    "text/plain; version=0.0.4; charset=utf-8";

// Everything in `registry` (a prometheus::Registry is a Collectable) in
// Prometheus's text format: families by name, series by labels, as etcd has
// them, so that two scrapes can be compared by eye and by diff.
std::string MetricsText(const prometheus::Collectable& registry);

}  // namespace rafthttp

#endif  // RAFTHTTP_METRICS_METRICS_TEXT_H_
