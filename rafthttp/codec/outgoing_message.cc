#include "rafthttp/codec/outgoing_message.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "rafthttp/base/check.h"
#include "rafthttp/codec/big_endian.h"
#include "rafthttp/codec/message_writer.h"
#include "rafthttp/codec/wire_buffer.h"
#include "raftpb/message_type.h"

namespace rafthttp::codec {
namespace {

constexpr uint32_t kEntryDataBit = uint32_t{1} << 4;

EntryView EntryViewOf(const raftpb::Entry& entry) {
  EntryView view;
  view.type = raftpb::EntryTypeNumber(entry);
  view.term = entry.term();
  view.index = entry.index();
  if (entry.has_data()) {
    view.fields = kEntryDataBit;
    view.data = entry.data();
  }
  return view;
}
const EntryView& EntryViewOf(const EntryView& entry) { return entry; }

}  // namespace

class OutgoingMessage::MessageContent final : public Content {
 public:
  explicit MessageContent(raftpb::Message&& message)
      : message_(std::move(message)) {}
  MessageView View(ViewStorage* storage) const override {
    return ViewOf(message_, storage);
  }

 private:
  const raftpb::Message message_;
};

class OutgoingMessage::SharedContent final : public Content {
 public:
  SharedContent(const MessageView& view, std::shared_ptr<const void> owner)
      : view_(view),
        entries_(view.entries.begin(), view.entries.end()),
        owner_(std::move(owner)) {
    view_.entries = entries_;
    view_.encoded = {};
    // A head made by hand need not say that it has a type.
    view_.Set(MessageView::kType);
    if (!entries_.empty()) view_.Set(MessageView::kEntries);
    if (!view.context.empty()) view_.Set(MessageView::kContext);
    // Nor one of its entries that it has data.
    for (EntryView& entry : entries_) {
      if (!entry.data.empty()) entry.fields |= kEntryDataBit;
    }
  }
  MessageView View(ViewStorage*) const override { return view_; }

