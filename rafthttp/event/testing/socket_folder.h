#ifndef RAFTHTTP_EVENT_TESTING_SOCKET_FOLDER_H_
#define RAFTHTTP_EVENT_TESTING_SOCKET_FOLDER_H_

#include <string>

#include "absl/strings/string_view.h"

namespace rafthttp::event {

// A folder of its own for Unix sockets, removed with all that is in it. The
// path of a Unix socket holds 107 bytes, and a test runner's own folder is
// often longer than that: this one is /tmp/..., whatever TMPDIR says.
class SocketFolder {
 public:
  SocketFolder();
  ~SocketFolder();
  SocketFolder(const SocketFolder&) = delete;
  SocketFolder& operator=(const SocketFolder&) = delete;

  // The path of `name` in it.
  std::string Path(absl::string_view name) const;

 private:
  std::string path_;
};

}  // namespace rafthttp::event

#endif  // RAFTHTTP_EVENT_TESTING_SOCKET_FOLDER_H_
