#ifndef TOOLS_RAFTHTTPCTL_PASSWORD_PROMPT_H_
#define TOOLS_RAFTHTTPCTL_PASSWORD_PROMPT_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rafthttpctl {

// Asks for a line on a terminal that does not show what is typed. Blocks.
//   kInvalidArgument  there is no terminal to ask on
//   kCancelled        ctrl-c, ctrl-d, or the terminal went away
absl::StatusOr<std::string> AskPassword(absl::string_view prompt,
                                        const char* terminal = "/dev/tty");

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_PASSWORD_PROMPT_H_
