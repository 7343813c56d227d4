#ifndef RAFTHTTP_CODEC_GATHER_BUFFER_H_
#define RAFTHTTP_CODEC_GATHER_BUFFER_H_

#include <cstddef>
#include <cstdlib>
#include <memory>

#include "absl/strings/string_view.h"

namespace rafthttp::codec {

// Collects the bytes of a frame that did not come in one piece.
//
// Bounds: the capacity is less than twice the bytes that were appended, or
//   kFirstBytes; it never follows a length that a peer only claimed. What is
//   kept between frames is at most kKeptBytesMax, and falls to kFirstBytes
//   when kIdleFrames frames in a row did without more: a stream of 1 MiB
//   frames never reallocates, and one that falls silent (link heartbeats are
//   frames, too) gives its memory back.
class GatherBuffer {
 public:
  static constexpr size_t kFirstBytes = 4 << 10;
  // Twice raft's 1 MiB of payload per MsgApp.
  static constexpr size_t kKeptBytesMax = 2 << 20;
  // Link heartbeats come every 1.67 s: memory is back after 13 s of silence.
  static constexpr int kIdleFrames = 8;

  GatherBuffer() = default;

  // `bytes` must not lie in the buffer.
  void Append(absl::string_view bytes);
  // Ends a frame, which may have passed without using the buffer.
  void FinishFrame() {
    if (capacity_ > kFirstBytes) MaybeRelease();
    size_ = 0;
  }

  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  // Valid until the next call of Append or FinishFrame.
  absl::string_view view() const { return {data_.get(), size_}; }

 private:
  struct Free {
    void operator()(char* data) const { std::free(data); }
  };

  void Grow(size_t size_min);
  void MaybeRelease();

  // From malloc, so that realloc can move pages instead of bytes.
  std::unique_ptr<char, Free> data_;
  size_t size_ = 0;
  size_t capacity_ = 0;
  int idle_frames_ = 0;
};

}  // namespace rafthttp::codec

#endif  // RAFTHTTP_CODEC_GATHER_BUFFER_H_
