#include "rafthttp/base/ledger.h"

#include "absl/strings/str_cat.h"
#include "rafthttp/base/check.h"

namespace rafthttp {

uint64_t LedgerReport::Line::dropped_in_all() const {
  uint64_t sum = 0;
  for (const uint64_t messages : dropped) sum += messages;
  return sum;
}

bool LedgerReport::is_balanced() const {
  uint64_t line_queued = 0;
  for (const Line& line : lines) {
    if (!line.is_balanced()) return false;
    line_queued += line.queued;
  }
  return enqueued == written + dropped + queued && line_queued == queued;
}

void LedgerReport::Add(const LedgerReport& other) {
  for (const Line& theirs : other.lines) {
    Line* ours = nullptr;
    for (Line& line : lines) {
      if (line.lane == theirs.lane && line.type_slot == theirs.type_slot) {
        ours = &line;
        break;
      }
    }
    if (ours == nullptr) {
      lines.push_back(theirs);
      continue;
    }
    ours->enqueued += theirs.enqueued;
    ours->written += theirs.written;
    ours->queued += theirs.queued;
    for (size_t reason = 0; reason < kDropReasons; ++reason) {
      ours->dropped[reason] += theirs.dropped[reason];
    }
  }
  enqueued += other.enqueued;
  enqueued_bytes += other.enqueued_bytes;
  written += other.written;
  written_bytes += other.written_bytes;
  dropped += other.dropped;
  queued += other.queued;
  queued_bytes += other.queued_bytes;
}

std::string LedgerReport::ToString() const {
  std::string text = absl::StrCat(
      "enqueued ", enqueued, " = written ", written, " + dropped ", dropped,
      " + queued ", queued, is_balanced() ? "" : " (out of balance)", "\n");
  for (const Line& line : lines) {
    absl::StrAppend(&text, "  ", LaneName(line.lane), " type ", line.type_slot,
                    ": enqueued ", line.enqueued, ", written ", line.written,
                    ", queued ", line.queued);
    for (size_t reason = 0; reason < kDropReasons; ++reason) {
      if (line.dropped[reason] == 0) continue;
      absl::StrAppend(&text, ", ",
                      DropReasonName(static_cast<DropReason>(reason)), " ",
                      line.dropped[reason]);
    }
    absl::StrAppend(&text, "\n");
  }
  return text;
}

void Ledger::Take(Lane lane, const Tally& tally) {
  auto& cells = cells_[static_cast<size_t>(lane)];
  for (size_t slot = 0; slot < kTypeSlots; ++slot) {
    cells[slot].taken += tally.by_type[slot];
  }
}

void Ledger::Take(Lane lane, int32_t type) {
  ++cells_[static_cast<size_t>(lane)][TypeSlot(type)].taken;
}

void Ledger::Write(Lane lane, const Tally& tally) {
  auto& cells = cells_[static_cast<size_t>(lane)];
  for (size_t slot = 0; slot < kTypeSlots; ++slot) {
    cells[slot].written += tally.by_type[slot];
    CHECK(cells[slot].written + cells[slot].dropped <= cells[slot].taken);
  }
  written_bytes_[static_cast<size_t>(lane)] += tally.bytes;
}

void Ledger::Drop(Lane lane, const Tally& tally, DropReason reason) {
  for (size_t slot = 0; slot < kTypeSlots; ++slot) {
    const uint64_t messages = tally.by_type[slot];
    if (messages == 0) continue;
    Cell& cell = cells_[static_cast<size_t>(lane)][slot];
    cell.dropped += messages;
    CHECK(cell.written + cell.dropped <= cell.taken);
    DropLine* found = nullptr;
    for (DropLine& line : drops_) {
      if (line.lane == lane && line.type_slot == slot &&
          line.reason == reason) {
        found = &line;
        break;
      }
    }
    if (found == nullptr) {
      drops_.push_back({lane, slot, reason, 0});
      found = &drops_.back();
    }
    found->messages += messages;
  }
}

uint64_t Ledger::written(Lane lane) const {
  uint64_t sum = 0;
  for (const Cell& cell : cells_[static_cast<size_t>(lane)]) {
    sum += cell.written;
  }
  return sum;
}

uint64_t Ledger::dropped(Lane lane) const {
  uint64_t sum = 0;
  for (const Cell& cell : cells_[static_cast<size_t>(lane)]) {
    sum += cell.dropped;
  }
  return sum;
}

void Ledger::AppendTo(LedgerReport* report) const {
  for (size_t lane = 0; lane < kLanes; ++lane) {
    report->written_bytes += written_bytes_[lane];
    for (size_t slot = 0; slot < kTypeSlots; ++slot) {
      const Cell& cell = cells_[lane][slot];
      if (cell.taken == 0) continue;
      LedgerReport::Line line;
      line.lane = static_cast<Lane>(lane);
      line.type_slot = slot;
      line.enqueued = cell.taken;
      line.written = cell.written;
      line.queued = cell.taken - cell.written - cell.dropped;
      for (const DropLine& drop : drops_) {
        if (drop.lane == line.lane && drop.type_slot == slot) {
          line.dropped[static_cast<size_t>(drop.reason)] = drop.messages;
        }
      }
      report->written += cell.written;
      report->dropped += cell.dropped;
      report->lines.push_back(line);
    }
  }
}

}  // namespace rafthttp
