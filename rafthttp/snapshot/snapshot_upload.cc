// The happy path: slices of a MiB, each a chunk of its own, until the source
// has none left; then the final chunk.
//
// Ways to fail:
// - The source fails, or has more or less than it said: reported; the body is
//   never ended, so that the peer cannot take it for whole.
// - The peer closes: reported as kCancelled; its last words are the caller's to
//   read.
// - The peer stops reading: nothing is reported; the caller watches sent_bytes.
// - Destroyed: the socket is shut down, which ends a thread that waits on it.
#include "rafthttp/snapshot/snapshot_upload.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rafthttp/base/check.h"
#include "rafthttp/http1/chunked.h"
#include "rafthttp/snapshot/disk_work.h"

namespace rafthttp {
namespace {

absl::Status ShortSource(uint64_t at, uint64_t size) {
  return absl::DataLossError(
      absl::StrCat("the snapshot ends after ", at, " of ", size, " bytes"));
}

// Fills `buffer` with up to `size` bytes from `offset`.
absl::Status ReadFully(snap::SnapshotSource& source, uint64_t offset,
                       size_t size, std::string* buffer) {
  buffer->resize(size);
  size_t have = 0;
  while (have < size) {
    const absl::StatusOr<size_t> got =
        source.ReadAt(offset + have, buffer->data() + have, size - have);
    if (!got.ok()) return got.status();
    if (*got == 0) return ShortSource(offset + have, source.size_bytes());
    have += *got;
  }
  return absl::OkStatus();
}

// A source that goes on after its size is not what was announced.
absl::Status CheckEnd(snap::SnapshotSource& source) {
  char more = 0;
  const absl::StatusOr<size_t> got =
      source.ReadAt(source.size_bytes(), &more, 1);
  if (!got.ok()) return got.status();
  if (*got == 0) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("the snapshot goes on after its ",
                                          source.size_bytes(), " bytes"));
}

// When the next slice may go, so that no more than the pace allows goes in any
// second.
class Pacer {
 public:
  explicit Pacer(const SnapshotPace& pace) : pace_(pace) {}

  // How long to wait before the next slice, after `bytes` went at `now`.
  absl::Duration Delay(uint64_t bytes, absl::Time now) {
    const uint64_t pace = pace_.load(std::memory_order_relaxed);
    if (pace == 0) return absl::ZeroDuration();
    due_ = std::max(due_, now) + absl::Seconds(static_cast<double>(bytes) /
                                               static_cast<double>(pace));
    return due_ - now;
  }
  // A slice that is not too long a burst at this pace.
  uint64_t SliceBytes() const {
    const uint64_t pace = pace_.load(std::memory_order_relaxed);
    if (pace == 0) return SnapshotUpload::kSliceBytes;
    return std::clamp<uint64_t>(pace / 20, 16 << 10,
                                SnapshotUpload::kSliceBytes);
  }

 private:
  const SnapshotPace& pace_;
  absl::Time due_ = absl::InfinitePast();
};

// What a SocketUpload and its thread share.
struct SocketWork {
  std::shared_ptr<snap::SnapshotMessage> message;
  std::shared_ptr<const SnapshotPace> pace;
  int socket = -1;
  std::atomic<uint64_t> sent_bytes = 0;
  std::atomic<bool> is_cancelled = false;

  ~SocketWork() { close(socket); }

  absl::Status Failed(absl::string_view what) const {
    const int error = errno;
    if (is_cancelled) return absl::CancelledError("cancelled");
    if (error == EPIPE || error == ECONNRESET) {
      return absl::CancelledError("the peer closed the connection");
    }
    return absl::UnavailableError(absl::StrCat(what, ": ", strerror(error)));
  }

  absl::Status AwaitRoom() {
    pollfd polled = {.fd = socket, .events = POLLOUT, .revents = 0};
    while (poll(&polled, 1, -1) < 0) {
      if (errno != EINTR) return Failed("poll");
    }
    return absl::OkStatus();
  }

