// A seat's life: join, dial everybody, then message by message: the follower
// says what is new and what to answer, the new is delivered, the answer posted.
//
// How it ends: by Leave in any state. A join that is under way is waited for,
// since the cluster may have listed us already; everything else is dropped at
// once. What ends the seat from inside (promotion, removal, a failure) is found
// deep in a stream's callback, so it is acted on in a turn of its own.
#include "tools/learner/seat.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "rafthttp/base/check.h"
#include "rafthttp/codec/message_writer.h"
#include "rafthttp/handshake/identity.h"
#include "rafthttp/http1/url.h"
#include "raftpb/conf_change.h"

namespace rafthttpctl {

using rafthttp::CloseReason;
using rafthttp::Lane;
using rafthttp::MemberId;
using rafthttp::StreamKind;
using rafthttp::StreamReader;

namespace {

constexpr absl::Duration kProgressInterval = absl::Seconds(1);
// A leader sends ten heartbeats a second; one that sent none lately is gone.
constexpr absl::Duration kLeaderSilenceMax = absl::Seconds(3);
// Found behind so often in a row, a second apart, we are behind for good.
constexpr int kTimesBehindMax = 2;
constexpr int kReseatsMax = 3;

// The peer URLs in a configuration change's context, etcd's JSON form of the
// member. Empty if it has none.
std::vector<std::string> PeerUrlsOf(const std::string& context) {
  const nlohmann::json member =
      nlohmann::json::parse(context, nullptr, /*allow_exceptions=*/false);
  std::vector<std::string> urls;
  if (!member.is_object() || !member.contains("peerURLs")) return urls;
  for (const nlohmann::json& url : member["peerURLs"]) {
    if (url.is_string()) urls.push_back(url.get<std::string>());
  }
  return urls;
}

size_t EntryBytes(const raftpb::Message& message) {
  size_t bytes = 0;
  for (const raftpb::Entry& entry : message.entries()) {
    bytes += sizeof(raftpb::Entry) + entry.data().size();
  }
  return bytes;
}

}  // namespace

Seat::Seat(rafthttp::event::EventLoop& loop,
           rafthttp::event::Connector& connector, Registrar& registrar,
           Seat::Events& events, Options options)
    : loop_(loop),
      connector_(connector),
      registrar_(registrar),
      events_(events),
      options_(options),
      client_(loop, connector, {}),
      progress_timer_(loop.NewTimer([this] { CheckProgress(); })),
      end_timer_(loop.NewTimer([this] { std::exchange(end_, nullptr)(); })) {}

Seat::~Seat() = default;

std::optional<MemberId> Seat::self() const {
  if (!ticket_) return std::nullopt;
  return ticket_->self;
}

void Seat::Start(std::optional<Ticket> ticket) {
  CHECK(state_ == State::kIdle);
  if (ticket) {
    TakeSeat(*std::move(ticket));
  } else {
    Join();
  }
}

void Seat::Join() {
  state_ = State::kJoining;
  call_ = registrar_.Join([this](absl::StatusOr<Ticket> ticket) {
    call_.reset();
    OnJoined(std::move(ticket));
  });
}

void Seat::OnJoined(absl::StatusOr<Ticket> ticket) {
  if (state_ == State::kLeaving) {
    if (ticket.ok()) ticket_ = *std::move(ticket);
    FinishLeaving();
  } else if (ticket.ok()) {
    TakeSeat(*std::move(ticket));
  } else {
    state_ = State::kOver;
    events_.OnFailed(ticket.status());
  }
}

void Seat::TakeSeat(Ticket ticket) {
  state_ = State::kSeated;
  ticket_ = std::move(ticket);
  follower_.emplace(ticket_->self, static_cast<Follower::Events&>(*this),
                    options_.from_start ? Follower::Start::kFromStart
                                        : Follower::Start::kFromNow);
  last_append_at_ = loop_.Now();
  last_heartbeat_at_ = absl::InfinitePast();
  times_behind_ = 0;
  events_.OnSeated(*ticket_);
  voters_.clear();
  for (const ClusterMember& member : ticket_->members) {
    if (!member.is_learner) voters_.insert(member.id);
    Link(member);
  }
  progress_timer_->Start(kProgressInterval);
}

void Seat::Link(const ClusterMember& member) {
  if (member.id == ticket_->self) return;
  std::vector<rafthttp::http1::Url> urls;
  for (const std::string& text : member.peer_urls) {
    // A URL that cannot be used is one less to try.
    if (auto url = rafthttp::http1::ParsePeerUrl(text); url.ok()) {
      urls.push_back(*std::move(url));
    }
  }
  if (urls.empty()) return;
  if (const auto known = links_.find(member.id); known != links_.end()) {
    known->second->UpdateUrls(std::move(urls));
    return;
  }
  const rafthttp::Identity identity = {.self = ticket_->self,
                                       .cluster = ticket_->cluster,
                                       .version = ticket_->version,
                                       .peer_urls = ""};
  auto link = std::make_unique<MemberLink>(
      loop_, connector_, client_, static_cast<MemberLink::Events&>(*this),
      member.id, std::move(urls), identity);
  link->set_is_paused(is_paused_);
  link->Start();
  links_[member.id] = std::move(link);
}

void Seat::set_is_paused(bool is_paused) {
  is_paused_ = is_paused;
  for (const auto& [id, link] : links_) link->set_is_paused(is_paused);
  // What was not read meanwhile is no sign of a silent leader.
  last_append_at_ = loop_.Now();
}

void Seat::OnMessage(MemberLink& link, StreamKind kind,
                     const rafthttp::codec::MessageView& view) {
  Received received;
  received.lane = kind == StreamKind::kMsgApp ? Lane::kMsgApp : Lane::kMessage;
  received.member = link.member();
  view.CopyTo(&received.message);
  received.bytes = view.encoded.empty() ? 0 : view.encoded.size();
  if (options_.wants_raw) {
    rafthttp::codec::AppendEncoded(view, &received.raw);
  }
  if (received.bytes == 0) received.bytes = received.message.ByteSizeLong();
  Take(std::move(received));
}

void Seat::Receive(Lane lane, raftpb::Message message, size_t bytes) {
  Received received;
  received.lane = lane;
  received.member = MemberId(message.from());
  if (options_.wants_raw) received.raw = message.SerializeAsString();
  received.message = std::move(message);
  received.bytes = bytes;
  Take(std::move(received));
}

void Seat::Take(Received received) {
  const MemberId member = received.member;
  if (is_needed_as_voter() && follower_) {
    const std::optional<raftpb::Message> answer =
        follower_->Step(received.message);
    const auto link = links_.find(member);
    if (answer && link != links_.end()) link->second->Answer(*answer);
    return;
  }
  if (state_ != State::kSeated || end_) return;
  step_first_ = step_end_ = 0;
  const std::optional<raftpb::Message> answer =
      follower_->Step(received.message);
  if (received.message.type() == raftpb::MsgApp) {
    last_append_at_ = loop_.Now();
    if (is_gap_open_ && follower_->start()) {
      is_gap_open_ = false;
      events_.OnGap(delivered_, follower_->start()->index);
    }
    if (step_first_ < step_end_) {
      auto* entries = received.message.mutable_entries();
      entries->DeleteSubrange(step_end_, entries->size() - step_end_);
      entries->DeleteSubrange(0, step_first_);
      held_bytes_ += EntryBytes(received.message);
      held_.push_back(std::move(received));
    }
    ReleaseHeld();
  } else if (received.message.type() == raftpb::MsgHeartbeat) {
    last_heartbeat_at_ = loop_.Now();
    ReleaseHeld();
    Deliver(std::move(received));
  }
  follower_->set_is_full(held_bytes_ >= options_.held_bytes_max);
  // The step may have brought a change that made the link superfluous.
  if (const auto found = links_.find(member); answer && found != links_.end()) {
    found->second->Answer(*answer);
  }
}

void Seat::OnLeader(MemberId leader, uint64_t term) {
  if (is_promoted_) return;
  events_.OnLeader(leader, term);
}

void Seat::OnRewind(uint64_t index, uint64_t term) {
  if (is_promoted_) return;
  DropHeldFrom(index);
  while (!changes_.empty() && changes_.back().index() >= index) {
    changes_.pop_back();
  }
  if (delivered_ && *delivered_ >= index) {
    delivered_ = index - 1;
    events_.OnRewind(index, term);
  }
}

void Seat::OnEntries(const raftpb::Message& message, int first, int end) {
  step_first_ = first;
  step_end_ = end;
  reseats_ = 0;
  for (int i = first; i < end; ++i) {
    if (message.entries(i).type() != raftpb::EntryNormal) {
      changes_.push_back(message.entries(i));
    }
  }
}

void Seat::OnSnapshot(const raftpb::Snapshot& snapshot) {
  held_.clear();
  held_bytes_ = 0;
  changes_.clear();
  voters_.clear();
  for (const uint64_t id : snapshot.metadata().conf_state().voters()) {
    if (MemberId(id) != ticket_->self) voters_.insert(MemberId(id));
  }
  delivered_ = snapshot.metadata().index();
  is_gap_open_ = false;
  events_.OnSnapshot(snapshot);
}

void Seat::OnCommit(uint64_t index) {
  if (is_promoted_) return;
  while (!changes_.empty() && changes_.front().index() <= index) {
    const raftpb::Entry change = std::move(changes_.front());
    changes_.pop_front();
    ApplyConfChange(change);
  }
}

void Seat::OnPromotion(const raftpb::Entry& entry) {
  EndInNextTurn([this, index = entry.index()] {
    state_ = State::kOver;
    is_promoted_ = true;
    if (is_needed_as_voter()) {
      follower_->AcknowledgeAsVoter();
    } else {
      LeaveCluster();
    }
    events_.OnPromoted(index);
  });
}

void Seat::OnInconsistent(uint64_t) {
  if (is_promoted_) return;
  EndInNextTurn([this] { Reseat(); });
}

void Seat::ApplyConfChange(const raftpb::Entry& entry) {
  const absl::StatusOr<raftpb::ConfChangeV2> change =
      raftpb::ConfChangeFromEntry(entry);
  if (!change.ok()) return;
  for (const raftpb::ConfChangeSingle& single : change->changes()) {
    const MemberId member(single.node_id());
    const int32_t type = raftpb::ChangeTypeNumber(single);
    if (type == raftpb::ConfChangeAddNode) {
      voters_.insert(member);
    } else if (type != raftpb::ConfChangeUpdateNode) {
      voters_.erase(member);
    }
    if (type != raftpb::ConfChangeRemoveNode) {
      Link({.id = member, .peer_urls = PeerUrlsOf(change->context())});
    } else if (member != ticket_->self) {
      links_.erase(member);
    } else {
      EndInNextTurn([this] {
        state_ = State::kOver;
        LeaveCluster();
        events_.OnRemoved();
      });
    }
  }
}

void Seat::Deliver(Received received) {
  auto* entries = received.message.mutable_entries();
  // A new seat can begin with what the one before it has delivered.
  int known = 0;
  while (known < entries->size() && delivered_ &&
         entries->Get(known).index() <= *delivered_) {
    ++known;
  }
  entries->DeleteSubrange(0, known);
  if (received.message.type() == raftpb::MsgApp && entries->empty()) return;
  if (!entries->empty()) delivered_ = entries->rbegin()->index();
  events_.OnReceived(received);
}

void Seat::ReleaseHeld() {
  while (!held_.empty()) {
    Received& front = held_.front();
    auto* entries = front.message.mutable_entries();
    int ready = entries->size();
    if (options_.committed_only) {
      ready = 0;
      while (ready < entries->size() &&
             entries->Get(ready).index() <= follower_->commit()) {
        ++ready;
      }
    }
    if (ready == 0) return;
    if (ready == entries->size()) {
      held_bytes_ -= EntryBytes(front.message);
      Received whole = std::move(front);
      held_.pop_front();
      Deliver(std::move(whole));
      continue;
    }
    // The first part now, the rest with a later commit.
    Received part = front;
    part.message.mutable_entries()->DeleteSubrange(ready,
                                                   entries->size() - ready);
    held_bytes_ -= EntryBytes(part.message);
    entries->DeleteSubrange(0, ready);
    front.message.set_index(part.message.entries().rbegin()->index());
    front.message.set_logterm(part.message.entries().rbegin()->term());
    Deliver(std::move(part));
    return;
  }
}

void Seat::DropHeldFrom(uint64_t index) {
  while (!held_.empty()) {
    auto* entries = held_.back().message.mutable_entries();
    held_bytes_ -= EntryBytes(held_.back().message);
    while (!entries->empty() && entries->rbegin()->index() >= index) {
      entries->RemoveLast();
    }
    held_bytes_ += EntryBytes(held_.back().message);
    if (!entries->empty()) return;
    held_.pop_back();
  }
}

void Seat::OnStreamOpened(MemberLink& link, StreamKind kind,
                          const StreamReader::Opened& opened) {
  events_.OnStreamOpened(link.member(), kind, opened);
}

void Seat::OnStreamClosed(MemberLink& link, StreamKind kind,
                          const StreamReader::Closed& closed) {
  if (state_ != State::kSeated || end_) return;
  events_.OnStreamClosed(link.member(), kind, closed);
  if (closed.reason == CloseReason::kMemberRemoved) {
    EndInNextTurn([this] {
      state_ = State::kOver;
      LeaveCluster();
      events_.OnRemoved();
    });
  }
}

void Seat::CheckProgress() {
  progress_timer_->Start(kProgressInterval);
  // A leader that cannot send entries sends a snapshot, where it can reach us.
  if (options_.from_start) return;
  if (state_ != State::kSeated || is_paused_ || commit_call_) return;
  const bool leader_is_there =
      loop_.Now() - last_heartbeat_at_ < kLeaderSilenceMax;
  if (!leader_is_there || loop_.Now() - last_append_at_ < options_.gap_after) {
    times_behind_ = 0;
    return;
  }
  const auto leader = links_.find(follower_->leader());
  if (leader == links_.end() || !leader->second->is_open()) return;
  commit_call_ = registrar_.AskCommit([this](absl::StatusOr<uint64_t> commit) {
    commit_call_.reset();
    OnClusterCommit(std::move(commit));
  });
}

void Seat::OnClusterCommit(absl::StatusOr<uint64_t> commit) {
  if (state_ != State::kSeated || !commit.ok()) return;
  const uint64_t last = follower_->last() ? follower_->last()->index : 0;
  const bool is_behind =
      *commit > last && loop_.Now() - last_append_at_ >= options_.gap_after;
  times_behind_ = is_behind ? times_behind_ + 1 : 0;
  if (times_behind_ >= kTimesBehindMax) Reseat();
}

void Seat::Reseat() {
  if (++reseats_ > kReseatsMax) {
    state_ = State::kOver;
    LeaveCluster();
    events_.OnFailed(absl::UnavailableError(
        absl::StrCat("the leader sends no entries, also not to ", kReseatsMax,
                     " new seats in a row")));
    return;
  }
  has_gap_ = is_gap_open_ = true;
  state_ = State::kReseating;
  LeaveCluster();
  call_ = registrar_.Leave(ticket_->self, [this](absl::Status status) {
    call_.reset();
    if (!status.ok()) {
      // Two learners of ours would be one too many for the cluster.
      state_ = State::kOver;
      events_.OnFailed(std::move(status));
      return;
    }
    ticket_.reset();
    Join();
  });
}

void Seat::LeaveCluster() {
  progress_timer_->Cancel();
  commit_call_.reset();
  links_.clear();
  follower_.reset();
  held_.clear();
  held_bytes_ = 0;
  changes_.clear();
}

void Seat::EndInNextTurn(absl::AnyInvocable<void()> end) {
  if (end_) return;
  end_ = std::move(end);
  end_timer_->Start(absl::ZeroDuration());
}

void Seat::Leave(bool keeps_member,
                 absl::AnyInvocable<void(absl::Status)> on_left) {
  CHECK(state_ != State::kLeaving);
  const bool is_joining = state_ == State::kJoining;
  state_ = State::kLeaving;
  keeps_member_ = keeps_member;
  on_left_ = std::move(on_left);
  end_timer_->Cancel();
  end_ = nullptr;
  if (!is_needed_as_voter()) LeaveCluster();
  if (is_joining) {
    registrar_.HurryJoin();
  } else {
    call_.reset();
    FinishLeaving();
  }
}

void Seat::FinishLeaving() {
  if (keeps_member_ || !ticket_) {
    // The caller expects its answer in a later turn.
    end_ = [this] { on_left_(absl::OkStatus()); };
    end_timer_->Start(absl::ZeroDuration());
    return;
  }
  call_ = registrar_.Leave(ticket_->self, [this](absl::Status status) {
    call_.reset();
    LeaveCluster();
    on_left_(std::move(status));
  });
}

}  // namespace rafthttpctl
