#ifndef RAFTHTTP_HTTP1_SERVER_H_
#define RAFTHTTP_HTTP1_SERVER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "rafthttp/event/byte_stream.h"
#include "rafthttp/event/event_loop.h"
#include "rafthttp/http1/handler.h"
#include "rafthttp/http1/server_connection.h"

namespace rafthttp::http1 {

// Serves any number of connections by one handler.
//
// Under a flood it stays of use to those that it knows: at a limit, the
// connection that has gone longest without a complete request gives way to the
// newcomer; one that was taken over never does. If there are no others, the
// newcomer is refused.
//
// Threads: loop-confined.
// Lifetime: destroy it at any moment; connections are closed, but for those
//   that were taken over.
// Bounds: connections_max connections, connections_per_address_max of them from
//   one address, and each connection's own.
class Server final : private ServerConnection::Owner {
 public:
  struct Options {
    ServerConnection::Options connection;
    // A hundred peers with a dozen connections each, ten times over.
    size_t connections_max = 16384;
    // All peers of a test cluster on one host, or behind one NAT.
    size_t connections_per_address_max = 1024;
  };
  struct Counters {
    uint64_t accepted = 0;
    uint64_t requests = 0;
    uint64_t evicted = 0;
    uint64_t refused = 0;
  };
  // Who hears what went wrong; for logs and metrics.
  class Observer {
   public:
    virtual void OnConnectionOpened() {}
    // `status` is not OK where the peer misbehaved.
    virtual void OnConnectionClosed(absl::string_view /*peer_address*/,
                                    const absl::Status& /*status*/) {}
    // It had to give way, or was not let in: "evicted", "too_many".
    virtual void OnConnectionRefused(absl::string_view /*peer_address*/,
                                     absl::string_view /*reason*/) {}

   protected:
    ~Observer() = default;
  };

  // `loop` and `handler` must outlive the server, `observer` too; it may be
  // null. `wall_clock` is for the Date of answers.
  Server(event::EventLoop& loop, Handler& handler, Options options,
         std::function<absl::Time()> wall_clock, Observer* observer);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Serves a connection that somebody has accepted.
  void Accept(std::unique_ptr<event::ByteStream> stream);
  // Accepts no more, lets requests under way be answered for at most `bound`,
  // and calls `on_closed` once, in a later turn, when all connections but those
  // taken over are closed.
  void Shutdown(absl::Duration bound, absl::AnyInvocable<void()> on_closed);

  // Those taken over included.
  size_t connections() const;
  const Counters& counters() const { return counters_; }

 private:
  struct Slot;
  class CountedStream;
  class Registry;

  // ServerConnection::Owner:
  void OnRequest(ServerConnection& connection) override;
  void OnClosed(ServerConnection& connection,
                const absl::Status& status) override;
  std::unique_ptr<event::ByteStream> OnTakenOver(
      ServerConnection& connection,
      std::unique_ptr<event::ByteStream> stream) override;

  // Makes room for one more from `address`; false if there is none to be had.
  bool MakeRoom(const std::string& address);
  void Sweep();
  void FinishIfClosed();

  event::EventLoop& loop_;
  Handler& handler_;
  const Options options_;
  const std::function<absl::Time()> wall_clock_;
  Observer* const observer_;
  Counters counters_;
  // Shared with streams that were taken over, and may outlive us.
  const std::shared_ptr<Registry> registry_;
  std::map<ServerConnection*, std::unique_ptr<Slot>> serving_;
  // Closed inside their own callbacks; destroyed in a later turn.
  std::list<std::unique_ptr<Slot>> closed_;
  const std::unique_ptr<event::Timer> sweep_timer_;
  const std::unique_ptr<event::Timer> shutdown_timer_;
  bool is_shutting_down_ = false;
  absl::AnyInvocable<void()> on_shut_down_;
};

}  // namespace rafthttp::http1

#endif  // RAFTHTTP_HTTP1_SERVER_H_
