#include "tools/rafthttpctl/tail.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "rafthttp/http1/url.h"
#include "rafthttp/stream/stream_kind.h"
#include "tools/etcdclient/etcd_client.h"
#include "tools/rafthttpctl/diagnostics.h"
#include "tools/rafthttpctl/learner_tail.h"
#include "tools/rafthttpctl/listen_address.h"
#include "tools/rafthttpctl/record_flags.h"
#include "tools/rafthttpctl/stream_tail.h"
#include "tools/rafthttpctl/tail_session.h"

namespace rafthttpctl {

using rafthttp::StreamKind;

namespace {

struct TailOptions {
  std::string stream_url;
  bool learner = false;

  std::string kind = "both";
  std::optional<rafthttp::MemberId> peer;
  bool steals = false;
  bool link_heartbeats = false;

  bool committed = false;
  bool from_start = false;
  std::string listen;
  std::string advertise;
  std::string folder;
  bool keep = false;
  bool replace = false;

  std::optional<uint64_t> count;
  std::optional<absl::Duration> duration;
  RecordFlags record;
};

ExitCode RunStream(const CommonOptions& common, const TailOptions& options,
                   TailSession::Options session_options) {
  if (!common.id) {
    return Fail(ExitCode::kUsage,
                "tail --stream wants --id: whose stream to look at");
  }
  const auto url = rafthttp::http1::ParsePeerUrl(options.stream_url);
  if (!url.ok()) return Fail(url.status());
  if (url->scheme == rafthttp::http1::Url::Scheme::kHttps) {
    return FailForTlsPeer(options.stream_url);
  }
  StreamTail::Options stream;
  stream.target.url = *url;
  stream.target.id = *common.id;
  stream.target.peer = options.peer;
  stream.target.cluster = common.cluster_id;
  if (options.kind != "message") stream.kinds.push_back(StreamKind::kMsgApp);
  if (options.kind != "msgapp") stream.kinds.push_back(StreamKind::kMessage);
  stream.target.steals = options.steals;
  stream.shows_link_heartbeats = options.link_heartbeats;
  stream.wants_raw =
      session_options.printer.record.payload == PayloadMode::kBase64;
  stream.target.timeout = common.dial_timeout;
  TailSession session(std::move(session_options));
  StreamTail source(session, std::move(stream));
  return session.Run(source);
}

ExitCode RunLearner(const CommonOptions& common, const TailOptions& options,
                    TailSession::Options session_options) {
  if (common.endpoints.empty()) {
    return Fail(ExitCode::kUsage,
                "tail --learner wants --endpoints: it joins by etcd's client "
                "API");
  }
  const auto client = EtcdClient::Create(EtcdOptions(common));
  if (!client.ok()) return Fail(client.status());
  LearnerTail::Options learner;
  learner.seat.committed_only = options.committed;
  learner.seat.from_start = options.from_start;
  if (!options.from_start &&
      (!options.listen.empty() || !options.advertise.empty() ||
       !options.folder.empty())) {
    return Fail(ExitCode::kUsage,
                "--listen, --advertise and --dir are for --from-start");
  }
  if (options.from_start) {
    const std::string address = !options.listen.empty()
                                    ? options.listen
                                    : LocalAddressTowards(common.endpoints[0]);
    const auto url = ParseListenAddress(address);
    if (!url.ok()) return Fail(url.status());
    learner.listen_url = *url;
    if (!options.advertise.empty()) {
      const auto advertised = rafthttp::http1::ParsePeerUrl(options.advertise);
      if (!advertised.ok()) return Fail(advertised.status());
    }
    learner.advertised_url = options.advertise;
    learner.folder = options.folder;
  }
  learner.seat.wants_raw =
      session_options.printer.record.payload == PayloadMode::kBase64;
  learner.registrar.join_timeout = common.dial_timeout;
  learner.registrar.replaces = options.replace;
  learner.id = common.id;
  learner.keeps_member = options.keep;
  TailSession session(std::move(session_options));
  LearnerTail source(session, **client, std::move(learner));
  return session.Run(source);
}

ExitCode RunTail(const CommonOptions& common, const TailOptions& options) {
  if (options.learner == !options.stream_url.empty()) {
    return Fail(ExitCode::kUsage,
                "tail wants a source: --learner or --stream, one of both");
  }
  TailSession::Options session;
  session.count = options.count;
  session.duration = options.duration;
  session.timeout = common.timeout;
  session.printer.is_json = common.write_out == WriteOut::kJson;
  session.printer.uses_color = common.uses_color;
  const absl::Status status = ReadRecordFlags(
      options.record, session.printer.record, session.printer.filter);
  if (!status.ok()) return Fail(status);
  return options.learner ? RunLearner(common, options, std::move(session))
                         : RunStream(common, options, std::move(session));
}

}  // namespace

void AddTail(CLI::App& app, const CommonOptions& common, RunVerb& run) {
  CLI::App* verb = app.add_subcommand("tail", "print decoded raft traffic");
  verb->fallthrough();
  auto options = std::make_shared<TailOptions>();
  verb->add_flag("--learner", options->learner,
                 "the whole replicated log of the cluster at --endpoints, from "
                 "now on")
      ->group("Sources");
  verb->add_option("--stream", options->stream_url,
                   "what the member at this peer URL sends to --id")
      ->type_name("URL")
      ->group("Sources");

  verb->add_flag("--committed", options->committed,
                 "hold an entry back until it is committed")
      ->group("With --learner");
  verb->add_flag("--from-start", options->from_start,
                 "from the first entry on, or from the snapshot that the "
                 "leader sends; listens")
      ->group("With --learner");
  verb->add_option("--listen", options->listen,
                   "where members reach us (default: a free port on the "
                   "address that faces the first endpoint)")
      ->type_name("ADDR")
      ->group("With --learner --from-start");
  verb->add_option("--advertise", options->advertise,
                   "what the cluster lists instead, behind a NAT")
      ->type_name("URL")
      ->group("With --learner --from-start");
  verb->add_option("--dir", options->folder,
                   "keep the snapshot there (default: only while it runs)")
      ->type_name("FOLDER")
      ->group("With --learner --from-start");
  verb->add_flag("--keep", options->keep,
                 "leave the learner on the member list; --id takes it up again")
      ->group("With --learner");
  verb->add_flag("--replace", options->replace,
                 "remove a learner that a killed run left behind")
      ->group("With --learner");

  verb->add_option("--kind", options->kind, "message, msgapp or both (default)")
      ->check(CLI::IsMember({"message", "msgapp", "both"}))
      ->type_name("KIND")
      ->group("With --stream");
  AddIdFlag(*verb, "--peer", options->peer,
            "the member at URL (default: looked up in /members)")
      ->group("With --stream");
  verb->add_flag("--steal", options->steals,
                 "take the stream even if --id is up, or unknown")
      ->group("With --stream");
  verb->add_flag("--link-heartbeats", options->link_heartbeats,
                 "show the transport's own heartbeats, too")
      ->group("With --stream");

  verb->add_option("--count", options->count, "end after so many records")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  AddDurationFlag(*verb, "--duration", options->duration,
                  "end after this time");
  AddRecordFlags(*verb, options->record);
  verb->footer(
      "Examples:\n"
      "  rafthttpctl tail --learner --endpoints 127.0.0.1:2379\n"
      "  rafthttpctl tail --learner --endpoints a:2379,b:2379 --committed "
      "--no-heartbeats -w json\n"
      "  rafthttpctl tail --stream http://127.0.0.1:2380 --id 2a7c96ad52bc3e9\n"
      "\n"
      "--learner adds a learner to the cluster and removes it at the end, "
      "also\n"
      "on SIGINT and SIGTERM. A learner has no vote. Do not promote it: it "
      "cannot\n"
      "refuse, and leaves at once, which costs the cluster a voter until "
      "then.\n"
      "While it sits the cluster version cannot rise.\n"
      "\n"
      "Exit codes: 0 done, 1 a gap or a promotion, 2 usage, 3 unreachable,\n"
      "4 TLS or authorization, 5 another cluster or member, or removed.\n"
      "Common flags: rafthttpctl --help");
  verb->callback([&common, &run, options] {
    run = [&common, options] { return RunTail(common, *options); };
  });
}

}  // namespace rafthttpctl
