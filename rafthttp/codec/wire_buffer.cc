#include "rafthttp/codec/wire_buffer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "rafthttp/base/check.h"

namespace rafthttp::codec {

char* WireBuffer::Extend(size_t size) {
  if (size > slab_capacity_ - slab_size_) {
    const size_t capacity = std::max(slab_size_ + size, slab_capacity_ * 2);
    std::unique_ptr<char[]> slab(new char[capacity]);
    if (slab_size_ > 0) std::memcpy(slab.get(), slab_.get(), slab_size_);
    slab_ = std::move(slab);
    slab_capacity_ = capacity;
  }
  char* const begin = slab_.get() + slab_size_;
  slab_size_ += size;
  return begin;
}

void WireBuffer::Refer(size_t slab_offset, absl::string_view data) {
  CHECK(slab_offset <= slab_size_);
  CHECK(references_.empty() || references_.back().slab_offset <= slab_offset);
  references_.push_back({slab_offset, data});
  referenced_bytes_ += data.size();
}

void WireBuffer::AppendPieces(std::vector<absl::string_view>* pieces) const {
  const auto append = [pieces](absl::string_view piece) {
    if (!piece.empty()) pieces->push_back(piece);
  };
  size_t begin = 0;
  for (const Reference& reference : references_) {
    append(slab().substr(begin, reference.slab_offset - begin));
    append(reference.data);
    begin = reference.slab_offset;
  }
  append(slab().substr(begin));
}

void WireBuffer::AppendTo(std::string* out) const {
  std::vector<absl::string_view> pieces;
  AppendPieces(&pieces);
  out->reserve(out->size() + size());
  for (absl::string_view piece : pieces)
    out->append(piece.data(), piece.size());
}

void WireBuffer::Clear() {
  if (slab_capacity_ > kKeptBytesMax) {
    slab_.reset();
    slab_capacity_ = 0;
  }
  slab_size_ = 0;
  references_.clear();
  referenced_bytes_ = 0;
}

void WireBuffer::Release() {
  Clear();
  slab_.reset();
  slab_capacity_ = 0;
  std::vector<Reference>().swap(references_);
}

}  // namespace rafthttp::codec
