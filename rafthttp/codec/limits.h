#ifndef RAFTHTTP_CODEC_LIMITS_H_
#define RAFTHTTP_CODEC_LIMITS_H_

#include <cstddef>

namespace rafthttp::codec {

// What one frame may hold, checked before a claim sizes anything. Encoders
// refuse to make what decoders refuse to take.
struct Limits {
  // A whole raftpb.Message. etcd's own limit on the message stream.
  size_t message_bytes_max = size_t{512} << 20;
  // One encoded entry.
  size_t entry_bytes_max = size_t{512} << 20;
  // A compact append frame: the greatest entry, and one batch beside it.
  size_t append_bytes_max = size_t{513} << 20;
  // Entries in one message. An entry takes 40 bytes of view, and more as a
  // protobuf, for as few as two on the wire.
  size_t entries_max = size_t{1} << 20;
};

}  // namespace rafthttp::codec

#endif  // RAFTHTTP_CODEC_LIMITS_H_
