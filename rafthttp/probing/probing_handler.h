#ifndef RAFTHTTP_PROBING_PROBING_HANDLER_H_
#define RAFTHTTP_PROBING_PROBING_HANDLER_H_

#include <functional>
#include <memory>

#include "absl/time/time.h"
#include "rafthttp/http1/exchange.h"
#include "rafthttp/http1/handler.h"

namespace rafthttp {

// Answers /raft/probing, by any method: that we are there, and what time it is
// here. Nothing is asked of who wants to know.
//
// Threads: loop-confined.
class ProbingHandler final : public http1::Handler {
 public:
  explicit ProbingHandler(std::function<absl::Time()> wall_clock);

  void Serve(std::unique_ptr<http1::Exchange> exchange) override;

 private:
  const std::function<absl::Time()> wall_clock_;
};

}  // namespace rafthttp

#endif  // RAFTHTTP_PROBING_PROBING_HANDLER_H_
