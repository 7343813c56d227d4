#include "integration/bench/peer/workload.h"

#include <string>
#include <utility>

#include "rafthttp/codec/message_writer.h"
#include "rafthttp/codec/msgappv2_codec.h"

namespace rafthttp::bench {
namespace {

constexpr uint32_t kEntryFields = 0b11110;

void PutBigEndian(uint64_t number, char* out) {
  for (int i = 7; i >= 0; --i) {
    out[i] = static_cast<char>(number & 0xff);
    number >>= 8;
  }
}

}  // namespace

std::optional<Numbers> NumbersOf(const codec::MessageView& message) {
  switch (message.type) {
    case raftpb::MsgApp: {
      Numbers numbers = {Kind::kApp, message.index, message.index, 0};
      for (const codec::EntryView& entry : message.entries) {
        numbers.bytes += entry.data.size();
        numbers.last = entry.index;
      }
      return numbers;
    }
    case raftpb::MsgHeartbeat:
      return Numbers{Kind::kHeartbeat, message.commit - 1, message.commit, 0};
    case raftpb::MsgAppResp:
      return Numbers{Kind::kAppResp, message.index - 1, message.index, 0};
    default:
      return std::nullopt;
  }
}

void FillEntry(uint64_t index, std::string* data) {
  for (size_t i = 0; i < data->size(); ++i) {
    (*data)[i] = static_cast<char>((index + uint64_t{i} * 7) & 0xff);
  }
  if (data->size() >= 8) PutBigEndian(index, data->data());
}

bool HasFilledEntries(const codec::MessageView& message) {
  uint64_t index = message.index;
  std::string expected;
  for (const codec::EntryView& entry : message.entries) {
    if (entry.index != ++index) return false;
    expected.resize(entry.data.size());
    FillEntry(index, &expected);
    if (entry.data != expected) return false;
  }
  return true;
}

MessageMaker::MessageMaker(Options options) : options_(std::move(options)) {
  if (options_.kind != Kind::kApp) {
    options_.entries = 1;
    options_.entry_bytes = 0;
  }
  data_.resize(options_.entry_bytes);
  FillEntry(0, &data_);
}

raftpb::Message MessageMaker::Make(uint64_t number) const {
  raftpb::Message message;
  message.set_to(options_.to.value());
  message.set_from(options_.from.value());
  message.set_term(1);
  switch (options_.kind) {
    case Kind::kHeartbeat:
      message.set_type(raftpb::MsgHeartbeat);
      message.set_commit(number);
      return message;
    case Kind::kAppResp:
      message.set_type(raftpb::MsgAppResp);
      message.set_index(number);
      return message;
    case Kind::kApp:
      break;
  }
  const uint64_t before = LastOf(number - 1);
  message.set_type(raftpb::MsgApp);
  message.set_logterm(1);
  message.set_index(before);
  message.set_commit(before);
  message.mutable_entries()->Reserve(static_cast<int>(options_.entries));
  for (uint64_t i = 1; i <= options_.entries; ++i) {
    raftpb::Entry* const entry = message.add_entries();
    entry->set_term(1);
    entry->set_index(before + i);
    entry->set_data(data_);
    if (options_.fills_entries) {
      FillEntry(before + i, entry->mutable_data());
    }
  }
  return message;
}

codec::MessageView MessageMaker::MakeView(uint64_t number) {
  codec::MessageView view;
  view.to = options_.to.value();
  view.from = options_.from.value();
  view.term = 1;
  if (options_.kind == Kind::kHeartbeat) {
    view.type = raftpb::MsgHeartbeat;
    view.commit = number;
    return view;
  }
  if (options_.kind == Kind::kAppResp) {
    view.type = raftpb::MsgAppResp;
    view.index = number;
    return view;
  }
  const uint64_t before = LastOf(number - 1);
  view.type = raftpb::MsgApp;
  view.log_term = 1;
  view.index = before;
  view.commit = before;
  entries_.resize(options_.entries);
  for (uint64_t i = 1; i <= options_.entries; ++i) {
    codec::EntryView& entry = entries_[i - 1];
    entry.term = 1;
    entry.index = before + i;
    entry.data = data_;
    entry.fields = kEntryFields;
  }
  view.entries = entries_;
  return view;
}

size_t MessageMaker::WireBytes() const {
  const raftpb::Message message = Make(uint64_t{1} << 20);
  if (options_.kind != Kind::kApp) return 8 + codec::TotalBytes(message);
  size_t bytes = 1 + 8 + 8;
  codec::ViewStorage storage;
  for (const codec::EntryView& entry :
       codec::ViewOf(message, &storage).entries) {
    bytes += 8 + codec::TotalBytes(entry);
  }
  return bytes;
}

}  // namespace rafthttp::bench
