#ifndef RAFTHTTP_BASE_TALLY_H_
#define RAFTHTTP_BASE_TALLY_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace rafthttp {

// Message types as counters tell them apart: raftpb's numbers 0 to 23, and one
// place for all others.
inline constexpr size_t kTypeSlots = 25;
constexpr size_t TypeSlot(int32_t type) {
  return type >= 0 && type < static_cast<int32_t>(kTypeSlots) - 1
             ? static_cast<size_t>(type)
             : kTypeSlots - 1;
}

// MsgApp's number in raftpb: what is replicated has budgets of its own.
inline constexpr int32_t kMsgAppNumber = 3;

// What a batch of messages amounts to: counted one by one, reported as one.
struct Tally {
  uint64_t messages = 0;
  uint64_t bytes = 0;         // as encoded raftpb.Messages, without framing
  uint64_t append_bytes = 0;  // those of MsgApp among them
  std::array<uint32_t, kTypeSlots> by_type = {};

  bool empty() const { return messages == 0; }
  void Add(int32_t type, size_t size_bytes) {
    ++messages;
    bytes += size_bytes;
    if (type == kMsgAppNumber) append_bytes += size_bytes;
    ++by_type[TypeSlot(type)];
  }
  void Add(const Tally& other) {
    messages += other.messages;
    bytes += other.bytes;
    append_bytes += other.append_bytes;
    for (size_t slot = 0; slot < kTypeSlots; ++slot) {
      by_type[slot] += other.by_type[slot];
    }
  }
  // `other` must be part of this.
  void Subtract(const Tally& other) {
    messages -= other.messages;
    bytes -= other.bytes;
    append_bytes -= other.append_bytes;
    for (size_t slot = 0; slot < kTypeSlots; ++slot) {
      by_type[slot] -= other.by_type[slot];
    }
  }

  friend bool operator==(const Tally&, const Tally&) = default;
};

}  // namespace rafthttp

#endif  // RAFTHTTP_BASE_TALLY_H_
