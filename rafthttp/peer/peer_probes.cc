#include "rafthttp/peer/peer_probes.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace rafthttp {

PeerProbes::PeerProbes(event::EventLoop& loop, http1::Client& client,
                       http1::Client& fresh_client,
                       const std::vector<http1::Url>& urls,
                       const std::function<absl::Time()>& wall_clock,
                       PeerMetrics& metrics, Logger* logger,
                       std::string subject)
    : metrics_(metrics),
      logger_(logger),
      subject_(std::move(subject)),
      kept_(loop, client, urls, wall_clock, *this, {}),
      fresh_(loop, fresh_client, urls, wall_clock, *this, {}) {}

void PeerProbes::Start() {
  kept_.Start();
  fresh_.Start();
}

void PeerProbes::UpdateUrls(const std::vector<http1::Url>& urls) {
  kept_.UpdateUrls(urls);
  fresh_.UpdateUrls(urls);
}

absl::string_view PeerProbes::NameOf(const Prober& prober) const {
  return &prober == &kept_ ? "ROUND_TRIPPER_SNAPSHOT"
                           : "ROUND_TRIPPER_RAFT_MESSAGE";
}

void PeerProbes::OnProbeSample(Prober&, const Prober::Sample& sample) {
  metrics_.RoundTrip(sample.smoothed_round_trip);
  metrics_.SetClockOffset(sample.clock_offset);
}

void PeerProbes::OnProbeFailed(Prober&, uint64_t, const absl::Status&) {
  metrics_.ProbeFailed();
}

void PeerProbes::OnUnhealthy(Prober& prober, const absl::Status& status) {
  Log(Severity::kWarning, absl::StrCat("prober ", NameOf(prober),
                                       " gets no answer: ", status.message()));
}

void PeerProbes::OnHealthy(Prober& prober, const Prober::Sample& sample) {
  Log(Severity::kInfo,
      absl::StrCat("prober ", NameOf(prober), " is answered, in ",
                   absl::FormatDuration(sample.round_trip)));
}

void PeerProbes::OnClockOffset(Prober&, const Prober::Sample& sample,
                               bool is_beyond) {
  const std::string offset =
      absl::StrCat(absl::FormatDuration(sample.clock_offset), " (+-",
                   absl::FormatDuration(sample.clock_error_max), ")");
  if (is_beyond) {
    Log(Severity::kWarning,
        absl::StrCat("our clock minus the peer's is ", offset));
  } else {
    Log(Severity::kInfo, absl::StrCat("the clocks agree again, to ", offset));
  }
}

void PeerProbes::Log(Severity severity, absl::string_view text) const {
  if (logger_ != nullptr) logger_->Log(severity, absl::StrCat(subject_, text));
}

}  // namespace rafthttp
