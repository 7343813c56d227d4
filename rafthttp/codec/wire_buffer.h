#ifndef RAFTHTTP_CODEC_WIRE_BUFFER_H_
#define RAFTHTTP_CODEC_WIRE_BUFFER_H_

#include <cstddef>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace rafthttp::codec {

// Bytes on their way to a socket: small ones copied one after the other into a
// slab, large ones left where they are, to be written by writev.
//
// Lifetime: what was referenced must stay unchanged until it is written or the
//   buffer is cleared.
class WireBuffer {
 public:
  // Copying costs by the byte (4 KiB some 50 ns, says codec_bench); a piece of
  // its own costs an iovec, and breaks the slab in two.
  static constexpr size_t kReferencedBytesMin = 4 << 10;
  static constexpr size_t kKeptBytesMax = 256 << 10;
  static constexpr size_t kCopyAll = std::numeric_limits<size_t>::max();

  // Refers to data from `referenced_bytes_min` bytes on; kCopyAll makes one
  // piece of everything.
  explicit WireBuffer(size_t referenced_bytes_min = kReferencedBytesMin)
      : referenced_bytes_min_(referenced_bytes_min) {}

  WireBuffer(const WireBuffer&) = delete;
  WireBuffer& operator=(const WireBuffer&) = delete;

  // Whether data of `size` is referred to rather than copied.
  bool refers(size_t size) const { return size >= referenced_bytes_min_; }

  // Makes room for `size` copied bytes and returns where they go; valid until
  // the next call.
  char* Extend(size_t size);
  // Puts `data` before byte `slab_offset` of the slab, at or behind the last
  // data that was put so.
  void Refer(size_t slab_offset, absl::string_view data);

  // All bytes, copied and referenced.
  size_t size() const { return slab_size_ + referenced_bytes_; }
  bool empty() const { return size() == 0; }
  // The copied bytes: all there is, if no data is referenced.
  absl::string_view slab() const { return {slab_.get(), slab_size_}; }
  size_t slab_capacity() const { return slab_capacity_; }
  // Appends the pieces in order, none of them empty; valid until the buffer
  // changes.
  void AppendPieces(std::vector<absl::string_view>* pieces) const;
  void AppendTo(std::string* out) const;

  // Forgets the bytes and keeps the slab's memory, up to kKeptBytesMax.
  void Clear();
  // Forgets the bytes and the memory.
  void Release();

 private:
  struct Reference {
    size_t slab_offset;
    absl::string_view data;
  };

  size_t referenced_bytes_min_;
  // Not a std::string, which would write zeros first.
  std::unique_ptr<char[]> slab_;
  size_t slab_size_ = 0;
  size_t slab_capacity_ = 0;
  std::vector<Reference> references_;
  size_t referenced_bytes_ = 0;
};

}  // namespace rafthttp::codec

#endif  // RAFTHTTP_CODEC_WIRE_BUFFER_H_
