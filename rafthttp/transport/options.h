#ifndef RAFTHTTP_TRANSPORT_OPTIONS_H_
#define RAFTHTTP_TRANSPORT_OPTIONS_H_

#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/base/logger.h"
#include "rafthttp/base/raft.h"
#include "rafthttp/cluster_info/cluster_info.h"
#include "rafthttp/codec/limits.h"
#include "rafthttp/delivery/view_receiver.h"
#include "rafthttp/handshake/version.h"
#include "rafthttp/http1/server.h"
#include "rafthttp/stats/leader_stats.h"
#include "rafthttp/stats/metrics_recorder.h"
#include "rafthttp/stats/server_stats.h"
#include "snap/snapshotter.h"

namespace rafthttp {

// How messages reach Raft.
enum class DeliveryMode {
  // On strands of a small thread pool: Process may block.
  kStrands,
  // On the loop's thread, as they are read: Process must not block. The fast
  // path.
  kInline,
};

// What a Transport is told. What is pointed to must outlive it.
struct Options {
  // Who we are. Neither may be zero.
  MemberId id;
  ClusterId cluster_id;
  Raft* raft = nullptr;

  // Where peers connect: "http://127.0.0.1:0" (a free port),
  // "http://[::]:2380", "unix:///run/raft.sock". May be empty, if Handler() is
  // mounted elsewhere or nobody dials us.
  std::vector<std::string> listen_urls;
  // What we tell peers about where they reach us (X-PeerURLs); empty: nothing.
  // An etcd that does not know us remembers them until it restarts.
  std::vector<std::string> advertised_urls;
  // The version that we claim. Claim the cluster's own: a lower one holds up
  // its upgrades, a higher one its downgrades.
  Version version = kVersionByDefault;

  // Connecting, and waiting for the head of an answer, each. etcd: 1 s and an
  // election timeout.
  absl::Duration dial_timeout = absl::Seconds(2);
  // Redials of one stream, as etcd's DialRetryFrequency.
  double dial_retries_per_second = 10;

  DeliveryMode delivery = DeliveryMode::kStrands;
  // With kInline: takes what comes by stream without a copy, in place of
  // Raft::Process.
  ViewReceiver* views = nullptr;
  // Threads for strands whose Process blocks, at most.
  size_t delivery_threads_max = 64;

  // Runs everything on this loop, which belongs to the embedder: all methods
  // that are for the loop's thread then belong to whoever runs it. Null: on
  // loop_threads threads of our own, over which peers are spread.
  uv_loop_t* loop = nullptr;
  int loop_threads = 1;

  // Per peer, each for MsgApp and for all else: what may wait. 4096 is 8 times
  // raft's 512 MsgApps in flight; the bytes are 64 MiB of data, and 1 KiB for
  // what is around the data of each. One message may exceed the bytes if
  // nothing else waits.
  size_t queue_messages_max = 4096;
  size_t queue_bytes_max = 68 << 20;
  // The sum over all peers.
  size_t process_bytes_max = size_t{1} << 30;
  codec::Limits limits;

  // Where snapshots that peers send are stored, before Raft sees their
  // messages; null: POST /raft/snapshot is 404.
  snap::Snapshotter* snapshotter = nullptr;
  // At once, of all senders; others are answered with 503.
  size_t snapshot_receives_max = 8;
  // To each peer; 0: as fast as it goes. One that is limited slows down to
  // 1 MiB/s while other messages to that peer wait.
  uint64_t snapshot_bytes_per_second_max = 0;

  http1::Server::Options server;

  // Answers /version and /members; null: both are 404, as in raftexample.
  ClusterInfo* cluster_info = nullptr;
  ServerStats* server_stats = nullptr;
  LeaderStats* leader_stats = nullptr;
  MetricsRecorder* metrics = nullptr;
  Logger* logger = nullptr;
  // Told on the loop, at most once per peer, when a peer says that the cluster
  // has removed us for good (etcd's ErrorC): stop then.
  std::function<void(absl::Status)> on_error;
};

}  // namespace rafthttp

#endif  // RAFTHTTP_TRANSPORT_OPTIONS_H_
