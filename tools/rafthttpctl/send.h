#ifndef TOOLS_RAFTHTTPCTL_SEND_H_
#define TOOLS_RAFTHTTPCTL_SEND_H_

#include "tools/rafthttpctl/common_options.h"
#include "tools/rafthttpctl/verb.h"

namespace rafthttpctl {

// `send`: posts test messages to a peer port and prints its answers.
void AddSend(CLI::App& app, const CommonOptions& common, RunVerb& run);

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_SEND_H_
