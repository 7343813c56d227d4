#include "tools/rafthttpctl/listen.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "rafthttp/http1/url.h"
#include "tools/rafthttpctl/diagnostics.h"
#include "tools/rafthttpctl/listen_address.h"
#include "tools/rafthttpctl/listen_source.h"
#include "tools/rafthttpctl/member_listing.h"
#include "tools/rafthttpctl/peer_api.h"
#include "tools/rafthttpctl/record_flags.h"
#include "tools/rafthttpctl/tail_session.h"

namespace rafthttpctl {

using rafthttp::MemberId;
using rafthttp::http1::Url;

namespace {

struct ListenFlags {
  std::string address;
  std::vector<std::string> peers;
  std::string version;
  std::string advertised_url;
  std::string folder;
  std::optional<uint64_t> count;
  std::optional<absl::Duration> duration;
  RecordFlags record;
};

ExitCode RunListen(const CommonOptions& common, const ListenFlags& flags) {
  const auto address = ParseListenAddress(flags.address);
  if (!address.ok()) return Fail(address.status());
  if (address->scheme == Url::Scheme::kHttps) {
    return FailForTlsPeer(flags.address);
  }
  TailSession::Options session_options;
  session_options.count = flags.count;
  session_options.duration = flags.duration;
  session_options.timeout = common.timeout;
  session_options.printer.is_json = common.write_out == WriteOut::kJson;
  session_options.printer.uses_color = common.uses_color;
  absl::Status status =
      ReadRecordFlags(flags.record, session_options.printer.record,
                      session_options.printer.filter);
  if (!status.ok()) return Fail(status);

  ListenSource::Options options;
  options.address = *address;
  options.id = common.id;
  options.cluster = common.cluster_id;
  options.advertised_url = flags.advertised_url;
  options.wants_raw =
      session_options.printer.record.payload == PayloadMode::kBase64;
  if (!flags.version.empty()) {
    const auto version = rafthttp::Version::Parse(flags.version);
    if (!version.ok()) {
      return Fail(ExitCode::kUsage,
                  absl::StrCat("--claim-version \"", flags.version,
                               "\": want the full 3.4.23"));
    }
    options.version = *version;
  }
  for (const std::string& peer : flags.peers) {
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(peer, absl::MaxSplits('=', 1));
    const auto id = MemberId::FromHex(parts.first);
    const auto url = rafthttp::http1::ParsePeerUrl(parts.second);
    if (!id.ok() || id->is_zero() || !url.ok()) {
      return Fail(ExitCode::kUsage,
                  absl::StrCat("--peer \"", peer,
                               "\": want HEX=URL, such as "
                               "8e9e05c52164694d=http://10.0.0.1:2380"));
    }
    options.peers[*id].push_back(parts.second);
  }
  if (!flags.folder.empty()) {
    std::error_code error;
    std::filesystem::create_directories(flags.folder, error);
    if (error) {
      return Fail(ExitCode::kUsage,
                  absl::StrCat("--dir ", flags.folder, ": ", error.message()));
    }
    options.folder = flags.folder;
  }
  if (!common.endpoints.empty()) {
    const auto listing = ListByEtcd(EtcdOptions(common), common.timeout);
    if (!listing.ok()) return Fail(listing.status());
    if (!options.cluster) options.cluster = listing->members.cluster;
    for (const PeerMember& member : listing->members.members) {
      options.members.push_back({.id = member.id,
                                 .peer_urls = member.peer_urls,
                                 .is_learner = member.is_learner,
                                 .name = member.name,
                                 .client_urls = member.client_urls});
      if (common.id && member.id != *common.id) {
        options.peers.emplace(member.id, member.peer_urls);
      }
    }
  }
  TailSession session(std::move(session_options));
  ListenSource source(session, std::move(options));
  return session.Run(source);
}

}  // namespace

void AddListen(CLI::App& app, const CommonOptions& common, RunVerb& run) {
  CLI::App* verb = app.add_subcommand(
      "listen", "be a member that accepts everything, and print what comes");
  verb->fallthrough();
  auto flags = std::make_shared<ListenFlags>();
  verb->add_option("ADDR", flags->address,
                   "where to listen: 127.0.0.1:2380, or a peer URL; port 0 "
                   "takes a free one")
      ->required();
  verb->add_option("--peer", flags->peers,
                   "a member to open streams to; may be repeated")
      ->type_name("HEX=URL");
  verb->add_option("--dir", flags->folder,
                   "keep snapshots there (without it they are refused)")
      ->type_name("FOLDER");
  verb->add_option("--claim-version", flags->version,
                   "what we say we run (default: what the first sender says)")
      ->type_name("X.Y.Z");
  verb->add_option("--advertise", flags->advertised_url,
                   "tell those whom we dial that we are there; an etcd that "
                   "does not know us remembers it until it restarts")
      ->type_name("URL");
  verb->add_option("--count", flags->count, "end after so many records")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  AddDurationFlag(*verb, "--duration", flags->duration, "end after this time");
  AddRecordFlags(*verb, flags->record);
  verb->footer(
      "Examples:\n"
      "  rafthttpctl listen 127.0.0.1:2380\n"
      "  rafthttpctl listen 127.0.0.1:0 --dir /tmp/snapshots -w json\n"
      "\n"
      "It answers 204 to every message and acknowledges none: no raft is "
      "behind it.\n"
      "Who it is (--cluster-id, --id) it learns from the first request, "
      "where not told.\n"
      "Whoever opens a stream to it, or is named by --peer, is dialled, too: "
      "what a\n"
      "member sends by stream comes on the stream that its receiver opened.\n"
      "Common flags: rafthttpctl --help");
  verb->callback([&common, &run, flags] {
    run = [&common, flags] { return RunListen(common, *flags); };
  });
}

}  // namespace rafthttpctl
