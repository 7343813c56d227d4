#ifndef RAFTHTTP_STREAM_STREAM_FAREWELL_H_
#define RAFTHTTP_STREAM_STREAM_FAREWELL_H_

#include <cstddef>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "rafthttp/event/byte_stream.h"
#include "rafthttp/event/event_loop.h"

namespace rafthttp {

// Ends a chunked stream in order: writes the final chunk, and lets the peer be
// the first to close. Who closes with bytes unread resets the connection, and
// with it destroys what the other side has not read yet; so what the peer still
// says is read and thrown away.
//
// Place: StreamWriter keeps one for the connection it had before. Threads:
//   loop-confined.
// Lifetime: destroy it at any moment; that closes the connection, and the
//   kernel still delivers what it has.
// Bounds: kLinger, and kUnreadBytesMax of what the peer says.
class StreamFarewell final : private event::ByteStream::Reader {
 public:
  static constexpr absl::Duration kLinger = absl::Seconds(5);
  static constexpr size_t kUnreadBytesMax = 64 << 10;

  // Nothing may be half written on `stream`. `loop` must outlive the farewell.
  StreamFarewell(event::EventLoop& loop,
                 std::unique_ptr<event::ByteStream> stream);
  StreamFarewell(const StreamFarewell&) = delete;
  StreamFarewell& operator=(const StreamFarewell&) = delete;

  bool is_over() const { return stream_ == nullptr; }

 private:
  // event::ByteStream::Reader:
  void OnBytes(absl::string_view bytes) override;
  void OnEnd(absl::Status status) override;

  void WriteFinalChunk();
  void Close();

  std::unique_ptr<event::ByteStream> stream_;  // null once it is over
  const std::unique_ptr<event::Timer> timer_;
  size_t unread_bytes_ = 0;
};

}  // namespace rafthttp

#endif  // RAFTHTTP_STREAM_STREAM_FAREWELL_H_
