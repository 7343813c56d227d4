#ifndef RAFTHTTP_CODEC_FRAME_GATHERER_H_
#define RAFTHTTP_CODEC_FRAME_GATHERER_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "rafthttp/codec/gather_buffer.h"

namespace rafthttp::codec {

// Cuts a stream into frames for a decoder that knows how long they are.
class FrameGatherer {
 public:
  // Calls `take(frame)` for each frame that `bytes` completes: a piece of
  // `bytes` where it lies whole in it. Both callbacks return an absl::Status.
  //
  // `measure(prefix, &size)` looks at the first bytes of a frame, at least one
  // of them, and sets how many must be there for it to say more; the frame is
  // whole when that many are. It is called again for the same frame with more
  // bytes, never with other ones.
  template <typename Measure, typename Take>
  absl::Status Feed(absl::string_view bytes, Measure measure, Take take) {
    if (!status_.ok()) return status_;
    while (!bytes.empty()) {
      if (!buffer_.empty()) {
        const size_t taken = std::min(bytes.size(), size_ - buffer_.size());
        buffer_.Append(bytes.substr(0, taken));
        bytes.remove_prefix(taken);
        if (buffer_.size() < size_) break;
      }
      const bool is_gathered = !buffer_.empty();
      const absl::string_view prefix = is_gathered ? buffer_.view() : bytes;
      status_ = measure(prefix, &size_);
      if (!status_.ok()) return status_;
      if (size_ > prefix.size()) {
        if (is_gathered) continue;
        buffer_.Append(bytes);
        break;
      }
      status_ = take(prefix.substr(0, size_));
      if (!status_.ok()) return status_;
      if (!is_gathered) bytes.remove_prefix(size_);
      buffer_.FinishFrame();
      frame_offset_ += size_;
    }
    return absl::OkStatus();
  }

  // OK between two frames.
  absl::Status Finish() const {
    if (!status_.ok() || buffer_.empty()) return status_;
    return absl::DataLossError(absl::StrCat(
        "the stream ended at offset ", frame_offset_ + buffer_.size(), ", ",
        buffer_.size(), " bytes into a frame that lacks at least ",
        size_ - buffer_.size(), " more"));
  }

  // Where in the stream the current frame begins.
  uint64_t frame_offset() const { return frame_offset_; }
  size_t capacity() const { return buffer_.capacity(); }

 private:
  GatherBuffer buffer_;
  // What measure said last about the frame in the buffer.
  size_t size_ = 0;
  uint64_t frame_offset_ = 0;
  absl::Status status_;
};

}  // namespace rafthttp::codec

#endif  // RAFTHTTP_CODEC_FRAME_GATHERER_H_
