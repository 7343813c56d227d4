#ifndef TOOLS_RAFTHTTPCTL_DEMO_H_
#define TOOLS_RAFTHTTPCTL_DEMO_H_

#include "tools/rafthttpctl/common_options.h"
#include "tools/rafthttpctl/verb.h"

namespace rafthttpctl {

// The verb `demo`: a raft cluster in this process, or a throwaway etcd, some
// keys, and what the members say to each other about them.
void AddDemo(CLI::App& app, const CommonOptions& common, RunVerb& run);

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_DEMO_H_
