#include "integration/numbered_raft.h"

#include <algorithm>
#include <utility>

namespace rafthttp::integration {
namespace {

uint64_t NumberOf(const raftpb::Message& message) {
  return message.type() == raftpb::MsgHeartbeat ? message.commit()
                                                : message.index();
}

bool HasNumberedEntries(const raftpb::Message& message) {
  uint64_t index = message.index();
  for (const raftpb::Entry& entry : message.entries()) {
    ++index;
    if (entry.index() != index) return false;
    if (entry.data() != NumberedData(index, entry.data().size())) return false;
  }
  return true;
}

}  // namespace

std::string NumberedData(uint64_t index, size_t bytes) {
  std::string data(bytes, '\0');
  for (size_t i = 0; i < bytes; ++i) {
    data[i] = static_cast<char>((index * 31 + uint64_t{i} * 7) & 0xff);
  }
  return data;
}

raftpb::Message NumberedMessage(raftpb::MessageType type, uint64_t from,
                                uint64_t to, uint64_t number,
                                size_t entry_bytes) {
  raftpb::Message message;
  message.set_type(type);
  message.set_from(from);
  message.set_to(to);
  if (type != raftpb::MsgProp) message.set_term(1);
  switch (type) {
    case raftpb::MsgApp: {
      message.set_logterm(1);
      message.set_index(number);
      message.set_commit(number);
      raftpb::Entry* const entry = message.add_entries();
      entry->set_term(1);
      entry->set_index(number + 1);
      entry->set_data(NumberedData(number + 1, entry_bytes));
      break;
    }
    case raftpb::MsgHeartbeat:
      message.set_commit(number);
      break;
    case raftpb::MsgSnap: {
      message.set_index(number);
      raftpb::Snapshot* const snapshot = message.mutable_snapshot();
      snapshot->set_data(NumberedData(number, entry_bytes));
      snapshot->mutable_metadata()->set_index(number);
      snapshot->mutable_metadata()->set_term(1);
      break;
    }
    default:
      message.set_index(number);
      break;
  }
  return message;
}

absl::Status NumberedRaft::Process(std::stop_token, raftpb::Message&& message) {
  const bool is_good = HasNumberedEntries(message);
  const uint64_t number = NumberOf(message);
  MutexLock lock(mutex_);
  Tally& tally = tallies_[message.type()];
  ++tally.count;
  if (!seen_[message.type()].insert(number).second) ++tally.repeated;
  if (number < tally.last) ++tally.disorder;
  tally.last = std::max(tally.last, number);
  if (!is_good) ++tally.bad;
  changed_.NotifyAll();
  return outcome_;
}

bool NumberedRaft::IsIdRemoved(MemberId id) {
  MutexLock lock(mutex_);
  return removed_.contains(id);
}

void NumberedRaft::ReportUnreachable(MemberId id) {
  MutexLock lock(mutex_);
  ++unreachable_[id];
  changed_.NotifyAll();
}

void NumberedRaft::ReportSnapshot(MemberId, SnapshotStatus status) {
  MutexLock lock(mutex_);
  snapshots_.push_back(status);
  changed_.NotifyAll();
}

void NumberedRaft::MarkRemoved(MemberId id) {
  MutexLock lock(mutex_);
  removed_.insert(id);
}

void NumberedRaft::set_outcome(absl::Status outcome) {
  MutexLock lock(mutex_);
  outcome_ = std::move(outcome);
}

void NumberedRaft::Forget() {
  MutexLock lock(mutex_);
  tallies_.clear();
  seen_.clear();
  unreachable_.clear();
}

// The test's own time limit ends a wait that never ends.
NumberedRaft::Tally NumberedRaft::AwaitReceived(raftpb::MessageType type,
                                                uint64_t count) {
  MutexLock lock(mutex_);
  while (tallies_[type].count < count) changed_.Wait(mutex_);
  return tallies_[type];
}

void NumberedRaft::AwaitUnreachable(MemberId id) {
  MutexLock lock(mutex_);
  while (unreachable_[id] == 0) changed_.Wait(mutex_);
}

void NumberedRaft::AwaitSnapshot(SnapshotStatus status) {
  MutexLock lock(mutex_);
  while (std::find(snapshots_.begin(), snapshots_.end(), status) ==
         snapshots_.end()) {
    changed_.Wait(mutex_);
  }
}

uint64_t NumberedRaft::received(raftpb::MessageType type) {
  MutexLock lock(mutex_);
  return tallies_[type].count;
}

}  // namespace rafthttp::integration
