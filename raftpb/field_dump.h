#ifndef RAFTPB_FIELD_DUMP_H_
#define RAFTPB_FIELD_DUMP_H_

#include "google/protobuf/message.h"
#include "nlohmann/json.hpp"

namespace raftpb {

// The fields of `message` that are there, as testdata/gen/main.go shows them:
// under their protobuf names, enums by number whether it has a name or not,
// bytes in hex.
nlohmann::json DumpFields(const google::protobuf::Message& message);

}  // namespace raftpb

#endif  // RAFTPB_FIELD_DUMP_H_
