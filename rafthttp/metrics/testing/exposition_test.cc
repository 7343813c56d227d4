#include "rafthttp/metrics/testing/exposition.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rafthttp {
namespace {

using testing::ElementsAre;

TEST(ExpositionTest, ReadsEachKind) {
  const auto families = ParseExposition(
      "# HELP a_total Counts \\\\ things.\n"
      "# TYPE a_total counter\n"
      "a_total{x=\"1\",y=\"q\\\"\\\\\\n\"} 1e+06\n"
      "a_total 2\n"
      "# TYPE h histogram\n"
      "h_bucket{le=\"0.1\"} 1\n"
      "h_bucket{le=\"+Inf\"} 3\n"
      "h_sum 1.5\n"
      "h_count 3\n"
      "# TYPE g gauge\n"
      "g -0.5\n"
      "# TYPE s summary\n"
      "s{quantile=\"0.5\"} NaN\n"
      "s_sum 0\n"
      "s_count 0\n");
  ASSERT_TRUE(families.ok()) << families.status();
  ASSERT_EQ(families->size(), 4u);
  const MetricText& counter = families->at("a_total");
  EXPECT_EQ(counter.type, "counter");
  ASSERT_EQ(counter.samples.size(), 2u);
  EXPECT_EQ(counter.samples[0].labels.at("y"), "q\"\\\n");
  EXPECT_EQ(counter.samples[0].value, 1e6);
  EXPECT_THAT(counter.label_names(), ElementsAre("x", "y"));
  EXPECT_THAT(families->at("h").buckets(),
              ElementsAre(ElementsAre("0.1", "+Inf")));
}

TEST(ExpositionTest, NothingIsNothing) {
  const auto families = ParseExposition("");
  ASSERT_TRUE(families.ok()) << families.status();
  EXPECT_TRUE(families->empty());
}

TEST(ExpositionTest, RefusesWhatIsNotTheFormat) {
  const std::string head = "# TYPE a counter\n";
  const std::string histogram = "# TYPE h histogram\n";
  for (const std::string& text : {
           std::string("a 1\n"),                // no type
           absl::StrCat(head, "a 1"),           // no end
           absl::StrCat(head, "\n"),            // an empty line
           absl::StrCat(head, "b 1\n"),         // of no family
           absl::StrCat(head, "a_sum 1\n"),     // of no histogram
           absl::StrCat(head, "a\n"),           // no value
           absl::StrCat(head, "a  1\n"),        // two blanks
           absl::StrCat(head, "a one\n"),       // no number
           absl::StrCat(head, "a inf\n"),       // written otherwise
           absl::StrCat(head, "a{x=1} 1\n"),    // not quoted
           absl::StrCat(head, "a{x=\"1} 1\n"),  // not closed
           absl::StrCat(head, "a{x=\"\\t\"} 1\n"),
           absl::StrCat(head, "a{x=\"1\"y=\"1\"} 1\n"),
           absl::StrCat(head, "a{x=\"1\",x=\"2\"} 1\n"),
           absl::StrCat(head, "a{9=\"1\"} 1\n"),
           absl::StrCat(head, "a{x:y=\"1\"} 1\n"),
           absl::StrCat(head, "a 1\na 2\n"),  // twice
           absl::StrCat(head, head),
           absl::StrCat(head, "a 1\n# TYPE b gauge\nb 1\n", head),
           std::string("# TYPE a thing\na 1\n"),
           absl::StrCat(histogram, "h_sum 1\nh_count 1\n"),
           absl::StrCat(histogram,
                        "h_bucket{le=\"+Inf\"} 2\nh_sum 1\nh_count 1\n"),
           absl::StrCat(histogram,
                        "h_bucket{le=\"1\"} 2\nh_sum 1\nh_count 2\n"),
           absl::StrCat(histogram,
                        "h_bucket{le=\"2\"} 1\nh_bucket{le=\"1\"} 1\n"
                        "h_bucket{le=\"+Inf\"} 1\n"
                        "h_sum 1\nh_count 1\n"),
           absl::StrCat(histogram,
                        "h_bucket{le=\"1\"} 2\n"
                        "h_bucket{le=\"+Inf\"} 1\n"
                        "h_sum 1\nh_count 1\n"),
       }) {
    EXPECT_FALSE(ParseExposition(text).ok()) << text;
  }
}

}  // namespace
}  // namespace rafthttp
