#ifndef TOOLS_ETCDPB_OP_FIELDS_H_
#define TOOLS_ETCDPB_OP_FIELDS_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace rafthttpctl {

// How the fields of an `op` object are written. Every string that gets into one
// goes through here, so that no JSON is built that cannot be dumped.

// An op of `kind` without fields.
nlohmann::ordered_json OpOfKind(absl::string_view kind);

// `bytes`, if they are UTF-8, else their base64: for lists, whose items have no
// name that could tell.
std::string TextOrBase64(absl::string_view bytes);

// `name`, if `bytes` are UTF-8, else `name`Base64.
void SetBytes(nlohmann::ordered_json& op, const std::string& name,
              absl::string_view bytes);
// The same, if there are any.
void SetBytesIfAny(nlohmann::ordered_json& op, const std::string& name,
                   absl::string_view bytes);
// The same, but "(redacted)" unless `is_shown`.
void SetSecretIfAny(nlohmann::ordered_json& op, const std::string& name,
                    absl::string_view bytes, bool is_shown);

// Numbers may exceed what JSON numbers hold, so they are decimal strings.
void SetNumber(nlohmann::ordered_json& op, const std::string& name,
               int64_t value);
void SetNumber(nlohmann::ordered_json& op, const std::string& name,
               uint64_t value);
// The same, if it is not 0.
void SetNumberIfAny(nlohmann::ordered_json& op, const std::string& name,
                    int64_t value);
void SetNumberIfAny(nlohmann::ordered_json& op, const std::string& name,
                    uint64_t value);

// A member's ID: lower-case hex.
void SetId(nlohmann::ordered_json& op, const std::string& name, uint64_t id);

// `true`, or nothing.
void SetFlagIfTrue(nlohmann::ordered_json& op, const std::string& name,
                   bool value);

// The name of an enum's value in lower case; for a value that we do not know,
// whose `value_name` is empty, its number.
std::string EnumText(absl::string_view value_name, int value);

}  // namespace rafthttpctl

#endif  // TOOLS_ETCDPB_OP_FIELDS_H_
