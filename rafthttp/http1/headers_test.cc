#include "rafthttp/http1/headers.h"

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "rafthttp/event/io_status.h"
#include "rafthttp/http1/http_error.h"

namespace rafthttp::http1 {
namespace {

using std::literals::operator""s;

TEST(HeadersTest, FindsNamesWithoutRegardToCase) {
  const Headers headers = {{"X-Etcd-Cluster-Id", "1000"}, {"Date", "now"}};
  EXPECT_EQ(headers.Get("x-etcd-cluster-ID"), "1000");
  EXPECT_TRUE(headers.Has("DATE"));
  EXPECT_EQ(headers.Get("X-Raft-To"), std::nullopt);
}

TEST(HeadersTest, KeepsOrderAndDuplicates) {
  Headers headers;
  headers.Add("b", "1");
  headers.Add("a", "2");
  headers.Add("B", "3");
  std::string all;
  for (const Header& h : headers) all += h.name + "=" + h.value + " ";
  EXPECT_EQ(all, "b=1 a=2 B=3 ");
  EXPECT_EQ(headers.Get("B"), "1");
  EXPECT_EQ(headers.Count("b"), 2u);
}

TEST(HeadersTest, SetReplacesAllOfThatNameInPlace) {
  Headers headers = {{"a", "1"}, {"b", "2"}, {"A", "3"}};
  headers.Set("A", "4");
  headers.Set("c", "5");
  std::string all;
  for (const Header& h : headers) all += h.name + "=" + h.value + " ";
  EXPECT_EQ(all, "A=4 b=2 c=5 ");
  headers.Remove("a");
  EXPECT_FALSE(headers.Has("A"));
  EXPECT_EQ(headers.size(), 2u);
}

TEST(HeadersTest, ListElements) {
  const Headers headers = {{"Connection", "Upgrade, close "},
                           {"connection", "x"}};
  EXPECT_TRUE(headers.HasListElement("Connection", "Close"));
  EXPECT_TRUE(headers.HasListElement("Connection", "X"));
  EXPECT_FALSE(headers.HasListElement("Connection", "clos"));
}

TEST(HeadersTest, ValidateRefusesWhatWouldEndALine) {
  EXPECT_TRUE(
      Headers({{"X-A_b.c", "any text,\t=;: \xc3\xa4"}}).Validate().ok());
  EXPECT_TRUE(Headers({{"Empty", ""}}).Validate().ok());
  for (const std::string& name :
       {""s, "a b"s, "a:"s, "a\r\nb"s, "a\0"s, "\xe4"s, "("s}) {
    EXPECT_EQ(Headers({{name, "v"}}).Validate().code(),
              absl::StatusCode::kInvalidArgument)
        << name;
  }
  for (const std::string& value :
       {"a\r\nX: y"s, "\n"s, "\r"s, "\0"s, "\x7f"s}) {
    const absl::Status status = Headers({{"X", value}}).Validate();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    // One line, whatever was in it.
    EXPECT_EQ(status.message().find('\n'), absl::string_view::npos);
  }
}

TEST(HttpErrorTest, IsReadBackFromTheStatus) {
  for (HttpError error :
       {HttpError::kNotHttp, HttpError::kLooksLikeTls, HttpError::kMalformed,
        HttpError::kBadFraming, HttpError::kTooLarge, HttpError::kNoAnswer,
        HttpError::kCut}) {
    EXPECT_EQ(HttpErrorOf(MakeHttpError(error, "x")), error);
  }
  EXPECT_EQ(HttpErrorOf(absl::OkStatus()), HttpError::kNone);
  EXPECT_EQ(HttpErrorOf(absl::DataLossError("x")), HttpError::kNone);
}

TEST(HttpErrorTest, StandsBesideTheCauseOfIo) {
  const absl::Status status = WithHttpError(
      event::IoError(event::IoCause::kReset, "gone"), HttpError::kCut);
  EXPECT_EQ(HttpErrorOf(status), HttpError::kCut);
  EXPECT_EQ(event::IoCauseOf(status), event::IoCause::kReset);
  EXPECT_EQ(status.message(), "gone");
}

}  // namespace
}  // namespace rafthttp::http1
