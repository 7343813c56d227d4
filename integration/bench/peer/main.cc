// Our transport under the measuring stick. Each mode is what the stick's own
// programs do in it.
#include <unistd.h>
#include <uv.h>

#include "absl/time/time.h"
#include "integration/bench/peer/flags.h"
#include "integration/bench/peer/modes.h"
#include "integration/bench/peer/report.h"
#include "rafthttp/event/uv_loop.h"

namespace rafthttp::bench {
namespace {

int Main(int argc, char** argv) {
  const Flags flags = ParseFlags(argc, argv);
  alarm(static_cast<unsigned>(absl::ToInt64Seconds(flags.max_life)));
  uv_loop_t uv;
  uv_loop_init(&uv);
  int code = 0;
  {
    event::UvLoop loop(uv);
    switch (flags.mode) {
      case Flags::Mode::kRecv:
      case Flags::Mode::kEcho:
        code = Receive(uv, loop, flags);
        break;
      case Flags::Mode::kSend:
      case Flags::Mode::kPingPong:
        code = Send(uv, loop, flags);
        break;
      case Flags::Mode::kDelay:
        code = Delay(uv, loop, flags);
        break;
      case Flags::Mode::kConnCost:
        code = ConnCost(uv, flags);
        break;
      case Flags::Mode::kSnapSend:
        code = SendSnapshots(uv, loop, flags);
        break;
      case Flags::Mode::kFarm:
        code = Farm(uv, loop, flags);
        break;
    }
  }
  while (uv_run(&uv, UV_RUN_NOWAIT) != 0) {
  }
  if (uv_loop_close(&uv) != 0) return Fail("the loop has open handles");
  return code;
}

}  // namespace
}  // namespace rafthttp::bench

int main(int argc, char** argv) { return rafthttp::bench::Main(argc, argv); }
