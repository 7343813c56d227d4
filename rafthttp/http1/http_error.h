#ifndef RAFTHTTP_HTTP1_HTTP_ERROR_H_
#define RAFTHTTP_HTTP1_HTTP_ERROR_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace rafthttp::http1 {

// What was wrong with an HTTP exchange, where an absl::StatusCode is too coarse
// to act on.
enum class HttpError {
  kNone,          // an OK status, or one that is not about HTTP
  kNotHttp,       // the peer speaks something else
  kLooksLikeTls,  // the peer answered with a TLS record
  kMalformed,     // it speaks HTTP, but wrongly
  kBadFraming,    // where the body ends cannot be told for sure
  kTooLarge,      // beyond one of our Limits
  kNoAnswer,      // the connection ended before the first byte of an answer
  kCut,           // the connection ended inside an answer
};

// "not_http", "cut": for logs and typed reasons.
absl::string_view HttpErrorName(HttpError error);

// A status that HttpErrorOf recognises: kResourceExhausted for kTooLarge,
// kUnavailable for kNoAnswer and kCut, else kDataLoss. An error of kNone is the
// caller's bug.
absl::Status MakeHttpError(HttpError error, absl::string_view message);

// The same status, marked with `error`; its code, text and other marks (such as
// event::IoCause) stay.
absl::Status WithHttpError(absl::Status status, HttpError error);

HttpError HttpErrorOf(const absl::Status& status);

}  // namespace rafthttp::http1

#endif  // RAFTHTTP_HTTP1_HTTP_ERROR_H_
