#ifndef RAFTHTTP_HTTP1_REQUEST_H_
#define RAFTHTTP_HTTP1_REQUEST_H_

#include <string>

#include "absl/status/statusor.h"
#include "rafthttp/http1/head.h"
#include "rafthttp/http1/headers.h"
#include "rafthttp/http1/url.h"

namespace rafthttp::http1 {

// A request whose body is in memory, or the beginning of one.
struct Request {
  std::string method = "GET";
  Url url;  // its target may be empty, which asks for "/"
  Headers headers = {};
  std::string body = {};
  // The body goes on after `body`, which holds whole chunks: who sends the
  // request writes the others (ClientConnection::upload).
  bool is_upload = false;
};

// A response whose body was gathered in memory.
struct Response {
  ResponseHead head;
  std::string body;
};

// The bytes before `request`'s body: its headers, after a Host (unless it has
// one), and a Content-Length where a body is sent or expected, or the
// Transfer-Encoding of one that goes on.
// kInvalidArgument as WriteRequestHead, and if the headers frame the body.
absl::StatusOr<std::string> RequestHeadBytes(const Request& request);

}  // namespace rafthttp::http1

#endif  // RAFTHTTP_HTTP1_REQUEST_H_
