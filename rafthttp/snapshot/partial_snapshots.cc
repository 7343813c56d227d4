#include "rafthttp/snapshot/partial_snapshots.h"

#include <algorithm>
#include <utility>

namespace rafthttp {

PartialSnapshots::PartialSnapshots(event::EventLoop& loop, size_t count_max,
                                   absl::Duration keep)
    : loop_(loop),
      count_max_(count_max),
      keep_(keep),
      timer_(loop.NewTimer([this] { Expire(); })) {}

void PartialSnapshots::Put(PartialSnapshot partial) {
  Drop(partial.from);
  if (count_max_ == 0) return;
  if (partials_.size() >= count_max_) partials_.erase(partials_.begin());
  partial.database->Attach(nullptr);
  partials_.push_back({std::move(partial), loop_.Now() + keep_});
  Arm();
}

std::vector<PartialSnapshots::Kept>::const_iterator PartialSnapshots::Find(
    MemberId from, const std::string& transfer) const {
  return std::find_if(
      partials_.begin(), partials_.end(), [&](const Kept& kept) {
        return kept.partial.from == from && kept.partial.transfer == transfer &&
               kept.partial.database->status().ok();
      });
}

uint64_t PartialSnapshots::OffsetOf(MemberId from,
                                    const std::string& transfer) const {
  const auto found = Find(from, transfer);
  return found == partials_.end() ? 0 : found->partial.database->size_bytes();
}

PartialSnapshot PartialSnapshots::Take(MemberId from,
                                       const std::string& transfer) {
  const auto found = Find(from, transfer);
  if (found == partials_.end()) return {};
  const auto place = partials_.begin() + (found - partials_.cbegin());
  PartialSnapshot partial = std::move(place->partial);
  partials_.erase(place);
  Arm();
  return partial;
}

void PartialSnapshots::Drop(MemberId from) {
  if (from.is_zero()) return;
  std::erase_if(partials_,
                [&](const Kept& kept) { return kept.partial.from == from; });
  Arm();
}

void PartialSnapshots::Expire() {
  std::erase_if(partials_,
                [&](const Kept& kept) { return kept.until <= loop_.Now(); });
  Arm();
}

void PartialSnapshots::Arm() {
  if (partials_.empty()) return timer_->Cancel();
  timer_->Start(partials_.front().until - loop_.Now());
}

}  // namespace rafthttp
