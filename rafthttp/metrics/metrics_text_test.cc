#include "rafthttp/metrics/metrics_text.h"

#include "gtest/gtest.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"

namespace rafthttp {
namespace {

TEST(MetricsTextTest, NothingIsNothing) {
  EXPECT_EQ(MetricsText(prometheus::Registry()), "");
}

TEST(MetricsTextTest, IsInOrder) {
  prometheus::Registry registry;
  prometheus::BuildHistogram()
      .Name("z_seconds")
      .Help("Last.")
      .Register(registry)
      .Add({}, prometheus::Histogram::BucketBoundaries{0.5})
      .Observe(1);
  auto& family = prometheus::BuildGauge()
                     .Name("a_things")
                     .Help("First.")
                     .Register(registry);
  for (const char* const x : {"3", "1", "2"}) {
    family.Add({{"x", x}, {"b", "1"}}).Set(-1.5);
  }
  EXPECT_EQ(MetricsText(registry),
            "# HELP a_things First.\n"
            "# TYPE a_things gauge\n"
            "a_things{b=\"1\",x=\"1\"} -1.5\n"
            "a_things{b=\"1\",x=\"2\"} -1.5\n"
            "a_things{b=\"1\",x=\"3\"} -1.5\n"
            "# HELP z_seconds Last.\n"
            "# TYPE z_seconds histogram\n"
            "z_seconds_count 1\n"
            "z_seconds_sum 1\n"
            "z_seconds_bucket{le=\"0.5\"} 0\n"
            "z_seconds_bucket{le=\"+Inf\"} 1\n");
}

}  // namespace
}  // namespace rafthttp
