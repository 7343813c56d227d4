// From connected to closed:
//
//   Connect or FromSocket -> Configure -> StartReading, Write ... -> destroyed
//
// What can fail, and what becomes of it:
//   connecting      on_connected hears of it, in a later turn even if libuv
//                   knew at once
//   reading         OnEnd, once; libuv reads no further
//   writing         every write under way and every later one fails with the
//                   same status. libuv 1.44 completes only the first of several
//                   queued writes after an error, so we complete the rest.
//   destroyed       libuv completes what is open as cancelled, and then closes;
//                   the State takes all that in, and nobody hears of it

#include "rafthttp/event/uv_stream.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <cerrno>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "rafthttp/base/check.h"
#include "rafthttp/event/uv_status.h"

namespace rafthttp::event {
namespace {

// Enough to keep a 10 Gbit/s link busy for the 0.2 ms until the loop has more.
constexpr int kNotSentLowatBytes = 256 << 10;

// What one stream may bring before the loop looks at others. libuv's own bound
// is 32 buffers, 2 MiB, in which a small message on another stream would wait.
constexpr size_t kRoundBytesMax = 256 << 10;

using UvBuffers = absl::InlinedVector<uv_buf_t, 16>;

// Without the empty ones. libuv takes non-const pointers but only reads.
UvBuffers ToUvBuffers(absl::Span<const absl::string_view> buffers) {
  UvBuffers result;
  for (absl::string_view buffer : buffers) {
    if (buffer.empty()) continue;
    uv_buf_t& uv = result.emplace_back();
    uv.base = const_cast<char*>(buffer.data());
    uv.len = buffer.size();
  }
  return result;
}

std::string AddressText(int socket, int (*get)(int, sockaddr*, socklen_t*)) {
  sockaddr_storage storage = {};
  socklen_t size = sizeof(storage);
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  // The peer may have gone already.
  if (get(socket, address, &size) != 0) return "unknown";
  return SocketAddress::FromSockaddr(*address).ToString();
}

}  // namespace

struct UvByteStream::State {
  UvByteStream* owner;  // null once detached
  union {
    uv_stream_t any;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
  } handle;
  uv_connect_t connect;
  uv_shutdown_t shutdown;

  uv_stream_t* stream() { return &handle.any; }

  static State& Of(const void* data) {
    return *static_cast<State*>(const_cast<void*>(data));
  }
};

struct UvByteStream::WriteRequest {
  uv_write_t uv;
};

UvByteStream::UvByteStream(UvLoop& loop, Options options)
    : loop_(loop),
      options_(options),
      state_(new State),
      deferred_(loop.NewTimer([this] { OnDeferred(); })) {
  state_->owner = this;
  const int err = options.is_unix
                      ? uv_pipe_init(loop.uv(), &state_->handle.pipe, /*ipc=*/0)
                      : uv_tcp_init(loop.uv(), &state_->handle.tcp);
  CHECK(err == 0);
  state_->handle.any.data = state_;
}

absl::StatusOr<std::unique_ptr<UvByteStream>> UvByteStream::FromSocket(
    UvLoop& loop, int socket, Options options) {
  auto stream = std::make_unique<UvByteStream>(loop, options);
  State& state = *stream->state_;
  const int err = options.is_unix ? uv_pipe_open(&state.handle.pipe, socket)
                                  : uv_tcp_open(&state.handle.tcp, socket);
  if (err != 0) {
    close(socket);
    return StatusFromUv(err, "take a socket");
  }
  if (absl::Status status = stream->Configure(); !status.ok()) return status;
  return stream;
}

UvByteStream::~UvByteStream() {
  CHECK(loop_.IsCurrent());
  state_->owner = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(&state_->handle.any),
           [](uv_handle_t* handle) { delete &State::Of(handle->data); });
}

void UvByteStream::Connect(const SocketAddress& address, OnDone on_connected) {
  CHECK(loop_.IsCurrent());
  CHECK(!is_connected_);
  CHECK(!on_connected_);
  on_connected_ = std::move(on_connected);
  peer_address_ = address.ToString();
  CHECK(address.is_unix() == options_.is_unix);
  const uv_connect_cb on_done = [](uv_connect_t* request, int status) {
    UvByteStream* owner = State::Of(request->handle->data).owner;
    if (owner != nullptr) owner->OnConnectDone(status);
  };
  int err = 0;
  if (options_.is_unix) {
    // Its callback tells what went wrong, in a later turn.
    uv_pipe_connect(&state_->connect, &state_->handle.pipe,
                    address.unix_path().c_str(), on_done);
  } else {
    err = uv_tcp_connect(&state_->connect, &state_->handle.tcp, address.get(),
                         on_done);
  }
  connect_error_ = StatusFromUv(err, peer_address_);
  DeferIfNeeded();
}

