#ifndef RAFTHTTP_CODEC_MESSAGE_VIEW_H_
#define RAFTHTTP_CODEC_MESSAGE_VIEW_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "rafthttp/codec/limits.h"
#include "raftpb/raft.pb.h"

namespace rafthttp::codec {

// One raftpb.Entry; `data` points into the bytes it was parsed from.
struct EntryView {
  uint64_t term = 0;
  uint64_t index = 0;
  absl::string_view data;
  // The number on the wire, whether raftpb::EntryType knows it or not.
  int32_t type = 0;
  // Bit n is set if field n was there.
  uint32_t fields = 0;

  void CopyTo(raftpb::Entry* entry) const;
};

// One raftpb.Message's numbers: all that needs no memory elsewhere.
struct MessageHead {
  // The numbers of raftpb.Message's fields.
  enum Field : uint32_t {
    kType = 1,
    kTo = 2,
    kFrom = 3,
    kTerm = 4,
    kLogTerm = 5,
    kIndex = 6,
    kEntries = 7,
    kCommit = 8,
    kSnapshot = 9,
    kReject = 10,
    kRejectHint = 11,
    kContext = 12,
    kVote = 13,
    kResponses = 14,
  };

  // The number on the wire, whether raftpb::MessageType knows it or not; an
  // unknown one is therefore never taken for MsgHup.
  int32_t type = 0;
  // Bit n is set if field n was there. An absent field reads as zero.
  uint32_t fields = 0;
  uint64_t to = 0;
  uint64_t from = 0;
  uint64_t term = 0;
  uint64_t log_term = 0;
  uint64_t index = 0;
  uint64_t commit = 0;
  uint64_t reject_hint = 0;
  uint64_t vote = 0;
  bool reject = false;

  bool has(Field field) const { return (fields >> field & 1) != 0; }
  void Set(Field field) { fields |= uint32_t{1} << field; }
};

// One raftpb.Message without its memory: it points into the bytes it was
// parsed from and into a vector of entries, and is valid as long as both.
//
// Copying one is cheap and copies no data; CopyTo makes the convenient form.
struct MessageView : MessageHead {
  absl::Span<const EntryView> entries;
  absl::string_view context;
  // An encoded and valid raftpb.Snapshot.
  absl::string_view snapshot;
  // The whole message as it was received; empty for one that came as a compact
  // append frame, which never existed as raftpb bytes.
  absl::string_view encoded;

  // Transport's own heartbeat, which raft never sees.
  bool is_link_heartbeat() const;

  // Replaces `*message`, reusing its memory. Numbers of types that raftpb does
  // not know go to the unknown fields, where protobuf puts them; other unknown
  // fields are left out.
  void CopyTo(raftpb::Message* message) const;
};

// Parses `bytes` as one raftpb.Message, which is checked to the last byte, so
// that CopyTo cannot fail. `*entries` is overwritten and backs view->entries;
// its capacity grows with entries that are there.
//
// Accepts what protobuf and etcd's own decoder both accept, and reads it as
// both do. So a few odd things are refused although protobuf would take them: a
// known field with another wire type (etcd refuses it), a field number beyond
// 2^29 - 1 (protobuf drops its upper bits), more than 16 levels of messages or
// groups, and a second snapshot in one message (which protobuf would merge). No
// encoder writes any of them.
//   kDataLoss           malformed; says what and at which offset of `bytes`,
//                       counted from `base_offset`
//   kResourceExhausted  more entries than limits.entries_max, or a snapshot or
//                       response with more members or unknown fields than any
//                       real one
absl::Status ParseMessage(absl::string_view bytes, const Limits& limits,
                          uint64_t base_offset, std::vector<EntryView>* entries,
                          MessageView* view);

// The view of Transport's own heartbeat: type MsgHeartbeat from 0 to 0.
MessageView LinkHeartbeat();

// What a view of a raftpb::Message needs beside the message itself.
struct ViewStorage {
  std::vector<EntryView> entries;
  std::string snapshot;
};

// A view of `message`, valid as long as it and `*storage`, which is
// overwritten. `encoded` is empty, and responses are marked but not listed.
MessageView ViewOf(const raftpb::Message& message, ViewStorage* storage);

// Frees what a message of unusually many entries left behind.
void TrimEntries(std::vector<EntryView>* entries);

// Parses one raftpb.Entry, with the same rules.
absl::Status ParseEntry(absl::string_view bytes, uint64_t base_offset,
                        EntryView* view);

// Checks one raftpb.Snapshot in the same way; kInvalidArgument if it is none.
absl::Status CheckSnapshot(absl::string_view bytes);

}  // namespace rafthttp::codec

#endif  // RAFTHTTP_CODEC_MESSAGE_VIEW_H_
