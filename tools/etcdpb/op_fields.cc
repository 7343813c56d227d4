#include "tools/etcdpb/op_fields.h"

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "rafthttp/base/ids.h"
#include "tools/etcdpb/terminal_text.h"

namespace rafthttpctl {

using Json = ::nlohmann::ordered_json;

Json OpOfKind(absl::string_view kind) {
  Json op = Json::object();
  op["kind"] = std::string(kind);
  return op;
}

std::string TextOrBase64(absl::string_view bytes) {
  return IsUtf8(bytes) ? std::string(bytes) : absl::Base64Escape(bytes);
}

void SetBytes(Json& op, const std::string& name, absl::string_view bytes) {
  if (IsUtf8(bytes)) {
    op[name] = std::string(bytes);
  } else {
    op[name + "Base64"] = absl::Base64Escape(bytes);
  }
}

void SetBytesIfAny(Json& op, const std::string& name, absl::string_view bytes) {
  if (!bytes.empty()) SetBytes(op, name, bytes);
}

void SetSecretIfAny(Json& op, const std::string& name, absl::string_view bytes,
                    bool is_shown) {
  if (bytes.empty()) return;
  if (is_shown) {
    SetBytes(op, name, bytes);
  } else {
    op[name] = "(redacted)";
  }
}

void SetNumber(Json& op, const std::string& name, int64_t value) {
  op[name] = absl::StrCat(value);
}

void SetNumber(Json& op, const std::string& name, uint64_t value) {
  op[name] = absl::StrCat(value);
}

void SetNumberIfAny(Json& op, const std::string& name, int64_t value) {
  if (value != 0) SetNumber(op, name, value);
}

void SetNumberIfAny(Json& op, const std::string& name, uint64_t value) {
  if (value != 0) SetNumber(op, name, value);
}

void SetId(Json& op, const std::string& name, uint64_t id) {
  op[name] = rafthttp::MemberId(id).ToHex();
}

void SetFlagIfTrue(Json& op, const std::string& name, bool value) {
  if (value) op[name] = true;
}

std::string EnumText(absl::string_view value_name, int value) {
  if (value_name.empty()) return absl::StrCat(value);
  return absl::AsciiStrToLower(value_name);
}

}  // namespace rafthttpctl
