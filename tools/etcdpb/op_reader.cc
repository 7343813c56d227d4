#include "tools/etcdpb/op_reader.h"

#include "absl/strings/escaping.h"

namespace rafthttpctl {

using Json = ::nlohmann::ordered_json;

const Json* FieldOf(const Json& op, const std::string& name) {
  if (!op.is_object()) return nullptr;
  const auto found = op.find(name);
  return found == op.end() ? nullptr : &*found;
}

std::optional<std::string> BytesOf(const Json& op, const std::string& name) {
  if (const Json* text = FieldOf(op, name);
      text != nullptr && text->is_string()) {
    return text->get_ref<const std::string&>();
  }
  if (const Json* base64 = FieldOf(op, name + "Base64");
      base64 != nullptr && base64->is_string()) {
    std::string bytes;
    if (absl::Base64Unescape(base64->get_ref<const std::string&>(), &bytes)) {
      return bytes;
    }
  }
  return std::nullopt;
}

bool IsSet(const Json& op, const std::string& name) {
  const Json* flag = FieldOf(op, name);
  return flag != nullptr && flag->is_boolean() && flag->get<bool>();
}

}  // namespace rafthttpctl
