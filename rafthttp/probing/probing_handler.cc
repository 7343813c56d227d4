#include "rafthttp/probing/probing_handler.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "rafthttp/http1/headers.h"

namespace rafthttp {

ProbingHandler::ProbingHandler(std::function<absl::Time()> wall_clock)
    : wall_clock_(std::move(wall_clock)) {}

void ProbingHandler::Serve(std::unique_ptr<http1::Exchange> exchange) {
  // absl's times are finer than Go's.
  const absl::Time now = absl::FromUnixNanos(absl::ToUnixNanos(wall_clock_()));
  // What Go's net/http finds out about the body.
  http1::Headers headers = {{"Content-Type", "text/plain; charset=utf-8"}};
  exchange
      ->Respond(200, std::move(headers),
                absl::StrCat("{\"OK\":true,\"Now\":\"",
                             absl::FormatTime("%Y-%m-%dT%H:%M:%E*SZ", now,
                                              absl::UTCTimeZone()),
                             "\"}\n"))
      .IgnoreError();
}

}  // namespace rafthttp
