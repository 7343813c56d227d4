#ifndef RAFTHTTP_CODEC_OUTGOING_MESSAGE_H_
#define RAFTHTTP_CODEC_OUTGOING_MESSAGE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/strings/string_view.h"
#include "rafthttp/codec/message_view.h"
#include "raftpb/raft.pb.h"

namespace rafthttp::codec {

// A message on its way out, with all that it stands on. What it takes to be
// kept decides its form:
//
//   numbers only    heartbeats, answers, votes, with a small context: encoded
//                   at once, in here
//   small entries   encoded at once, as append frames carry them: in here if
//                   they are few, in one block otherwise. Whoever sent them
//                   needs to keep nothing.
//   anything else   the raftpb::Message, or a view whose data lies in memory
//                   that several messages may share (one large entry goes to
//                   every follower)
//
// Threads: may be moved between threads. Lifetime: data of
//   WireBuffer::kReferencedBytesMin and more, as View has it, lives as long as
//   this, and does not move when this is moved; what is smaller does.
class OutgoingMessage {
 public:
  explicit OutgoingMessage(raftpb::Message&& message);
  // `owner` keeps what `view` points to alive and unchanged. For data in static
  // memory it may be null.
  OutgoingMessage(const MessageView& view, std::shared_ptr<const void> owner);

  OutgoingMessage(OutgoingMessage&& other) noexcept;
  OutgoingMessage& operator=(OutgoingMessage&& other) noexcept;
  ~OutgoingMessage() = default;

  int32_t type() const { return head_.type; }
  uint64_t to() const { return head_.to; }
  // Of the encoded raftpb.Message: what budgets and statistics count.
  size_t size_bytes() const { return size_bytes_; }

  // Valid until `*storage` is used again, or this is moved or destroyed.
  MessageView View(ViewStorage* storage) const;

  // The entries in frames: BE64 length, raftpb.Entry, for each.
  struct EntryFrames {
    absl::string_view bytes;
    size_t count = 0;
    size_t entry_bytes_max = 0;  // of the largest
    // Their indexes follow the message's, one by one.
    bool are_consecutive = true;
  };
  // Whether they are kept so; then they and the head are all there is.
  bool has_entry_frames() const { return form_ == Form::kFrames; }
  EntryFrames entry_frames() const;
  const MessageHead& head() const { return head_; }
  // Whether there is nothing but a head, and a context. That is kept encoded.
  bool is_head() const { return form_ == Form::kHead; }
  absl::string_view encoded_head() const { return {bytes(), bytes_size_}; }

 private:
  enum class Form : uint8_t {
    kHead,    // bytes: the message
    kFrames,  // bytes: the frames
    kContent,
  };
  // What is too large, or too rare, to be copied.
  class Content {
   public:
    virtual ~Content() = default;
    virtual MessageView View(ViewStorage* storage) const = 0;
  };
  class MessageContent;
  class SharedContent;

  static constexpr size_t kInlineBytes = 168;
  // More than that is not copied in advance.
  static constexpr size_t kFramesBytesMax = 256 << 10;

  // Room for up to `size` bytes, in here or in a block.
  char* Reserve(size_t size);
  const char* bytes() const {
    return block_ == nullptr ? inline_.data() : block_.get();
  }
  void SetHead(absl::string_view context);
  // Entries is a range of what EntryViewOf makes a view of.
  template <typename Entries>
  bool SetFrames(const Entries& entries);

  MessageHead head_;
  size_t size_bytes_ = 0;
  std::unique_ptr<char[]> block_;
  std::unique_ptr<const Content> content_;
  size_t bytes_size_ = 0;
  size_t entry_bytes_max_ = 0;
  uint32_t entries_ = 0;
  uint32_t context_offset_ = 0;
  uint32_t context_size_ = 0;
  Form form_ = Form::kHead;
  bool are_consecutive_ = true;
  std::array<char, kInlineBytes> inline_;
};

}  // namespace rafthttp::codec

#endif  // RAFTHTTP_CODEC_OUTGOING_MESSAGE_H_
