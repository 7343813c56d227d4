#include "tools/rafthttpctl/exit_code.h"

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "rafthttp/http1/http_error.h"

namespace rafthttpctl {
namespace {

using rafthttp::CloseReason;

// Scripts rely on the numbers.
TEST(ExitCodeTest, NumbersAreTheContracts) {
  EXPECT_EQ(static_cast<int>(ExitCodeOf(absl::OkStatus())), 0);
  EXPECT_EQ(static_cast<int>(ExitCodeOf(absl::DataLossError(""))), 1);
  EXPECT_EQ(static_cast<int>(ExitCodeOf(absl::InvalidArgumentError(""))), 2);
  EXPECT_EQ(static_cast<int>(ExitCodeOf(absl::UnavailableError(""))), 3);
  EXPECT_EQ(static_cast<int>(ExitCodeOf(absl::DeadlineExceededError(""))), 3);
  EXPECT_EQ(static_cast<int>(ExitCodeOf(absl::UnauthenticatedError(""))), 4);
  EXPECT_EQ(static_cast<int>(ExitCodeOf(rafthttp::http1::MakeHttpError(
                rafthttp::http1::HttpError::kNotHttp, "an SSH server"))),
            3);
  EXPECT_EQ(static_cast<int>(ExitCodeOf(CloseReason::kRefused)), 3);
  EXPECT_EQ(static_cast<int>(ExitCodeOf(CloseReason::kNotHttp)), 3);
  EXPECT_EQ(static_cast<int>(ExitCodeOf(CloseReason::kClusterMismatch)), 5);
  EXPECT_EQ(static_cast<int>(ExitCodeOf(CloseReason::kMemberRemoved)), 5);
  EXPECT_EQ(static_cast<int>(ExitCodeOf(CloseReason::kNotFound)), 5);
}

// `members` and `dial` agree on a port that speaks no HTTP.
TEST(ExitCodeTest, WhatIsNoHttpIsNotReached) {
  using rafthttp::http1::HttpError;
  for (const HttpError error :
       {HttpError::kNotHttp, HttpError::kLooksLikeTls, HttpError::kNoAnswer,
        HttpError::kCut, HttpError::kTooLarge}) {
    EXPECT_EQ(ExitCodeOf(rafthttp::http1::MakeHttpError(error, "x")),
              ExitCode::kUnreachable);
  }
}

}  // namespace
}  // namespace rafthttpctl
