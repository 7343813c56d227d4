#include "tools/rafthttpctl/demo.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "tools/rafthttpctl/demo_source.h"
#include "tools/rafthttpctl/diagnostics.h"
#include "tools/rafthttpctl/record_flags.h"
#include "tools/rafthttpctl/tail_session.h"
#include "tools/throwaway_etcd/etcd_binary.h"

namespace rafthttpctl {
namespace {

struct DemoFlags {
  size_t members = 1;
  std::optional<absl::Duration> duration;
  double rate = 5;
  bool etcd = false;
  RecordFlags record;
};

ExitCode RunDemo(const CommonOptions& common, const DemoFlags& flags) {
  const auto binary = FindEtcd();
  if (!binary.ok()) {
    return Fail(ExitCode::kUnreachable, absl::StrCat(binary.status().message(),
                                                     "; ./bazelw fetches one"));
  }
  TailSession::Options session_options;
  session_options.timeout = common.timeout;
  session_options.printer.is_json = common.write_out == WriteOut::kJson;
  session_options.printer.uses_color = common.uses_color;
  const absl::Status status =
      ReadRecordFlags(flags.record, session_options.printer.record,
                      session_options.printer.filter);
  if (!status.ok()) return Fail(status);
  DemoSource::Options options;
  options.binary = *binary;
  options.members = flags.members;
  options.duration = flags.duration.value_or(options.duration);
  options.writes_per_second = flags.rate;
  TailSession session(std::move(session_options));
  DemoSource source(session, std::move(options));
  return session.Run(source);
}

}  // namespace

void AddDemo(CLI::App& app, const CommonOptions& common, RunVerb& run) {
  CLI::App* verb = app.add_subcommand(
      "demo", "see it work: a throwaway etcd, some keys, and its raft traffic");
  verb->fallthrough();
  auto flags = std::make_shared<DemoFlags>();
  // A newcomer wants to see what is written; --no-heartbeats=false shows all.
  flags->record.no_heartbeats = true;
  verb->add_option("--members", flags->members, "how many members (default 1)")
      ->type_name("N")
      ->check(CLI::IsMember({1, 3, 5}));
  AddDurationFlag(*verb, "--duration", flags->duration,
                  "how long to write (default 5s)");
  verb->add_option("--rate", flags->rate, "writes per second (default 5)")
      ->type_name("N")
      ->transform(CLI::Validator(
          [](std::string& text) {
            // "50/s" reads well, too.
            if (text.size() > 2 &&
                text.compare(text.size() - 2, 2, "/s") == 0) {
              text.resize(text.size() - 2);
            }
            return std::string();
          },
          ""))
      ->check(CLI::Range(0.1, 1000.0));
  verb->add_flag("--etcd", flags->etcd,
                 "on a throwaway etcd, which is the only way so far");
  AddRecordFlags(*verb, flags->record);
  verb->footer(
      "Examples:\n"
      "  rafthttpctl demo\n"
      "  rafthttpctl demo --members 3 --rate 50 -w json\n"
      "\n"
      "etcd is looked for in $RAFTHTTP_ETCD, in PATH, and where ./bazelw puts\n"
      "it. It runs on free loopback ports in a temporary folder, and nothing\n"
      "of it is left afterwards.\n"
      "Common flags: rafthttpctl --help");
  verb->callback([&common, &run, flags] {
    run = [&common, flags] { return RunDemo(common, *flags); };
  });
}

}  // namespace rafthttpctl
