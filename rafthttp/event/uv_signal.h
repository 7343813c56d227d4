#ifndef RAFTHTTP_EVENT_UV_SIGNAL_H_
#define RAFTHTTP_EVENT_UV_SIGNAL_H_

#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "rafthttp/event/uv_loop.h"

namespace rafthttp::event {

// Catches signals of the process for as long as it lives; afterwards they do
// what they did before. Several watchers of one signal all hear of it.
//
// Threads: loop-confined.
// Lifetime: destroy it at any moment, even inside its own callback.
class UvSignalWatcher {
 public:
  // `on_signal` runs on the loop with the signal's number. Several deliveries
  // of a signal may become one call.
  static absl::StatusOr<std::unique_ptr<UvSignalWatcher>> Create(
      UvLoop& loop, absl::Span<const int> signals,
      absl::AnyInvocable<void(int signal)> on_signal);
  ~UvSignalWatcher();
  UvSignalWatcher(const UvSignalWatcher&) = delete;
  UvSignalWatcher& operator=(const UvSignalWatcher&) = delete;

 private:
  struct State;
  explicit UvSignalWatcher(State* state) : state_(state) {}

  State* const state_;  // deletes itself once its handles are closed
};

}  // namespace rafthttp::event

#endif  // RAFTHTTP_EVENT_UV_SIGNAL_H_
