#include "rafthttp/event/testing/socket_folder.h"

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "rafthttp/base/check.h"

namespace rafthttp::event {

SocketFolder::SocketFolder() : path_("/tmp/rafthttpXXXXXX") {
  CHECK(mkdtemp(path_.data()) != nullptr);
}

SocketFolder::~SocketFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string SocketFolder::Path(absl::string_view name) const {
  return absl::StrCat(path_, "/", name);
}

}  // namespace rafthttp::event
