#include "rafthttp/event/uv_listener.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "rafthttp/base/check.h"
#include "rafthttp/event/uv_status.h"
#include "rafthttp/event/uv_stream.h"

namespace rafthttp::event {
namespace {

// Then other sockets have their turn.
constexpr int kAcceptsPerRoundMax = 16;

bool IsOutOfResources(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS ||
         error == ENOMEM;
}

// Removes the file of a Unix socket on which nobody listens any more. Whoever
// does keeps it, and bind says that the address is in use.
void RemoveIfStale(const SocketAddress& address) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  if (connect(fd, address.get(), address.size_bytes()) != 0 &&
      errno == ECONNREFUSED) {
    unlink(address.unix_path().c_str());
  }
  close(fd);
}

// A socket that listens on `address`, or the error.
int OpenSocket(const SocketAddress& address) {
  if (address.is_unix()) RemoveIfStale(address);
  const int fd =
      socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  // So that a restart need not wait for the old connections to time out.
  const int on = 1;
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
      bind(fd, address.get(), address.size_bytes()) != 0 ||
      listen(fd, SOMAXCONN) != 0) {
    const int error = errno;
    close(fd);
    return -error;
  }
  return fd;
}

SocketAddress BoundAddress(int fd) {
  sockaddr_storage storage = {};
  socklen_t size = sizeof(storage);
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  const int err = getsockname(fd, address, &size);
  CHECK(err == 0);
  return SocketAddress::FromSockaddr(*address);
}

}  // namespace

struct UvListener::State {
  UvListener* owner;  // null once detached
  OnAccept on_accept;
  uv_poll_t readable;
};

absl::StatusOr<std::unique_ptr<Listener>> UvListener::Listen(
    UvLoop& loop, const Address& address, Options options, OnAccept on_accept) {
  CHECK(loop.IsCurrent());
  absl::StatusOr<SocketAddress> wanted = SocketAddress::FromLiteral(address);
  if (!wanted.ok()) return std::move(wanted).status();
  const int fd = OpenSocket(*wanted);
  if (fd < 0) {
    return StatusFromUv(fd, absl::StrCat("listen on ", wanted->ToString()));
  }
  return std::unique_ptr<Listener>(new UvListener(
      loop, fd, BoundAddress(fd), options, std::move(on_accept)));
}

UvListener::UvListener(UvLoop& loop, int socket, SocketAddress bound,
                       Options options, OnAccept on_accept)
    : loop_(loop),
      socket_(socket),
      bound_(bound),
      options_(options),
      resume_(loop.NewTimer([this] { Resume(); })),
      state_(new State{
          .owner = this, .on_accept = std::move(on_accept), .readable = {}}) {
  const int err = uv_poll_init(loop.uv(), &state_->readable, socket_);
  CHECK(err == 0);
  state_->readable.data = state_;
  Resume();
}

UvListener::~UvListener() {
  CHECK(loop_.IsCurrent());
  state_->owner = nullptr;
  state_->on_accept = nullptr;
  uv_close(
      reinterpret_cast<uv_handle_t*>(&state_->readable),
      [](uv_handle_t* handle) { delete static_cast<State*>(handle->data); });
  close(socket_);
  if (bound_.is_unix()) unlink(bound_.unix_path().c_str());
}

void UvListener::Resume() {
  const int err = uv_poll_start(
      &state_->readable, UV_READABLE, [](uv_poll_t* handle, int, int) {
        static_cast<State*>(handle->data)->owner->AcceptSome();
      });
  CHECK(err == 0);
}

void UvListener::AcceptSome() {
  State& state = *state_;
  for (int i = 0; i < kAcceptsPerRoundMax; ++i) {
    const int fd =
        accept4(socket_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) return;
      if (!IsOutOfResources(errno)) continue;  // One connection's own failure.
      uv_poll_stop(&state.readable);
      resume_->Start(options_.pause);
      return;
    }
    absl::StatusOr<std::unique_ptr<UvByteStream>> stream =
        UvByteStream::FromSocket(
            loop_, fd,
            {.keep_alive = options_.keep_alive, .is_unix = bound_.is_unix()});
    if (!stream.ok()) continue;  // It was reset meanwhile.
    // Held here, so that the callback may destroy this; `state` stays until the
    // loop has closed the handle.
    OnAccept on_accept = std::move(state.on_accept);
    on_accept(*std::move(stream));
    if (state.owner == nullptr) return;
    state.on_accept = std::move(on_accept);
  }
}

}  // namespace rafthttp::event
