#ifndef TOOLS_LIBRAFT_BRIDGE_BRIDGE_H_
#define TOOLS_LIBRAFT_BRIDGE_BRIDGE_H_

#include <uv.h>

#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "rafthttp/rafthttp.h"
#include "raftpb/raft.pb.h"
#include "tools/libraft_bridge/libraft.h"

namespace libraft_bridge {

// What libraft runs on: its own log on disk, and rafthttp in place of its own
// network. All on one uv_loop_t.
//
// Every server of libraft's configuration is a peer of the transport, at its
// address, which must be a URL: those known at raft_start at once, others when
// something is sent to them. Whoever moves or removes one tells transport().
//
// Place: Node owns one; io() is what raft_init is given.
// Threads: all of it belongs to the thread that runs the loop.
// Lifetime: destroy it when raft_close has reported, also from inside that
//   callback, or if raft_init was never called or failed.
// Bounds: what the transport's options say. A message over them is dropped, and
//   libraft, which is told, tries again.
class Bridge final : private rafthttp::Raft {
 public:
  struct Options {
    rafthttp::MemberId id;
    rafthttp::ClusterId cluster_id;
    std::string folder;  // of the log; must exist
    std::vector<std::string> listen_urls = {"http://127.0.0.1:0"};
    rafthttp::Logger* logger = nullptr;
    // Told of each message that the transport is given, and that arrives.
    std::function<void(const raftpb::Message&)> on_send;
    std::function<void(const raftpb::Message&)> on_receive;
    // After libraft was told of time or of a message, and may have changed.
    std::function<void()> on_step;
  };

  // Listens; what comes before raft_start is refused.
  //   kInvalidArgument  the folder cannot be used, or an option cannot be
  //   kUnavailable      a listen URL cannot be bound
  static absl::StatusOr<std::unique_ptr<Bridge>> Create(uv_loop_t& loop,
                                                        Options options);
  ~Bridge();
  Bridge(const Bridge&) = delete;
  Bridge& operator=(const Bridge&) = delete;

  raft_io* io() { return &io_; }
  rafthttp::Transport& transport() { return *transport_; }

 private:
  // A send that libraft is to hear of.
  struct Sent {
    raft_io_send* request;
    int status;
  };

  explicit Bridge(Options options);
  absl::Status Init(uv_loop_t& loop);
  void InitIo();
  void InitDiskTransport();
  static Bridge& Of(raft_io* io) { return *static_cast<Bridge*>(io->impl); }
  // Passes on the text of an error of the disk's.
  int Told(int error);

  int Start(unsigned tick_msecs, raft_io_tick_cb tick, raft_io_recv_cb receive);
  int Send(raft_io_send* request, const raft_message& rpc, raft_io_send_cb cb);
  void ReportSent();
  void Close(raft_io_close_cb on_closed);
  void OnDiskClosed();
  void OnTimerClosed();

  // The server in libraft's configuration; empty if it is not there.
  std::string AddressOf(raft_id id) const;
  void Introduce(raft_id id, const std::string& address);

  // rafthttp::Raft:
  absl::Status Process(std::stop_token stop,
                       raftpb::Message&& message) override;
  bool IsIdRemoved(rafthttp::MemberId) override { return false; }
  void ReportUnreachable(rafthttp::MemberId id) override;
  // libraft sends a snapshot again by itself, after a while.
  void ReportSnapshot(rafthttp::MemberId, rafthttp::SnapshotStatus) override {}

  const Options options_;
  raft_io io_ = {};    // what libraft sees
  raft_io disk_ = {};  // libraft's own, whose network is never used
  raft_uv_transport disk_transport_ = {};
  bool has_disk_ = false;
  std::unique_ptr<rafthttp::Transport> transport_;

  raft_io_tick_cb tick_ = nullptr;
  raft_io_recv_cb receive_ = nullptr;
  raft_io_close_cb on_closed_ = nullptr;
  std::set<raft_id> introduced_;
  // Those to whom something was lost, of which libraft has not heard.
  std::set<raft_id> unreachable_;
  std::deque<Sent> sent_;
  // Armed while sent_ holds anything; deletes itself once closed.
  uv_timer_t* timer_ = nullptr;
};

}  // namespace libraft_bridge

#endif  // TOOLS_LIBRAFT_BRIDGE_BRIDGE_H_
