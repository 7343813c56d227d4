#include "tools/rafthttpctl/filter.h"

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "raftpb/message_type.h"
#include "tools/etcdpb/operation.h"

namespace rafthttpctl {

using Json = nlohmann::ordered_json;
using rafthttp::MemberId;

namespace {

std::optional<int32_t> FindType(absl::string_view text) {
  for (int32_t number = raftpb::MessageType_MIN;
       number <= raftpb::MessageType_MAX; ++number) {
    const std::string name = raftpb::MessageTypeName(number);
    if (absl::EqualsIgnoreCase(text, name) ||
        absl::EqualsIgnoreCase(absl::StrCat("Msg", text), name)) {
      return number;
    }
  }
  // "MsgUnknown(42)", as records show it.
  return raftpb::ParseMessageType(text);
}

std::string KnownTypes() {
  std::vector<std::string> names;
  for (int32_t number = raftpb::MessageType_MIN;
       number <= raftpb::MessageType_MAX; ++number) {
    names.push_back(raftpb::MessageTypeName(number));
  }
  return absl::StrJoin(names, ", ");
}

// What is missing or is no ID counts as the ID that nobody has.
uint64_t IdOf(const Json& record, const char* field) {
  const auto found = record.find(field);
  if (found == record.end() || !found->is_string()) return 0;
  const auto id = MemberId::FromHex(found->get_ref<const std::string&>());
  return id.ok() ? id->value() : 0;
}

uint64_t NumberOf(const Json& record, const char* field) {
  const auto found = record.find(field);
  if (found == record.end()) return 0;
  if (found->is_number_unsigned()) return found->get<uint64_t>();
  uint64_t number = 0;
  if (found->is_string() &&
      absl::SimpleAtoi(found->get_ref<const std::string&>(), &number)) {
    return number;
  }
  return 0;
}

}  // namespace

absl::StatusOr<std::set<int32_t>> ParseTypes(absl::string_view text) {
  std::set<int32_t> types;
  for (absl::string_view name : absl::StrSplit(text, ',')) {
    name = absl::StripAsciiWhitespace(name);
    if (name.empty()) continue;
    const std::optional<int32_t> type = FindType(name);
    if (!type) {
      return absl::InvalidArgumentError(absl::StrCat(
          "\"", name, "\" is no message type; there are ", KnownTypes()));
    }
    types.insert(*type);
  }
  if (types.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("no message type is named; there are ", KnownTypes()));
  }
  return types;
}

Filter::Filter(FilterOptions options) : options_(std::move(options)) {}

bool Filter::Passes(const raftpb::Message& message, size_t bytes) const {
  return Passes(raftpb::TypeNumber(message), message.from(), message.to(),
                bytes);
}

bool Filter::Passes(const Json& record) const {
  if (record.contains("event")) return true;
  const auto type = record.find("type");
  // An entry or snapshot by itself has no type, and no type that is asked for.
  const int32_t number =
      type != record.end() && type->is_string()
          ? raftpb::ParseMessageType(type->get_ref<const std::string&>())
                .value_or(-1)
          : -1;
  return Passes(number, IdOf(record, "from"), IdOf(record, "to"),
                NumberOf(record, "bytes"));
}

bool Filter::Passes(int32_t type, uint64_t from, uint64_t to,
                    uint64_t bytes) const {
  if (!options_.types.empty() && options_.types.count(type) == 0) return false;
  if (options_.from && options_.from->value() != from) return false;
  if (options_.to && options_.to->value() != to) return false;
  if (bytes < options_.bytes_min) return false;
  if (options_.no_heartbeats &&
      (type == raftpb::MsgHeartbeat || type == raftpb::MsgHeartbeatResp)) {
    return false;
  }
  return true;
}

bool Filter::KeepKeys(Json* record) const {
  if (options_.key_prefix.empty() || record->contains("event")) return true;
  const auto entries = record->find("entries");
  if (entries == record->end() || !entries->is_array()) return false;
  Json kept = Json::array();
  for (Json& entry : *entries) {
    if (!entry.is_object()) continue;
    const auto op = entry.find("op");
    if (op == entry.end() || !op->is_object()) continue;
    if (TouchesKey(*op, options_.key_prefix)) kept.push_back(std::move(entry));
  }
  *entries = std::move(kept);
  return !entries->empty();
}

}  // namespace rafthttpctl
