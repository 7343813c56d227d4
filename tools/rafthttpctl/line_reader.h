#ifndef TOOLS_RAFTHTTPCTL_LINE_READER_H_
#define TOOLS_RAFTHTTPCTL_LINE_READER_H_

#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "rafthttp/base/mutex.h"
#include "rafthttp/event/event_loop.h"

namespace rafthttpctl {

// Reads lines from a descriptor that may block, be it a pipe, a terminal or a
// file, beside a loop: one line each time that it is asked for one, so that no
// more is taken from the pipe than is used.
//
// Threads: loop-confined; it has one of its own, which only reads.
// Lifetime: destroy it at any moment; no callback runs afterwards.
class LineReader {
 public:
  // A line without its line feed; nullopt at the end, and if reading fails.
  using OnLine = absl::AnyInvocable<void(std::optional<std::string>)>;

  // `loop` must outlive the reader, `fd` be open until its end.
  LineReader(rafthttp::event::EventLoop& loop, int fd);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  // `on_line` runs once in a later turn. Not while another is waited for.
  void Next(OnLine on_line);

 private:
  void ReadLines();
  // The next line, on the own thread.
  std::optional<std::string> ReadLine();

  rafthttp::event::EventLoop& loop_;
  const int fd_;
  int stop_pipe_[2];
  std::string unread_;

  rafthttp::Mutex mutex_;
  rafthttp::Condition changed_;
  bool is_wanted_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_stopping_ ABSL_GUARDED_BY(mutex_) = false;
  OnLine on_line_;  // the loop's
  std::shared_ptr<LineReader*> self_;
  std::thread thread_;
};

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_LINE_READER_H_
