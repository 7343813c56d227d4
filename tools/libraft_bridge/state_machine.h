#ifndef TOOLS_LIBRAFT_BRIDGE_STATE_MACHINE_H_
#define TOOLS_LIBRAFT_BRIDGE_STATE_MACHINE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace libraft_bridge {

// What the log is for: the same commands in the same order on every member.
//
// Threads: called on the node's loop.
class StateMachine {
 public:
  // Carries out a committed command. An error means that this member must not
  // go on.
  virtual absl::Status Apply(absl::string_view command) = 0;
  // All that was applied so far, for a follower too far behind for the log.
  virtual std::string Snapshot() const = 0;
  // Takes the state of `snapshot` in place of its own.
  virtual absl::Status Restore(absl::string_view snapshot) = 0;

 protected:
  ~StateMachine() = default;
};

}  // namespace libraft_bridge

#endif  // TOOLS_LIBRAFT_BRIDGE_STATE_MACHINE_H_
