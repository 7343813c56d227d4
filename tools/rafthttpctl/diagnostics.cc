#include "tools/rafthttpctl/diagnostics.h"

#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"

namespace rafthttpctl {

std::string OneLine(absl::string_view text) {
  std::string line;
  for (char c : text) {
    const unsigned char byte = static_cast<unsigned char>(c);
    // Beyond ASCII there are characters that steer terminals, too.
    line.push_back(byte < 0x20 || byte == 0x7f ? ' ' : byte < 0x80 ? c : '?');
  }
  return line;
}

void PrintNote(absl::string_view text) {
  const std::string line = absl::StrCat("rafthttpctl: ", OneLine(text), "\n");
  std::fwrite(line.data(), 1, line.size(), stderr);
}

ExitCode Fail(const absl::Status& status) {
  return Fail(ExitCodeOf(status), std::string(status.message()));
}

ExitCode Fail(ExitCode code, absl::string_view text) {
  PrintNote(text);
  return code;
}

ExitCode FailForTlsPeer(absl::string_view url) {
  return Fail(ExitCode::kTlsOrAuth,
              absl::StrCat(url,
                           ": this build speaks no TLS to peers; client "
                           "endpoints (--endpoints) may use it"));
}

}  // namespace rafthttpctl