 private:
  MessageView view_;
  std::vector<EntryView> entries_;
  const std::shared_ptr<const void> owner_;
};

OutgoingMessage::OutgoingMessage(raftpb::Message&& message) {
  head_.type = raftpb::TypeNumber(message);
  head_.Set(MessageView::kType);
  head_.to = message.to();
  head_.from = message.from();
  head_.term = message.term();
  head_.log_term = message.logterm();
  head_.index = message.index();
  head_.commit = message.commit();
  head_.reject = message.reject();
  head_.reject_hint = message.rejecthint();
  head_.vote = message.vote();
  if (!message.has_snapshot() && message.responses().empty()) {
    if (message.entries().empty()) {
      if (message.has_context()) head_.Set(MessageView::kContext);
      if (message.context().size() < WireBuffer::kReferencedBytesMin) {
        SetHead(message.context());
        return;
      }
    } else if (!message.has_context() && SetFrames(message.entries())) {
      return;
    }
  }
  form_ = Form::kContent;
  auto content = std::make_unique<MessageContent>(std::move(message));
  ViewStorage storage;
  const MessageView view = content->View(&storage);
  size_bytes_ = TotalBytes(view);
  head_ = view;
  content_ = std::move(content);
}

OutgoingMessage::OutgoingMessage(const MessageView& view,
                                 std::shared_ptr<const void> owner)
    : head_(view) {
  head_.Set(MessageView::kType);
  const bool has_context =
      view.has(MessageView::kContext) || !view.context.empty();
  if (view.snapshot.empty() && !view.has(MessageView::kSnapshot) &&
      !view.has(MessageView::kResponses)) {
    if (view.entries.empty()) {
      if (has_context) head_.Set(MessageView::kContext);
      if (view.context.size() < WireBuffer::kReferencedBytesMin) {
        SetHead(view.context);
        return;
      }
    } else if (!has_context && SetFrames(view.entries)) {
      return;
    }
  }
  form_ = Form::kContent;
  auto content = std::make_unique<SharedContent>(view, std::move(owner));
  ViewStorage storage;
  const MessageView complete = content->View(&storage);
  size_bytes_ = TotalBytes(complete);
  head_ = complete;
  content_ = std::move(content);
}

OutgoingMessage::OutgoingMessage(OutgoingMessage&& other) noexcept
    : head_(other.head_),
      size_bytes_(other.size_bytes_),
      block_(std::move(other.block_)),
      content_(std::move(other.content_)),
      bytes_size_(other.bytes_size_),
      entry_bytes_max_(other.entry_bytes_max_),
      entries_(other.entries_),
      context_offset_(other.context_offset_),
      context_size_(other.context_size_),
      form_(other.form_),
      are_consecutive_(other.are_consecutive_) {
  if (block_ == nullptr) {
    std::memcpy(inline_.data(), other.inline_.data(), bytes_size_);
  }
}

OutgoingMessage& OutgoingMessage::operator=(OutgoingMessage&& other) noexcept {
  if (this != &other) {
    this->~OutgoingMessage();
    new (this) OutgoingMessage(std::move(other));
  }
  return *this;
}

char* OutgoingMessage::Reserve(size_t size) {
  if (size <= kInlineBytes) return inline_.data();
  block_.reset(new char[size]);
  return block_.get();
}

void OutgoingMessage::SetHead(absl::string_view context) {
  char* const begin = Reserve(HeadRoom(context));
  char* context_at = nullptr;
  char* const end = WriteHead(head_, context, begin, &context_at);
  context_offset_ = static_cast<uint32_t>(context_at - begin);
  context_size_ = static_cast<uint32_t>(context.size());
  bytes_size_ = static_cast<size_t>(end - begin);
  size_bytes_ = bytes_size_;
}

// False, and nothing is done, where they are better left where they are.
template <typename Entries>
bool OutgoingMessage::SetFrames(const Entries& entries) {
  size_t room = 0;
  for (const auto& entry : entries) {
    const EntryView view = EntryViewOf(entry);
    if (view.data.size() >= WireBuffer::kReferencedBytesMin) return false;
    room += kBigEndianBytes + EntryRoom(view);
  }
  if (room > kFramesBytesMax) return false;
  char* const begin = Reserve(room);
  char* at = begin;
  uint64_t index = head_.index;
  size_t fields_bytes = 0;
  for (const auto& entry : entries) {
    const EntryView view = EntryViewOf(entry);
    char* const end = WriteEntry(view, at + kBigEndianBytes);
    const size_t size = static_cast<size_t>(end - at) - kBigEndianBytes;
    StoreBigEndian(size, at);
    at = end;
    entry_bytes_max_ = std::max(entry_bytes_max_, size);
    fields_bytes += EntryFieldBytes(size);
    // An index of zero would mean that the count went beyond the last one.
    ++index;
    are_consecutive_ &= view.index == index && index != 0;
  }
  form_ = Form::kFrames;
  head_.Set(MessageView::kEntries);
  entries_ = static_cast<uint32_t>(entries.size());
  bytes_size_ = static_cast<size_t>(at - begin);
  size_bytes_ = TotalBytes(head_, 0, fields_bytes);
  return true;
}

OutgoingMessage::EntryFrames OutgoingMessage::entry_frames() const {
  return {.bytes = {bytes(), bytes_size_},
          .count = entries_,
          .entry_bytes_max = entry_bytes_max_,
          .are_consecutive = are_consecutive_};
}

MessageView OutgoingMessage::View(ViewStorage* storage) const {
  if (form_ == Form::kContent) return content_->View(storage);
  MessageView view;
  static_cast<MessageHead&>(view) = head_;
  if (form_ == Form::kHead) {
    view.context = {bytes() + context_offset_, context_size_};
    return view;
  }
  storage->entries.clear();
  absl::string_view frames(bytes(), bytes_size_);
  while (!frames.empty()) {
    const uint64_t size = LoadBigEndian(frames.data());
    frames.remove_prefix(kBigEndianBytes);
    const absl::Status status =
        ParseEntry(frames.substr(0, size), /*base_offset=*/0,
                   &storage->entries.emplace_back());
    CHECK(status.ok());  // we wrote it
    frames.remove_prefix(size);
  }
  view.entries = storage->entries;
  return view;
}

}  // namespace rafthttp::codec
