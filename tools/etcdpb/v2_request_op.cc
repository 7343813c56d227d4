#include "tools/etcdpb/v2_request_op.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tools/etcdpb/op_fields.h"

namespace rafthttpctl {

using Json = ::nlohmann::ordered_json;

std::optional<Json> V2RequestOp(const etcdserverpb::Request& request,
                                bool show_secrets) {
  static constexpr absl::string_view kMethods[] = {"PUT", "POST", "DELETE",
                                                   "GET", "QGET", "SYNC"};
  const absl::string_view method = request.method();
  if (std::find(std::begin(kMethods), std::end(kMethods), method) ==
      std::end(kMethods)) {
    return std::nullopt;
  }
  Json op = OpOfKind(absl::StrCat("v2_", absl::AsciiStrToLower(method)));
  SetBytesIfAny(op, "path", request.path());
  // The v2 API keeps its users there, with the hashes of their passwords.
  const bool is_secret = absl::StartsWith(request.path(), "/2/users");
  const bool is_shown = show_secrets || !is_secret;
  SetSecretIfAny(op, "value", request.val(), is_shown);
  SetFlagIfTrue(op, "dir", request.dir());
  SetSecretIfAny(op, "prevValue", request.prevvalue(), is_shown);
  SetNumberIfAny(op, "prevIndex", request.previndex());
  if (request.has_prevexist()) op["prevExist"] = request.prevexist();
  SetNumberIfAny(op, "expiration", request.expiration());
  SetFlagIfTrue(op, "wait", request.wait());
  SetNumberIfAny(op, "since", request.since());
  SetFlagIfTrue(op, "recursive", request.recursive());
  SetFlagIfTrue(op, "sorted", request.sorted());
  SetFlagIfTrue(op, "quorum", request.quorum());
  SetNumberIfAny(op, "time", request.time());
  SetFlagIfTrue(op, "stream", request.stream());
  if (request.has_refresh()) op["refresh"] = request.refresh();
  return op;
}

}  // namespace rafthttpctl
