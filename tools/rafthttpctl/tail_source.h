#ifndef TOOLS_RAFTHTTPCTL_TAIL_SOURCE_H_
#define TOOLS_RAFTHTTPCTL_TAIL_SOURCE_H_

#include "absl/functional/any_invocable.h"
#include "tools/rafthttpctl/exit_code.h"

namespace rafthttpctl {

// Where a tail's records come from.
//
// Threads: loop-confined. Lifetime: may be destroyed once Stop has answered, or
//   without having been started.
class TailSource {
 public:
  virtual ~TailSource() = default;

  // Begins. `on_end` runs at most once, in a later turn, if the source ends by
  // itself; it has said why, and Stop is due.
  virtual void Start(absl::AnyInvocable<void(ExitCode)> on_end) = 0;
  // Lets go of whatever it held elsewhere. `on_stopped` runs once, in a later
  // turn, with how the program is to end if nothing else decides that.
  virtual void Stop(absl::AnyInvocable<void(ExitCode)> on_stopped) = 0;
  // While paused, nothing is read: whoever sends has to wait.
  virtual void set_is_paused(bool is_paused) = 0;
  // What it would end with if it were given up now: the last failure, or
  // kUnreachable if it never got anywhere.
  virtual ExitCode PatienceLost() const = 0;
};

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_TAIL_SOURCE_H_