// What every connection gets, whichever side began it.
absl::Status UvByteStream::Configure() {
  int err = 0;
  if (!options_.is_unix) err = uv_tcp_nodelay(&state_->handle.tcp, 1);
  if (err == 0 && !options_.is_unix &&
      options_.keep_alive > absl::ZeroDuration()) {
    const int64_t seconds =
        absl::ToInt64Seconds(absl::Ceil(options_.keep_alive, absl::Seconds(1)));
    err = uv_tcp_keepalive(&state_->handle.tcp, 1,
                           static_cast<unsigned>(seconds));
  }
  uv_os_fd_t fd = -1;
  if (err == 0) {
    err = uv_fileno(reinterpret_cast<uv_handle_t*>(&state_->handle.any), &fd);
  }
  if (err != 0) return StatusFromUv(err, "configure a connection");
  // Only makes things better, so that a kernel without it will do.
  setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &kNotSentLowatBytes,
             sizeof(kNotSentLowatBytes));
  local_address_ = AddressText(fd, &getsockname);
  peer_address_ = AddressText(fd, &getpeername);
  is_connected_ = true;
  return absl::OkStatus();
}

void UvByteStream::OnConnectDone(int err) {
  absl::Status status = StatusFromUv(err, peer_address_);
  if (status.ok()) status = Configure();
  OnDone on_connected = std::exchange(on_connected_, nullptr);
  on_connected(std::move(status));
}

void UvByteStream::StartReading(Reader& reader) {
  CHECK(loop_.IsCurrent());
  CHECK(is_connected_);
  reader_ = &reader;
  is_end_delivered_ = false;
  if (!std::exchange(is_reading_, true) && !end_.has_value()) {
    const int err = uv_read_start(
        state_->stream(),
        [](uv_handle_t* handle, size_t, uv_buf_t* buffer) {
          UvByteStream& stream = *State::Of(handle->data).owner;
          const absl::Span<char> slab = stream.loop_.read_buffer();
          buffer->base = slab.data();
          // An empty one ends libuv's round; what is left comes with the next.
          buffer->len = stream.round_bytes_ < kRoundBytesMax ? slab.size() : 0;
        },
        [](uv_stream_t* stream, ssize_t size, const uv_buf_t* buffer) {
          State::Of(stream->data).owner->OnRead(size, buffer->base);
        });
    if (err != 0) end_ = StatusFromUv(err, "read");
  }
  DeferIfNeeded();
}

void UvByteStream::StopReading() {
  CHECK(loop_.IsCurrent());
  is_reading_ = false;
  uv_read_stop(state_->stream());
}

void UvByteStream::OnRead(ssize_t size, const char* bytes) {
  const auto read_bytes = static_cast<size_t>(std::max<ssize_t>(size, 0));
  // A buffer that was not filled ends the round, too.
  round_bytes_ =
      read_bytes == loop_.read_buffer().size() ? round_bytes_ + read_bytes : 0;
  // There was nothing to read after all, or it is for the next round.
  if (size == 0 || size == UV_ENOBUFS) return;
  if (size > 0) {
    reader_->OnBytes({bytes, static_cast<size_t>(size)});
    return;
  }
  end_ = size == UV_EOF ? absl::OkStatus()
                        : StatusFromUv(static_cast<int>(size), "read");
  uv_read_stop(state_->stream());
  is_end_delivered_ = true;
  reader_->OnEnd(*end_);
}

