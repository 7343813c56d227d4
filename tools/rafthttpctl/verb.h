#ifndef TOOLS_RAFTHTTPCTL_VERB_H_
#define TOOLS_RAFTHTTPCTL_VERB_H_

#include <functional>

#include "tools/rafthttpctl/exit_code.h"

namespace rafthttpctl {

// What the chosen verb does, once the command line has been read. Every verb
// has a function AddX(CLI::App&, const CommonOptions&, RunVerb&) which adds its
// subcommand, and sets the RunVerb if that is the one chosen.
using RunVerb = std::function<ExitCode()>;

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_VERB_H_
