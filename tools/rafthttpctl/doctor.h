#ifndef TOOLS_RAFTHTTPCTL_DOCTOR_H_
#define TOOLS_RAFTHTTPCTL_DOCTOR_H_

#include "tools/rafthttpctl/common_options.h"
#include "tools/rafthttpctl/verb.h"

namespace rafthttpctl {

// `doctor URL... | --endpoints`: looks at all members, compares them pair by
// pair, and says what to do.
void AddDoctor(CLI::App& app, const CommonOptions& common, RunVerb& run);

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_DOCTOR_H_
