#include "tools/etcdpb/wire_check.h"

#include <cstdint>
#include <limits>

#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/wire_format_lite.h"

namespace rafthttpctl {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::FileDescriptor;
using ::google::protobuf::internal::WireFormatLite;
using ::google::protobuf::io::CodedInputStream;

constexpr int kDepthMax = 100;

class Walk {
 public:
  Walk(absl::string_view bytes, size_t fields_max)
      : in_(reinterpret_cast<const uint8_t*>(bytes.data()),
            static_cast<int>(bytes.size())),
        fields_left_(fields_max) {
    in_.PushLimit(static_cast<int>(bytes.size()));
  }

  // Recursive, at most kDepthMax deep below the first.
  absl::Status Message(const Descriptor& type, int depth) {
    if (depth > kDepthMax) {
      return absl::ResourceExhaustedError("nested too deeply");
    }
    while (const uint32_t tag = in_.ReadTag()) {
      if (fields_left_ == 0) {
        return absl::ResourceExhaustedError("too many fields");
      }
      --fields_left_;
      absl::Status status = Field(type, tag, depth);
      if (!status.ok()) return status;
    }
    // A tag of 0 is the end, or one that cannot be read.
    return in_.ConsumedEntireMessage() ? absl::OkStatus() : Malformed();
  }

 private:
  static absl::Status Malformed() { return absl::DataLossError("malformed"); }

  absl::Status Field(const Descriptor& type, uint32_t tag, int depth) {
    const int number = WireFormatLite::GetTagFieldNumber(tag);
    if (number == 0) return Malformed();
    const FieldDescriptor* field = type.FindFieldByNumber(number);
    if (field != nullptr &&
        WireFormatLite::GetTagWireType(tag) !=
            WireFormatLite::WireTypeForFieldType(
                static_cast<WireFormatLite::FieldType>(field->type()))) {
      return Malformed();
    }
    if (field != nullptr && field->enum_type() != nullptr &&
        field->file()->syntax() == FileDescriptor::SYNTAX_PROTO2) {
      int value = 0;
      return WireFormatLite::ReadPrimitive<int, WireFormatLite::TYPE_ENUM>(
                 &in_, &value) &&
                     field->enum_type()->FindValueByNumber(value) != nullptr
                 ? absl::OkStatus()
                 : Malformed();
    }
    if (field == nullptr || field->message_type() == nullptr) {
      return WireFormatLite::SkipField(&in_, tag) ? absl::OkStatus()
                                                  : Malformed();
    }
    uint32_t length = 0;
    if (!in_.ReadVarint32(&length)) return Malformed();
    if (length > static_cast<uint32_t>(in_.BytesUntilLimit())) {
      return Malformed();
    }
    const CodedInputStream::Limit limit =
        in_.PushLimit(static_cast<int>(length));
    absl::Status status = Message(*field->message_type(), depth + 1);
    in_.PopLimit(limit);
    return status;
  }

  CodedInputStream in_;
  size_t fields_left_;
};

}  // namespace

absl::Status CheckWire(absl::string_view bytes, const Descriptor& type,
                       size_t fields_max) {
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int>::max())) {
    return absl::ResourceExhaustedError("too long");
  }
  return Walk(bytes, fields_max).Message(type, 0);
}

}  // namespace rafthttpctl
