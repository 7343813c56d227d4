#include "tools/rafthttpctl/dial.h"

#include <unistd.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "rafthttp/event/uv_connector.h"
#include "rafthttp/event/uv_loop.h"
#include "rafthttp/http1/url.h"
#include "rafthttp/stream/stream_kind.h"
#include "tools/etcdpb/terminal_text.h"
#include "tools/rafthttpctl/diagnostics.h"
#include "tools/rafthttpctl/output.h"
#include "tools/rafthttpctl/peer_dial.h"
#include "tools/rafthttpctl/record.h"

namespace rafthttpctl {

using rafthttp::StreamKind;

namespace {

struct DialFlags {
  std::vector<std::string> urls;
  std::string stream;
  std::optional<rafthttp::MemberId> to;
  bool steals = false;
};

std::string Field(const nlohmann::ordered_json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end()) return "?";
  // Texts of a peer, which must not command the terminal.
  return MaybeQuoted(
      found->is_string() ? found->get<std::string>() : found->dump(), 200);
}

std::string TextOf(const PeerDial::Report& report) {
  const nlohmann::ordered_json& json = report.json;
  std::string text = absl::StrCat(Field(json, "url"), "\n");
  if (json.contains("address")) {
    absl::StrAppendFormat(&text, "  connect  %s in %.3f ms\n",
                          Field(json, "address"),
                          json["connectSeconds"].get<double>() * 1e3);
  }
  if (json.contains("version")) {
    absl::StrAppend(&text, "  version  ", Field(json["version"], "etcdserver"),
                    " (cluster ", Field(json["version"], "etcdcluster"), ")\n");
  }
  if (json.contains("clusterId")) {
    absl::StrAppend(&text, "  cluster  ", Field(json, "clusterId"), ", ",
                    Field(json, "members"), " members\n");
  }
  if (json.contains("id")) {
    absl::StrAppend(&text, "  member   ", Field(json, "id"), " ",
                    Field(json, "name"), "\n");
  } else if (json.contains("isListed")) {
    absl::StrAppend(&text, "  member   lists no member at this URL\n");
  }
  if (json.contains("probe")) {
    const nlohmann::ordered_json& probe = json["probe"];
    absl::StrAppendFormat(
        &text,
        "  probe    round trip %.3f ms, clock %+.3f ms (\u00b1 %.3f ms)\n",
        probe["roundTripSeconds"].get<double>() * 1e3,
        probe["clockOffsetSeconds"].get<double>() * 1e3,
        probe["clockOffsetErrorSeconds"].get<double>() * 1e3);
  }
  if (json.contains("stream")) {
    absl::StrAppend(&text, "  stream   ", Field(json["stream"], "kind"), " to ",
                    Field(json["stream"], "to"), ": ",
                    Field(json["stream"], "answer"), "\n");
  }
  for (const std::string& problem : report.problems) {
    absl::StrAppend(&text, "  PROBLEM  ", OneLine(problem), "\n");
  }
  return text;
}

ExitCode RunDial(const CommonOptions& common, const DialFlags& flags) {
  std::vector<PeerDial::Options> targets;
  for (const std::string& text : flags.urls) {
    const auto url = rafthttp::http1::ParsePeerUrl(text);
    if (!url.ok()) return Fail(url.status());
    if (url->scheme == rafthttp::http1::Url::Scheme::kHttps) {
      return FailForTlsPeer(text);
    }
    PeerDial::Options options;
    options.target.url = *url;
    options.target.cluster = common.cluster_id;
    options.target.timeout = common.dial_timeout;
    if (!flags.stream.empty()) {
      if (!common.id) {
        return Fail(ExitCode::kUsage,
                    "dial --stream wants --id: in whose name to ask");
      }
      options.stream =
          flags.stream == "msgapp" ? StreamKind::kMsgApp : StreamKind::kMessage;
      options.target.id = *common.id;
      options.target.peer = flags.to;
      options.target.steals = flags.steals;
    }
    targets.push_back(std::move(options));
  }

  rafthttp::event::UvLoop loop;
  rafthttp::event::UvConnector connector(loop);
  ExitCode code = ExitCode::kDone;
  std::unique_ptr<PeerDial> dial;
  size_t next = 0;
  std::function<void()> dial_next = [&] {
    if (next == targets.size()) {
      loop.Stop();
      return;
    }
    dial = std::make_unique<PeerDial>(loop, connector, targets[next++]);
    dial->Start([&](PeerDial::Report report) {
      if (code == ExitCode::kDone) code = report.code;
      const std::string lines = common.write_out == WriteOut::kJson
                                    ? absl::StrCat(ToLine(report.json), "\n")
                                    : TextOf(report);
      const absl::Status written = WriteAll(STDOUT_FILENO, lines);
      if (!written.ok()) {
        // A closed pipe is no error.
        if (!absl::IsCancelled(written)) code = Fail(written);
        next = targets.size();
      }
      // As text they stand in the report.
      if (common.write_out == WriteOut::kJson) {
        const std::string url = Field(report.json, "url");
        for (const std::string& problem : report.problems) {
          PrintNote(absl::StrContains(problem, url)
                        ? problem
                        : absl::StrCat(url, ": ", problem));
        }
      }
      loop.Post([&] { dial_next(); });
    });
  };
  bool is_late = false;
  const auto timer = loop.NewTimer([&] {
    is_late = true;
    loop.Stop();
  });
  if (common.timeout) timer->Start(*common.timeout);
  loop.Post([&] { dial_next(); });
  loop.Run();
  dial.reset();
  if (is_late) {
    return Fail(code == ExitCode::kDone ? ExitCode::kUnreachable : code,
                "--timeout is over");
  }
  return code;
}

}  // namespace

void AddDial(CLI::App& app, const CommonOptions& common, RunVerb& run) {
  CLI::App* verb = app.add_subcommand(
      "dial", "look at peer ports: version, members, round trip, clock");
  verb->fallthrough();
  auto flags = std::make_shared<DialFlags>();
  verb->add_option("URL", flags->urls, "peer URLs, such as http://host:2380")
      ->required();
  verb->add_option("--stream", flags->stream,
                   "also ask for this stream: message or msgapp")
      ->check(CLI::IsMember({"message", "msgapp"}))
      ->type_name("KIND");
  AddIdFlag(*verb, "--to", flags->to,
            "with --stream: the member at URL (default: looked up)");
  verb->add_flag("--steal", flags->steals,
                 "with --stream: even if --id is up, or unknown");
  verb->footer(
      "Examples:\n"
      "  rafthttpctl dial http://10.0.0.1:2380 http://10.0.0.2:2380\n"
      "  rafthttpctl dial http://10.0.0.1:2380 --stream message --id "
      "2a7c96ad52bc3e9\n"
      "\n"
      "A stream is served to one at a time, so that --stream takes it from "
      "--id\n"
      "for a moment; it is refused while that member is up.\n"
      "Common flags: rafthttpctl --help");
  verb->callback([&common, &run, flags] {
    run = [&common, flags] { return RunDial(common, *flags); };
  });
}

}  // namespace rafthttpctl
