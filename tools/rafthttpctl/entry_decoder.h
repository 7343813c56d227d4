#ifndef TOOLS_RAFTHTTPCTL_ENTRY_DECODER_H_
#define TOOLS_RAFTHTTPCTL_ENTRY_DECODER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"
#include "raftpb/raft.pb.h"

namespace rafthttpctl {

// Says what the data of an entry means. Whatever the application's own entries
// are, changes of the membership are always decoded.
//
// Threads: const and without state, so any.
class EntryDecoder {
 public:
  virtual ~EntryDecoder() = default;

  // The record's `op`; null where this decoder has nothing to say.
  virtual nlohmann::ordered_json Decode(const raftpb::Entry& entry) const = 0;
  // Whether ops name etcd's keys, so that a filter can go by them.
  virtual bool knows_keys() const { return false; }
};

// The decoder that --entries names:
//   etcd               requests of etcd's clients
//   raw                nothing but the membership
//   proto:FILE:TYPE    messages of TYPE; FILE is what `protoc --include_imports
//                      --descriptor_set_out` wrote
// kInvalidArgument says what is wrong with `spec`, or with the file.
absl::StatusOr<std::unique_ptr<const EntryDecoder>> NewEntryDecoder(
    absl::string_view spec, bool shows_secrets);

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_ENTRY_DECODER_H_
