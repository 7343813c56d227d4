#ifndef RAFTHTTP_HTTP1_HANDLER_H_
#define RAFTHTTP_HTTP1_HANDLER_H_

#include <memory>

#include "rafthttp/http1/exchange.h"

namespace rafthttp::http1 {

// Answers requests.
//
// Threads: loop-confined.
class Handler {
 public:
  virtual ~Handler() = default;
  // A request whose head has come.
  virtual void Serve(std::unique_ptr<Exchange> exchange) = 0;
};

}  // namespace rafthttp::http1

#endif  // RAFTHTTP_HTTP1_HANDLER_H_
