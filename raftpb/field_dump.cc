#include "raftpb/field_dump.h"

#include <string>

#include "absl/strings/escaping.h"
#include "raftpb/enum_number.h"

namespace raftpb {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using nlohmann::json;

json DumpOne(const Message& message, const FieldDescriptor& field) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_ENUM:
      return reflection.GetEnumValue(message, &field);
    case FieldDescriptor::CPPTYPE_UINT64:
      return reflection.GetUInt64(message, &field);
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection.GetBool(message, &field);
    case FieldDescriptor::CPPTYPE_STRING:
      return absl::BytesToHexString(reflection.GetString(message, &field));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return DumpFields(reflection.GetMessage(message, &field));
    default:
      return "a type that raft.proto does not use";
  }
}

json DumpList(const Message& message, const FieldDescriptor& field) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  json list = json::array();
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      list.push_back(
          DumpFields(reflection.GetRepeatedMessage(message, &field, i)));
    } else {
      list.push_back(reflection.GetRepeatedUInt64(message, &field, i));
    }
  }
  return list;
}

}  // namespace

json DumpFields(const Message& message) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  json fields = json::object();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor& field = *message.GetDescriptor()->field(i);
    if (field.is_repeated()) {
      if (reflection.FieldSize(message, &field) > 0) {
        fields[field.name()] = DumpList(message, field);
      }
    } else if (reflection.HasField(message, &field)) {
      fields[field.name()] = DumpOne(message, field);
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
      const int number = EnumNumber(false, 0, field.number(),
                                    reflection.GetUnknownFields(message));
      if (number != 0) fields[field.name()] = number;
    }
  }
  return fields;
}

}  // namespace raftpb
