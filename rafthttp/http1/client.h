#ifndef RAFTHTTP_HTTP1_CLIENT_H_
#define RAFTHTTP_HTTP1_CLIENT_H_

#include <cstddef>
#include <map>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "rafthttp/event/address.h"
#include "rafthttp/event/byte_stream.h"
#include "rafthttp/event/connector.h"
#include "rafthttp/event/event_loop.h"
#include "rafthttp/http1/limits.h"
#include "rafthttp/http1/request.h"

namespace rafthttp::http1 {

// Short exchanges with any number of hosts: POST /raft, GET /version. Keeps
// connections open between them.
//
//   call_ = client.Fetch({.url = url}, {}, [](absl::StatusOr<Response> r) {});
//
// How calls fail: every failure is reported once, with method and URL. Only
// one is hidden: a peer may close an idle connection in the moment in which we
// use it (etcd does so after 5 to 10 s), and then the call is repeated, once
// and on a fresh connection, unless a byte of an answer had come. So a request
// may reach the peer twice; raft's messages, and everything that is asked by
// GET, allow for that.
//
// Threads: loop-confined.
// Lifetime: destroy it at any moment, even inside a callback. Calls under way
//   end without theirs; their handles may outlive it.
// Bounds: connections and waiting calls per host, and `limits`. A host without
//   either is forgotten.
class Client {
 public:
  struct Options {
    // As many as etcd's pipeline has workers for one peer.
    size_t connections_per_host_max = 4;
    // As long as etcd's pipeline queue for one peer.
    size_t queue_calls_max = 64;
    // Resolving and connecting.
    absl::Duration connect_timeout = absl::Seconds(5);
    // Less than the 5 s after which etcd closes, more than the 4 s between two
    // of its polls or ours.
    absl::Duration idle_timeout = absl::Milliseconds(4500);
    Limits limits = {};
  };
  struct FetchOptions {
    // From the call to the last byte of the answer: waiting for a connection,
    // connecting and a repetition included.
    absl::Duration timeout = absl::Seconds(5);
  };
  // A call under way. Destroying it cancels the call in whatever state it is,
  // without a callback.
  class Call {
   public:
    virtual ~Call() = default;
  };
  using OnResponse = absl::AnyInvocable<void(absl::StatusOr<Response>)>;

  // `loop` and `connector` must outlive the client.
  Client(event::EventLoop& loop, event::Connector& connector, Options options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // `on_response` runs exactly once, in a later turn, with any response that is
  // whole, whatever its status; it may destroy the call and the client.
  //   kInvalidArgument    the request cannot be written
  //   kUnimplemented      https and unixs
  //   kResourceExhausted  queue_calls_max others wait for this host
  //   kDeadlineExceeded   it took longer than options.timeout
  //   others              of event::Connector and http_error.h
  [[nodiscard]] std::unique_ptr<Call> Fetch(Request request,
                                            const FetchOptions& options,
                                            OnResponse on_response);

  // Over all hosts, for metrics and tests: connections there are, those being
  // made included; those of them that are idle; calls that wait for one.
  size_t connections() const;
  size_t idle_connections() const;
  size_t queued_calls() const;
  size_t hosts() const { return hosts_.size(); }

 private:
  struct Host;
  struct Slot;
  class PendingCall;

  // Gives waiting calls what connections there are or may be; forgets a host
  // that has neither.
  void Dispatch(Host& host);
  Slot& NewSlot(Host& host);
  void EraseSlot(Slot& slot);
  void Assign(Slot& slot, PendingCall& call);
  // Hands the call of `slot` to its connection.
  void Send(Slot& slot);
  void MakeIdle(Slot& slot);
  void DropIdle(Slot& slot);
  void OnConnected(Slot& slot,
                   absl::StatusOr<std::unique_ptr<event::ByteStream>> stream);
  void OnResponded(Slot& slot, absl::StatusOr<Response> response);
  // Takes `call` out of its queue or slot, which closes its connection.
  void Withdraw(PendingCall& call);

  event::EventLoop& loop_;
  event::Connector& connector_;
  const Options options_;
  std::map<event::Address, std::unique_ptr<Host>> hosts_;
};

}  // namespace rafthttp::http1

#endif  // RAFTHTTP_HTTP1_CLIENT_H_
