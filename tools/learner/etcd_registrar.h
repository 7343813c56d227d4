#ifndef TOOLS_LEARNER_ETCD_REGISTRAR_H_
#define TOOLS_LEARNER_ETCD_REGISTRAR_H_

#include <atomic>
#include <memory>
#include <random>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "rafthttp/event/event_loop.h"
#include "tools/etcdclient/etcd_client.h"
#include "tools/etcdclient/worker.h"
#include "tools/learner/registrar.h"

namespace rafthttpctl {

// Whether `peer_url` is one that EtcdRegistrar invents:
// http(s)://127.114.A.B:1. Nothing listens there, and nobody else is likely to
// use it, so that a learner left behind by a killed process can be told by it.
bool IsSeatUrl(absl::string_view peer_url);

// A Registrar on etcd's client API.
//
// Threads: as Registrar. The calls block, and are made one after the other on a
//   thread of the registrar's own.
// Lifetime: the destructor aborts what is under way and waits for that thread.
class EtcdRegistrar : public Registrar {
 public:
  struct Options {
    // How long Join tries. etcd refuses a member while a voter is not connected
    // or was not for the last 5 s.
    absl::Duration join_timeout = absl::Seconds(10);
    absl::Duration leave_timeout = absl::Seconds(10);
    // Take a learner off the list that an earlier run left behind.
    bool replaces = false;
    // Where we can be reached; empty invents one where nobody listens.
    std::string peer_url;
  };

  // `loop` and `client` must outlive the registrar.
  EtcdRegistrar(rafthttp::event::EventLoop& loop, EtcdClient& client,
                Options options);
  ~EtcdRegistrar() override;

  std::unique_ptr<Call> Join(
      absl::AnyInvocable<void(absl::StatusOr<Ticket>)> on_joined) override;
  void HurryJoin() override;
  std::unique_ptr<Call> Leave(
      rafthttp::MemberId self,
      absl::AnyInvocable<void(absl::Status)> on_left) override;
  std::unique_ptr<Call> AskCommit(
      absl::AnyInvocable<void(absl::StatusOr<uint64_t>)> on_commit) override;

  // The seat of `self`, which is on the list already.
  //   kNotFound            it is not
  //   kFailedPrecondition  it is a voter
  std::unique_ptr<Call> TakeUp(
      rafthttp::MemberId self,
      absl::AnyInvocable<void(absl::StatusOr<Ticket>)> on_taken);

 private:
  // On the worker's thread:
  absl::StatusOr<Ticket> JoinNow();
  absl::StatusOr<Ticket> TryJoin(const std::string& peer_url);
  absl::StatusOr<Ticket> TakeUpNow(rafthttp::MemberId self);
  absl::Status LeaveNow(rafthttp::MemberId self);
  // Takes off the list what a join whose outcome is not known may have added.
  void UndoJoin(const std::string& peer_url);
  absl::Status RemoveLeftover(const etcdserverpb::Member& member);
  absl::Status ExplainUnhealthy(const absl::Status& refusal);
  bool Pause(absl::Duration duration);

  EtcdClient& client_;
  const Options options_;
  std::random_device random_;
  std::atomic<bool> is_hurried_ = false;
  Worker worker_;
};

}  // namespace rafthttpctl

#endif  // TOOLS_LEARNER_ETCD_REGISTRAR_H_
