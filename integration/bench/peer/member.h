#ifndef INTEGRATION_BENCH_PEER_MEMBER_H_
#define INTEGRATION_BENCH_PEER_MEMBER_H_

#include <uv.h>

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/base/ledger.h"
#include "rafthttp/base/raft.h"
#include "rafthttp/codec/message_view.h"
#include "rafthttp/delivery/view_receiver.h"
#include "rafthttp/transport/options.h"
#include "rafthttp/transport/transport.h"
#include "raftpb/raft.pb.h"
#include "snap/posix_file_system.h"
#include "snap/snapshotter.h"

namespace rafthttp::bench {

// A member with a do-nothing raft: our Transport on a loop that this process
// runs, as any embedder may have it, and somebody who looks at what comes.
//
// Threads: all of it belongs to the one that runs the loop, but for
// transport().Send.
class Member final : private Raft, private ViewReceiver {
 public:
  struct Options {
    MemberId id;
    ClusterId cluster;
    std::string listen_url;  // empty: nowhere
    // Where snapshots are put that come; must exist.
    std::string snapshot_folder;
    // Takes messages as raftpb::Message rather than as views.
    bool is_plain = false;
    bool is_verbose = false;
  };
  class Receiver {
   public:
    virtual void OnMessage(const codec::MessageView& message) = 0;
    // All that one read brought is handed out.
    virtual void OnMessagesEnd() {}

   protected:
    ~Receiver() = default;
  };

  // `loop` and `receiver` must outlive the member.
  Member(uv_loop_t& loop, Receiver& receiver, Options options);
  ~Member();

  absl::Status Start();
  // Where we listen.
  std::string url() const;
  MemberId id() const { return id_; }
  Transport& transport() { return *transport_; }

  // Runs the loop until `predicate` holds or `timeout` has passed; whether it
  // holds.
  bool RunUntil(absl::FunctionRef<bool()> predicate, absl::Duration timeout);
  void RunFor(absl::Duration duration);

  LedgerReport ReadLedger();
  uint64_t unreachable() const { return unreachable_; }
  uint64_t snapshots_failed() const { return snapshots_failed_; }

 private:
  // Raft:
  absl::Status Process(std::stop_token stop,
                       raftpb::Message&& message) override;
  bool IsIdRemoved(MemberId) override { return false; }
  void ReportUnreachable(MemberId) override { ++unreachable_; }
  void ReportSnapshot(MemberId, SnapshotStatus status) override {
    if (status == SnapshotStatus::kFailure) ++snapshots_failed_;
  }
  // ViewReceiver:
  void ProcessView(const codec::MessageView& message) override {
    receiver_.OnMessage(message);
  }
  void OnViewsEnd() override { receiver_.OnMessagesEnd(); }

  uv_loop_t& loop_;
  Receiver& receiver_;
  const MemberId id_;
  snap::PosixFileSystem files_;
  snap::Snapshotter snapshotter_;
  StderrLogger logger_;
  codec::ViewStorage storage_;
  uint64_t unreachable_ = 0;
  uint64_t snapshots_failed_ = 0;
  std::unique_ptr<Transport> transport_;
};

}  // namespace rafthttp::bench

#endif  // INTEGRATION_BENCH_PEER_MEMBER_H_
