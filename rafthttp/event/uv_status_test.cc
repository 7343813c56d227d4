#include "rafthttp/event/uv_status.h"

#include <uv.h>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "rafthttp/event/io_status.h"

namespace rafthttp::event {
namespace {

TEST(UvStatusTest, SuccessIsOk) {
  EXPECT_TRUE(StatusFromUv(0, "connect").ok());
  EXPECT_TRUE(StatusFromUv(17, "write").ok());
}

TEST(UvStatusTest, NamesTheOperationAndTheReason) {
  const absl::Status status = StatusFromUv(UV_ECONNREFUSED, "192.0.2.1:2380");
  EXPECT_EQ(status.message(), "192.0.2.1:2380: connection refused");
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
}

TEST(UvStatusTest, CodesHaveTheirCause) {
  const struct {
    int err;
    IoCause want;
  } kCases[] = {
      {UV_EAI_NONAME, IoCause::kNotResolved},
      {UV_EAI_AGAIN, IoCause::kNotResolved},
      {UV_ECONNREFUSED, IoCause::kRefused},
      {UV_ENETUNREACH, IoCause::kUnreachable},
      {UV_EHOSTUNREACH, IoCause::kUnreachable},
      {UV_ECONNRESET, IoCause::kReset},
      {UV_EPIPE, IoCause::kReset},
      {UV_ETIMEDOUT, IoCause::kTimedOut},
      {UV_ECANCELED, IoCause::kCancelled},
      {UV_EMFILE, IoCause::kOther},
      {-99999, IoCause::kOther},
  };
  for (const auto& [err, want] : kCases) {
    EXPECT_EQ(IoCauseOf(StatusFromUv(err, "op")), want) << err;
  }
}

}  // namespace
}  // namespace rafthttp::event
