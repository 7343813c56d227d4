#include "tools/rafthttpctl/raft_demo.h"

#include <stdlib.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "rafthttp/base/drop_reason.h"
#include "raftpb/message_type.h"
#include "tools/rafthttpctl/diagnostics.h"
#include "tools/rafthttpctl/record.h"

namespace rafthttpctl {
namespace {

using libraft_bridge::Node;
using libraft_bridge::PutStore;
using rafthttp::ClusterId;
using rafthttp::LedgerReport;
using rafthttp::MemberId;

// raftexample's.
constexpr ClusterId kCluster(0x1000);

// Short, so that a few seconds have room for an election or two.
constexpr absl::Duration kElectionTimeout = absl::Milliseconds(500);
constexpr absl::Duration kHeartbeatInterval = absl::Milliseconds(50);

// When the leader dies and comes back, in parts of the duration.
constexpr double kKillAt = 0.4;
constexpr double kRestartAt = 0.7;

// What the members may take to agree once nothing is written any more.
constexpr absl::Duration kSettleTimeout = absl::Seconds(10);
constexpr absl::Duration kSettleInterval = absl::Milliseconds(20);

}  // namespace

RaftDemo::RaftDemo(TailSession& session, Options options)
    : session_(session),
      options_(std::move(options)),
      members_(options_.members),
      write_timer_(session.loop().NewTimer([this] { WriteNext(); })),
      kill_timer_(session.loop().NewTimer([this] { Kill(); })),
      restart_timer_(session.loop().NewTimer([this] { Restart(); })),
      settle_timer_(session.loop().NewTimer([this] { Settle(); })),
      end_timer_(session.loop().NewTimer([this] {
        if (on_end_) std::exchange(on_end_, nullptr)(end_code_);
      })) {}

RaftDemo::~RaftDemo() {
  if (folder_.empty()) return;
  std::error_code error;
  std::filesystem::remove_all(folder_, error);
  if (error) {
    PrintNote(absl::StrCat(folder_, " stays: ", error.message()));
  }
}

void RaftDemo::Start(absl::AnyInvocable<void(ExitCode)> on_end) {
  on_end_ = std::move(on_end);
  PrintNote(absl::StrCat("starting a raft cluster of ", members_.size(),
                         " members in this process, on loopback"));
  const absl::Status status = StartMembers();
  if (!status.ok()) End(Fail(status));
}

absl::Status RaftDemo::StartMembers() {
  std::error_code error;
  std::string pattern =
      std::filesystem::temp_directory_path(error) / "rafthttpctl-demo.XXXXXX";
  if (error || mkdtemp(pattern.data()) == nullptr) {
    return absl::UnavailableError(
        absl::StrCat("no temporary folder ", pattern));
  }
  folder_ = pattern;
  for (size_t place = 0; place < members_.size(); ++place) {
    Member& member = members_[place];
    member.folder = absl::StrCat(folder_, "/", place + 1);
    std::filesystem::create_directory(member.folder, error);
    if (error) return absl::UnavailableError(error.message());
    const absl::Status status = Create(place);
    if (!status.ok()) return status;
    servers_.push_back({.id = place + 1, .address = member.node->url()});
  }
  for (Member& member : members_) {
    const absl::Status status = member.node->Start(servers_);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status RaftDemo::Create(size_t place) {
  Member& member = members_[place];
  // What it held is in its folder.
  member.store = PutStore();
  Node::Options options;
  options.id = MemberId(place + 1);
  options.cluster_id = kCluster;
  options.folder = member.folder;
  options.state_machine = &member.store;
  options.observer = this;
  options.election_timeout = kElectionTimeout;
  options.heartbeat_interval = kHeartbeatInterval;
  auto node = Node::Create(*session_.loop().uv(), std::move(options));
  if (!node.ok()) return node.status();
  member.node = *std::move(node);
  return absl::OkStatus();
}

RaftDemo::Member* RaftDemo::Leader() {
  for (Member& member : members_) {
    if (member.node != nullptr && !member.is_stopping &&
        member.node->is_leader()) {
      return &member;
    }
  }
  return nullptr;
}

void RaftDemo::OnLeader(Node&, MemberId leader, uint64_t term) {
  // Each member hears of it; it is the same one.
  if (is_stopping_ || leader.is_zero() || term <= term_) return;
  term_ = term;
  nlohmann::ordered_json event = EventRecord("leader_changed", absl::Now());
  event["leader"] = leader.ToHex();
  event["term"] = JsonNumber(term);
  session_.printer().PrintEvent(event);
  if (++elections_ > 1) return;
  write_timer_->Start(absl::ZeroDuration());
  kill_timer_->Start(options_.duration * kKillAt);
  settle_timer_->Start(options_.duration);
}

void RaftDemo::WriteNext() {
  write_timer_->Start(absl::Seconds(1) / options_.writes_per_second);
  Member* const leader = Leader();
  // During an election nobody takes writes.
  if (leader == nullptr || is_paused_) return;
  ++writes_;
  ++pending_;
  leader->node->Propose(
      PutStore::PutCommand(writes_, absl::StrCat("demo/key", writes_ % 5),
                           absl::StrCat("hello, raft ", writes_)),
      [this](absl::Status status) {
        --pending_;
        if (status.ok()) {
          ++written_;
        } else if (!is_stopping_) {
          PrintNote(absl::StrCat("a write is lost: ", status.message()));
        }
      });
}

void RaftDemo::Kill() {
  killed_ = Leader();
  // An election is on; any member will do.
  if (killed_ == nullptr) killed_ = &members_.front();
  nlohmann::ordered_json event = EventRecord("member_stopped", absl::Now());
  event["reason"] = "killed";
  event["member"] = killed_->node->id().ToHex();
  session_.printer().PrintEvent(event);
  StopMember(*killed_, [this] {
    if (is_stopping_) return FinishStop();
    restart_timer_->Start(options_.duration * (kRestartAt - kKillAt));
  });
}

void RaftDemo::Restart() {
  const size_t place = static_cast<size_t>(killed_ - members_.data());
  Member& member = *std::exchange(killed_, nullptr);
  absl::Status status = Create(place);
  if (status.ok()) status = member.node->Start(servers_);
  if (!status.ok()) return End(Fail(status));
  nlohmann::ordered_json event = EventRecord("member_started", absl::Now());
  event["reason"] = "restarted";
  event["member"] = member.node->id().ToHex();
  event["url"] = member.node->url();
  session_.printer().PrintEvent(event);
  // It took another port.
  for (Member& other : members_) {
    if (&other == &member || other.node == nullptr) continue;
    status = other.node->transport().UpdatePeer(member.node->id(),
                                                {member.node->url()});
    if (!status.ok()) return End(Fail(status));
  }
}

void RaftDemo::StopMember(Member& member,
                          absl::AnyInvocable<void()> on_stopped) {
  member.is_stopping = true;
  member.node->Stop(
      [this, &member, on_stopped = std::move(on_stopped)]() mutable {
        member.node->transport().ReadLedger(
            [this](LedgerReport report) { ledger_.Add(report); });
        member.node.reset();
        member.is_stopping = false;
        on_stopped();
      });
}

bool RaftDemo::AllAreEqual() const {
  return std::all_of(members_.begin(), members_.end(),
                     [this](const Member& member) {
                       return member.node != nullptr && !member.is_stopping &&
                              member.store == members_.front().store;
                     });
}

void RaftDemo::Settle() {
  if (write_timer_->is_armed()) {
    write_timer_->Cancel();
    settle_until_ = session_.loop().Now() + kSettleTimeout;
  }
  if (pending_ == 0 && AllAreEqual() &&
      members_.front().store.puts() >= written_) {
    return End(ExitCode::kDone);
  }
  if (session_.loop().Now() >= settle_until_) {
    return End(Fail(ExitCode::kCheckFailed,
                    "the members do not hold the same at the end"));
  }
  settle_timer_->Start(kSettleInterval);
}

void RaftDemo::End(ExitCode code) {
  end_code_ = code;
  end_timer_->Start(absl::ZeroDuration());
}

void RaftDemo::Stop(absl::AnyInvocable<void(ExitCode)> on_stopped) {
  is_stopping_ = true;
  on_end_ = nullptr;
  on_stopped_ = std::move(on_stopped);
  for (const auto& timer :
       {write_timer_.get(), kill_timer_.get(), restart_timer_.get(),
        settle_timer_.get(), end_timer_.get()}) {
    timer->Cancel();
  }
  for (Member& member : members_) {
    if (member.node == nullptr || member.is_stopping) continue;
    StopMember(member, [this] { FinishStop(); });
  }
  // In a later turn, if nothing is to be stopped.
  session_.loop().Post([this] { FinishStop(); });
}

void RaftDemo::FinishStop() {
  const bool is_stopped =
      std::all_of(members_.begin(), members_.end(),
                  [](const Member& member) { return member.node == nullptr; });
  if (!is_stopped || !on_stopped_) return;
  uint64_t dropped = 0;
  for (const LedgerReport::Line& line : ledger_.lines) {
    dropped += line.dropped_in_all();
  }
  const auto unexplained =
      static_cast<int64_t>(sent_ - ledger_.written - dropped - ledger_.queued);
  if (elections_ > 0) PrintSummary(unexplained);
  if (unexplained != 0 || !ledger_.is_balanced()) {
    end_code_ = Fail(
        ExitCode::kCheckFailed,
        absl::StrCat("messages are not accounted for: ", ledger_.ToString()));
  }
  std::exchange(on_stopped_, nullptr)(end_code_);
}

void RaftDemo::PrintSummary(int64_t unexplained) {
  nlohmann::ordered_json event = EventRecord("cluster_summary", absl::Now());
  event["elections"] = JsonNumber(elections_);
  event["puts"] = JsonNumber(written_);
  event["sent"] = JsonNumber(sent_);
  event["bytes"] = JsonNumber(sent_bytes_);
  event["byType"] = nlohmann::ordered_json::object();
  for (const auto& [type, messages] : sent_by_type_) {
    event["byType"][type] = JsonNumber(messages);
  }
  event["written"] = JsonNumber(ledger_.written);
  event["dropped"] = nlohmann::ordered_json::object();
  std::array<uint64_t, rafthttp::kDropReasons> by_reason = {};
  for (const LedgerReport::Line& line : ledger_.lines) {
    for (size_t reason = 0; reason < by_reason.size(); ++reason) {
      by_reason[reason] += line.dropped[reason];
    }
  }
  for (size_t reason = 0; reason < by_reason.size(); ++reason) {
    if (by_reason[reason] == 0) continue;
    const auto name = DropReasonName(static_cast<rafthttp::DropReason>(reason));
    event["dropped"][std::string(name)] = JsonNumber(by_reason[reason]);
  }
  event["unexplained"] = unexplained;
  session_.printer().PrintEvent(event);
}

ExitCode RaftDemo::PatienceLost() const {
  return elections_ > 0 ? ExitCode::kDone : ExitCode::kUnreachable;
}

void RaftDemo::OnSend(Node&, const raftpb::Message& message) {
  ++sent_;
  sent_bytes_ += message.ByteSizeLong();
  ++sent_by_type_[raftpb::MessageTypeName(raftpb::TypeNumber(message))];
}

void RaftDemo::OnReceive(Node&, const raftpb::Message& message) {
  const bool is_heartbeat = IsHeartbeat(message);
  if (is_stopping_ || session_.is_done()) return;
  if (is_heartbeat && options_.no_heartbeats) return;
  RecordInput input;
  input.time = absl::Now();
  input.source = "transport";
  input.bytes = message.ByteSizeLong();
  const std::string raw = message.SerializeAsString();
  input.raw = raw;
  input.message = &message;
  session_.printer().PrintMessage(input);
  session_.AfterRecord();
}

// libraft's is an append without entries, and its answer one with nothing new.
bool RaftDemo::IsHeartbeat(const raftpb::Message& message) {
  if (message.type() == raftpb::MsgApp) return message.entries().empty();
  if (message.type() != raftpb::MsgAppResp || message.reject()) return false;
  // Somebody else's is no answer at all.
  if (message.from() == 0 || message.from() > members_.size()) return false;
  Member& member = members_[message.from() - 1];
  return std::exchange(member.acknowledged, message.index()) == message.index();
}

}  // namespace rafthttpctl
