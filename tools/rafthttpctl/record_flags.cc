#include "tools/rafthttpctl/record_flags.h"

#include <memory>
#include <utility>

#include "CLI/CLI.hpp"
#include "tools/rafthttpctl/common_options.h"
#include "tools/rafthttpctl/entry_decoder.h"

namespace rafthttpctl {

void AddRecordFlags(CLI::App& verb, RecordFlags& flags) {
  constexpr char kFilters[] = "Filters";
  constexpr char kShown[] = "What is shown";
  verb.add_option("--type", flags.types, "only these, such as MsgApp,MsgVote")
      ->type_name("TYPE,...")
      ->group(kFilters);
  AddIdFlag(verb, "--from", flags.from, "only from this member")
      ->group(kFilters);
  AddIdFlag(verb, "--to", flags.to, "only to this member")->group(kFilters);
  verb.add_option("--min-bytes", flags.bytes_min, "only messages of this size")
      ->type_name("N")
      ->group(kFilters);
  verb.add_option("--key", flags.key_prefix,
                  "only entries that touch keys with this prefix")
      ->type_name("PREFIX")
      ->group(kFilters);
  verb.add_flag("--no-heartbeats", flags.no_heartbeats,
                "neither MsgHeartbeat nor its answers")
      ->group(kFilters);
  verb.add_option("--payload", flags.payload,
                  "entry data: none, auto, base64 (with the whole message as "
                  "raw) or utf8")
      ->type_name("MODE")
      ->group(kShown);
  verb.add_option("--entries", flags.entries,
                  "how entries are decoded: etcd, raw or "
                  "proto:DESCRIPTOR_SET:TYPE")
      ->type_name("HOW")
      ->group(kShown);
  verb.add_flag("--show-secrets", flags.show_secrets,
                "show passwords, hashes and tokens")
      ->group(kShown);
}

absl::Status ReadRecordFlags(const RecordFlags& flags, RecordOptions& record,
                             FilterOptions& filter) {
  if (!flags.types.empty()) {
    auto types = ParseTypes(flags.types);
    if (!types.ok()) return types.status();
    filter.types = *std::move(types);
  }
  filter.from = flags.from;
  filter.to = flags.to;
  filter.bytes_min = flags.bytes_min;
  filter.key_prefix = flags.key_prefix;
  filter.no_heartbeats = flags.no_heartbeats;
  const auto payload = ParsePayloadMode(flags.payload);
  if (!payload.ok()) return payload.status();
  record.payload = *payload;
  auto entries = NewEntryDecoder(flags.entries, flags.show_secrets);
  if (!entries.ok()) return entries.status();
  record.entries = *std::move(entries);
  if (!filter.key_prefix.empty() && !record.entries->knows_keys()) {
    return absl::InvalidArgumentError(
        "--key goes by etcd's operations, and needs --entries etcd");
  }
  return absl::OkStatus();
}

}  // namespace rafthttpctl
