#include "rafthttp/base/http_answer.h"

#include <utility>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "rafthttp/base/check.h"

namespace rafthttp {
namespace {

constexpr char kPayloadUrl[] = "rafthttp.HttpAnswer";

}  // namespace

absl::Status WithHttpAnswer(absl::Status status, const HttpAnswer& answer) {
  CHECK(!status.ok());
  CHECK(answer.status >= 400);
  CHECK(answer.status <= 599);
  // Neither a number nor a media type has a line break in it.
  status.SetPayload(kPayloadUrl, absl::Cord(absl::StrCat(answer.status, "\n",
                                                         answer.content_type,
                                                         "\n", answer.body)));
  return status;
}

std::optional<HttpAnswer> HttpAnswerOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kPayloadUrl);
  if (!payload.has_value()) return std::nullopt;
  const std::string text(*payload);
  const std::vector<std::string> parts =
      absl::StrSplit(text, absl::MaxSplits('\n', 2));
  HttpAnswer answer;
  if (parts.size() != 3 || !absl::SimpleAtoi(parts[0], &answer.status)) {
    return std::nullopt;
  }
  answer.content_type = parts[1];
  answer.body = parts[2];
  return answer;
}

}  // namespace rafthttp
