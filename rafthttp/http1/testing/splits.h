#ifndef RAFTHTTP_HTTP1_TESTING_SPLITS_H_
#define RAFTHTTP_HTTP1_TESTING_SPLITS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

namespace rafthttp::http1 {

// Calls `check` with `bytes` in pieces, as a socket might deliver them: whole,
// in two at every place, and byte by byte. Each piece has memory of its own, so
// that ASan sees who looks beyond it.
inline void ForEachSplit(
    absl::string_view bytes,
    absl::FunctionRef<void(const std::vector<std::string>& pieces)> check) {
  check({std::string(bytes)});
  for (size_t at = 1; at < bytes.size(); ++at) {
    check({std::string(bytes.substr(0, at)), std::string(bytes.substr(at))});
  }
  std::vector<std::string> singles;
  for (char c : bytes) singles.emplace_back(1, c);
  check(singles);
}

}  // namespace rafthttp::http1

#endif  // RAFTHTTP_HTTP1_TESTING_SPLITS_H_
