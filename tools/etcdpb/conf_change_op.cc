#include "tools/etcdpb/conf_change_op.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "tools/etcdpb/op_fields.h"
#include "tools/etcdpb/terminal_text.h"

namespace rafthttpctl {
namespace {

using Json = ::nlohmann::ordered_json;

// A member's JSON is some hundred bytes. A hostile one would be many times its
// size once parsed.
constexpr size_t kContextParsedBytesMax = 64 << 10;

absl::string_view TypeText(raftpb::ConfChangeType type) {
  switch (type) {
    case raftpb::ConfChangeAddNode:
      return "add_node";
    case raftpb::ConfChangeRemoveNode:
      return "remove_node";
    case raftpb::ConfChangeUpdateNode:
      return "update_node";
    case raftpb::ConfChangeAddLearnerNode:
      return "add_learner_node";
  }
  return "unknown";
}

void CopyTexts(const Json& member, const char* name, Json& change) {
  const auto found = member.find(name);
  if (found == member.end() || !found->is_array()) return;
  Json texts = Json::array();
  for (const Json& text : *found) {
    if (text.is_string()) texts.push_back(text);
  }
  if (!texts.empty()) change[name] = std::move(texts);
}

void CopyFlag(const Json& member, const char* name, Json& change) {
  const auto found = member.find(name);
  if (found == member.end() || !found->is_boolean()) return;
  SetFlagIfTrue(change, name, found->get<bool>());
}

// Adds to `change` what `context` says about its member. False if it is not in
// a form that we know.
bool AddContext(absl::string_view context, Json& change) {
  if (context.size() > kContextParsedBytesMax) return false;
  // etcd's membership.ConfigChangeContext, or for an update its Member.
  const Json member = Json::parse(context.begin(), context.end(),
                                  /*cb=*/nullptr, /*allow_exceptions=*/false);
  if (member.is_object()) {
    CopyTexts(member, "peerURLs", change);
    CopyFlag(member, "isLearner", change);
    CopyFlag(member, "isPromote", change);
    const auto name = member.find("name");
    if (name != member.end() && name->is_string()) change["name"] = *name;
    CopyTexts(member, "clientURLs", change);
    return true;
  }
  // raftexample gives the bare URL.
  const bool is_url = absl::StartsWith(context, "http://") ||
                      absl::StartsWith(context, "https://") ||
                      absl::StartsWith(context, "unix://") ||
                      absl::StartsWith(context, "unixs://");
  if (!is_url || !IsUtf8(context)) return false;
  change["peerURLs"] = Json::array({std::string(context)});
  return true;
}

}  // namespace

Json ConfChangeOp(const raftpb::ConfChangeV2& change) {
  Json op = OpOfKind("conf_change");
  if (change.transition() == raftpb::ConfChangeTransitionJointImplicit) {
    op["transition"] = "joint_implicit";
  } else if (change.transition() == raftpb::ConfChangeTransitionJointExplicit) {
    op["transition"] = "joint_explicit";
  }
  Json changes = Json::array();
  for (const raftpb::ConfChangeSingle& single : change.changes()) {
    Json item = Json::object();
    item["type"] = std::string(TypeText(single.type()));
    SetId(item, "node", single.node_id());
    changes.push_back(std::move(item));
  }
  // The context is about one member: with several changes nobody knows which.
  const bool is_told =
      change.context().empty() ||
      (changes.size() == 1 && AddContext(change.context(), changes.front()));
  op["changes"] = std::move(changes);
  if (!is_told) SetBytes(op, "context", change.context());
  return op;
}

}  // namespace rafthttpctl
