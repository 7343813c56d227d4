#include "rafthttp/metrics/testing/exposition.h"

#include <cmath>
#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace rafthttp {
namespace {

using Families = std::map<std::string, MetricText>;

bool IsAlpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

// Takes [a-zA-Z_:][a-zA-Z0-9_:]* off `line`; without colons for a label.
std::string TakeName(absl::string_view* line, bool with_colons) {
  size_t size = 0;
  for (; size < line->size(); ++size) {
    const char c = (*line)[size];
    const bool is_digit = c >= '0' && c <= '9' && size > 0;
    if (!IsAlpha(c) && !is_digit && !(with_colons && c == ':')) break;
  }
  std::string name(line->substr(0, size));
  line->remove_prefix(size);
  return name;
}

// Takes a text in quotes.
bool TakeQuoted(absl::string_view* line, std::string* value) {
  if (!absl::ConsumePrefix(line, "\"")) return false;
  while (!line->empty()) {
    if (absl::ConsumePrefix(line, "\"")) return true;
    if (absl::ConsumePrefix(line, "\\")) {
      if (line->empty()) return false;
      switch (line->front()) {
        case '\\':
        case '"':
          *value += line->front();
          break;
        case 'n':
          *value += '\n';
          break;
        default:
          return false;
      }
    } else {
      *value += line->front();
    }
    line->remove_prefix(1);
  }
  return false;
}

bool TakeLabels(absl::string_view* line,
                std::map<std::string, std::string>* labels) {
  if (!absl::ConsumePrefix(line, "{")) return true;
  while (!absl::ConsumePrefix(line, "}")) {
    if (!labels->empty() && !absl::ConsumePrefix(line, ",")) return false;
    const std::string name = TakeName(line, /*with_colons=*/false);
    std::string value;
    if (name.empty() || !absl::ConsumePrefix(line, "=") ||
        !TakeQuoted(line, &value) || !labels->emplace(name, value).second) {
      return false;
    }
  }
  return true;
}

bool ParseValue(absl::string_view text, double* value) {
  if (text == "+Inf") {
    *value = std::numeric_limits<double>::infinity();
    return true;
  }
  if (text == "-Inf") {
    *value = -std::numeric_limits<double>::infinity();
    return true;
  }
  if (text == "NaN") {
    *value = std::numeric_limits<double>::quiet_NaN();
    return true;
  }
  // SimpleAtod would forgive blanks.
  if (absl::StrContains(text, ' ')) return false;
  return absl::SimpleAtod(text, value) && std::isfinite(*value);
}

bool IsType(absl::string_view type) {
  return type == "counter" || type == "gauge" || type == "histogram" ||
         type == "summary" || type == "untyped";
}

// What a sample of `family` may be called.
bool MayBeIn(const std::string& sample, const std::string& family,
             const std::string& type) {
  if (type == "histogram" || type == "summary") {
    for (const absl::string_view suffix : {"_sum", "_count"}) {
      if (sample == absl::StrCat(family, suffix)) return true;
    }
    return sample ==
           (type == "summary" ? family : absl::StrCat(family, "_bucket"));
  }
  return sample == family;
}

// One series of a histogram.
struct Buckets {
  std::vector<std::string> bounds;
  std::vector<double> counts;
  double count = -1;
  bool has_sum = false;
};

std::map<std::map<std::string, std::string>, Buckets> BucketsOf(
    const MetricText& metric) {
  std::map<std::map<std::string, std::string>, Buckets> series;
  for (const Sample& sample : metric.samples) {
    auto labels = sample.labels;
    labels.erase("le");
    Buckets& buckets = series[labels];
    if (absl::EndsWith(sample.name, "_bucket")) {
      const auto bound = sample.labels.find("le");
      buckets.bounds.push_back(bound == sample.labels.end() ? std::string()
                                                            : bound->second);
      buckets.counts.push_back(sample.value);
    } else if (absl::EndsWith(sample.name, "_count")) {
      buckets.count = sample.value;
    } else {
      buckets.has_sum = true;
    }
  }
  return series;
}

bool AddsUp(const Buckets& buckets) {
  if (buckets.bounds.empty() || buckets.bounds.back() != "+Inf") return false;
  if (!buckets.has_sum || buckets.counts.back() != buckets.count) return false;
  double bound_before = -std::numeric_limits<double>::infinity();
  double count_before = 0;
  for (size_t i = 0; i < buckets.bounds.size(); ++i) {
    double bound = 0;
    if (!ParseValue(buckets.bounds[i], &bound)) return false;
    if (bound <= bound_before || buckets.counts[i] < count_before) return false;
    bound_before = bound;
    count_before = buckets.counts[i];
  }
  return true;
}

// Reads line by line.
class Parser {
 public:
  // False: the line is not as it should be.
  bool Take(absl::string_view line) {
    if (absl::ConsumePrefix(&line, "# HELP ")) {
      return TakeHeader(line, &MetricText::help);
    }
    if (absl::ConsumePrefix(&line, "# TYPE ")) {
      if (!TakeHeader(line, &MetricText::type)) return false;
      return IsType(families_[current_].type);
    }
    return TakeSample(line);
  }
  Families& families() { return families_; }

