#ifndef RAFTHTTP_EVENT_UV_STREAM_H_
#define RAFTHTTP_EVENT_UV_STREAM_H_

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "rafthttp/event/byte_stream.h"
#include "rafthttp/event/event_loop.h"
#include "rafthttp/event/socket_address.h"
#include "rafthttp/event/uv_loop.h"

namespace rafthttp::event {

// A TCP connection, or one of a Unix socket. Small writes go out at once
// (TCP_NODELAY), and the kernel holds little that it has not sent yet, so that
// what is written next does not queue behind megabytes.
//
// Place: made by UvConnector and UvListener.
// Threads, lifetime: as ByteStream.
class UvByteStream final : public ByteStream {
 public:
  struct Options {
    // Idle time before the first TCP keep-alive probe; zero for none.
    absl::Duration keep_alive = absl::Seconds(30);
    // A Unix socket: what is said of TCP does not apply.
    bool is_unix = false;
  };
  // Not connected yet: Connect comes next. `loop` must outlive the stream.
  UvByteStream(UvLoop& loop, Options options);
  // Takes a connected socket, and closes it on failure as well.
  static absl::StatusOr<std::unique_ptr<UvByteStream>> FromSocket(
      UvLoop& loop, int socket, Options options);
  ~UvByteStream() override;
  UvByteStream(const UvByteStream&) = delete;
  UvByteStream& operator=(const UvByteStream&) = delete;

  // Connects; only once. `on_connected` runs in a later turn, and may destroy
  // the stream. Nothing else is allowed before it has reported success.
  void Connect(const SocketAddress& address,
               absl::AnyInvocable<void(absl::Status)> on_connected);

  // ByteStream:
  void StartReading(Reader& reader) override;
  void StopReading() override;
  absl::StatusOr<size_t> TryWrite(
      absl::Span<const absl::string_view> buffers) override;
  void Write(absl::Span<const absl::string_view> buffers,
             absl::AnyInvocable<void(absl::Status)> on_written) override;
  size_t pending_write_bytes() const override;
  void ShutdownWrite() override;
  absl::StatusOr<int> DetachSocket() override;
  absl::StatusOr<int> DuplicateSocket() override;
  std::string local_address() const override { return local_address_; }
  std::string peer_address() const override { return peer_address_; }

 private:
  struct State;
  struct WriteRequest;
  using OnDone = absl::AnyInvocable<void(absl::Status)>;

  absl::Status Configure();
  void OnConnectDone(int err);
  void OnRead(ssize_t size, const char* bytes);
  void OnWriteDone(int err);
  void OnDeferred();
  bool HasDeferred() const;
  void DeferIfNeeded();

  UvLoop& loop_;
  const Options options_;
  State* const state_;  // deletes itself once its handle is closed
  // Reports, in a turn of their own, what libuv said before it returned.
  const std::unique_ptr<Timer> deferred_;

  bool is_connected_ = false;
  OnDone on_connected_;  // while connecting
  absl::Status connect_error_;
  std::string local_address_;
  std::string peer_address_;

  Reader* reader_ = nullptr;
  bool is_reading_ = false;
  size_t round_bytes_ = 0;  // read without a look at other streams
  std::optional<absl::Status> end_;  // once there is nothing more to read
  bool is_end_delivered_ = false;    // since the last StartReading

  std::deque<OnDone> pending_;  // of the writes under way, in order
  absl::Status write_status_;   // not OK: all further writes fail so
  bool is_shutting_down_ = false;
};

}  // namespace rafthttp::event

#endif  // RAFTHTTP_EVENT_UV_STREAM_H_
