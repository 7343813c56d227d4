#ifndef RAFTHTTP_CODEC_WIRE_READER_H_
#define RAFTHTTP_CODEC_WIRE_READER_H_

#include <cstddef>
#include <cstdint>

#include "absl/base/optimization.h"
#include "absl/strings/string_view.h"

namespace rafthttp::codec {

enum WireType : uint32_t {
  kWireVarint = 0,
  kWireFixed64 = 1,
  kWireBytes = 2,
  kWireGroup = 3,
  kWireGroupEnd = 4,
  kWireFixed32 = 5,
};

constexpr uint32_t WireTag(uint32_t field, WireType type) {
  return field << 3 | type;
}

// A cursor over protobuf's wire format that never leaves its bytes.
//
// Each Read returns false at the first thing wrong; then error() says what and
// error_at() where, and the cursor is of no more use. It takes what both
// protobuf's and etcd's decoders take: where they differ, the narrower.
class WireReader {
 public:
  explicit WireReader(absl::string_view bytes)
      : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool done() const { return at_ == end_; }
  const char* at() const { return at_; }

  bool ReadVarint(uint64_t* value) {
    if (ABSL_PREDICT_TRUE(at_ != end_ && Byte(at_) < 0x80)) {
      *value = Byte(at_++);
      return true;
    }
    return ReadLongVarint(10, value);
  }

  bool ReadTag(uint32_t* tag) {
    uint64_t value = 0;
    if (ABSL_PREDICT_TRUE(at_ != end_ && Byte(at_) < 0x80)) {
      value = Byte(at_++);
    } else if (!ReadLongVarint(5, &value)) {
      return false;
    }
    if (ABSL_PREDICT_FALSE(value < 8 || value > UINT32_MAX)) {
      return Fail("a field number out of range");
    }
    *tag = static_cast<uint32_t>(value);
    return true;
  }

  bool ReadBytes(absl::string_view* bytes) {
    uint64_t size = 0;
    if (ABSL_PREDICT_TRUE(at_ != end_ && Byte(at_) < 0x80)) {
      size = Byte(at_++);
    } else if (!ReadLongVarint(5, &size)) {
      return false;
    }
    if (ABSL_PREDICT_FALSE(size > static_cast<size_t>(end_ - at_))) {
      return Fail("a length beyond the end");
    }
    *bytes = absl::string_view(at_, static_cast<size_t>(size));
    at_ += size;
    return true;
  }

  // Skips the value of a field with `tag`. Groups nest at most `depth_max`.
  bool Skip(uint32_t tag, int depth_max);

  bool Fail(const char* what) { return FailAt(at_, what); }
  bool FailAt(const char* at, const char* what) {
    error_at_ = at;
    error_ = what;
    return false;
  }
  // Fails as `part`, a reader over some of these bytes, did.
  bool FailLike(const WireReader& part) {
    return FailAt(part.error_at_, part.error_);
  }

  const char* error() const { return error_; }
  const char* error_at() const { return error_at_; }

 private:
  static uint8_t Byte(const char* at) { return static_cast<uint8_t>(*at); }
  // Returns what follows the varint, or null.
  static const char* ParseVarint(const char* at, const char* end, int bytes_max,
                                 uint64_t* value) {
    uint64_t result = 0;
    for (int i = 0; i < bytes_max && at != end; ++i) {
      const uint64_t byte = Byte(at++);
      // The tenth byte has one bit that counts; everybody drops the others.
      result |= (byte & 0x7f) << (7 * i);
      if (byte < 0x80) {
        *value = result;
        return at;
      }
    }
    return nullptr;
  }

  bool ReadLongVarint(int bytes_max, uint64_t* value) {
    const char* const next = ParseVarint(at_, end_, bytes_max, value);
    if (ABSL_PREDICT_FALSE(next == nullptr)) {
      return Fail("a varint that is cut short or too long");
    }
    at_ = next;
    return true;
  }
  bool SkipFixed(size_t size) {
    if (size > static_cast<size_t>(end_ - at_)) {
      return Fail("a fixed-size field beyond the end");
    }
    at_ += size;
    return true;
  }

  const char* at_;
  const char* end_;
  const char* error_ = nullptr;
  const char* error_at_ = nullptr;
};

}  // namespace rafthttp::codec

#endif  // RAFTHTTP_CODEC_WIRE_READER_H_
