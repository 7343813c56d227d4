#ifndef TOOLS_RAFTHTTPCTL_MEMBERS_H_
#define TOOLS_RAFTHTTPCTL_MEMBERS_H_

#include "tools/rafthttpctl/common_options.h"
#include "tools/rafthttpctl/verb.h"

namespace rafthttpctl {

// The verb `members`: who is in the cluster, asked of a peer port or of etcd's
// client API, which also knows who leads.
void AddMembers(CLI::App& app, const CommonOptions& common, RunVerb& run);

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_MEMBERS_H_
