#include "tools/rafthttpctl/snap_decode.h"

#include <unistd.h>

#include <fstream>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "snap/snap_file.h"
#include "tools/etcdpb/terminal_text.h"
#include "tools/rafthttpctl/diagnostics.h"
#include "tools/rafthttpctl/output.h"
#include "tools/rafthttpctl/record.h"

namespace rafthttpctl {

using Json = nlohmann::ordered_json;

namespace {

constexpr size_t kTextWidthMax = 200;

Json Parse(const std::string& text) {
  return Json::parse(text, nullptr, /*allow_exceptions=*/false);
}

// A node of the v2 store's tree; null if there is none.
const Json* Child(const Json* node, const char* name) {
  if (node == nullptr || !node->is_object()) return nullptr;
  const auto children = node->find("Children");
  if (children == node->end() || !children->is_object()) return nullptr;
  const auto child = children->find(name);
  return child == children->end() ? nullptr : &*child;
}

// The JSON that a node's value holds.
Json ValueOf(const Json* node) {
  if (node == nullptr || !node->is_object()) return {};
  const auto value = node->find("Value");
  if (value == node->end() || !value->is_string()) return {};
  return Parse(value->get<std::string>());
}

void CopyField(const Json& from, const char* name, Json& to) {
  if (!from.is_object()) return;
  const auto field = from.find(name);
  if (field != from.end()) to[name] = *field;
}

// Adds what the v2 store says of the cluster.
void AddMembership(const Json& store, Json& record) {
  const auto root = store.find("Root");
  if (root == store.end()) return;
  const Json* const cluster = Child(&*root, "0");
  const Json* const members = Child(cluster, "members");
  if (members != nullptr && members->contains("Children") &&
      (*members)["Children"].is_object()) {
    Json list = Json::array();
    for (const auto& [id, node] : (*members)["Children"].items()) {
      Json member;
      member["id"] = id;
      const Json attributes = ValueOf(Child(&node, "attributes"));
      const Json raft = ValueOf(Child(&node, "raftAttributes"));
      CopyField(attributes, "name", member);
      CopyField(raft, "peerURLs", member);
      CopyField(attributes, "clientURLs", member);
      member["isLearner"] = raft.is_object() && raft.contains("isLearner") &&
                            raft["isLearner"].is_boolean() &&
                            raft["isLearner"].get<bool>();
      list.push_back(std::move(member));
    }
    record["members"] = std::move(list);
  }
  if (const Json* const version = Child(cluster, "version");
      version != nullptr && version->contains("Value") &&
      (*version)["Value"].is_string()) {
    record["clusterVersion"] = (*version)["Value"];
  }
}

// A list is shown as its items with commas.
std::string Text(const Json& value) {
  if (value.is_array()) {
    std::string text;
    for (const Json& item : value) {
      absl::StrAppend(&text, text.empty() ? "" : ",", Text(item));
    }
    return text;
  }
  return MaybeQuoted(
      value.is_string() ? value.get<std::string>() : value.dump(),
      kTextWidthMax);
}

}  // namespace

bool IsSnapFileName(absl::string_view path) {
  return absl::EndsWith(path, ".snap") || absl::EndsWith(path, ".snap.broken");
}

Json SnapFileRecord(const raftpb::Snapshot& snapshot) {
  Json record;
  record["v"] = 1;
  record["source"] = "file";
  record["snapshot"] = SnapshotJson(snapshot);
  const Json store = Parse(snapshot.data());
  if (store.is_object()) AddMembership(store, record);
  return record;
}

std::string SnapFileText(const Json& record) {
  const Json& snapshot = record["snapshot"];
  std::string text = absl::StrCat("snapshot  index ", Text(snapshot["index"]),
                                  "  term ", Text(snapshot["term"]), "  data ",
                                  Text(snapshot["bytes"]), " B\n");
  for (const char* name :
       {"voters", "learners", "votersOutgoing", "learnersNext"}) {
    if (!snapshot["confState"].contains(name)) continue;
    const Json& ids = snapshot["confState"][name];
    if (ids.empty()) continue;
    absl::StrAppend(&text, name, " ");
    for (const Json& id : ids) absl::StrAppend(&text, " ", Text(id));
    text += "\n";
  }
  if (record.contains("clusterVersion")) {
    absl::StrAppend(&text, "version   ", Text(record["clusterVersion"]), "\n");
  }
  if (record.contains("members")) {
    for (const Json& member : record["members"]) {
      absl::StrAppend(&text, "member    ", Text(member["id"]));
      for (const char* name : {"name", "peerURLs", "clientURLs"}) {
        if (member.contains(name)) {
          absl::StrAppend(&text, "  ", Text(member[name]));
        }
      }
      if (member["isLearner"].get<bool>()) text += "  learner";
      text += "\n";
    }
  }
  return text;
}

ExitCode DecodeSnapFileAt(const std::string& path, bool is_json) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    return Fail(ExitCode::kUsage, absl::StrCat(path, " cannot be read"));
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  const auto snapshot = rafthttp::snap::DecodeSnapFile(bytes);
  if (!snapshot.ok()) {
    return Fail(ExitCode::kUsage,
                absl::StrCat(path, ": ", snapshot.status().message()));
  }
  const Json record = SnapFileRecord(*snapshot);
  const absl::Status written =
      WriteAll(STDOUT_FILENO, is_json ? absl::StrCat(ToLine(record), "\n")
                                      : SnapFileText(record));
  if (!written.ok() && !absl::IsCancelled(written)) return Fail(written);
  return ExitCode::kDone;
}

}  // namespace rafthttpctl
