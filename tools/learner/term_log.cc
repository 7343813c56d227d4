#include "tools/learner/term_log.h"

#include <algorithm>

#include "rafthttp/base/check.h"

namespace rafthttpctl {

TermLog::TermLog(Position base) : runs_{base}, last_index_(base.index) {}

TermLog::Position TermLog::base() const { return runs_.front(); }

TermLog::Position TermLog::last() const {
  return {last_index_, runs_.back().term};
}

std::optional<uint64_t> TermLog::TermAt(uint64_t index) const {
  if (index < base().index || index > last_index_) return std::nullopt;
  const auto after = std::upper_bound(
      runs_.begin(), runs_.end(), index,
      [](uint64_t wanted, const Position& run) { return wanted < run.index; });
  return std::prev(after)->term;
}

void TermLog::Append(uint64_t term) {
  CHECK(term >= runs_.back().term);
  ++last_index_;
  if (term != runs_.back().term) runs_.push_back({last_index_, term});
}

void TermLog::TruncateFrom(uint64_t index) {
  CHECK(index > base().index);
  if (index > last_index_) return;
  last_index_ = index - 1;
  while (runs_.back().index > last_index_) runs_.pop_back();
}

void TermLog::ForgetBefore(uint64_t index) {
  CHECK(index <= last_index_);
  if (index <= base().index) return;
  while (runs_.size() > 1 && runs_[1].index <= index) runs_.pop_front();
  runs_.front().index = index;
}

TermLog::Position TermLog::ConflictHint(Position leader) const {
  uint64_t index = std::min(leader.index, last_index_);
  for (auto run = runs_.rbegin(); run != runs_.rend(); ++run) {
    if (run->index > index) continue;
    if (run->term <= leader.term) return {index, run->term};
    if (run->index == 0) break;
    index = run->index - 1;
  }
  return {base().index == 0 ? 0 : base().index - 1, 0};
}

}  // namespace rafthttpctl
