#include "rafthttp/snapshot/snapshot_frames.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "rafthttp/base/check.h"
#include "rafthttp/codec/big_endian.h"
#include "snap/crc.h"

namespace rafthttp {
namespace {

using codec::kBigEndianBytes;

// Both halves of a head at once.
void AppendHead(uint32_t length, absl::string_view data, std::string* out) {
  char head[kBigEndianBytes];
  codec::StoreBigEndian(
      uint64_t{length} << 32 | snap::ExtendCrc32c(/*crc=*/0, data), head);
  out->append(head, sizeof(head));
}

}  // namespace

std::string SnapshotFrameHead(absl::string_view data) {
  CHECK(!data.empty() && data.size() <= kSnapshotFrameBytes);
  std::string head;
  AppendHead(static_cast<uint32_t>(data.size()), data, &head);
  return head;
}

std::string SnapshotEndFrame(uint64_t digest) {
  char bytes[kBigEndianBytes];
  codec::StoreBigEndian(digest, bytes);
  const absl::string_view data(bytes, sizeof(bytes));
  std::string frame;
  AppendHead(0, data, &frame);
  frame.append(bytes, sizeof(bytes));
  return frame;
}

absl::StatusOr<SnapshotFrameDecoder::Event> SnapshotFrameDecoder::Next(
    absl::string_view& input) {
  if (is_ended_) {
    if (input.empty()) return Event::kNeedMore;
    return absl::DataLossError("bytes behind the end frame");
  }
  if (wanted_ == 0) {
    const size_t taken = std::min(kHeadBytes - head_.size(), input.size());
    head_.append(input.data(), taken);
    input.remove_prefix(taken);
    if (head_.size() < kHeadBytes) return Event::kNeedMore;
    const uint64_t length = codec::LoadBigEndian(head_.data()) >> 32;
    if (length > kSnapshotFrameBytes) {
      return absl::DataLossError(
          absl::StrCat("a frame of ", length, " bytes, over the ",
                       kSnapshotFrameBytes, " that one may have"));
    }
    if (is_short_seen_ && length != 0) {
      return absl::DataLossError("a frame behind a short one");
    }
    is_short_seen_ = length < kSnapshotFrameBytes;
    wanted_ = length == 0 ? kBigEndianBytes : length;
    data_.clear();
    data_.reserve(wanted_);
  }
  const size_t taken = std::min(wanted_ - data_.size(), input.size());
  data_.append(input.data(), taken);
  input.remove_prefix(taken);
  if (data_.size() < wanted_) return Event::kNeedMore;
  const uint64_t head = codec::LoadBigEndian(head_.data());
  if (snap::ExtendCrc32c(/*crc=*/0, data_) != static_cast<uint32_t>(head)) {
    return absl::DataLossError("a frame's checksum is wrong");
  }
  head_.clear();
  wanted_ = 0;
  if (head >> 32 != 0) return Event::kFrame;
  digest_ = codec::LoadBigEndian(data_.data());
  is_ended_ = true;
  return Event::kEnd;
}

}  // namespace rafthttp
