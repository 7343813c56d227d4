#ifndef TOOLS_RAFTHTTPCTL_TAIL_H_
#define TOOLS_RAFTHTTPCTL_TAIL_H_

#include "tools/rafthttpctl/common_options.h"
#include "tools/rafthttpctl/verb.h"

namespace rafthttpctl {

// The verb `tail`: prints decoded traffic until it is enough.
void AddTail(CLI::App& app, const CommonOptions& common, RunVerb& run);

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_TAIL_H_
