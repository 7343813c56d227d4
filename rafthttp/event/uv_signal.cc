#include "rafthttp/event/uv_signal.h"

#include <uv.h>

#include <cstddef>
#include <deque>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rafthttp/base/check.h"
#include "rafthttp/event/uv_status.h"

namespace rafthttp::event {

struct UvSignalWatcher::State {
  bool is_attached = true;
  absl::AnyInvocable<void(int)> on_signal;
  std::deque<uv_signal_t> handles;  // which must not move
  size_t open = 0;

  static void OnSignal(uv_signal_t* handle, int signal) {
    State& state = *static_cast<State*>(handle->data);
    // Held here, so that the callback may destroy the watcher; `state` itself
    // stays until the loop has called OnClosed.
    absl::AnyInvocable<void(int)> on_signal = std::move(state.on_signal);
    on_signal(signal);
    if (state.is_attached) state.on_signal = std::move(on_signal);
  }

  static void OnClosed(uv_handle_t* handle) {
    State* state = static_cast<State*>(handle->data);
    if (--state->open == 0) delete state;
  }
};

absl::StatusOr<std::unique_ptr<UvSignalWatcher>> UvSignalWatcher::Create(
    UvLoop& loop, absl::Span<const int> signals,
    absl::AnyInvocable<void(int signal)> on_signal) {
  CHECK(loop.IsCurrent());
  CHECK(!signals.empty());
  State* state = new State;
  state->on_signal = std::move(on_signal);
  std::unique_ptr<UvSignalWatcher> watcher(new UvSignalWatcher(state));
  for (int signal : signals) {
    uv_signal_t& handle = state->handles.emplace_back();
    int err = uv_signal_init(loop.uv(), &handle);
    CHECK(err == 0);
    handle.data = state;
    ++state->open;
    err = uv_signal_start(&handle, &State::OnSignal, signal);
    if (err != 0) {
      return StatusFromUv(err, absl::StrCat("watch signal ", signal));
    }
  }
  return watcher;
}

UvSignalWatcher::~UvSignalWatcher() {
  state_->is_attached = false;
  state_->on_signal = nullptr;
  for (uv_signal_t& handle : state_->handles) {
    uv_close(reinterpret_cast<uv_handle_t*>(&handle), &State::OnClosed);
  }
}

}  // namespace rafthttp::event
