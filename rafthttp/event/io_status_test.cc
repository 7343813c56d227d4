#include "rafthttp/event/io_status.h"

#include <set>
#include <string>

#include "absl/status/status.h"
#include "gtest/gtest.h"

namespace rafthttp::event {
namespace {

constexpr IoCause kErrors[] = {
    IoCause::kNotResolved, IoCause::kRefused,  IoCause::kUnreachable,
    IoCause::kReset,       IoCause::kTimedOut, IoCause::kCancelled,
    IoCause::kOther,
};

TEST(IoStatusTest, TheCauseSurvivesInTheStatus) {
  for (IoCause cause : kErrors) {
    const absl::Status status = IoError(cause, "192.0.2.1:2380: why");
    EXPECT_FALSE(status.ok());
    EXPECT_EQ(status.message(), "192.0.2.1:2380: why");
    EXPECT_EQ(IoCauseOf(status), cause) << IoCauseName(cause);
  }
}

TEST(IoStatusTest, CodesFollowTheCause) {
  EXPECT_EQ(IoError(IoCause::kTimedOut, "").code(),
            absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(IoError(IoCause::kCancelled, "").code(),
            absl::StatusCode::kCancelled);
  EXPECT_EQ(IoError(IoCause::kRefused, "").code(),
            absl::StatusCode::kUnavailable);
}

TEST(IoStatusTest, OtherStatusesHaveNoCause) {
  EXPECT_EQ(IoCauseOf(absl::OkStatus()), IoCause::kNone);
  EXPECT_EQ(IoCauseOf(absl::UnavailableError("peer is down")), IoCause::kNone);
}

TEST(IoStatusTest, NamesAreDistinct) {
  std::set<std::string> names = {std::string(IoCauseName(IoCause::kNone))};
  for (IoCause cause : kErrors) names.insert(std::string(IoCauseName(cause)));
  EXPECT_EQ(names.size(), std::size(kErrors) + 1);
}

TEST(IoStatusDeathTest, AnErrorWithoutCauseIsABug) {
  EXPECT_DEATH(IoError(IoCause::kNone, "").IgnoreError(),
               "cause != IoCause::kNone");
}

}  // namespace
}  // namespace rafthttp::event
