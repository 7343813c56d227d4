#include "rafthttp/metrics/metrics_handler.h"

#include <utility>

#include "rafthttp/http1/headers.h"
#include "rafthttp/metrics/metrics_text.h"

namespace rafthttp {

MetricsHandler::MetricsHandler(const prometheus::Collectable& registry)
    : registry_(registry) {}

void MetricsHandler::Serve(std::unique_ptr<http1::Exchange> exchange) {
  http1::Headers headers;
  headers.Add("Content-Type", kMetricsContentType);
  exchange->Respond(200, std::move(headers), MetricsText(registry_))
      .IgnoreError();
}

}  // namespace rafthttp
