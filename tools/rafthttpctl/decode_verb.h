#ifndef TOOLS_RAFTHTTPCTL_DECODE_VERB_H_
#define TOOLS_RAFTHTTPCTL_DECODE_VERB_H_

#include "tools/rafthttpctl/common_options.h"
#include "tools/rafthttpctl/verb.h"

namespace rafthttpctl {

// The verb `decode`; see decode.h for what it does.
void AddDecode(CLI::App& app, const CommonOptions& common, RunVerb& run);

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_DECODE_VERB_H_
