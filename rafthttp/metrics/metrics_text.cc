#include "rafthttp/metrics/metrics_text.h"

#include <algorithm>
#include <vector>

#include "prometheus/client_metric.h"
#include "prometheus/collectable.h"
#include "prometheus/metric_family.h"
#include "prometheus/serializer.h"
#include "prometheus/text_serializer.h"

namespace rafthttp {
namespace {

bool HasLowerLabels(const prometheus::ClientMetric& a,
                    const prometheus::ClientMetric& b) {
  return a.label < b.label;
}

}  // namespace

std::string MetricsText(const prometheus::Collectable& registry) {
  std::vector<prometheus::MetricFamily> families = registry.Collect();
  for (prometheus::MetricFamily& family : families) {
    for (prometheus::ClientMetric& metric : family.metric) {
      std::sort(metric.label.begin(), metric.label.end());
    }
    std::sort(family.metric.begin(), family.metric.end(), HasLowerLabels);
  }
  std::stable_sort(
      families.begin(), families.end(),
      [](const prometheus::MetricFamily& a, const prometheus::MetricFamily& b) {
        return a.name < b.name;
      });
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace rafthttp
