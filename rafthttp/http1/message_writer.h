#ifndef RAFTHTTP_HTTP1_MESSAGE_WRITER_H_
#define RAFTHTTP_HTTP1_MESSAGE_WRITER_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "rafthttp/http1/headers.h"

namespace rafthttp::http1 {

// The bytes of an HTTP/1.1 head, its empty line included. Nothing is added:
// Host, Content-Length and the like are the caller's. kInvalidArgument if the
// parts could not be read back as they are: a method that is no token, a target
// with blanks, a header with a line break, two ways to tell the body's end.

absl::StatusOr<std::string> WriteRequestHead(absl::string_view method,
                                             absl::string_view target,
                                             const Headers& headers);

// `status` is from 100 to 999.
absl::StatusOr<std::string> WriteResponseHead(int status,
                                              absl::string_view reason,
                                              const Headers& headers);

}  // namespace rafthttp::http1

#endif  // RAFTHTTP_HTTP1_MESSAGE_WRITER_H_
