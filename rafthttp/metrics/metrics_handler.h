#ifndef RAFTHTTP_METRICS_METRICS_HANDLER_H_
#define RAFTHTTP_METRICS_METRICS_HANDLER_H_

#include <memory>

#include "rafthttp/http1/exchange.h"
#include "rafthttp/http1/handler.h"

namespace prometheus {
class Collectable;
}  // namespace prometheus

namespace rafthttp {

// Answers each request with all metrics of a registry.
//
//   mux.Add("/metrics", {"GET"}, handler);
//
// Threads: loop-confined. The text is made on the loop, some 100 lines for each
//   peer: a process with hundreds of peers gives it a loop of its own, or
//   serves MetricsText in its own way.
class MetricsHandler final : public http1::Handler {
 public:
  // `registry` must outlive the handler.
  explicit MetricsHandler(const prometheus::Collectable& registry);

  void Serve(std::unique_ptr<http1::Exchange> exchange) override;

 private:
  const prometheus::Collectable& registry_;
};

}  // namespace rafthttp

#endif  // RAFTHTTP_METRICS_METRICS_HANDLER_H_
