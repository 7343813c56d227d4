#ifndef TOOLS_LEARNER_REGISTRAR_H_
#define TOOLS_LEARNER_REGISTRAR_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/handshake/version.h"

namespace rafthttpctl {

// One member as the cluster lists it.
struct ClusterMember {
  rafthttp::MemberId id;
  std::string name = {};
  std::vector<std::string> peer_urls = {};
  bool is_learner = false;
};

// A learner's place in a cluster: who we are, and who the others are.
struct Ticket {
  rafthttp::MemberId self;
  rafthttp::ClusterId cluster;
  // The cluster's own version, which we claim.
  rafthttp::Version version;
  // Without ourselves.
  std::vector<ClusterMember> members;
};

// Puts learners on a cluster's member list and takes them off.
//
// Threads: loop-confined. Callbacks run on the loop in a later turn, each once.
class Registrar {
 public:
  // A request under way. Destroying it drops the callback, not the request.
  class Call {
   public:
    virtual ~Call() = default;
  };

  virtual ~Registrar() = default;

  // Adds a learner, a new one each time, and goes on trying while the cluster
  // is not ready for it.
  virtual std::unique_ptr<Call> Join(
      absl::AnyInvocable<void(absl::StatusOr<Ticket>)> on_joined) = 0;
  // Makes a Join under way answer soon, one way or the other.
  virtual void HurryJoin() = 0;
  // Takes `self` off the list; OK if it is not on it.
  virtual std::unique_ptr<Call> Leave(
      rafthttp::MemberId self,
      absl::AnyInvocable<void(absl::Status)> on_left) = 0;
  // The highest raft index that the cluster is known to have committed.
  virtual std::unique_ptr<Call> AskCommit(
      absl::AnyInvocable<void(absl::StatusOr<uint64_t>)> on_commit) = 0;
};

}  // namespace rafthttpctl

#endif  // TOOLS_LEARNER_REGISTRAR_H_
