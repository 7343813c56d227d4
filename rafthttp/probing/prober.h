#ifndef RAFTHTTP_PROBING_PROBER_H_
#define RAFTHTTP_PROBING_PROBER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "rafthttp/base/destruction_watch.h"
#include "rafthttp/event/event_loop.h"
#include "rafthttp/handshake/url_picker.h"
#include "rafthttp/http1/client.h"
#include "rafthttp/http1/request.h"
#include "rafthttp/http1/url.h"

namespace rafthttp {

// Asks one member every few seconds for GET /raft/probing: whether it answers,
// how long that takes, and how far its clock is from ours.
//
// As etcd's, with its mistakes left out: the smoothed round trip starts at the
// first one that was measured, not at zero, and a clock that is ahead of ours
// is told of as one that is behind.
//
// Place: Peer owns two: one on the client that keeps connections, which also
//   keeps one of them warm for the pipeline, and one on a client that opens a
//   new one for each call. Threads: loop-confined.
// Lifetime: destroy it at any moment, even inside its own callbacks.
// Bounds: one call under way.
class Prober {
 public:
  struct Options {
    // One second less than the 5 s after which a member closes an idle
    // connection. The first probe comes after as long.
    absl::Duration interval = absl::Seconds(4);
    // For one answer; less than `interval`.
    absl::Duration timeout = absl::Milliseconds(3500);
    // A clock that is further off than this is told of.
    absl::Duration clock_offset_max = absl::Seconds(1);
  };

  struct Sample {
    absl::Duration round_trip;
    // Over the last eight, about.
    absl::Duration smoothed_round_trip;
    // Our clock minus the member's, give or take half of this round trip, as
    // the answer may have been written at any moment of it.
    absl::Duration clock_offset;
    absl::Duration clock_error_max;
  };

  // Each callback may destroy the prober.
  class Events {
   public:
    // After each answer.
    virtual void OnProbeSample(Prober& prober, const Sample& sample) = 0;
    // After each probe without a good answer; `failures` in a row.
    virtual void OnProbeFailed(Prober& prober, uint64_t failures,
                               const absl::Status& status) = 0;
    // Changes only: the first failure after a good answer or at all, the first
    // good answer after a failure.
    virtual void OnUnhealthy(Prober& prober, const absl::Status& status) = 0;
    virtual void OnHealthy(Prober& prober, const Sample& sample) = 0;
    // The offset has come to be, for certain, beyond clock_offset_max, or is
    // not any more.
    virtual void OnClockOffset(Prober& prober, const Sample& sample,
                               bool is_beyond) = 0;

   protected:
    ~Events() = default;
  };

  // `loop`, `client` and `events` must outlive the prober; `urls` must not be
  // empty. The prober walks through them by itself, whatever the streams do.
  Prober(event::EventLoop& loop, http1::Client& client,
         std::vector<http1::Url> urls, std::function<absl::Time()> wall_clock,
         Events& events, Options options);
  ~Prober();
  Prober(const Prober&) = delete;
  Prober& operator=(const Prober&) = delete;

  // Probes from now on, the first time after one interval. Starting twice
  // changes nothing.
  void Start();
  // Starts anew with other URLs: what was measured is forgotten.
  void UpdateUrls(std::vector<http1::Url> urls);

 private:
  enum class Health { kUnknown, kHealthy, kUnhealthy };

  void Probe();
  void OnResponse(absl::StatusOr<http1::Response> response);
  void TakeSample(absl::Time remote_now);
  void Fail(const absl::Status& status);

  event::EventLoop& loop_;
  http1::Client& client_;
  const std::function<absl::Time()> wall_clock_;
  Events& events_;
  const Options options_;

  UrlPicker urls_;
  http1::Url url_;  // of the call under way
  std::unique_ptr<event::Timer> timer_;
  std::unique_ptr<http1::Client::Call> call_;
  absl::Time begun_at_;  // by the loop's clock
  absl::Time wall_begun_at_;
  Health health_ = Health::kUnknown;
  bool is_offset_beyond_ = false;
  bool has_sample_ = false;
  absl::Duration smoothed_round_trip_;
  uint64_t failures_ = 0;
  WatchedLife life_;
};

}  // namespace rafthttp

#endif  // RAFTHTTP_PROBING_PROBER_H_
