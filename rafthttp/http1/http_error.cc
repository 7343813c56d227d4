#include "rafthttp/http1/http_error.h"

#include <array>

#include "absl/strings/cord.h"
#include "rafthttp/base/check.h"

namespace rafthttp::http1 {
namespace {

// The payload's content is the error's name.
constexpr absl::string_view kErrorPayload = "rafthttp.http1.HttpError";

constexpr std::array kErrors = {
    HttpError::kNotHttp,    HttpError::kLooksLikeTls, HttpError::kMalformed,
    HttpError::kBadFraming, HttpError::kTooLarge,     HttpError::kNoAnswer,
    HttpError::kCut,
};

absl::StatusCode CodeOf(HttpError error) {
  switch (error) {
    case HttpError::kTooLarge:
      return absl::StatusCode::kResourceExhausted;
    case HttpError::kNoAnswer:
    case HttpError::kCut:
      return absl::StatusCode::kUnavailable;
    default:
      return absl::StatusCode::kDataLoss;
  }
}

}  // namespace

absl::string_view HttpErrorName(HttpError error) {
  switch (error) {
    case HttpError::kNone:
      return "none";
    case HttpError::kNotHttp:
      return "not_http";
    case HttpError::kLooksLikeTls:
      return "looks_like_tls";
    case HttpError::kMalformed:
      return "malformed";
    case HttpError::kBadFraming:
      return "bad_framing";
    case HttpError::kTooLarge:
      return "too_large";
    case HttpError::kNoAnswer:
      return "no_answer";
    case HttpError::kCut:
      return "cut";
  }
  return "invalid";
}

absl::Status MakeHttpError(HttpError error, absl::string_view message) {
  return WithHttpError(absl::Status(CodeOf(error), message), error);
}

absl::Status WithHttpError(absl::Status status, HttpError error) {
  CHECK(error != HttpError::kNone);
  CHECK(!status.ok());
  status.SetPayload(kErrorPayload, absl::Cord(HttpErrorName(error)));
  return status;
}

HttpError HttpErrorOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kErrorPayload);
  if (!payload.has_value()) return HttpError::kNone;
  for (HttpError error : kErrors) {
    if (*payload == HttpErrorName(error)) return error;
  }
  return HttpError::kNone;
}

}  // namespace rafthttp::http1
