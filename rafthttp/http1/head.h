#ifndef RAFTHTTP_HTTP1_HEAD_H_
#define RAFTHTTP_HTTP1_HEAD_H_

#include <string>

#include "rafthttp/http1/framing.h"
#include "rafthttp/http1/headers.h"

namespace rafthttp::http1 {

// What stands before a request's body. The version is HTTP/1.minor_version.
struct RequestHead {
  std::string method;
  std::string target;  // "/raft/probing?x=1", as it came
  int minor_version = 1;
  Headers headers;
  Framing framing;
};

// What stands before a response's body.
struct ResponseHead {
  int status = 0;      // 100 to 999
  std::string reason;  // may be empty; means nothing
  int minor_version = 1;
  Headers headers;
  Framing framing;
};

}  // namespace rafthttp::http1

#endif  // RAFTHTTP_HTTP1_HEAD_H_
