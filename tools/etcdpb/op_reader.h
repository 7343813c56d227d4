#ifndef TOOLS_ETCDPB_OP_READER_H_
#define TOOLS_ETCDPB_OP_READER_H_

#include <optional>
#include <string>

#include "nlohmann/json.hpp"

namespace rafthttpctl {

// Reading fields of an `op` object back, which may come from a capture that
// somebody edited: what has another type than expected counts as absent.

// Field `name`, or null.
const nlohmann::ordered_json* FieldOf(const nlohmann::ordered_json& op,
                                      const std::string& name);

// The text of field `name`, or the bytes of `name`Base64.
std::optional<std::string> BytesOf(const nlohmann::ordered_json& op,
                                   const std::string& name);

// Whether field `name` is true.
bool IsSet(const nlohmann::ordered_json& op, const std::string& name);

}  // namespace rafthttpctl

#endif  // TOOLS_ETCDPB_OP_READER_H_
