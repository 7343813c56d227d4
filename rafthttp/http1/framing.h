#ifndef RAFTHTTP_HTTP1_FRAMING_H_
#define RAFTHTTP_HTTP1_FRAMING_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "rafthttp/http1/headers.h"

namespace rafthttp::http1 {

// How the end of a message's body is told (RFC 9112, section 6).
struct Framing {
  enum class Kind {
    kNone,           // there is no body
    kChunked,        // the last chunk ends it
    kContentLength,  // after content_length bytes
    kUntilClose,     // the end of the connection ends it: a cut looks the same
  };
  Kind kind = Kind::kNone;
  uint64_t content_length = 0;

  friend bool operator==(const Framing&, const Framing&) = default;
};

// How the body of a response of HTTP/1.`minor_version` ends. `answers_head` is
// true if the request's method was HEAD. kBadFraming (http_error.h) where two
// readers could disagree on it: a Content-Length beside a Transfer-Encoding,
// several Content-Lengths, one that is not a plain number below 2^63, a
// transfer coding other than chunked.
absl::StatusOr<Framing> ResponseFraming(int status, int minor_version,
                                        const Headers& headers,
                                        bool answers_head);
absl::StatusOr<Framing> RequestFraming(int minor_version,
                                       const Headers& headers);

// Whether the sender of these headers keeps the connection open afterwards.
bool IsKeepAlive(int minor_version, const Headers& headers);

}  // namespace rafthttp::http1

#endif  // RAFTHTTP_HTTP1_FRAMING_H_
