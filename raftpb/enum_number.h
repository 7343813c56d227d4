#ifndef RAFTPB_ENUM_NUMBER_H_
#define RAFTPB_ENUM_NUMBER_H_

#include <cstdint>

#include "google/protobuf/unknown_field_set.h"

namespace raftpb {

// The number that an enum field of a decoded message had on the wire. proto2's
// enums are closed: a number without a name goes to the unknown fields, and the
// field itself then reads as absent, that is, as the first of the enum.
//
// A field that was given twice, with and without a name, counts as the one with
// a name; protobuf does not keep which came last. No encoder writes it twice.
inline int32_t EnumNumber(
    bool has_named, int32_t named, int field,
    const google::protobuf::UnknownFieldSet& unknown_fields) {
  int32_t number = named;
  if (has_named) return number;
  for (int i = 0; i < unknown_fields.field_count(); ++i) {
    const google::protobuf::UnknownField& unknown = unknown_fields.field(i);
    if (unknown.number() == field &&
        unknown.type() == google::protobuf::UnknownField::TYPE_VARINT) {
      number = static_cast<int32_t>(unknown.varint());
    }
  }
  return number;
}

}  // namespace raftpb

#endif  // RAFTPB_ENUM_NUMBER_H_
