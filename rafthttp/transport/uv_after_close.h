#ifndef RAFTHTTP_TRANSPORT_UV_AFTER_CLOSE_H_
#define RAFTHTTP_TRANSPORT_UV_AFTER_CLOSE_H_

#include <uv.h>

#include "absl/functional/any_invocable.h"

namespace rafthttp {

// Calls `on_closed` on `loop` in a later turn: once every handle whose closing
// has begun by now is closed, and with no handle of its own left either.
void AfterClose(uv_loop_t& loop, absl::AnyInvocable<void()> on_closed);

}  // namespace rafthttp

#endif  // RAFTHTTP_TRANSPORT_UV_AFTER_CLOSE_H_
