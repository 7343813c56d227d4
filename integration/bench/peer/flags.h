#ifndef INTEGRATION_BENCH_PEER_FLAGS_H_
#define INTEGRATION_BENCH_PEER_FLAGS_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "integration/bench/peer/workload.h"
#include "rafthttp/base/ids.h"

namespace rafthttp::bench {

// The command line, which is that of the measuring stick's own programs.
struct Flags {
  enum class Mode {
    kRecv,
    kEcho,
    kSend,
    kPingPong,
    kDelay,
    kSnapSend,
    kConnCost,
    kFarm
  };

  Mode mode = Mode::kRecv;
  std::string mode_name = "recv";
  MemberId id = MemberId(1);
  ClusterId cluster_id = ClusterId(0x1000);
  std::string listen = "http://127.0.0.1:0";
  std::vector<std::pair<MemberId, std::string>> peers;

  Kind kind = Kind::kApp;
  std::string type_name = "app";
  size_t size = 128;
  uint64_t entries = 1;
  uint64_t count = 0;
  absl::Duration duration = absl::ZeroDuration();
  absl::Duration warmup = absl::Milliseconds(300);
  uint64_t window = 1024;
  uint64_t window_bytes = 64 << 20;
  uint64_t batch = 1;
  double rate = 0;
  uint64_t ack_every = 64;
  uint64_t ack_bytes = 1 << 20;
  absl::Duration ack_delay = absl::Milliseconds(1);

  std::string data_dir;
  std::string file;
  int64_t snap_bytes = 256 << 20;
  std::string verify_dir;

  pid_t peer_pid = 0;
  bool is_inproc = false;
  bool allows_drops = false;
  bool is_checked = false;
  bool is_json = false;
  bool is_verbose = false;
  bool is_plain = false;
  absl::Duration max_life = absl::Minutes(10);
  absl::Duration connect_wait = absl::Seconds(15);

  int npeers = 1;
  uint64_t peer_base_id = 1000;
  std::string peer_url;
  absl::Duration settle = absl::Seconds(2);
  absl::Duration idle = absl::Seconds(5);
};

// Ends the process with 0 for --help and 2 for what cannot be.
Flags ParseFlags(int argc, char** argv);

}  // namespace rafthttp::bench

#endif  // INTEGRATION_BENCH_PEER_FLAGS_H_
