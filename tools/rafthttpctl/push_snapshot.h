#ifndef TOOLS_RAFTHTTPCTL_PUSH_SNAPSHOT_H_
#define TOOLS_RAFTHTTPCTL_PUSH_SNAPSHOT_H_

#include "tools/rafthttpctl/common_options.h"
#include "tools/rafthttpctl/verb.h"

namespace rafthttpctl {

// `push-snapshot URL FILE`: sends a file as a merged snapshot.
void AddPushSnapshot(CLI::App& app, const CommonOptions& common, RunVerb& run);

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_PUSH_SNAPSHOT_H_
