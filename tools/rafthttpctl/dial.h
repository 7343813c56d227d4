#ifndef TOOLS_RAFTHTTPCTL_DIAL_H_
#define TOOLS_RAFTHTTPCTL_DIAL_H_

#include "tools/rafthttpctl/common_options.h"
#include "tools/rafthttpctl/verb.h"

namespace rafthttpctl {

// The verb `dial`: looks at peer ports without side effects, and says what is
// wrong with them.
void AddDial(CLI::App& app, const CommonOptions& common, RunVerb& run);

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_DIAL_H_
