#ifndef RAFTHTTP_BASE_LEDGER_H_
#define RAFTHTTP_BASE_LEDGER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "rafthttp/base/drop_reason.h"
#include "rafthttp/base/lane.h"
#include "rafthttp/base/tally.h"

namespace rafthttp {

// What became of all messages that were ever given to Send for one peer:
//
//   enqueued = written + dropped, by reason + queued
//
// per lane and type, at every instant. A message counts as written once the
// kernel has taken its last byte (streams) or the peer has answered 204 (POST),
// and as queued until then. One that waits for its lane to be picked counts for
// the lane that its type prefers.
struct LedgerReport {
  struct Line {
    Lane lane = Lane::kMessage;
    size_t type_slot = 0;  // TypeSlot of its type
    uint64_t enqueued = 0;
    uint64_t written = 0;
    uint64_t queued = 0;
    std::array<uint64_t, kDropReasons> dropped = {};

    uint64_t dropped_in_all() const;
    bool is_balanced() const {
      return enqueued == written + dropped_in_all() + queued;
    }
  };
  // Those with anything in them, by lane and type.
  std::vector<Line> lines;
  // As Send counted them: enqueued is not a sum over the lines.
  uint64_t enqueued = 0;
  uint64_t enqueued_bytes = 0;
  uint64_t written = 0;
  uint64_t written_bytes = 0;
  uint64_t dropped = 0;
  // As counted in the queues themselves.
  uint64_t queued = 0;
  uint64_t queued_bytes = 0;

  bool is_balanced() const;
  // Sums over several peers.
  void Add(const LedgerReport& other);
  // One line of text per lane, type and reason, for logs and failed tests.
  std::string ToString() const;
};

// One peer's books, but for what still is in its mailbox.
//
// Threads: loop-confined. Bounds: a few KiB; grows with the kinds of drops that
// happened.
class Ledger {
 public:
  // Messages were put on a lane, written, dropped.
  void Take(Lane lane, const Tally& tally);
  void Take(Lane lane, int32_t type);
  void Write(Lane lane, const Tally& tally);
  void Drop(Lane lane, const Tally& tally, DropReason reason);

  uint64_t written(Lane lane) const;
  uint64_t dropped(Lane lane) const;

  // Appends to `report` the lines of what was taken, and sums them up;
  // enqueued and queued are the caller's to fill in.
  void AppendTo(LedgerReport* report) const;

 private:
  struct Cell {
    uint64_t taken = 0;
    uint64_t written = 0;
    uint64_t dropped = 0;
  };
  struct DropLine {
    Lane lane;
    size_t type_slot;
    DropReason reason;
    uint64_t messages;
  };
  std::array<std::array<Cell, kTypeSlots>, kLanes> cells_ = {};
  std::array<uint64_t, kLanes> written_bytes_ = {};
  std::vector<DropLine> drops_;
};

}  // namespace rafthttp

#endif  // RAFTHTTP_BASE_LEDGER_H_
