#include "rafthttp/probing/prober.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

namespace rafthttp {
namespace {

// A loop's clock stands still within a turn, and counts milliseconds.
constexpr absl::Duration kLoopClockError = absl::Milliseconds(10);

// {"OK":true,"Now":"2026-11-22T08:10:49.603947601Z"}
absl::StatusOr<absl::Time> ReadAnswer(const http1::Response& response) {
  if (response.head.status != 200) {
    return absl::FailedPreconditionError(
        absl::StrCat("answered ", response.head.status));
  }
  const nlohmann::json json =
      nlohmann::json::parse(response.body, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return absl::DataLossError("no JSON object");
  const auto is_ok = json.find("OK");
  if (is_ok == json.end() || *is_ok != true) {
    return absl::FailedPreconditionError("not OK, it says");
  }
  const auto now = json.find("Now");
  absl::Time time;
  std::string error;
  if (now == json.end() || !now->is_string() ||
      !absl::ParseTime(absl::RFC3339_full, now->get_ref<const std::string&>(),
                       &time, &error) ||
      time == absl::InfiniteFuture() || time == absl::InfinitePast()) {
    return absl::DataLossError("no time in it");
  }
  return time;
}

}  // namespace

Prober::Prober(event::EventLoop& loop, http1::Client& client,
               std::vector<http1::Url> urls,
               std::function<absl::Time()> wall_clock, Events& events,
               Options options)
    : loop_(loop),
      client_(client),
      wall_clock_(std::move(wall_clock)),
      events_(events),
      options_(options),
      urls_(std::move(urls)),
      timer_(loop.NewTimer([this] { Probe(); })) {}

Prober::~Prober() = default;

void Prober::Start() {
  if (timer_->is_armed() || call_ != nullptr) return;
  timer_->Start(options_.interval);
}

void Prober::UpdateUrls(std::vector<http1::Url> urls) {
  urls_.Update(std::move(urls));
  const bool is_started = timer_->is_armed() || call_ != nullptr;
  call_.reset();
  timer_->Cancel();
  health_ = Health::kUnknown;
  is_offset_beyond_ = false;
  has_sample_ = false;
  failures_ = 0;
  if (is_started) Start();
}

void Prober::Probe() {
  // From probe to probe, however long the answer takes.
  timer_->Start(options_.interval);
  url_ = urls_.Pick();
  begun_at_ = loop_.Now();
  wall_begun_at_ = wall_clock_();
  http1::Request request;
  request.url = url_.WithTarget("/raft/probing");
  call_ = client_.Fetch(std::move(request), {.timeout = options_.timeout},
                        [this](absl::StatusOr<http1::Response> response) {
                          OnResponse(std::move(response));
                        });
}

void Prober::OnResponse(absl::StatusOr<http1::Response> response) {
  call_.reset();
  if (!response.ok()) {
    Fail(response.status());
    return;
  }
  const absl::StatusOr<absl::Time> remote_now = ReadAnswer(*response);
  if (remote_now.ok()) {
    TakeSample(*remote_now);
  } else {
    Fail(absl::Status(remote_now.status().code(),
                      absl::StrCat("GET ", url_.ToString(), "/raft/probing: ",
                                   remote_now.status().message())));
  }
}

void Prober::TakeSample(absl::Time remote_now) {
  const absl::Time now = wall_clock_();
  Sample sample;
  // The wall clock is the finer one, but may have been set meanwhile.
  const absl::Duration coarse = loop_.Now() - begun_at_;
  sample.round_trip =
      std::clamp(now - wall_begun_at_,
                 std::max(coarse - kLoopClockError, absl::ZeroDuration()),
                 coarse + kLoopClockError);
  smoothed_round_trip_ =
      has_sample_ ? smoothed_round_trip_ * 0.875 + sample.round_trip * 0.125
                  : sample.round_trip;
  has_sample_ = true;
  failures_ = 0;
  sample.smoothed_round_trip = smoothed_round_trip_;
  sample.clock_error_max = sample.round_trip / 2;
  sample.clock_offset = now - remote_now - sample.clock_error_max;
  const bool was_healthy =
      std::exchange(health_, Health::kHealthy) == Health::kHealthy;
  const absl::Duration certain_offset =
      absl::AbsDuration(sample.clock_offset) - sample.clock_error_max;
  const bool is_beyond = certain_offset > options_.clock_offset_max;
  const bool was_beyond = std::exchange(is_offset_beyond_, is_beyond);
  // Each of these may destroy us.
  const DestructionWatch watch(life_);
  if (!was_healthy) events_.OnHealthy(*this, sample);
  if (!watch.is_over() && is_beyond != was_beyond) {
    events_.OnClockOffset(*this, sample, is_beyond);
  }
  if (!watch.is_over()) events_.OnProbeSample(*this, sample);
}

void Prober::Fail(const absl::Status& status) {
  urls_.ReportUnreachable(url_);
  const uint64_t failures = ++failures_;
  const bool was_unhealthy =
      std::exchange(health_, Health::kUnhealthy) == Health::kUnhealthy;
  const DestructionWatch watch(life_);
  if (!was_unhealthy) events_.OnUnhealthy(*this, status);
  if (!watch.is_over()) events_.OnProbeFailed(*this, failures, status);
}

}  // namespace rafthttp
