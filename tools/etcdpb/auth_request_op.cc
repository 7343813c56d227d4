#include "tools/etcdpb/auth_request_op.h"

#include "absl/strings/string_view.h"
#include "tools/etcdpb/auth.pb.h"
#include "tools/etcdpb/op_fields.h"

namespace rafthttpctl {
namespace {

using Json = ::nlohmann::ordered_json;

Json OpOf(const etcdserverpb::InternalAuthenticateRequest& request,
          bool show_secrets) {
  Json op = OpOfKind("auth_authenticate");
  SetBytes(op, "name", request.name());
  SetSecretIfAny(op, "password", request.password(), show_secrets);
  SetSecretIfAny(op, "simpleToken", request.simple_token(), show_secrets);
  return op;
}

Json OpOf(const etcdserverpb::AuthUserAddRequest& request, bool show_secrets) {
  Json op = OpOfKind("auth_user_add");
  SetBytes(op, "name", request.name());
  SetSecretIfAny(op, "password", request.password(), show_secrets);
  SetSecretIfAny(op, "hashedPassword", request.hashedpassword(), show_secrets);
  SetFlagIfTrue(op, "noPassword", request.options().no_password());
  return op;
}

Json OpOf(const etcdserverpb::AuthUserChangePasswordRequest& request,
          bool show_secrets) {
  Json op = OpOfKind("auth_user_change_password");
  SetBytes(op, "name", request.name());
  SetSecretIfAny(op, "password", request.password(), show_secrets);
  SetSecretIfAny(op, "hashedPassword", request.hashedpassword(), show_secrets);
  return op;
}

Json OpOf(const etcdserverpb::AuthRoleGrantPermissionRequest& request) {
  Json op = OpOfKind("auth_role_grant_permission");
  SetBytes(op, "name", request.name());
  const authpb::Permission& permission = request.perm();
  op["permission"] =
      EnumText(authpb::Permission::Type_Name(permission.permtype()),
               permission.permtype());
  SetBytes(op, "key", permission.key());
  SetBytesIfAny(op, "rangeEnd", permission.range_end());
  return op;
}

Json OpOf(const etcdserverpb::AuthRoleRevokePermissionRequest& request) {
  Json op = OpOfKind("auth_role_revoke_permission");
  SetBytes(op, "role", request.role());
  SetBytes(op, "key", request.key());
  SetBytesIfAny(op, "rangeEnd", request.range_end());
  return op;
}

Json OpWith(absl::string_view kind, const char* name, absl::string_view text) {
  Json op = OpOfKind(kind);
  SetBytes(op, name, text);
  return op;
}

Json OpWith(absl::string_view kind, const char* user_name,
            absl::string_view user, absl::string_view role) {
  Json op = OpWith(kind, user_name, user);
  SetBytes(op, "role", role);
  return op;
}

std::optional<Json> UserOp(const etcdserverpb::InternalRaftRequest& request,
                           bool show_secrets) {
  if (request.has_auth_user_add()) {
    return OpOf(request.auth_user_add(), show_secrets);
  }
  if (request.has_auth_user_delete()) {
    return OpWith("auth_user_delete", "name",
                  request.auth_user_delete().name());
  }
  if (request.has_auth_user_change_password()) {
    return OpOf(request.auth_user_change_password(), show_secrets);
  }
  if (request.has_auth_user_grant_role()) {
    return OpWith("auth_user_grant_role", "user",
                  request.auth_user_grant_role().user(),
                  request.auth_user_grant_role().role());
  }
  if (request.has_auth_user_get()) {
    return OpWith("auth_user_get", "name", request.auth_user_get().name());
  }
  if (request.has_auth_user_revoke_role()) {
    return OpWith("auth_user_revoke_role", "name",
                  request.auth_user_revoke_role().name(),
                  request.auth_user_revoke_role().role());
  }
  return std::nullopt;
}

std::optional<Json> RoleOp(const etcdserverpb::InternalRaftRequest& request) {
  if (request.has_auth_role_add()) {
    return OpWith("auth_role_add", "name", request.auth_role_add().name());
  }
  if (request.has_auth_role_grant_permission()) {
    return OpOf(request.auth_role_grant_permission());
  }
  if (request.has_auth_role_get()) {
    return OpWith("auth_role_get", "role", request.auth_role_get().role());
  }
  if (request.has_auth_role_revoke_permission()) {
    return OpOf(request.auth_role_revoke_permission());
  }
  if (request.has_auth_role_delete()) {
    return OpWith("auth_role_delete", "role",
                  request.auth_role_delete().role());
  }
  return std::nullopt;
}

}  // namespace

// In the order in which etcd looks for a body to obey.
std::optional<Json> AuthRequestOp(
    const etcdserverpb::InternalRaftRequest& request, bool show_secrets) {
  if (request.has_authenticate()) {
    return OpOf(request.authenticate(), show_secrets);
  }
  if (request.has_auth_enable()) return OpOfKind("auth_enable");
  if (request.has_auth_disable()) return OpOfKind("auth_disable");
  if (request.has_auth_status()) return OpOfKind("auth_status");
  std::optional<Json> op = UserOp(request, show_secrets);
  if (!op.has_value()) op = RoleOp(request);
  if (op.has_value()) return op;
  if (request.has_auth_user_list()) return OpOfKind("auth_user_list");
  if (request.has_auth_role_list()) return OpOfKind("auth_role_list");
  return std::nullopt;
}

}  // namespace rafthttpctl
