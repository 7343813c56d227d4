#ifndef TOOLS_RAFTHTTPCTL_LISTEN_H_
#define TOOLS_RAFTHTTPCTL_LISTEN_H_

#include "tools/rafthttpctl/common_options.h"
#include "tools/rafthttpctl/verb.h"

namespace rafthttpctl {

// `listen ADDR`: a member that accepts everything, and prints what comes.
void AddListen(CLI::App& app, const CommonOptions& common, RunVerb& run);

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_LISTEN_H_
