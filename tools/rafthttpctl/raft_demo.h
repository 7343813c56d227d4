#ifndef TOOLS_RAFTHTTPCTL_RAFT_DEMO_H_
#define TOOLS_RAFTHTTPCTL_RAFT_DEMO_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/base/ledger.h"
#include "rafthttp/event/event_loop.h"
#include "raftpb/raft.pb.h"
#include "tools/libraft_bridge/configuration.h"
#include "tools/libraft_bridge/node.h"
#include "tools/libraft_bridge/put_store.h"
#include "tools/rafthttpctl/tail_session.h"
#include "tools/rafthttpctl/tail_source.h"

namespace rafthttpctl {

// The source behind `demo`: a raft cluster in this process, on loopback ports
// and in a temporary folder. It elects a leader, replicates puts, loses that
// leader and gets it back, and shows what its members receive. At the end all
// of them must hold the same, and every message be accounted for.
//
// Place: a TailSession runs it, as it runs a tail's source; the members run on
//   the session's loop.
class RaftDemo final : public TailSource,
                       private libraft_bridge::Node::Observer {
 public:
  struct Options {
    size_t members = 3;
    // Of writing, once there is a leader.
    absl::Duration duration = absl::Seconds(5);
    double writes_per_second = 5;
    // Leaves out what only says that a leader is there.
    bool no_heartbeats = true;
  };

  // `session` must outlive the source.
  RaftDemo(TailSession& session, Options options);
  ~RaftDemo() override;

  void Start(absl::AnyInvocable<void(ExitCode)> on_end) override;
  void Stop(absl::AnyInvocable<void(ExitCode)> on_stopped) override;
  // What travels cannot be held up; but nothing new is written.
  void set_is_paused(bool is_paused) override { is_paused_ = is_paused; }
  ExitCode PatienceLost() const override;

 private:
  struct Member {
    std::string folder;
    libraft_bridge::PutStore store;
    std::unique_ptr<libraft_bridge::Node> node;  // null while it is down
    uint64_t acknowledged = 0;  // the last index that it said it has
    bool is_stopping = false;
  };

  // libraft_bridge::Node::Observer:
  void OnSend(libraft_bridge::Node& node,
              const raftpb::Message& message) override;
  void OnReceive(libraft_bridge::Node& node,
                 const raftpb::Message& message) override;
  void OnLeader(libraft_bridge::Node& node, rafthttp::MemberId leader,
                uint64_t term) override;

  absl::Status StartMembers();
  absl::Status Create(size_t place);
  void WriteNext();
  void Kill();
  void Restart();
  void StopMember(Member& member, absl::AnyInvocable<void()> on_stopped);
  // Ends once all members hold the same, or do not in time.
  void Settle();
  bool AllAreEqual() const;
  void End(ExitCode code);
  void FinishStop();
  void PrintSummary(int64_t unexplained);

  // Whether `message` says nothing but that somebody is there.
  bool IsHeartbeat(const raftpb::Message& message);
  Member* Leader();

  TailSession& session_;
  const Options options_;
  absl::AnyInvocable<void(ExitCode)> on_end_;
  absl::AnyInvocable<void(ExitCode)> on_stopped_;
  ExitCode end_code_ = ExitCode::kDone;
  bool is_paused_ = false;
  bool is_stopping_ = false;

  std::string folder_;
  std::vector<Member> members_;  // by ID, from 1
  std::vector<libraft_bridge::Server> servers_;
  Member* killed_ = nullptr;
  uint64_t term_ = 0;  // of the last election that was won
  uint64_t elections_ = 0;
  uint64_t writes_ = 0;
  uint64_t written_ = 0;
  uint64_t pending_ = 0;
  absl::Time settle_until_;

  uint64_t sent_ = 0;
  uint64_t sent_bytes_ = 0;
  std::map<std::string, uint64_t> sent_by_type_;
  rafthttp::LedgerReport ledger_;  // of members that are stopped

  std::unique_ptr<rafthttp::event::Timer> write_timer_;
  std::unique_ptr<rafthttp::event::Timer> kill_timer_;
  std::unique_ptr<rafthttp::event::Timer> restart_timer_;
  std::unique_ptr<rafthttp::event::Timer> settle_timer_;
  std::unique_ptr<rafthttp::event::Timer> end_timer_;
};

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_RAFT_DEMO_H_
