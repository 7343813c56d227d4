#include "tools/learner/follower.h"

#include <algorithm>

#include "absl/status/statusor.h"
#include "raftpb/conf_change.h"

namespace rafthttpctl {

using rafthttp::MemberId;

Follower::Follower(MemberId self, Events& events, Start start)
    : self_(self), events_(events) {
  if (start == Start::kFromNow) return;
  log_.emplace(TermLog::Position());
  start_ = TermLog::Position();
}

std::optional<TermLog::Position> Follower::last() const {
  if (!log_) return std::nullopt;
  return log_->last();
}

std::optional<raftpb::Message> Follower::Step(const raftpb::Message& message) {
  if (is_inconsistent_) return std::nullopt;
  if (is_promoted_ && !acknowledges_as_voter_) return std::nullopt;
  const bool is_from_leader = message.type() == raftpb::MsgApp ||
                              message.type() == raftpb::MsgHeartbeat ||
                              message.type() == raftpb::MsgSnap;
  // Votes are not for learners, and the rest is not for followers.
  if (!is_from_leader || message.term() == 0) return std::nullopt;
  if (message.term() < term_) {
    // A leader that was deposed and does not know it: our term tells.
    return Answer(message, raftpb::MsgAppResp);
  }
  if (message.term() > term_) {
    term_ = message.term();
    leader_ = MemberId();
  }
  if (leader_ != MemberId(message.from())) {
    leader_ = MemberId(message.from());
    events_.OnLeader(leader_, term_);
  }
  if (message.type() == raftpb::MsgApp) return StepAppend(message);
  if (message.type() == raftpb::MsgSnap) return StepSnapshot(message);
  return StepHeartbeat(message);
}

raftpb::Message Follower::Answer(const raftpb::Message& message,
                                 raftpb::MessageType type) const {
  raftpb::Message answer;
  answer.set_type(type);
  answer.set_from(self_.value());
  answer.set_to(message.from());
  answer.set_term(term_);
  return answer;
}

std::optional<raftpb::Message> Follower::StepAppend(
    const raftpb::Message& message) {
  const TermLog::Position previous = {message.index(), message.logterm()};
  if (!log_) {
    log_.emplace(previous);
    start_ = previous;
  }
  raftpb::Message answer = Answer(message, raftpb::MsgAppResp);
  if (previous.index < commit_) {
    answer.set_index(commit_);
    return answer;
  }
  // Below our start we hold nothing, and whatever the leader has there counts
  // as matching, as on first contact.
  if (previous.index >= log_->base().index && !log_->Has(previous)) {
    const TermLog::Position hint = log_->ConflictHint(previous);
    answer.set_index(previous.index);
    answer.set_reject(true);
    answer.set_rejecthint(hint.index);
    answer.set_logterm(hint.term);
    return answer;
  }
  const uint64_t matched = TakeEntries(message);
  if (is_inconsistent_) return std::nullopt;
  AdvanceCommit(std::min(message.commit(), matched));
  answer.set_index(matched);
  return answer;
}

uint64_t Follower::TakeEntries(const raftpb::Message& message) {
  uint64_t matched = message.index();
  uint64_t previous_term = message.logterm();
  int first_new = -1;
  int end = 0;
  bool is_promotion = false;
  for (; end < message.entries_size(); ++end) {
    const raftpb::Entry& entry = message.entries(end);
    // A leader numbers its entries without gaps; one that does not is broken,
    // and what follows the gap cannot be acknowledged.
    if (entry.index() != matched + 1 || entry.term() < previous_term) break;
    if (entry.index() <= log_->last().index) {
      const bool is_known = entry.index() < log_->base().index ||
                            log_->Has({entry.index(), entry.term()});
      if (!is_known && !Rewind(entry.index(), previous_term)) return matched;
    }
    if (entry.index() > log_->last().index) {
      if (!is_promoted_ && Promotes(entry)) {
        is_promoted_ = is_promotion = true;
        break;
      }
      if (is_full_) break;
      log_->Append(entry.term());
      if (first_new < 0) first_new = end;
    }
    matched = entry.index();
    previous_term = entry.term();
  }
  if (first_new >= 0 && !acknowledges_as_voter_) {
    events_.OnEntries(message, first_new, end);
  }
  if (is_promotion) events_.OnPromotion(message.entries(end));
  return matched;
}

bool Follower::Rewind(uint64_t index, uint64_t previous_term) {
  if (index <= commit_) {
    is_inconsistent_ = true;
    events_.OnInconsistent(commit_);
    return false;
  }
  const bool was_delivered = log_->last().index > start_->index;
  if (index > log_->base().index) {
    log_->TruncateFrom(index);
  } else {
    // Not even our start is in the new leader's log.
    log_.emplace(TermLog::Position{index - 1, previous_term});
    start_ = log_->base();
  }
  if (was_delivered) events_.OnRewind(index, term_);
  return true;
}

std::optional<raftpb::Message> Follower::StepHeartbeat(
    const raftpb::Message& message) {
  if (log_) {
    // The leader never puts more here than we have acknowledged.
    if (message.commit() > log_->last().index) {
      is_inconsistent_ = true;
      events_.OnInconsistent(message.commit());
      return std::nullopt;
    }
    AdvanceCommit(message.commit());
  }
  raftpb::Message answer = Answer(message, raftpb::MsgHeartbeatResp);
  if (message.has_context()) answer.set_context(message.context());
  return answer;
}

std::optional<raftpb::Message> Follower::StepSnapshot(
    const raftpb::Message& message) {
  const raftpb::SnapshotMetadata& metadata = message.snapshot().metadata();
  raftpb::Message answer = Answer(message, raftpb::MsgAppResp);
  if (metadata.index() > commit_) {
    log_.emplace(TermLog::Position{metadata.index(), metadata.term()});
    start_ = log_->base();
    commit_ = metadata.index();
    events_.OnSnapshot(message.snapshot());
  }
  answer.set_index(commit_);
  return answer;
}

void Follower::AdvanceCommit(uint64_t index) {
  if (index <= commit_) return;
  commit_ = index;
  log_->ForgetBefore(commit_);
  events_.OnCommit(commit_);
}

bool Follower::Promotes(const raftpb::Entry& entry) const {
  const absl::StatusOr<raftpb::ConfChangeV2> change =
      raftpb::ConfChangeFromEntry(entry);
  if (!change.ok()) return false;
  for (const raftpb::ConfChangeSingle& single : change->changes()) {
    if (raftpb::ChangeTypeNumber(single) == raftpb::ConfChangeAddNode &&
        MemberId(single.node_id()) == self_) {
      return true;
    }
  }
  return false;
}

}  // namespace rafthttpctl
