#ifndef TOOLS_LEARNER_SEAT_H_
#define TOOLS_LEARNER_SEAT_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/base/lane.h"
#include "rafthttp/codec/message_view.h"
#include "rafthttp/event/connector.h"
#include "rafthttp/event/event_loop.h"
#include "rafthttp/http1/client.h"
#include "rafthttp/stream/stream_kind.h"
#include "rafthttp/stream/stream_reader.h"
#include "raftpb/raft.pb.h"
#include "tools/learner/follower.h"
#include "tools/learner/member_link.h"
#include "tools/learner/registrar.h"

namespace rafthttpctl {

// A learner's seat in a live cluster, taken in order to see all that is
// replicated, from whichever member leads.
//
// It dials both streams of every member, since any may come to lead, answers
// the leader by POST /raft so that it goes on feeding us, and delivers each
// entry once, in order of index. Unless a SeatServer listens for it, nobody
// dials us: the peer URL on the member list is one where nothing listens.
//
// What can go wrong, and what is done about it:
// - A stream breaks, a member restarts: its streams are dialled again. What was
//   in flight is sent again by the leader, which hears from our answers where
//   we stand.
// - A new leader lacks entries that were delivered: Events::OnRewind.
// - The leader has compacted what we need and would send a snapshot, which
//   cannot reach us: it answers our heartbeats, sends no entries, and the
//   cluster commits on. Then a new seat is taken where the log is now:
//   Events::OnGap.
// - Somebody promotes us: Events::OnPromoted, and nothing is acknowledged from
//   there on. Only where one other voter is left, which could then not commit
//   even our removal, do we go on acknowledging until Leave is through.
// - Somebody removes us: Events::OnRemoved.
//
// Threads: loop-confined. Lifetime: destroy it at any moment outside its own
//   callbacks; it leaves the member list only by Leave.
// Bounds: Options::held_bytes_max of entries whose commit is awaited, and what
//   its streams and connections hold; other entries are not kept.
class Seat final : private Follower::Events, private MemberLink::Events {
 public:
  struct Options {
    // Deliver an entry only once it is known to be committed; nothing is then
    // ever taken back.
    bool committed_only = false;
    // Begin with the first entry, or with the snapshot that a leader sends
    // where its log begins later. Somebody must be able to reach us (Receive).
    bool from_start = false;
    // Entries that await their commit. Beyond, the leader has to wait for the
    // commit to catch up.
    size_t held_bytes_max = 16 << 20;
    // Also hand out each message's bytes (Received::raw).
    bool wants_raw = false;
    // A leader that sends us heartbeats and no MsgApp for so long, while the
    // cluster commits, has no entries that follow ours.
    absl::Duration gap_after = absl::Seconds(4);
  };

  // A message that brought something to see.
  struct Received {
    rafthttp::Lane lane = rafthttp::Lane::kMessage;
    rafthttp::MemberId member;
    // With only those entries that were not delivered before.
    raftpb::Message message;
    // Of the whole message.
    size_t bytes = 0;
    std::string raw;
  };

  class Events {
   public:
    // The seat is taken and its members are being dialled.
    virtual void OnSeated(const Ticket& ticket) = 0;
    virtual void OnReceived(const Received& received) = 0;
    virtual void OnLeader(rafthttp::MemberId leader, uint64_t term) = 0;
    virtual void OnRewind(uint64_t index, uint64_t term) = 0;
    // With from_start: all up to the snapshot's index is in it, and entries go
    // on behind.
    virtual void OnSnapshot(const raftpb::Snapshot& /*snapshot*/) {}
    // The entries after `after` (the last one delivered, if any) up to and
    // including `until` were missed and will not come.
    virtual void OnGap(std::optional<uint64_t> after, uint64_t until) = 0;
    virtual void OnStreamOpened(
        rafthttp::MemberId member, rafthttp::StreamKind kind,
        const rafthttp::StreamReader::Opened& opened) = 0;
    // Told once for each run of failures for the same reason.
    virtual void OnStreamClosed(
        rafthttp::MemberId member, rafthttp::StreamKind kind,
        const rafthttp::StreamReader::Closed& closed) = 0;
    // The seat is over, and Leave is due: one of these, once.
    virtual void OnPromoted(uint64_t index) = 0;
    virtual void OnRemoved() = 0;
    virtual void OnFailed(absl::Status status) = 0;

   protected:
    ~Events() = default;
  };

  // `loop`, `connector`, `registrar` and `events` must outlive the seat.
  Seat(rafthttp::event::EventLoop& loop, rafthttp::event::Connector& connector,
       Registrar& registrar, Seat::Events& events, Options options);
  ~Seat();

  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;

  // Joins the cluster, or takes up the seat that `ticket` names. Once.
  void Start(std::optional<Ticket> ticket);

