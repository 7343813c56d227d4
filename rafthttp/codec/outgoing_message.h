#ifndef RAFTHTTP_CODEC_OUTGOING_MESSAGE_H_
#define RAFTHTTP_CODEC_OUTGOING_MESSAGE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include "rafthttp/codec/message_view.h"
#include "raftpb/raft.pb.h"

namespace rafthttp::codec {

// A message on its way out, with all that it stands on: either a
// raftpb::Message, or a head whose data lies in memory that several messages
// may share (one entry goes to every follower).
//
// Threads: may be moved between threads. Lifetime: what View refers to lives as
// long as this, and does not move when this is moved.
class OutgoingMessage {
 public:
  explicit OutgoingMessage(raftpb::Message&& message);
  // Copies the head and the list of entries, not what they point to: `owner`
  // keeps that alive and unchanged. For data in static memory it may be null.
  OutgoingMessage(const MessageView& view, std::shared_ptr<const void> owner);

  OutgoingMessage(OutgoingMessage&&) noexcept = default;
  OutgoingMessage& operator=(OutgoingMessage&&) noexcept = default;

  int32_t type() const { return type_; }
  uint64_t to() const { return to_; }
  // Of the encoded raftpb.Message: what budgets and statistics count.
  size_t size_bytes() const { return size_bytes_; }

  // Valid until `*storage` is used again or this is destroyed.
  MessageView View(ViewStorage* storage) const;

 private:
  struct Shared {
    MessageView view;
    std::vector<EntryView> entries;
    std::shared_ptr<const void> owner;
  };

  int32_t type_;
  uint64_t to_;
  size_t size_bytes_;
  std::variant<raftpb::Message, std::unique_ptr<const Shared>> content_;
};

}  // namespace rafthttp::codec

#endif  // RAFTHTTP_CODEC_OUTGOING_MESSAGE_H_
