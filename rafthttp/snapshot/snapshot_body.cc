#include "rafthttp/snapshot/snapshot_body.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rafthttp/base/check.h"
#include "rafthttp/snapshot/snapshot_frames.h"
#include "snap/crc.h"

namespace rafthttp {

SnapshotBody::SnapshotBody(std::shared_ptr<snap::SnapshotMessage> message)
    : message_(std::move(message)) {}

void SnapshotBody::BeginPlain() {
  is_framed_ = false;
  is_ended_ = false;
  offset_ = 0;
}

absl::Status SnapshotBody::BeginFramed(uint64_t offset) {
  const uint64_t frames =
      (offset + kSnapshotFrameBytes - 1) / kSnapshotFrameBytes;
  const bool is_boundary =
      offset % kSnapshotFrameBytes == 0 || offset == size_bytes();
  if (!is_boundary || offset > size_bytes() || frames >= digests_.size()) {
    return absl::DataLossError(absl::StrCat("the peer claims to have ", offset,
                                            " bytes, which no frame ended"));
  }
  is_framed_ = true;
  is_ended_ = false;
  offset_ = offset;
  filled_ = taken_ = 0;
  digests_.resize(frames + 1);
  return absl::OkStatus();
}

absl::StatusOr<SnapshotBody::Piece> SnapshotBody::Next(uint64_t bytes_max) {
  CHECK(bytes_max > 0);
  return is_framed_ ? NextFramed(bytes_max) : NextPlain(bytes_max);
}

absl::StatusOr<SnapshotBody::Piece> SnapshotBody::NextPlain(
    uint64_t bytes_max) {
  Piece piece;
  const uint64_t size = std::min(bytes_max, size_bytes() - offset_);
  if (size == 0) {
    if (absl::Status status = CheckEnd(); !status.ok()) return status;
    return piece;
  }
  if (absl::Status status = Fill(size); !status.ok()) return status;
  piece.data = filled();
  return piece;
}

absl::StatusOr<SnapshotBody::Piece> SnapshotBody::NextFramed(
    uint64_t bytes_max) {
  Piece piece;
  if (taken_ == filled_) {
    const uint64_t size =
        std::min<uint64_t>(kSnapshotFrameBytes, size_bytes() - offset_);
    filled_ = taken_ = 0;
    if (size == 0) {
      if (std::exchange(is_ended_, true)) return piece;
      if (absl::Status status = CheckEnd(); !status.ok()) return status;
      head_ = SnapshotEndFrame(digests_.back());
      piece.head = head_;
      return piece;
    }
    if (absl::Status status = Fill(size); !status.ok()) return status;
    digests_.push_back(snap::ExtendCrc64(digests_.back(), filled()));
    head_ = SnapshotFrameHead(filled());
    piece.head = head_;
  }
  piece.data = filled().substr(taken_, bytes_max);
  taken_ += piece.data.size();
  return piece;
}

// Reads the next `size` bytes into the buffer.
absl::Status SnapshotBody::Fill(uint64_t size) {
  // Never smaller, so that it is not filled with zeros again and again.
  if (buffer_.size() < size) buffer_.resize(size);
  filled_ = size;
  for (size_t have = 0; have < size;) {
    const absl::StatusOr<size_t> got =
        message_->source().ReadAt(offset_, buffer_.data() + have, size - have);
    if (!got.ok()) return got.status();
    if (*got == 0) {
      return absl::DataLossError(absl::StrCat(
          "the snapshot ends after ", offset_, " of ", size_bytes(), " bytes"));
    }
    have += *got;
    offset_ += *got;
  }
  return absl::OkStatus();
}

// A source that goes on after its size is not what was announced.
absl::Status SnapshotBody::CheckEnd() {
  char more = 0;
  const absl::StatusOr<size_t> got =
      message_->source().ReadAt(size_bytes(), &more, 1);
  if (!got.ok()) return got.status();
  if (*got == 0) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("the snapshot goes on after its ", size_bytes(), " bytes"));
}

}  // namespace rafthttp
