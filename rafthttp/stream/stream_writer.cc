// The happy path: Append encodes into the slice while there is room in it and
// queues what comes behind; Flush frames the slice as one chunk, gives it to
// the kernel by one writev, fills the next slice from the queue, and goes on
// for as long as the kernel takes it, up to a bound per turn.
//
// Ways to fail:
// - The kernel takes no more: the rest of the slice waits in the ByteStream,
//   all else in the queue, unencoded. If nothing moves for write_timeout, the
//   connection is given up.
// - A write fails, or the peer ends or resets the connection: the queue and the
//   slice under way are dropped, since the next connection's decoder starts
//   anew, and part of a slice may have arrived.
// - A message that no decoder would take is dropped alone: the encoder leaves
//   no trace of it.
//
// Any callback may detach, replace or destroy the writer. Who calls one holds a
// DestructionWatch, and does no more if the connection that it worked for is
// gone.
#include "rafthttp/stream/stream_writer.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "rafthttp/base/check.h"
#include "rafthttp/codec/message_codec.h"
#include "rafthttp/codec/message_view.h"
#include "rafthttp/codec/msgappv2_codec.h"
#include "rafthttp/codec/wire_buffer.h"
#include "rafthttp/http1/chunked.h"

namespace rafthttp {
namespace {

// What one writer may write before the loop looks at others.
constexpr size_t kTurnBytesMax = 1 << 20;
// Beyond this a peer that talks where it should listen is not read any more;
// its end then shows in writing.
constexpr size_t kIgnoredBytesMax = 64 << 10;
// As slabs grow by doubling, one filled so far is one that WireBuffer keeps.
constexpr size_t kSlabBytesMax = codec::WireBuffer::kKeptBytesMax / 2;

std::unique_ptr<codec::FrameEncoder> NewEncoder(
    const StreamWriter::Options& options) {
  if (options.kind == StreamKind::kMessage) {
    return std::make_unique<codec::MessageEncoder>(options.limits);
  }
  return std::make_unique<codec::MsgAppV2Encoder>(options.self, options.peer,
                                                  options.limits);
}

}  // namespace

absl::string_view DetachReasonName(StreamWriter::DetachReason reason) {
  switch (reason) {
    case StreamWriter::DetachReason::kReplaced:
      return "replaced";
    case StreamWriter::DetachReason::kPeerClosed:
      return "peer_closed";
    case StreamWriter::DetachReason::kWriteFailed:
      return "write_failed";
    case StreamWriter::DetachReason::kWriteTimeout:
      return "write_timeout";
    case StreamWriter::DetachReason::kDetached:
      return "detached";
  }
  return "unknown";
}

// The messages that become one chunk, and all that their bytes stand on.
struct StreamWriter::Slice {
  size_t referenced_bytes() const {
    return buffer.size() - buffer.slab().size();
  }

  codec::WireBuffer buffer;
  Tally tally;
  absl::Time oldest_at;  // unless `tally` is empty
  // Those whose data `buffer` refers to.
  std::vector<codec::OutgoingMessage> referenced;
  // Of one view at a time: what it holds, encoders copy.
  codec::ViewStorage storage;
  // While it is written:
  http1::ChunkEncoder chunk;
  std::vector<absl::string_view> pieces;

