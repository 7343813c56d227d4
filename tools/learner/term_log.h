#ifndef TOOLS_LEARNER_TERM_LOG_H_
#define TOOLS_LEARNER_TERM_LOG_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

namespace rafthttpctl {

// Which term each entry of a raft log is of, without the entries: what a
// follower needs to answer a leader truthfully. Terms only rise along a log, so
// the memory used grows with elections, not with entries.
//
// Not thread-safe.
class TermLog {
 public:
  // A position in a log. {0, 0} is the place before the first entry.
  struct Position {
    uint64_t index = 0;
    uint64_t term = 0;
    friend bool operator==(const Position&, const Position&) = default;
  };

  // Starts at `base`, the last entry that counts as known; nothing follows it.
  explicit TermLog(Position base);

  // The lowest and highest known positions.
  Position base() const;
  Position last() const;

  // The term at `index`, if base().index <= index <= last().index.
  std::optional<uint64_t> TermAt(uint64_t index) const;
  bool Has(Position position) const {
    return TermAt(position.index) == position.term;
  }

  // `term` must not be lower than last().term.
  void Append(uint64_t term);
  // Forgets `index` and all behind it; `index` must be above base().index.
  void TruncateFrom(uint64_t index);
  // Forgets what lies before `index`, which becomes the base unless it is
  // below base() already. At most last().index.
  void ForgetBefore(uint64_t index);

  // The best place for a leader to try next, when it holds another term than we
  // do at `leader.index`: the highest known position at or before it with a
  // term that the leader's log can still have. If none is known, the index
  // before the base with term 0.
  Position ConflictHint(Position leader) const;

  // How many runs of equal terms are kept.
  size_t runs() const { return runs_.size(); }

 private:
  // Entries from `index` on, up to the next run, are of `term`.
  std::deque<Position> runs_;  // never empty; the first begins at the base
  uint64_t last_index_;
};

}  // namespace rafthttpctl

#endif  // TOOLS_LEARNER_TERM_LOG_H_
