#ifndef TOOLS_LEARNER_FOLLOWER_H_
#define TOOLS_LEARNER_FOLLOWER_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "rafthttp/base/ids.h"
#include "raftpb/raft.pb.h"
#include "tools/learner/term_log.h"

namespace rafthttpctl {

// The part of a raft follower that a learner needs in order to be fed: it
// answers MsgApp and MsgHeartbeat truthfully, and tells which entries are new.
//
// It keeps no entries, only their terms, since nobody ever asks a learner for
// them. It starts from wherever the first MsgApp stands: that one is
// acknowledged as matching, which is safe because a learner has no vote and its
// acknowledgements count towards no quorum. Or it starts with nothing
// (kFromStart), and a leader whose log begins later sends a snapshot, which is
// taken for what it says it holds. From there on its answers are those
// of raft (thesis, 3.5), with the conflict hints of etcd 3.5.
//
// Messages may come from several members and from before and after elections,
// in any order between connections. Not thread-safe; pure: no I/O, no clock.
class Follower {
 public:
  class Events {
   public:
    // A leader of a term that was not known to have one.
    virtual void OnLeader(rafthttp::MemberId leader, uint64_t term) = 0;
    // Entries from `index` on that OnEntries delivered are void: a new leader
    // does not have them. They were not committed.
    virtual void OnRewind(uint64_t index, uint64_t term) = 0;
    // `message.entries()` from `first` up to, not including, `end` are new and
    // follow all that was delivered before.
    virtual void OnEntries(const raftpb::Message& message, int first,
                           int end) = 0;
    // A snapshot has taken the place of all that was before its index; entries
    // follow from there.
    virtual void OnSnapshot(const raftpb::Snapshot& /*snapshot*/) {}
    // All entries up to `index` will stay.
    virtual void OnCommit(uint64_t index) = 0;
    // `entry` makes us a voter. It is not acknowledged, nor is anything later:
    // from now on every Step answers nothing, but for AcknowledgeAsVoter.
    virtual void OnPromotion(const raftpb::Entry& entry) = 0;
    // The leader holds more of us than we hold: it says so in `commit`, or it
    // contradicts what was committed. Only a new seat helps.
    virtual void OnInconsistent(uint64_t commit) = 0;

   protected:
    ~Events() = default;
  };

  enum class Start { kFromNow, kFromStart };

  // `events` must outlive the follower.
  Follower(rafthttp::MemberId self, Events& events,
           Start start = Start::kFromNow);

  // Takes a message that arrived and returns what to answer its sender, if
  // anything. `message.from()` must be the member it came from.
  std::optional<raftpb::Message> Step(const raftpb::Message& message);

  // After a promotion, goes on acknowledging all the same, and delivers
  // nothing. For a cluster that has one other voter: it can commit nothing
  // without us any more, not even our removal. That voter holds every entry
  // durably, so that our word adds no risk to what it commits.
  void AcknowledgeAsVoter() {
    acknowledges_as_voter_ = true;
    is_full_ = false;
  }

  // While full, no entry is taken: messages are acknowledged up to what is
  // there, and the leader sends the rest again.
  void set_is_full(bool is_full) { is_full_ = is_full; }

  uint64_t term() const { return term_; }
  // Zero while the term has no known leader.
  rafthttp::MemberId leader() const { return leader_; }
  uint64_t commit() const { return commit_; }
  // Nothing until the first MsgApp.
  std::optional<TermLog::Position> last() const;
  // The position that was taken as matching on first contact.
  std::optional<TermLog::Position> start() const { return start_; }

 private:
  raftpb::Message Answer(const raftpb::Message& message,
                         raftpb::MessageType type) const;
  std::optional<raftpb::Message> StepAppend(const raftpb::Message& message);
  std::optional<raftpb::Message> StepHeartbeat(const raftpb::Message& message);
  std::optional<raftpb::Message> StepSnapshot(const raftpb::Message& message);
  // Appends what is new in `message` and returns the index up to which our log
  // is now known to match.
  uint64_t TakeEntries(const raftpb::Message& message);
  // Makes room for an entry at `index` that differs from ours.
  bool Rewind(uint64_t index, uint64_t previous_term);
  void AdvanceCommit(uint64_t index);
  bool Promotes(const raftpb::Entry& entry) const;

  const rafthttp::MemberId self_;
  Events& events_;

  uint64_t term_ = 0;
  rafthttp::MemberId leader_;
  uint64_t commit_ = 0;
  std::optional<TermLog> log_;
  std::optional<TermLog::Position> start_;
  bool is_full_ = false;
  bool is_promoted_ = false;
  bool acknowledges_as_voter_ = false;
  bool is_inconsistent_ = false;
};

}  // namespace rafthttpctl

#endif  // TOOLS_LEARNER_FOLLOWER_H_
