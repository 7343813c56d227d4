#include "rafthttp/base/http_answer.h"

#include "absl/status/status.h"
#include "gtest/gtest.h"

namespace rafthttp {
namespace {

TEST(HttpAnswerTest, ComesOutAsItWentIn) {
  const absl::Status status = WithHttpAnswer(
      absl::PermissionDeniedError("removed"),
      {.status = 403, .content_type = "application/json", .body = "{\n}\n"});
  EXPECT_EQ(status.message(), "removed");
  const auto answer = HttpAnswerOf(status);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status, 403);
  EXPECT_EQ(answer->content_type, "application/json");
  EXPECT_EQ(answer->body, "{\n}\n");
}

TEST(HttpAnswerTest, IsNotThereWithoutOne) {
  EXPECT_FALSE(HttpAnswerOf(absl::InternalError("x")).has_value());
  EXPECT_FALSE(HttpAnswerOf(absl::OkStatus()).has_value());
}

}  // namespace
}  // namespace rafthttp