  // `flags` may say that more follows.
  absl::Status SendAll(absl::string_view bytes, int flags) {
    while (!bytes.empty()) {
      const ssize_t sent = send(socket, bytes.data(), bytes.size(),
                                flags | MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent >= 0) {
        bytes.remove_prefix(static_cast<size_t>(sent));
        continue;
      }
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return Failed("send");
      if (absl::Status status = AwaitRoom(); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status SendFile(int file, uint64_t offset, uint64_t size) {
    off_t at = static_cast<off_t>(offset);
    const off_t end = at + static_cast<off_t>(size);
    while (at < end) {
      const ssize_t sent =
          sendfile(socket, file, &at, static_cast<size_t>(end - at));
      if (sent > 0) {
        sent_bytes.fetch_add(static_cast<uint64_t>(sent),
                             std::memory_order_relaxed);
        continue;
      }
      if (sent == 0) {
        return ShortSource(static_cast<uint64_t>(at),
                           message->source().size_bytes());
      }
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return Failed("sendfile");
      if (absl::Status status = AwaitRoom(); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status Wait(absl::Duration delay) {
    // Wakes up early where the socket was shut down.
    pollfd polled = {.fd = socket, .events = 0, .revents = 0};
    poll(&polled, 1, static_cast<int>(absl::ToInt64Milliseconds(delay)));
    return is_cancelled ? absl::CancelledError("cancelled") : absl::OkStatus();
  }

  absl::Status Run() {
    snap::SnapshotSource& source = message->source();
    const uint64_t size = source.size_bytes();
    Pacer pacer(*pace);
    std::string buffer;
    // Ends the chunk before.
    std::string separator;
    for (uint64_t offset = 0; offset < size;) {
      const uint64_t slice = std::min(pacer.SliceBytes(), size - offset);
      absl::StrAppend(&separator, absl::Hex(slice), "\r\n");
      if (source.descriptor() < 0) {
        absl::Status status = ReadFully(source, offset, slice, &buffer);
        if (!status.ok()) return status;
      }
      absl::Status status = SendAll(separator, MSG_MORE);
      if (status.ok()) {
        if (source.descriptor() >= 0) {
          status = SendFile(source.descriptor(), offset, slice);
        } else {
          status = SendAll(buffer, MSG_MORE);
          if (status.ok()) {
            sent_bytes.fetch_add(slice, std::memory_order_relaxed);
          }
        }
      }
      if (!status.ok()) return status;
      offset += slice;
      separator = "\r\n";
      const absl::Duration delay = pacer.Delay(slice, absl::Now());
      if (delay <= absl::ZeroDuration()) continue;
      if (status = Wait(delay); !status.ok()) return status;
    }
    if (absl::Status status = CheckEnd(source); !status.ok()) return status;
    absl::StrAppend(&separator, http1::ChunkEncoder::kFinalChunk);
    return SendAll(separator, 0);
  }
};

class SocketUpload final : public SnapshotUpload {
 public:
  SocketUpload(event::EventLoop& loop, StrandPool& pool,
               std::shared_ptr<SocketWork> work, OnDone on_done)
      : work_(std::move(work)), disk_(loop, &pool) {
    disk_.Run([work = work_] { return work->Run(); }, std::move(on_done));
  }
  ~SocketUpload() override {
    work_->is_cancelled = true;
    shutdown(work_->socket, SHUT_RDWR);
  }

  uint64_t sent_bytes() const override {
    return work_->sent_bytes.load(std::memory_order_relaxed);
  }

 private:
  const std::shared_ptr<SocketWork> work_;
  DiskWork disk_;
};

class StreamUpload final : public SnapshotUpload {
 public:
  StreamUpload(event::EventLoop& loop, StrandPool* pool,
               event::ByteStream& stream,
               std::shared_ptr<snap::SnapshotMessage> message,
               std::shared_ptr<const SnapshotPace> pace, OnDone on_done)
      : loop_(loop),
        stream_(stream),
        message_(std::move(message)),
        pace_(std::move(pace)),
        on_done_(std::move(on_done)),
        pacer_(*pace_),
        buffer_(std::make_shared<std::string>()),
        timer_(loop.NewTimer([this] { ReadSlice(); })),
        disk_(loop, pool) {
    ReadSlice();
  }

  uint64_t sent_bytes() const override { return offset_; }

 private:
  void ReadSlice() {
    const uint64_t size = message_->source().size_bytes();
    const uint64_t slice = std::min(pacer_.SliceBytes(), size - offset_);
    disk_.Run(
        [message = message_, buffer = buffer_, offset = offset_, slice] {
          if (slice == 0) {
            buffer->clear();
            return CheckEnd(message->source());
          }
          return ReadFully(message->source(), offset, slice, buffer.get());
        },
        [this](absl::Status status) { OnRead(std::move(status)); });
  }

  void OnRead(absl::Status status) {
    if (!status.ok()) return Finish(std::move(status));
    if (buffer_->empty()) {
      const absl::string_view last[] = {http1::ChunkEncoder::kFinalChunk};
      stream_.Write(last,
                    [this](absl::Status written) { Finish(AsOurs(written)); });
      return;
    }
    chunk_.Clear();
    chunk_.Add(*buffer_);
    stream_.Write(chunk_.Finish(),
                  [this](absl::Status written) { OnWritten(written); });
  }

  void OnWritten(const absl::Status& status) {
    if (!status.ok()) return Finish(AsOurs(status));
    const uint64_t size = buffer_->size();
    offset_ += size;
    timer_->Start(pacer_.Delay(size, loop_.Now()));
  }

  static absl::Status AsOurs(const absl::Status& status) {
    if (status.ok()) return status;
    return absl::CancelledError(status.message());
  }

  void Finish(absl::Status status) {
    OnDone on_done = std::exchange(on_done_, nullptr);
    on_done(std::move(status));
  }

  event::EventLoop& loop_;
  event::ByteStream& stream_;
  const std::shared_ptr<snap::SnapshotMessage> message_;
  const std::shared_ptr<const SnapshotPace> pace_;
  OnDone on_done_;
  Pacer pacer_;
  const std::shared_ptr<std::string> buffer_;
  uint64_t offset_ = 0;
  http1::ChunkEncoder chunk_;
  const std::unique_ptr<event::Timer> timer_;
  DiskWork disk_;
};

}  // namespace

std::unique_ptr<SnapshotUpload> SnapshotUpload::Start(
    event::EventLoop& loop, StrandPool* pool, event::ByteStream& stream,
    std::shared_ptr<snap::SnapshotMessage> message,
    std::shared_ptr<const SnapshotPace> pace, OnDone on_done) {
  CHECK(stream.pending_write_bytes() == 0);
  absl::StatusOr<int> socket =
      pool == nullptr ? absl::StatusOr<int>(absl::UnimplementedError(""))
                      : stream.DuplicateSocket();
  if (!socket.ok()) {
    return std::make_unique<StreamUpload>(loop, pool, stream,
                                          std::move(message), std::move(pace),
                                          std::move(on_done));
  }
  auto work = std::make_shared<SocketWork>();
  work->message = std::move(message);
  work->pace = std::move(pace);
  work->socket = *socket;
  return std::make_unique<SocketUpload>(loop, *pool, std::move(work),
                                        std::move(on_done));
}

}  // namespace rafthttp
