#ifndef TOOLS_ETCDPB_TERMINAL_TEXT_H_
#define TOOLS_ETCDPB_TERMINAL_TEXT_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace rafthttpctl {

// Whether `bytes` is well-formed UTF-8, which a JSON string has to be.
bool IsUtf8(absl::string_view bytes);

// `bytes` in double quotes, as a terminal may safely show them: characters that
// steer a terminal, reorder or hide text are escaped, and so are bytes that are
// not UTF-8, quotes and backslashes. After about `width_max` characters on the
// terminal it is cut and the full length follows: "aaaa…" (1048576 bytes).
std::string Quoted(absl::string_view bytes, size_t width_max);

// The same, without the quotes where they are not needed to tell where the text
// ends.
std::string MaybeQuoted(absl::string_view bytes, size_t width_max);

}  // namespace rafthttpctl

#endif  // TOOLS_ETCDPB_TERMINAL_TEXT_H_
