#ifndef RAFTHTTP_PEER_PEER_PROBES_H_
#define RAFTHTTP_PEER_PEER_PROBES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "rafthttp/base/logger.h"
#include "rafthttp/event/event_loop.h"
#include "rafthttp/http1/client.h"
#include "rafthttp/http1/url.h"
#include "rafthttp/probing/prober.h"
#include "rafthttp/stats/metrics_recorder.h"

namespace rafthttp {

// Both probes of one peer: over the connections that POST /raft uses, and over
// a new connection each time, as streams are opened. What they find is logged
// when it changes and told to the metrics; it does not make a peer active or
// inactive.
//
// Threads: loop-confined. Lifetime: destroy it at any moment.
class PeerProbes final : private Prober::Events {
 public:
  // `loop`, both clients and `metrics` must outlive this; `logger` may be null.
  // `subject` begins each line of the log.
  PeerProbes(event::EventLoop& loop, http1::Client& client,
             http1::Client& fresh_client, const std::vector<http1::Url>& urls,
             const std::function<absl::Time()>& wall_clock,
             PeerMetrics& metrics, Logger* logger, std::string subject);

  void Start();
  void UpdateUrls(const std::vector<http1::Url>& urls);

 private:
  // Prober::Events:
  void OnProbeSample(Prober& prober, const Prober::Sample& sample) override;
  void OnProbeFailed(Prober& prober, uint64_t failures,
                     const absl::Status& status) override;
  void OnUnhealthy(Prober& prober, const absl::Status& status) override;
  void OnHealthy(Prober& prober, const Prober::Sample& sample) override;
  void OnClockOffset(Prober& prober, const Prober::Sample& sample,
                     bool is_beyond) override;

  // etcd's name for what the prober is about.
  absl::string_view NameOf(const Prober& prober) const;
  void Log(Severity severity, absl::string_view text) const;

  PeerMetrics& metrics_;
  Logger* const logger_;
  const std::string subject_;
  Prober kept_;
  Prober fresh_;
};

}  // namespace rafthttp

#endif  // RAFTHTTP_PEER_PEER_PROBES_H_
