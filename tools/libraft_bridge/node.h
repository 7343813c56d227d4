#ifndef TOOLS_LIBRAFT_BRIDGE_NODE_H_
#define TOOLS_LIBRAFT_BRIDGE_NODE_H_

#include <uv.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "rafthttp/rafthttp.h"
#include "raftpb/raft.pb.h"
#include "tools/libraft_bridge/bridge.h"
#include "tools/libraft_bridge/configuration.h"
#include "tools/libraft_bridge/libraft.h"
#include "tools/libraft_bridge/state_machine.h"

namespace libraft_bridge {

// A member of a raft cluster: libraft with its log in a folder, rafthttp as its
// network, and a state machine on top.
//
//   auto node = Node::Create(*loop, {.id = MemberId(1), .cluster_id = cluster,
//                                    .folder = "/var/lib/one",
//                                    .state_machine = &store});
//   (*node)->Start({{.id = 1, .address = (*node)->url()}, ...});
//   (*node)->Propose(command, [](absl::Status status) { ... });
//
// Threads: all of it belongs to the thread that runs the loop.
// Lifetime: Stop, and destroy it inside `on_stopped` or later. A node whose
//   Start was never called must be stopped as well.
class Node {
 public:
  // Sees what goes on; each call is made on the loop, and must not stop or
  // destroy the node.
  class Observer {
   public:
    virtual void OnSend(Node&, const raftpb::Message&) {}
    virtual void OnReceive(Node&, const raftpb::Message&) {}
    // The node knows of another leader than before; zero: of none.
    virtual void OnLeader(Node&, rafthttp::MemberId /*leader*/,
                          uint64_t /*term*/) {}

   protected:
    ~Observer() = default;
  };

  // What is pointed to must outlive the node.
  struct Options {
    rafthttp::MemberId id;
    rafthttp::ClusterId cluster_id;
    std::string folder;  // of the log; must exist
    std::vector<std::string> listen_urls = {"http://127.0.0.1:0"};
    StateMachine* state_machine = nullptr;
    Observer* observer = nullptr;
    rafthttp::Logger* logger = nullptr;
    // libraft's own defaults. An election begins between one and two of these
    // after the leader fell silent.
    absl::Duration election_timeout = absl::Seconds(1);
    absl::Duration heartbeat_interval = absl::Milliseconds(100);
    // Entries after which the log is replaced by a snapshot, and how many of
    // them stay for followers that are a little behind.
    unsigned snapshot_threshold = 1024;
    unsigned snapshot_trailing = 128;
  };

  // Listens, but takes no part yet.
  //   kInvalidArgument  the folder cannot be used, or an option cannot be
  //   kUnavailable      a listen URL cannot be bound
  static absl::StatusOr<std::unique_ptr<Node>> Create(uv_loop_t& loop,
                                                      Options options);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // Where others reach it, the port that was taken included.
  const std::string& url() const { return url_; }
  rafthttp::MemberId id() const { return options_.id; }
  rafthttp::Transport& transport() { return bridge_->transport(); }

  // Takes part. `members` begin a new cluster, all with the same list; a folder
  // that holds a log knows better, and they mean nothing then.
  //   kInternal  libraft cannot start, and says why
  absl::Status Start(const std::vector<Server>& members);

  // Whether it leads, so that Propose makes sense.
  bool is_leader();
  // Has `command`, which must not be empty, applied on every member.
  //   kFailedPrecondition  another member leads, if any; nothing was proposed
  //   kUnavailable         the proposal is lost, or its outcome not known
  void Propose(absl::string_view command,
               absl::AnyInvocable<void(absl::Status)> on_applied);
  uint64_t last_applied();

  // Lets go of everything, without a word to the others, as a crash would.
  // Proposals that are under way fail first. Once.
  void Stop(absl::AnyInvocable<void()> on_stopped);

 private:
  struct Proposal;

  explicit Node(Options options);
  absl::Status Init(uv_loop_t& loop);
  void InitFsm();
  void Observe();
  static Node& Of(raft_fsm* fsm) { return *static_cast<Node*>(fsm->data); }
  int Failed(const absl::Status& status);
  absl::Status Bootstrap(const std::vector<Server>& members);

  const Options options_;
  std::string url_;
  std::unique_ptr<Bridge> bridge_;
  raft_fsm fsm_ = {};
  raft raft_ = {};
  bool has_raft_ = false;
  rafthttp::MemberId leader_;
  uint64_t leader_term_ = 0;
  absl::AnyInvocable<void()> on_stopped_;
};

}  // namespace libraft_bridge

#endif  // TOOLS_LIBRAFT_BRIDGE_NODE_H_
