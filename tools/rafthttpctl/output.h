#ifndef TOOLS_RAFTHTTPCTL_OUTPUT_H_
#define TOOLS_RAFTHTTPCTL_OUTPUT_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "rafthttp/event/event_loop.h"

namespace rafthttpctl {

// Writes lines to a file descriptor from a thread of its own, so that a slow
// reader never holds up the loop: terminals, pipes and full disks block.
//
// Nothing is held back to be written later: the thread writes whatever is
// queued as soon as the descriptor takes it, many lines at once if many wait.
//
// What can go wrong, and what is done about it:
// - The reader is slow: is_full() holds until on_drained, and who feeds us is
//   to stop reading meanwhile.
// - The reader is gone (EPIPE): on_closed, once. This is how `head` ends.
// - Writing fails (ENOSPC, EIO): on_error, once. In both cases the queue and
//   whatever is written later is dropped.
// - The reader never reads: Finish gives up after its bound.
//
// Place: one per verb that prints from a loop.
// Threads: loop-confined; callbacks run on the loop in later turns.
// Lifetime: destroy it at any moment, even in a callback; what was not written
//   by then is lost, so call Finish first. The descriptor stays open, and is
//   not made non-blocking, as other programs share it.
// Bounds: queue_bytes_max, and one line more.
class Output {
 public:
  struct Options {
    // is_full() from here on; about what a second of a busy cluster prints.
    size_t queue_bytes_max = 4 << 20;
    // Drained when no more than this is left, so that the reader does not run
    // dry while the feeding starts again.
    size_t queue_bytes_low = 1 << 20;
  };

  // `loop` must outlive the output. Makes SIGPIPE harmless for its thread.
  Output(rafthttp::event::EventLoop& loop, int fd, Options options);
  ~Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  void set_on_drained(absl::AnyInvocable<void()> on_drained);
  void set_on_closed(absl::AnyInvocable<void()> on_closed);
  void set_on_error(absl::AnyInvocable<void(absl::Status)> on_error);

  // Queues `text`, which is one or more whole lines. Always takes it: after
  // is_full(), feed no more.
  void Write(std::string text);

  // True from the moment that the queue is full until on_drained is due.
  bool is_full() const;

  // Writes what is queued, waiting no longer than `bound`, and ends the thread.
  // Nothing is written later. No callback runs after this one returns.
  //   kDeadlineExceeded  the reader was too slow; says how many bytes are lost
  //   kCancelled         the reader is gone
  //   otherwise          what on_error is told
  absl::Status Finish(absl::Duration bound);

 private:
  class Queue;

  // Shared with the thread and with what it posts to the loop.
  const std::shared_ptr<Queue> queue_;
};

// Writes all of `text` to `fd` and blocks until that is done.
//   kCancelled  the reader is gone (EPIPE)
absl::Status WriteAll(int fd, absl::string_view text);

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_OUTPUT_H_
