// rafthttpctl: looks at, tests and debugs the traffic between raft members.
#include <csignal>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "tools/rafthttpctl/common_options.h"
#include "tools/rafthttpctl/decode_verb.h"
#include "tools/rafthttpctl/demo.h"
#include "tools/rafthttpctl/diagnostics.h"
#include "tools/rafthttpctl/dial.h"
#include "tools/rafthttpctl/doctor.h"
#include "tools/rafthttpctl/exit_code.h"
#include "tools/rafthttpctl/listen.h"
#include "tools/rafthttpctl/members.h"
#include "tools/rafthttpctl/push_snapshot.h"
#include "tools/rafthttpctl/quiet_grpc.h"
#include "tools/rafthttpctl/send.h"
#include "tools/rafthttpctl/tail.h"
#include "tools/rafthttpctl/verb.h"

namespace rafthttpctl {
namespace {

int Main(int argc, char** argv) {
  // A closed pipe is told by write's error, and ends the program quietly.
  std::signal(SIGPIPE, SIG_IGN);
  CommonOptions common;
  RunVerb run;
  CLI::App app(
      "rafthttpctl looks at, tests and debugs the traffic between raft "
      "members: etcd's, or those of a program on rafthttp.",
      "rafthttpctl");
  app.set_version_flag("--version", "rafthttpctl 0.1.0");
  app.require_subcommand(1);
  AddCommonFlags(app, common);
  AddDecode(app, common, run);
  AddDemo(app, common, run);
  AddDial(app, common, run);
  AddDoctor(app, common, run);
  AddListen(app, common, run);
  AddMembers(app, common, run);
  AddPushSnapshot(app, common, run);
  AddSend(app, common, run);
  AddTail(app, common, run);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // 0 for --help and --version.
    return app.exit(error) == 0 ? static_cast<int>(ExitCode::kDone)
                                : static_cast<int>(ExitCode::kUsage);
  }
  QuietGrpc(common.debug);
  if (const absl::Status status = CompleteUser(common); !status.ok()) {
    return static_cast<int>(Fail(status));
  }
  return static_cast<int>(run());
}

}  // namespace
}  // namespace rafthttpctl

int main(int argc, char** argv) { return rafthttpctl::Main(argc, argv); }
