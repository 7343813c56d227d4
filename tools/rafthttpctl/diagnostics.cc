#include "tools/rafthttpctl/diagnostics.h"

#include <algorithm>
#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "tools/etcdpb/terminal_text.h"

namespace rafthttpctl {

std::string OneLine(absl::string_view text) {
  const auto is_ascii = [](char c) {
    return static_cast<unsigned char>(c) < 0x80;
  };
  std::string line;
  while (!text.empty()) {
    const auto* const end =
        std::find_if_not(text.begin(), text.end(), is_ascii);
    for (char c : text.substr(0, end - text.begin())) {
      const auto byte = static_cast<unsigned char>(c);
      line.push_back(byte < 0x20 || byte == 0x7f ? ' ' : c);
    }
    text.remove_prefix(end - text.begin());
    const auto* const other = std::find_if(text.begin(), text.end(), is_ascii);
    const absl::string_view run = text.substr(0, other - text.begin());
    if (run.empty()) continue;
    // With nothing in it that quotes would be for, only they are to go. No byte
    // takes more than four characters, so that nothing is cut.
    const std::string quoted = Quoted(run, 4 * run.size());
    line.append(quoted, 1, quoted.size() - 2);
    text.remove_prefix(run.size());
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
