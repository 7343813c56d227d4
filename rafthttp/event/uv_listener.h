#ifndef RAFTHTTP_EVENT_UV_LISTENER_H_
#define RAFTHTTP_EVENT_UV_LISTENER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "rafthttp/event/address.h"
#include "rafthttp/event/event_loop.h"
#include "rafthttp/event/listener.h"
#include "rafthttp/event/socket_address.h"
#include "rafthttp/event/uv_loop.h"

namespace rafthttp::event {

// Accepts TCP connections, or those of a Unix socket, whose file it makes (in
// place of one that nobody listens on any more) and removes.
//
// When the process is out of file descriptors (or the kernel out of memory), it
// leaves connections in the kernel's queue and looks again after pause; they
// are not dropped, and the loop does not spin on them. uv_listen cannot do
// that, so this accepts by itself and lets libuv do the waiting.
//
// Threads: loop-confined.
// Lifetime: destroy it at any moment, even inside on_accept.
class UvListener final : public Listener {
 public:
  struct Options {
    // For what is accepted, as in UvByteStream.
    absl::Duration keep_alive = absl::Seconds(30);
    absl::Duration pause = absl::Milliseconds(100);
  };
  // Listens on an IP literal, zone or not, where port 0 takes a free one; or on
  // a Unix socket. `loop` must outlive the listener.
  //   kInvalidArgument  the host is not an address of this machine's kind
  //   kUnavailable      the kernel refuses, such as for a port in use
  static absl::StatusOr<std::unique_ptr<Listener>> Listen(
      UvLoop& loop, const Address& address, Options options,
      OnAccept on_accept);
  ~UvListener() override;
  UvListener(const UvListener&) = delete;
  UvListener& operator=(const UvListener&) = delete;

  uint16_t port() const override { return bound_.port(); }
  std::string address() const override { return bound_.ToString(); }

 private:
  struct State;

  UvListener(UvLoop& loop, int socket, SocketAddress bound, Options options,
             OnAccept on_accept);
  void Resume();
  void AcceptSome();

  UvLoop& loop_;
  const int socket_;
  const SocketAddress bound_;
  const Options options_;
  const std::unique_ptr<Timer> resume_;  // armed while we pause
  State* const state_;  // deletes itself once its handle is closed
};

}  // namespace rafthttp::event

#endif  // RAFTHTTP_EVENT_UV_LISTENER_H_