  // Stops everything at once, takes our member off the list unless
  // `keeps_member`, and says how that went. No other callback runs after this
  // call. Once; in any state, but not from inside a callback of Events.
  void Leave(bool keeps_member, absl::AnyInvocable<void(absl::Status)> on_left);

  // A message that came by POST, to whoever listens for us.
  void Receive(rafthttp::Lane lane, raftpb::Message message, size_t bytes);

  // A paused seat reads nothing, and its members wait.
  void set_is_paused(bool is_paused);

  // The member on whose behalf we sit, while the seat is taken.
  std::optional<rafthttp::MemberId> self() const;
  // Whether entries were missed; OnGap may not have been told yet.
  bool has_gap() const { return has_gap_; }

 private:
  enum class State {
    kIdle,
    kJoining,    // call_ is the join
    kSeated,     // ticket_, follower_ and links_ are there
    kReseating,  // call_ takes the old member off the list
    kOver,       // Events was told so
    kLeaving,    // call_ is the join that must be undone, or the leave
  };

  // MemberLink::Events:
  void OnMessage(MemberLink& link, rafthttp::StreamKind kind,
                 const rafthttp::codec::MessageView& view) override;
  void OnStreamOpened(MemberLink& link, rafthttp::StreamKind kind,
                      const rafthttp::StreamReader::Opened& opened) override;
  void OnStreamClosed(MemberLink& link, rafthttp::StreamKind kind,
                      const rafthttp::StreamReader::Closed& closed) override;

  // Follower::Events, during its Step:
  void OnLeader(rafthttp::MemberId leader, uint64_t term) override;
  void OnRewind(uint64_t index, uint64_t term) override;
  void OnEntries(const raftpb::Message& message, int first, int end) override;
  void OnSnapshot(const raftpb::Snapshot& snapshot) override;
  void OnCommit(uint64_t index) override;
  void OnPromotion(const raftpb::Entry& entry) override;
  void OnInconsistent(uint64_t commit) override;

  void Join();
  void OnJoined(absl::StatusOr<Ticket> ticket);
  void TakeSeat(Ticket ticket);
  void Link(const ClusterMember& member);
  // Gives this seat up for a new one, since it gets no more entries.
  void Reseat();
  // Drops streams and follower.
  void LeaveCluster();
  void EndInNextTurn(absl::AnyInvocable<void()> end);
  void FinishLeaving();

  void Take(Received received);
  void Deliver(Received received);
  // Delivers what is committed of what is held.
  void ReleaseHeld();
  void DropHeldFrom(uint64_t index);
  void ApplyConfChange(const raftpb::Entry& entry);
  // The cluster counts us as a voter, and there is one other.
  bool is_needed_as_voter() const {
    return is_promoted_ && voters_.size() == 1;
  }

  // Every second: whether the cluster goes on without us.
  void CheckProgress();
  void OnClusterCommit(absl::StatusOr<uint64_t> commit);

  rafthttp::event::EventLoop& loop_;
  rafthttp::event::Connector& connector_;
  Registrar& registrar_;
  Seat::Events& events_;
  const Options options_;

  State state_ = State::kIdle;
  bool is_paused_ = false;
  std::unique_ptr<Registrar::Call> call_;
  std::optional<Ticket> ticket_;
  rafthttp::http1::Client client_;
  std::optional<Follower> follower_;
  std::map<rafthttp::MemberId, std::unique_ptr<MemberLink>> links_;

  // What the follower made of the message that it is stepping through.
  int step_first_ = 0;
  int step_end_ = 0;
  std::deque<Received> held_;
  size_t held_bytes_ = 0;
  // Configuration changes that are not committed yet.
  std::deque<raftpb::Entry> changes_;
  // Without us.
  std::set<rafthttp::MemberId> voters_;
  bool is_promoted_ = false;
  // The last entry delivered, by this seat or one before it.
  std::optional<uint64_t> delivered_;
  bool has_gap_ = false;
  // A gap whose end is not known yet.
  bool is_gap_open_ = false;
  // New seats in a row that brought nothing.
  int reseats_ = 0;

  std::unique_ptr<rafthttp::event::Timer> progress_timer_;
  std::unique_ptr<Registrar::Call> commit_call_;
  absl::Time last_append_at_;
  absl::Time last_heartbeat_at_;
  // Times in a row that the cluster was found ahead of a silent leader.
  int times_behind_ = 0;

  std::unique_ptr<rafthttp::event::Timer> end_timer_;
  absl::AnyInvocable<void()> end_;
  bool keeps_member_ = false;
  absl::AnyInvocable<void(absl::Status)> on_left_;
};

}  // namespace rafthttpctl

#endif  // TOOLS_LEARNER_SEAT_H_
