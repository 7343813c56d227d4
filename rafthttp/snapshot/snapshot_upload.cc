// The happy path: slices of a MiB, each a chunk of its own, until the source
// has none left; then the final chunk.
//
// Ways to fail:
// - The source fails, or has more or less than it said: reported; HTTP's body
// is
//   never ended, so that the peer cannot take it for whole.
// - The peer closes: reported as kCancelled; its last words are the caller's to
//   read.
// - The peer stops reading: nothing is reported; the caller watches sent_bytes.
// - Destroyed: the socket is shut down, which ends a thread that waits on it.
#include "rafthttp/snapshot/snapshot_upload.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rafthttp/base/check.h"
#include "rafthttp/http1/chunked.h"
#include "rafthttp/snapshot/disk_work.h"
#include "rafthttp/snapshot/snapshot_body.h"

namespace rafthttp {
namespace {

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

absl::Status Begin(SnapshotBody& body, SnapshotUpload::FramesFrom from) {
  if (from) return body.BeginFramed(*from);
  body.BeginPlain();
  return absl::OkStatus();
}

// What a SocketUpload and its thread share.
struct SocketWork {
  std::shared_ptr<SnapshotBody> body;
  SnapshotUpload::FramesFrom frames_from;
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

  absl::Status Wait(absl::Duration delay) {
    // Wakes up early where the socket was shut down.
    pollfd polled = {.fd = socket, .events = 0, .revents = 0};
    poll(&polled, 1, static_cast<int>(absl::ToInt64Milliseconds(delay)));
    return is_cancelled ? absl::CancelledError("cancelled") : absl::OkStatus();
  }

  absl::Status Run() {
    if (is_cancelled) return absl::CancelledError("cancelled");
    absl::Status status = Begin(*body, frames_from);
    Pacer pacer(*pace);
    // Ends the chunk before, and begins the next.
    std::string between;
    while (status.ok()) {
      const absl::StatusOr<SnapshotBody::Piece> piece =
          body->Next(pacer.SliceBytes());
      if (!piece.ok()) return piece.status();
      if (piece->is_end()) {
        absl::StrAppend(&between, http1::ChunkEncoder::kFinalChunk);
        return SendAll(between, 0);
      }
      const uint64_t size = piece->data.size();
      absl::StrAppend(&between, absl::Hex(piece->head.size() + size), "\r\n",
                      piece->head);
      status = SendAll(between, MSG_MORE);
      if (status.ok()) status = SendAll(piece->data, MSG_MORE);
      if (status.ok()) sent_bytes.fetch_add(size, std::memory_order_relaxed);
      between = "\r\n";
      const absl::Duration delay = pacer.Delay(size, absl::Now());
      if (status.ok() && delay > absl::ZeroDuration()) status = Wait(delay);
    }
    return status;
  }
};

class SocketUpload final : public SnapshotUpload {
 public:
  SocketUpload(DiskWork& disk, std::shared_ptr<SocketWork> work, OnDone on_done)
      : work_(std::move(work)), disk_(disk) {
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
  StreamUpload(event::EventLoop& loop, DiskWork& disk,
               event::ByteStream& stream, std::shared_ptr<SnapshotBody> body,
               FramesFrom frames_from, std::shared_ptr<const SnapshotPace> pace,
               OnDone on_done)
      : loop_(loop),
        stream_(stream),
        body_(std::move(body)),
        pace_(std::move(pace)),
        on_done_(std::move(on_done)),
        pacer_(*pace_),
        sent_bytes_(frames_from.value_or(0)),
        piece_(std::make_shared<SnapshotBody::Piece>()),
        timer_(loop.NewTimer([this] { ReadPiece(); })),
        disk_(disk) {
    disk_.Run([body = body_, frames_from] { return Begin(*body, frames_from); },
              [this](absl::Status status) {
                if (!status.ok()) return Finish(std::move(status));
                ReadPiece();
              });
  }

  uint64_t sent_bytes() const override { return sent_bytes_; }

 private:
  void ReadPiece() {
    disk_.Run(
        [body = body_, piece = piece_, size = pacer_.SliceBytes()] {
          auto next = body->Next(size);
          if (next.ok()) *piece = *next;
          return next.status();
        },
        [this](absl::Status status) { OnRead(std::move(status)); });
  }

  void OnRead(absl::Status status) {
    if (!status.ok()) return Finish(std::move(status));
    if (piece_->is_end()) {
      const absl::string_view last[] = {http1::ChunkEncoder::kFinalChunk};
      stream_.Write(last,
                    [this](absl::Status written) { Finish(AsOurs(written)); });
      return;
    }
    chunk_.Clear();
    if (!piece_->head.empty()) chunk_.Add(piece_->head);
    if (!piece_->data.empty()) chunk_.Add(piece_->data);
    stream_.Write(chunk_.Finish(),
                  [this](absl::Status written) { OnWritten(written); });
  }

  void OnWritten(const absl::Status& status) {
    if (!status.ok()) return Finish(AsOurs(status));
    const uint64_t size = piece_->data.size();
    sent_bytes_ += size;
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
  const std::shared_ptr<SnapshotBody> body_;
  const std::shared_ptr<const SnapshotPace> pace_;
  OnDone on_done_;
  Pacer pacer_;
  uint64_t sent_bytes_;
  // Shared with the disk's thread.
  const std::shared_ptr<SnapshotBody::Piece> piece_;
  http1::ChunkEncoder chunk_;
  const std::unique_ptr<event::Timer> timer_;
  DiskWork disk_;
};

}  // namespace

std::unique_ptr<SnapshotUpload> SnapshotUpload::Start(
    event::EventLoop& loop, DiskWork& disk, event::ByteStream& stream,
    std::shared_ptr<SnapshotBody> body, FramesFrom frames_from,
    std::shared_ptr<const SnapshotPace> pace, OnDone on_done) {
  CHECK(stream.pending_write_bytes() == 0);
  absl::StatusOr<int> socket =
      disk.has_thread() ? stream.DuplicateSocket()
                        : absl::StatusOr<int>(absl::UnimplementedError(""));
  if (!socket.ok()) {
    return std::make_unique<StreamUpload>(loop, disk, stream, std::move(body),
                                          frames_from, std::move(pace),
                                          std::move(on_done));
  }
  auto work = std::make_shared<SocketWork>();
  work->body = std::move(body);
  work->frames_from = frames_from;
  work->pace = std::move(pace);
  work->socket = *socket;
  work->sent_bytes = frames_from.value_or(0);
  return std::make_unique<SocketUpload>(disk, std::move(work),
                                        std::move(on_done));
}

}  // namespace rafthttp
