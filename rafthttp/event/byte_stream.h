#ifndef RAFTHTTP_EVENT_BYTE_STREAM_H_
#define RAFTHTTP_EVENT_BYTE_STREAM_H_

#include <cstddef>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace rafthttp::event {

// A connected, ordered, reliable stream of bytes in both directions: TCP by
// libuv, or a memory pipe in tests.
//
// Threads: loop-confined.
// Lifetime: destroy it at any moment, even inside its own callbacks. That
//   closes the connection at once; no callback runs afterwards, and memory
//   given to Write is no longer referenced.
class ByteStream {
 public:
  // Who reads the stream. Each callback may destroy the stream.
  class Reader {
   public:
    // Bytes in order, never empty; `bytes` is the stream's own buffer and valid
    // only during the call.
    virtual void OnBytes(absl::string_view bytes) = 0;
    // The last callback: the peer ended its direction (OK), or reading failed
    // (see io_status.h for telling a reset from other causes). Writing may
    // still work after an OK end. A reader that takes over later hears of the
    // end once more.
    virtual void OnEnd(absl::Status status) = 0;

   protected:
    ~Reader() = default;
  };

  virtual ~ByteStream() = default;

  // Delivers what arrives to `reader`, which must outlive the stream or be
  // replaced; may be called again to hand the stream to another reader. No
  // callback runs before the next turn of the loop.
  virtual void StartReading(Reader& reader) = 0;
  // Leaves further bytes in the kernel, so that the peer feels it. StartReading
  // resumes. Nothing is lost and no callback runs in between.
  virtual void StopReading() = 0;

  // Writes as much of `buffers` as goes without waiting and returns its size in
  // bytes; 0 while earlier writes are pending. The memory is not referenced
  // after the call. May stop short of a thousand buffers even if more would go.
  virtual absl::StatusOr<size_t> TryWrite(
      absl::Span<const absl::string_view> buffers) = 0;
  // Writes all of `buffers` after everything written before. Their memory must
  // stay valid until `on_written`, which runs exactly once in a later turn, or
  // never if the stream is destroyed first. Once a write has failed, all others
  // fail with the same status.
  virtual void Write(absl::Span<const absl::string_view> buffers,
                     absl::AnyInvocable<void(absl::Status)> on_written) = 0;
  // Bytes taken by Write that the kernel has not taken yet.
  virtual size_t pending_write_bytes() const = 0;
  // Ends our direction once pending writes are done; reading goes on. To write
  // after this is the caller's bug.
  virtual void ShutdownWrite() = 0;

  // Ends the stream, but not the connection: returns its socket, which belongs
  // to the caller and may be used on another loop. Only while no write is
  // pending. kUnimplemented for what has no socket.
  virtual absl::StatusOr<int> DetachSocket() {
    return absl::UnimplementedError("this stream has no socket");
  }

  // A second descriptor of its socket, which belongs to the caller, so that a
  // thread of its own can write bulk beside the loop (snapshots): nothing else
  // may be written meanwhile. It does not block, and closing it leaves the
  // stream open. Only while no write is pending. kUnimplemented for what has no
  // socket.
  virtual absl::StatusOr<int> DuplicateSocket() {
    return absl::UnimplementedError("this stream has no socket");
  }

  // "192.0.2.1:2380", "[fe80::1%eth0]:2380", "unix:/path", for logs.
  virtual std::string local_address() const = 0;
  virtual std::string peer_address() const = 0;
};

}  // namespace rafthttp::event

#endif  // RAFTHTTP_EVENT_BYTE_STREAM_H_