 private:
  // NAME TEXT, once per family and before its samples.
  bool TakeHeader(absl::string_view line, std::string MetricText::*field) {
    const std::string name = TakeName(&line, /*with_colons=*/true);
    if (name.empty() || !absl::ConsumePrefix(&line, " ")) return false;
    if (name != current_ && families_.count(name) > 0) return false;
    current_ = name;
    MetricText& metric = families_[name];
    if (!metric.samples.empty() || !(metric.*field).empty()) return false;
    metric.*field = std::string(line);
    return true;
  }

  bool TakeSample(absl::string_view line) {
    Sample sample;
    sample.name = TakeName(&line, /*with_colons=*/true);
    if (!TakeLabels(&line, &sample.labels)) return false;
    if (!absl::ConsumePrefix(&line, " ")) return false;
    if (!ParseValue(line, &sample.value)) return false;
    MetricText& metric = families_[current_];
    if (!MayBeIn(sample.name, current_, metric.type)) return false;
    if (!seen_.emplace(sample.name, sample.labels).second) return false;
    metric.samples.push_back(std::move(sample));
    return true;
  }

  std::string current_;
  Families families_;
  std::set<std::pair<std::string, std::map<std::string, std::string>>> seen_;
};

}  // namespace

std::set<std::string> MetricText::label_names() const {
  std::set<std::string> names;
  for (const Sample& sample : samples) {
    for (const auto& [name, value] : sample.labels) names.insert(name);
  }
  names.erase("le");
  names.erase("quantile");
  return names;
}

std::set<std::vector<std::string>> MetricText::buckets() const {
  std::set<std::vector<std::string>> all;
  for (const auto& [labels, buckets] : BucketsOf(*this)) {
    all.insert(buckets.bounds);
  }
  return all;
}

absl::StatusOr<std::map<std::string, MetricText>> ParseExposition(
    absl::string_view text) {
  if (text.empty()) return std::map<std::string, MetricText>();
  if (!absl::ConsumeSuffix(&text, "\n")) {
    return absl::InvalidArgumentError("the last line does not end");
  }
  Parser parser;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (!parser.Take(line)) {
      return absl::InvalidArgumentError(absl::StrCat("bad line: ", line));
    }
  }
  for (const auto& [name, metric] : parser.families()) {
    if (metric.type != "histogram") continue;
    for (const auto& [labels, buckets] : BucketsOf(metric)) {
      if (!AddsUp(buckets)) {
        return absl::InvalidArgumentError(
            absl::StrCat("histogram does not add up: ", name));
      }
    }
  }
  return std::move(parser.families());
}

}  // namespace rafthttp
