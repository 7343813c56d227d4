#ifndef TOOLS_ETCDPB_WIRE_CHECK_H_
#define TOOLS_ETCDPB_WIRE_CHECK_H_

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"

namespace rafthttpctl {

// Whether `bytes` may be parsed as a message of `type`, answered by walking
// over them without building anything.
//
// Stricter than protobuf's C++ parser in the way etcd's is: a known field that
// comes with another wire type is an error, not an unknown field. What etcd
// takes for a v2 request must not pass for something else here. And so is an
// enum of proto2 with a value that we do not know: the parser would drop it,
// and what is left would say something else.
//
// Bounds: nested messages are followed 100 deep, as protobuf does. A hostile
//   message of two bytes a field would take up fifty times its size parsed, so
//   fields are counted, too.
//   kDataLoss           not a message of this type
//   kResourceExhausted  nested too deeply, or more fields than `fields_max`
absl::Status CheckWire(absl::string_view bytes,
                       const google::protobuf::Descriptor& type,
                       size_t fields_max);

}  // namespace rafthttpctl

#endif  // TOOLS_ETCDPB_WIRE_CHECK_H_
