#include "rafthttp/codec/outgoing_message.h"

#include <utility>

#include "rafthttp/codec/message_writer.h"
#include "raftpb/message_type.h"

namespace rafthttp::codec {
namespace {

constexpr uint32_t kEntryDataBit = uint32_t{1} << 4;

}  // namespace

OutgoingMessage::OutgoingMessage(raftpb::Message&& message)
    : type_(raftpb::TypeNumber(message)),
      to_(message.to()),
      size_bytes_(TotalBytes(message)),
      content_(std::move(message)) {}

OutgoingMessage::OutgoingMessage(const MessageView& view,
                                 std::shared_ptr<const void> owner)
    : type_(view.type), to_(view.to) {
  auto shared = std::make_unique<Shared>();
  shared->entries.assign(view.entries.begin(), view.entries.end());
  shared->view = view;
  shared->view.entries = shared->entries;
  shared->view.encoded = {};
  // A head made by hand need not say that it has a type.
  shared->view.Set(MessageView::kType);
  if (!shared->entries.empty()) shared->view.Set(MessageView::kEntries);
  if (!view.context.empty()) shared->view.Set(MessageView::kContext);
  // Nor one of its entries that it has data.
  for (EntryView& entry : shared->entries) {
    if (!entry.data.empty()) entry.fields |= kEntryDataBit;
  }
  shared->owner = std::move(owner);
  size_bytes_ = TotalBytes(shared->view);
  content_ = std::unique_ptr<const Shared>(std::move(shared));
}

MessageView OutgoingMessage::View(ViewStorage* storage) const {
  if (const auto* message = std::get_if<raftpb::Message>(&content_)) {
    return ViewOf(*message, storage);
  }
  return std::get<std::unique_ptr<const Shared>>(content_)->view;
}

}  // namespace rafthttp::codec
