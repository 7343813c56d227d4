#ifndef RAFTHTTP_CLUSTER_INFO_GO_TEXT_H_
#define RAFTHTTP_CLUSTER_INFO_GO_TEXT_H_

#include <string>

#include "nlohmann/json.hpp"

namespace rafthttp {

// `json` in the form in which Go's encoding/json writes it: without blanks,
// with markup and line separators escaped. What is not UTF-8 is replaced by
// U+FFFD.
std::string GoText(const nlohmann::ordered_json& json);

}  // namespace rafthttp

#endif  // RAFTHTTP_CLUSTER_INFO_GO_TEXT_H_
