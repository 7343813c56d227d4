#ifndef RAFTHTTP_CODEC_MESSAGE_WRITER_H_
#define RAFTHTTP_CODEC_MESSAGE_WRITER_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "rafthttp/codec/limits.h"
#include "rafthttp/codec/message_view.h"
#include "rafthttp/codec/wire_buffer.h"
#include "rafthttp/codec/wire_writer.h"
#include "raftpb/raft.pb.h"

namespace rafthttp::codec {

// The encoding of etcd 3.6: scalars are written even where they are zero; data
// and context only where they are set, the snapshot only in a MsgSnap, and, as
// no older member knows it, the vote only where it is not zero.

size_t TotalBytes(const EntryView& entry);
WireSize SizeOf(const EntryView& entry, const WireBuffer& out);
void Write(const EntryView& entry, WireWriter* writer);

// The same in one pass, data copied: at most EntryRoom(entry) bytes from `at`
// on. Returns the end.
inline size_t EntryRoom(const EntryView& entry) {
  return 4 * (1 + kVarintBytesMax) + entry.data.size();
}
char* WriteEntry(const EntryView& entry, char* at);

size_t TotalBytes(const MessageView& message);
size_t TotalBytes(const raftpb::Message& message);
// A message without entries, snapshot and responses, in one pass, `context`
// copied if head.has(kContext): at most HeadRoom(context) bytes from `at` on.
// Returns the end; `*context_at` is where the context begins.
inline size_t HeadRoom(absl::string_view context) {
  return 10 * (1 + kVarintBytesMax) + 2 + context.size();
}
char* WriteHead(const MessageHead& head, absl::string_view context, char* at,
                char** context_at);

// Of a message whose entries take `entries_bytes`, with their tags and lengths;
// it has no snapshot that would be written.
size_t TotalBytes(const MessageHead& head, size_t context_bytes,
                  size_t entries_bytes);
// What an entry of `bytes` takes in a message, with its tag and length.
size_t EntryFieldBytes(size_t bytes);
WireSize SizeOf(const MessageView& message, const WireBuffer& out);
void Write(const MessageView& message, WireWriter* writer);

// Whether `message` can be written so.
//   kInvalidArgument    it has responses, which never cross the network, or a
//                       snapshot that is not valid
//   kResourceExhausted  it has more entries than the limit
absl::Status CheckWritable(const MessageView& message, const Limits& limits);

// Appends the bytes of `message` as they were received; for one that came as a
// compact append, which never existed as raftpb bytes, as we would write them.
void AppendEncoded(const MessageView& message, std::string* out);

}  // namespace rafthttp::codec

#endif  // RAFTHTTP_CODEC_MESSAGE_WRITER_H_
