#include "rafthttp/base/check.h"

#include "gtest/gtest.h"

namespace rafthttp {
namespace {

TEST(CheckTest, PassesOnTrueAndEvaluatesOnce) {
  int evaluations = 0;
  auto evaluate = [&evaluations] { return ++evaluations > 0; };
  CHECK(evaluate());
  EXPECT_EQ(evaluations, 1);
}

TEST(CheckTest, IsAnExpression) {
  bool reached = false;
  if (reached)
    CHECK(reached);
  else
    reached = true;
  EXPECT_TRUE(reached);
}

TEST(CheckDeathTest, FailureNamesTheConditionAndThePlace) {
  const int live_handles = 1;
  EXPECT_DEATH(CHECK(live_handles == 0),
               "check_test\\.cc:[0-9]+: check failed: live_handles == 0");
}

}  // namespace
}  // namespace rafthttp
