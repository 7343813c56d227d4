#include "tools/rafthttpctl/demo.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "tools/rafthttpctl/diagnostics.h"
#include "tools/rafthttpctl/etcd_demo.h"
#include "tools/rafthttpctl/raft_demo.h"
#include "tools/rafthttpctl/record_flags.h"
#include "tools/rafthttpctl/tail_session.h"
#include "tools/throwaway_etcd/etcd_binary.h"

namespace rafthttpctl {
namespace {

struct DemoFlags {
  std::optional<size_t> members;
  std::optional<absl::Duration> duration;
  double rate = 5;
  bool etcd = false;
  RecordFlags record;
};

ExitCode RunEtcdDemo(TailSession& session, const DemoFlags& flags) {
  auto binary = FindEtcd();
  if (!binary.ok()) {
    return Fail(ExitCode::kUnreachable, absl::StrCat(binary.status().message(),
                                                     "; ./bazelw fetches one"));
  }
  EtcdDemo::Options options;
  options.binary = *std::move(binary);
  options.members = flags.members.value_or(options.members);
  options.duration = flags.duration.value_or(options.duration);
  options.writes_per_second = flags.rate;
  EtcdDemo source(session, std::move(options));
  return session.Run(source);
}

ExitCode RunRaftDemo(TailSession& session, const DemoFlags& flags) {
  RaftDemo::Options options;
  options.members = flags.members.value_or(options.members);
  if (options.members == 1) {
    return Fail(ExitCode::kUsage,
                "--members 1: nobody would be there to send anything to");
  }
  options.duration = flags.duration.value_or(options.duration);
  options.writes_per_second = flags.rate;
  options.no_heartbeats = flags.record.no_heartbeats;
  RaftDemo source(session, std::move(options));
  return session.Run(source);
}

ExitCode RunDemo(const CommonOptions& common, const DemoFlags& flags) {
  TailSession::Options session_options;
  session_options.timeout = common.timeout;
  session_options.printer.is_json = common.write_out == WriteOut::kJson;
  session_options.printer.uses_color = common.uses_color;
  const absl::Status status =
      ReadRecordFlags(flags.record, session_options.printer.record,
                      session_options.printer.filter);
  if (!status.ok()) return Fail(status);
  TailSession session(std::move(session_options));
  return flags.etcd ? RunEtcdDemo(session, flags) : RunRaftDemo(session, flags);
}

}  // namespace

void AddDemo(CLI::App& app, const CommonOptions& common, RunVerb& run) {
  CLI::App* verb = app.add_subcommand(
      "demo",
      "see it work: three members, a leader that is lost, their traffic");
  verb->fallthrough();
  auto flags = std::make_shared<DemoFlags>();
  // A newcomer wants to see what is written; --no-heartbeats=false shows all.
  flags->record.no_heartbeats = true;
  verb->add_option("--members", flags->members,
                   "how many members (default 3, with --etcd 1)")
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
                 "on a throwaway etcd, followed from a learner's seat");
  AddRecordFlags(*verb, flags->record);
  verb->footer(
      "Examples:\n"
      "  rafthttpctl demo\n"
      "  rafthttpctl demo --members 5 --rate 50 -w json\n"
      "  rafthttpctl demo --etcd\n"
      "\n"
      "The members run in this process, on libraft, with free loopback ports\n"
      "and a temporary folder. Half way their leader is killed; it comes "
      "back.\n"
      "At the end all must hold the same and each message be accounted for,\n"
      "else the exit code is 1.\n"
      "etcd is looked for in $RAFTHTTP_ETCD, in PATH, and where ./bazelw puts\n"
      "it. Nothing of either is left afterwards.\n"
      "Common flags: rafthttpctl --help");
  verb->callback([&common, &run, flags] {
    run = [&common, flags] { return RunDemo(common, *flags); };
  });
}

}  // namespace rafthttpctl
