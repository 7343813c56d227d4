#ifndef RAFTHTTP_METRICS_TESTING_EXPOSITION_H_
#define RAFTHTTP_METRICS_TESTING_EXPOSITION_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rafthttp {

// One line with a value. A histogram's line has its suffix in the name.
struct Sample {
  std::string name;
  std::map<std::string, std::string> labels;
  double value = 0;
};

struct MetricText {
  std::string type;  // "counter", "gauge", "histogram", "summary", "untyped"
  std::string help;
  std::vector<Sample> samples;

  // Without "le" and "quantile".
  std::set<std::string> label_names() const;
  // A histogram's upper bounds, as written and in order, of each series.
  std::set<std::vector<std::string>> buckets() const;
};

// Reads Prometheus's text format by family, strictly: families in one piece,
// types known and before their samples, names and escapes as the format has
// them, no sample twice, histograms that add up. Otherwise kInvalidArgument
// with the line at fault.
absl::StatusOr<std::map<std::string, MetricText>> ParseExposition(
    absl::string_view text);

}  // namespace rafthttp

#endif  // RAFTHTTP_METRICS_TESTING_EXPOSITION_H_