  void Clear() {
    buffer.Clear();
    tally = Tally();
    referenced.clear();
    codec::TrimEntries(&storage.entries);
    storage.snapshot = std::string();
    chunk.Clear();
    pieces.clear();
  }
};

StreamWriter::StreamWriter(event::EventLoop& loop, Events& events,
                           Options options)
    : loop_(loop),
      events_(events),
      options_(options),
      heartbeat_timer_(loop.NewTimer([this] { OnHeartbeatDue(); })),
      flush_timer_(loop.NewTimer([this] { Flush(); })) {
  CHECK(options_.slice_bytes > 0);
}

StreamWriter::~StreamWriter() { CHECK(loop_.IsCurrent()); }

// Connections come and go.

void StreamWriter::Attach(std::unique_ptr<event::ByteStream> stream) {
  CHECK(loop_.IsCurrent());
  const bool is_replacing = is_attached();
  if (is_replacing) Disconnect(/*is_in_order=*/state_ != State::kWriting);
  const Tally lost = TakeAll();
  connection_life_.End();
  state_ = State::kReady;
  stream_ = std::move(stream);
  encoder_ = NewEncoder(options_);
  ignored_bytes_ = 0;
  is_heartbeat_due_ = false;
  stream_->StartReading(*this);
  heartbeat_timer_->Start(options_.heartbeat_interval);
  const DestructionWatch watch(connection_life_);
  if (!lost.empty()) {
    events_.OnDropped(*this, lost, DropReason::kStreamReplaced);
    if (watch.is_over()) return;
  }
  events_.OnWriterAttached(*this);
}

void StreamWriter::Detach(DropReason reason) {
  CHECK(loop_.IsCurrent());
  if (!is_attached()) return;
  Disconnect(/*is_in_order=*/state_ != State::kWriting);
  const DestructionWatch watch(connection_life_);
  const Tally lost = TakeAll();
  if (!lost.empty()) events_.OnDropped(*this, lost, reason);
  if (watch.is_over()) return;
  events_.OnWriterDetached(*this, DetachReason::kDetached, absl::OkStatus());
}

void StreamWriter::Lose(DetachReason reason, const absl::Status& status) {
  Disconnect(/*is_in_order=*/false);
  const DestructionWatch watch(connection_life_);
  const Tally lost = TakeAll();
  if (!lost.empty()) {
    events_.OnDropped(*this, lost, DropReason::kStreamBroken);
  }
  if (watch.is_over()) return;
  events_.OnWriterDetached(*this, reason, status);
}

void StreamWriter::Disconnect(bool is_in_order) {
  connection_life_.End();
  state_ = State::kDetached;
  heartbeat_timer_->Cancel();
  flush_timer_->Cancel();
  if (is_in_order) {
    farewell_ = std::make_unique<StreamFarewell>(loop_, std::move(stream_));
  }
  stream_.reset();
  encoder_.reset();
}

Tally StreamWriter::TakeAll() {
  Tally all = std::exchange(refused_, Tally());
  all.Add(std::exchange(queued_, Tally()));
  if (slice_ != nullptr) all.Add(slice_->tally);
  slice_.reset();
  std::deque<Queued>().swap(queue_);
  return all;
}

void StreamWriter::OnBytes(absl::string_view bytes) {
  ignored_bytes_ += bytes.size();
  if (ignored_bytes_ > kIgnoredBytesMax) stream_->StopReading();
}

void StreamWriter::OnEnd(absl::Status status) {
  Lose(DetachReason::kPeerClosed, status);
}

// Heartbeats.

void StreamWriter::OnHeartbeatDue() {
  heartbeat_timer_->Start(options_.heartbeat_interval);
  if (HasStalled()) {
    Lose(DetachReason::kWriteTimeout,
         absl::DeadlineExceededError(
             absl::StrCat("nothing could be written for ",
                          absl::FormatDuration(options_.write_timeout))));
    return;
  }
  // Twice in a row nothing but heartbeats: the memory is for others.
  if (std::exchange(is_idle_, true) && state_ == State::kReady &&
      queued_messages() == 0) {
    slice_.reset();
    std::deque<Queued>().swap(queue_);
  }
  is_heartbeat_due_ = true;
  Flush();
}

bool StreamWriter::HasStalled() {
  if (state_ != State::kWriting) return false;
  const size_t left = stream_->pending_write_bytes();
  if (std::exchange(stalled_bytes_, left) != left) {
    stalled_since_ = loop_.Now();
    return false;
  }
  return loop_.Now() - stalled_since_ >= options_.write_timeout;
}

// Messages.

void StreamWriter::Append(codec::OutgoingMessage&& message) {
  CHECK(is_attached());
  is_idle_ = false;
  if (state_ != State::kWriting && queue_.empty() && !IsSliceFull()) {
    Encode(std::move(message), loop_.Now());
    return;
  }
  queued_.Add(message.type(), message.size_bytes());
  queue_.push_back({std::move(message), loop_.Now()});
}

bool StreamWriter::IsSliceFull() const {
  return slice_ != nullptr && (slice_->buffer.size() >= options_.slice_bytes ||
                               slice_->buffer.slab().size() >= kSlabBytesMax);
}

void StreamWriter::Encode(codec::OutgoingMessage&& message, absl::Time at) {
  if (slice_ == nullptr) slice_ = std::make_unique<Slice>();
  Slice& slice = *slice_;
  const size_t referenced_before = slice.referenced_bytes();
  const absl::Status status =
      encoder_->AppendOutgoing(message, &slice.storage, &slice.buffer);
  if (!status.ok()) {
    refused_.Add(message.type(), message.size_bytes());
    return;
  }
  if (slice.tally.empty()) slice.oldest_at = at;
  slice.tally.Add(message.type(), message.size_bytes());
  if (slice.referenced_bytes() > referenced_before) {
    slice.referenced.push_back(std::move(message));
  }
}

void StreamWriter::FillSlice() {
  if (slice_ == nullptr) slice_ = std::make_unique<Slice>();
  if (std::exchange(is_heartbeat_due_, false)) {
    encoder_->AppendLinkHeartbeat(&slice_->buffer);
  }
  Tally taken;
  while (!queue_.empty() && !IsSliceFull()) {
    Queued& front = queue_.front();
    taken.Add(front.message.type(), front.message.size_bytes());
    Encode(std::move(front.message), front.at);
    queue_.pop_front();
  }
  queued_.Subtract(taken);
}

void StreamWriter::Flush() {
  CHECK(loop_.IsCurrent());
  // Otherwise there is somebody already who goes on with it.
  if (state_ != State::kReady || flush_timer_->is_armed()) return;
  state_ = State::kFlushing;
  const DestructionWatch watch(connection_life_);
  size_t written_bytes = 0;
  while (state_ == State::kFlushing) {
    FillSlice();
    if (!refused_.empty()) {
      events_.OnDropped(*this, std::exchange(refused_, Tally()),
                        DropReason::kNotEncodable);
      if (watch.is_over()) return;
    }
    if (slice_->buffer.empty()) break;
    if (written_bytes >= kTurnBytesMax) {
      flush_timer_->Start(absl::ZeroDuration());
      break;
    }
    written_bytes += slice_->buffer.size();
    WriteSlice();
    if (watch.is_over()) return;
  }
  if (state_ == State::kFlushing) state_ = State::kReady;
}

void StreamWriter::WriteSlice() {
  Slice& slice = *slice_;
  slice.buffer.AppendPieces(&slice.pieces);
  for (const absl::string_view piece : slice.pieces) slice.chunk.Add(piece);
  absl::Span<const absl::string_view> rest = slice.chunk.Finish();
  const absl::StatusOr<size_t> written = stream_->TryWrite(rest);
  if (!written.ok()) {
    Lose(DetachReason::kWriteFailed, written.status());
    return;
  }
  size_t skip = *written;
  while (!rest.empty() && skip >= rest.front().size()) {
    skip -= rest.front().size();
    rest.remove_prefix(1);
  }
  if (rest.empty()) {
    FinishSlice();
    return;
  }
  // What is left begins inside the first piece that is left.
  slice.pieces.assign(rest.begin(), rest.end());
  slice.pieces.front().remove_prefix(skip);
  state_ = State::kWriting;
  stream_->Write(slice.pieces, [this](absl::Status status) {
    if (!status.ok()) {
      Lose(DetachReason::kWriteFailed, status);
      return;
    }
    state_ = State::kReady;
    const DestructionWatch watch(connection_life_);
    FinishSlice();
    if (!watch.is_over()) Flush();
  });
  stalled_bytes_ = stream_->pending_write_bytes();
  stalled_since_ = loop_.Now();
}

void StreamWriter::FinishSlice() {
  const Tally written = slice_->tally;
  slice_->Clear();
  if (!written.empty()) events_.OnWritten(*this, written);
}

// What there is.

size_t StreamWriter::queued_messages() const {
  return queued_.messages + refused_.messages +
         (slice_ == nullptr ? 0 : slice_->tally.messages);
}

size_t StreamWriter::queued_bytes() const {
  return queued_.bytes + refused_.bytes +
         (slice_ == nullptr ? 0 : slice_->tally.bytes);
}

absl::Time StreamWriter::oldest_at() const {
  if (slice_ != nullptr && !slice_->tally.empty()) return slice_->oldest_at;
  return queue_.empty() ? absl::InfiniteFuture() : queue_.front().at;
}

std::string StreamWriter::remote_address() const {
  return stream_ == nullptr ? "" : stream_->peer_address();
}

}  // namespace rafthttp
