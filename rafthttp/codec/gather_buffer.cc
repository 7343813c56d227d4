#include "rafthttp/codec/gather_buffer.h"

#include <algorithm>
#include <cstring>

#include "rafthttp/base/check.h"

namespace rafthttp::codec {

void GatherBuffer::Append(absl::string_view bytes) {
  if (bytes.empty()) return;
  if (bytes.size() > capacity_ - size_) Grow(size_ + bytes.size());
  std::memcpy(data_.get() + size_, bytes.data(), bytes.size());
  size_ += bytes.size();
}

void GatherBuffer::Grow(size_t size_min) {
  // size_min counts bytes that are here, so doubling cannot run ahead of them.
  const size_t capacity = std::max(size_min, std::max(kFirstBytes, size_ * 2));
  char* const data =
      static_cast<char*>(std::realloc(data_.release(), capacity));
  CHECK(data != nullptr);
  data_.reset(data);
  capacity_ = capacity;
}

void GatherBuffer::MaybeRelease() {
  idle_frames_ = size_ > kFirstBytes ? 0 : idle_frames_ + 1;
  if (capacity_ <= kKeptBytesMax && idle_frames_ < kIdleFrames) return;
  data_.reset();
  capacity_ = 0;
  idle_frames_ = 0;
}

}  // namespace rafthttp::codec
