#include "rafthttp/transport/uv_after_close.h"

#include <memory>
#include <utility>

#include "rafthttp/base/check.h"

namespace rafthttp {
namespace {

// libuv closes all handles of one round together, in no order to rely on. So
// whatever began to close before `first` is closed before `second` is, which
// begins to close only when `first` has been closed.
struct Closing {
  uv_idle_t first;
  uv_idle_t second;
  absl::AnyInvocable<void()> on_closed;

  static Closing* Of(uv_handle_t* handle) {
    return static_cast<Closing*>(handle->data);
  }
};

void CloseNew(uv_loop_t* loop, uv_idle_t* idle, Closing* closing,
              uv_close_cb on_closed) {
  const int err = uv_idle_init(loop, idle);
  CHECK(err == 0);
  idle->data = closing;
  uv_close(reinterpret_cast<uv_handle_t*>(idle), on_closed);
}

}  // namespace

void AfterClose(uv_loop_t& loop, absl::AnyInvocable<void()> on_closed) {
  auto* const closing = new Closing;
  closing->on_closed = std::move(on_closed);
  CloseNew(&loop, &closing->first, closing, [](uv_handle_t* first) {
    Closing* const self = Closing::Of(first);
    CloseNew(first->loop, &self->second, self, [](uv_handle_t* second) {
      const std::unique_ptr<Closing> done(Closing::Of(second));
      done->on_closed();
    });
  });
}

}  // namespace rafthttp
