#ifndef RAFTHTTP_CODEC_WIRE_WRITER_H_
#define RAFTHTTP_CODEC_WIRE_WRITER_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "absl/strings/string_view.h"
#include "rafthttp/base/check.h"
#include "rafthttp/codec/big_endian.h"
#include "rafthttp/codec/wire_buffer.h"

namespace rafthttp::codec {

inline size_t VarintBytes(uint64_t value) {
  return (static_cast<size_t>(std::bit_width(value | 1)) + 6) / 7;
}

constexpr size_t kVarintBytesMax = 10;

// Writes at most kVarintBytesMax bytes at `at`; returns their end.
inline char* WriteVarint(uint64_t value, char* at) {
  while (value >= 0x80) {
    *at++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *at++ = static_cast<char>(value);
  return at;
}

// Fills a stretch of a WireBuffer whose length was worked out before.
class WireWriter {
 public:
  // `copied_bytes` is what will be written, data that `*out` refers to left
  // out.
  WireWriter(WireBuffer* out, size_t copied_bytes)
      : out_(out), at_(out->Extend(copied_bytes)), end_(at_ + copied_bytes) {}
  ~WireWriter() { CHECK(at_ == end_); }
  WireWriter(const WireWriter&) = delete;
  WireWriter& operator=(const WireWriter&) = delete;

  void Byte(char value) { *at_++ = value; }
  void BigEndian(uint64_t value) {
    StoreBigEndian(value, at_);
    at_ += kBigEndianBytes;
  }
  void Varint(uint64_t value) { at_ = WriteVarint(value, at_); }
  void Copy(absl::string_view data) {
    if (data.empty()) return;
    std::memcpy(at_, data.data(), data.size());
    at_ += data.size();
  }
  // Copies or refers, as the buffer was told.
  void Data(absl::string_view data) {
    if (!out_->refers(data.size())) return Copy(data);
    out_->Refer(out_->slab().size() - static_cast<size_t>(end_ - at_), data);
  }

 private:
  WireBuffer* const out_;
  char* at_;
  char* const end_;
};

// The sizes of something encoded: all of it, and what of that is copied when
// large data is referred to.
struct WireSize {
  size_t total = 0;
  size_t copied = 0;

  void Add(size_t bytes) {
    total += bytes;
    copied += bytes;
  }
  void AddData(size_t bytes, const WireBuffer& out) {
    total += bytes;
    if (!out.refers(bytes)) copied += bytes;
  }
  WireSize& operator+=(const WireSize& other) {
    total += other.total;
    copied += other.copied;
    return *this;
  }
};

}  // namespace rafthttp::codec

#endif  // RAFTHTTP_CODEC_WIRE_WRITER_H_