absl::StatusOr<size_t> UvByteStream::TryWrite(
    absl::Span<const absl::string_view> buffers) {
  CHECK(loop_.IsCurrent());
  CHECK(is_connected_);
  CHECK(!is_shutting_down_);
  if (!write_status_.ok()) return write_status_;
  if (!pending_.empty()) return size_t{0};
  const UvBuffers uv_buffers = ToUvBuffers(buffers);
  if (uv_buffers.empty()) return size_t{0};
  // Takes IOV_MAX buffers at most; whoever has more comes again.
  const int written = uv_try_write(state_->stream(), uv_buffers.data(),
                                   static_cast<unsigned>(uv_buffers.size()));
  if (written == UV_EAGAIN) return size_t{0};
  if (written < 0) return write_status_ = StatusFromUv(written, "write");
  return static_cast<size_t>(written);
}

void UvByteStream::Write(absl::Span<const absl::string_view> buffers,
                         OnDone on_written) {
  CHECK(loop_.IsCurrent());
  CHECK(is_connected_);
  CHECK(!is_shutting_down_);
  pending_.push_back(std::move(on_written));
  if (write_status_.ok()) {
    UvBuffers uv_buffers = ToUvBuffers(buffers);
    // libuv wants at least one.
    if (uv_buffers.empty()) uv_buffers.push_back(uv_buf_t{});
    auto request = std::make_unique<WriteRequest>();
    const int err = uv_write(&request->uv, state_->stream(), uv_buffers.data(),
                             static_cast<unsigned>(uv_buffers.size()),
                             [](uv_write_t* uv, int status) {
                               State& state = State::Of(uv->handle->data);
                               delete reinterpret_cast<WriteRequest*>(uv);
                               if (state.owner != nullptr) {
                                 state.owner->OnWriteDone(status);
                               }
                             });
    if (err == 0) {
      request.release();  // which libuv now has, until the callback
    }
    write_status_ = StatusFromUv(err, "write");
  }
  DeferIfNeeded();
}

void UvByteStream::OnWriteDone(int err) {
  if (!write_status_.ok()) return;  // OnDeferred sees to all of pending_.
  write_status_ = StatusFromUv(err, "write");
  if (!write_status_.ok()) return DeferIfNeeded();
  OnDone on_written = std::move(pending_.front());
  pending_.pop_front();
  on_written(absl::OkStatus());
}

size_t UvByteStream::pending_write_bytes() const {
  if (!write_status_.ok()) return 0;
  return uv_stream_get_write_queue_size(state_->stream());
}

void UvByteStream::ShutdownWrite() {
  CHECK(loop_.IsCurrent());
  CHECK(is_connected_);
  if (std::exchange(is_shutting_down_, true)) return;
  // Fails only if the connection is lost, which the reader hears.
  uv_shutdown(&state_->shutdown, state_->stream(), [](uv_shutdown_t*, int) {});
}

absl::StatusOr<int> UvByteStream::DetachSocket() {
  CHECK(loop_.IsCurrent());
  CHECK(pending_.empty());
  uv_read_stop(state_->stream());
  is_reading_ = false;
  // libuv closes its own when the handle goes.
  return DuplicateSocket();
}

absl::StatusOr<int> UvByteStream::DuplicateSocket() {
  CHECK(loop_.IsCurrent());
  CHECK(pending_.empty());
  uv_os_fd_t fd = -1;
  if (const int err =
          uv_fileno(reinterpret_cast<uv_handle_t*>(&state_->handle.any), &fd);
      err != 0) {
    return StatusFromUv(err, "duplicate a connection's socket");
  }
  const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return StatusFromUv(-errno, "duplicate a connection's socket");
  return copy;
}

bool UvByteStream::HasDeferred() const {
  if (!connect_error_.ok()) return true;
  if (!write_status_.ok() && !pending_.empty()) return true;
  return is_reading_ && end_.has_value() && !is_end_delivered_;
}

void UvByteStream::DeferIfNeeded() {
  if (HasDeferred()) deferred_->Start(absl::ZeroDuration());
}

// Reports one thing, since whoever hears of it may destroy this.
void UvByteStream::OnDeferred() {
  if (!connect_error_.ok()) {
    OnDone on_connected = std::exchange(on_connected_, nullptr);
    on_connected(std::exchange(connect_error_, absl::OkStatus()));
  } else if (!write_status_.ok() && !pending_.empty()) {
    OnDone on_written = std::move(pending_.front());
    pending_.pop_front();
    DeferIfNeeded();
    on_written(absl::Status(write_status_));
  } else if (HasDeferred()) {
    is_end_delivered_ = true;
    reader_->OnEnd(*end_);
  }
}

}  // namespace rafthttp::event
