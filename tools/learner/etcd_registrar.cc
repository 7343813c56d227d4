#include "tools/learner/etcd_registrar.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "rafthttp/handshake/version.h"

namespace rafthttpctl {

using rafthttp::ClusterId;
using rafthttp::MemberId;
using rafthttp::Version;

namespace {

constexpr absl::Duration kRetryInterval = absl::Milliseconds(300);

class RegistrarCall final : public Registrar::Call {
 public:
  explicit RegistrarCall(std::unique_ptr<Worker::Handle> handle)
      : handle_(std::move(handle)) {}

 private:
  const std::unique_ptr<Worker::Handle> handle_;
};

ClusterMember MemberOf(const etcdserverpb::Member& member) {
  ClusterMember result;
  result.id = MemberId(member.id());
  result.name = member.name();
  result.is_learner = member.islearner();
  result.peer_urls.assign(member.peerurls().begin(), member.peerurls().end());
  return result;
}

bool HasSeatUrl(const etcdserverpb::Member& member) {
  return std::any_of(member.peerurls().begin(), member.peerurls().end(),
                     [](const std::string& url) { return IsSeatUrl(url); });
}

bool ListsUrl(
    const google::protobuf::RepeatedPtrField<etcdserverpb::Member>& members,
    const std::string& peer_url) {
  return std::any_of(members.begin(), members.end(),
                     [&peer_url](const etcdserverpb::Member& member) {
                       return std::find(member.peerurls().begin(),
                                        member.peerurls().end(),
                                        peer_url) != member.peerurls().end();
                     });
}

// The members that a seat listens to. Fails if it could not dial them.
absl::StatusOr<Ticket> TicketOf(
    MemberId self, const etcdserverpb::ResponseHeader& header,
    const google::protobuf::RepeatedPtrField<etcdserverpb::Member>& members,
    const std::string& version) {
  Ticket ticket;
  ticket.self = self;
  ticket.cluster = ClusterId(header.cluster_id());
  // A member that tells no proper version is none whose version to claim.
  ticket.version =
      Version::Parse(version).value_or(rafthttp::kVersionByDefault);
  for (const etcdserverpb::Member& member : members) {
    if (MemberId(member.id()) == self) continue;
    ticket.members.push_back(MemberOf(member));
  }
  return ticket;
}

}  // namespace

bool IsSeatUrl(absl::string_view peer_url) {
  if (!absl::ConsumePrefix(&peer_url, "http://")) {
    if (!absl::ConsumePrefix(&peer_url, "https://")) return false;
  }
  if (!absl::ConsumePrefix(&peer_url, "127.114.")) return false;
  if (!absl::ConsumeSuffix(&peer_url, ":1")) return false;
  const std::vector<absl::string_view> parts = absl::StrSplit(peer_url, '.');
  if (parts.size() != 2) return false;
  for (absl::string_view part : parts) {
    uint32_t number = 0;
    if (part.size() > 3 || !absl::SimpleAtoi(part, &number) || number > 255) {
      return false;
    }
  }
  return true;
}

EtcdRegistrar::EtcdRegistrar(rafthttp::event::EventLoop& loop,
                             EtcdClient& client, Options options)
    : client_(client), options_(options), worker_(loop) {}

EtcdRegistrar::~EtcdRegistrar() {
  is_hurried_ = true;
  client_.Cancel();
}

std::unique_ptr<Registrar::Call> EtcdRegistrar::Join(
    absl::AnyInvocable<void(absl::StatusOr<Ticket>)> on_joined) {
  is_hurried_ = false;
  return std::make_unique<RegistrarCall>(worker_.Run<absl::StatusOr<Ticket>>(
      [this] { return JoinNow(); }, std::move(on_joined)));
}

void EtcdRegistrar::HurryJoin() { is_hurried_ = true; }

std::unique_ptr<Registrar::Call> EtcdRegistrar::TakeUp(
    MemberId self, absl::AnyInvocable<void(absl::StatusOr<Ticket>)> on_taken) {
  return std::make_unique<RegistrarCall>(worker_.Run<absl::StatusOr<Ticket>>(
      [this, self] { return TakeUpNow(self); }, std::move(on_taken)));
}

std::unique_ptr<Registrar::Call> EtcdRegistrar::Leave(
    MemberId self, absl::AnyInvocable<void(absl::Status)> on_left) {
  return std::make_unique<RegistrarCall>(worker_.Run<absl::Status>(
      [this, self] { return LeaveNow(self); }, std::move(on_left)));
}

std::unique_ptr<Registrar::Call> EtcdRegistrar::AskCommit(
    absl::AnyInvocable<void(absl::StatusOr<uint64_t>)> on_commit) {
  return std::make_unique<RegistrarCall>(worker_.Run<absl::StatusOr<uint64_t>>(
      [this]() -> absl::StatusOr<uint64_t> {
        const auto status = client_.Status();
        if (!status.ok()) return status.status();
        return status->raftindex();
      },
      std::move(on_commit)));
}

bool EtcdRegistrar::Pause(absl::Duration duration) {
  if (is_hurried_) return false;
  std::this_thread::sleep_for(absl::ToChronoNanoseconds(duration));
  return !is_hurried_;
}

absl::StatusOr<Ticket> EtcdRegistrar::JoinNow() {
  const absl::Time deadline = absl::Now() + options_.join_timeout;
  absl::Status refusal;
  do {
    const auto before = client_.MemberList();
    if (!before.ok()) {
      refusal = before.status();
      if (absl::IsUnavailable(refusal) || absl::IsDeadlineExceeded(refusal)) {
        continue;
      }
      return refusal;
    }
    bool is_https = false;
    for (const etcdserverpb::Member& member : before->members()) {
      if (options_.replaces && member.islearner() && HasSeatUrl(member)) {
        const absl::Status removed = RemoveLeftover(member);
        if (!removed.ok()) return removed;
      }
      for (const std::string& url : member.peerurls()) {
        is_https = is_https || absl::StartsWith(url, "https://");
      }
    }
    if (is_https) {
      return absl::UnauthenticatedError(
          "the cluster's peer URLs are https, and this build speaks no TLS to "
          "peers");
    }
    const std::string peer_url =
        !options_.peer_url.empty()
            ? options_.peer_url
            : absl::StrCat("http://127.114.", random_() % 256, ".",
                           random_() % 256, ":1");
    absl::StatusOr<Ticket> ticket = TryJoin(peer_url);
    if (ticket.ok()) return ticket;
    refusal = ticket.status();
    switch (EtcdErrorOf(refusal)) {
      case EtcdError::kUnhealthyCluster:
        continue;
      case EtcdError::kMemberIdExists:
      case EtcdError::kPeerUrlsExist:
        // Somebody else's, or ours: the endpoint asked first can have added it
        // and gone before it answered, and the next one refuses it then.
        if (!ListsUrl(before->members(), peer_url)) UndoJoin(peer_url);
        continue;
      case EtcdError::kTooManyLearners:
        for (const etcdserverpb::Member& member : before->members()) {
          if (!member.islearner() || !HasSeatUrl(member)) continue;
          return absl::FailedPreconditionError(absl::StrCat(
              "learner ", MemberId(member.id()).ToHex(), " (",
              member.peerurls(0),
              ") was left behind by an earlier run, and the cluster takes no "
              "further one: remove it with --replace, or take it up with --id ",
              MemberId(member.id()).ToHex()));
        }
        return refusal;
      case EtcdError::kNone:
        // Whether it was added is not known.
        UndoJoin(peer_url);
        if (absl::IsUnavailable(refusal) || absl::IsDeadlineExceeded(refusal)) {
          continue;
        }
        return refusal;
      default:
        return refusal;
    }
  } while (absl::Now() < deadline && Pause(kRetryInterval));
  if (is_hurried_) return absl::CancelledError("cancelled");
  if (EtcdErrorOf(refusal) == EtcdError::kUnhealthyCluster) {
    return ExplainUnhealthy(refusal);
  }
  return refusal;
}

absl::StatusOr<Ticket> EtcdRegistrar::TryJoin(const std::string& peer_url) {
  const auto status = client_.Status();
  if (!status.ok()) return status.status();
  const auto added = client_.MemberAddLearner(peer_url);
  if (!added.ok()) return added.status();
  return TicketOf(MemberId(added->member().id()), added->header(),
                  added->members(), status->version());
}

void EtcdRegistrar::UndoJoin(const std::string& peer_url) {
  const auto list = client_.MemberList();
  if (!list.ok()) return;
  for (const etcdserverpb::Member& member : list->members()) {
    if (member.peerurls_size() == 1 && member.peerurls(0) == peer_url) {
      client_.MemberRemove(MemberId(member.id())).IgnoreError();
    }
  }
}

absl::Status EtcdRegistrar::RemoveLeftover(const etcdserverpb::Member& member) {
  return LeaveNow(MemberId(member.id()));
}

absl::Status EtcdRegistrar::ExplainUnhealthy(const absl::Status& refusal) {
  // The voter that is down is among those that do not answer us either.
  const auto list = client_.MemberList();
  if (list.ok()) {
    for (const etcdserverpb::Member& member : list->members()) {
      if (member.islearner() || member.peerurls().empty()) continue;
      bool answers = false;
      EtcdClientOptions options = client_.options();
      options.endpoints.assign(member.clienturls().begin(),
                               member.clienturls().end());
      options.call_timeout = absl::Seconds(1);
      if (!options.endpoints.empty()) {
        const auto probe = EtcdClient::Create(options);
        answers = probe.ok() && (*probe)->Status().ok();
      }
      if (answers) continue;
      std::string other = "URL";
      for (const etcdserverpb::Member& up : list->members()) {
        if (up.id() != member.id() && !up.peerurls().empty()) {
          other = up.peerurls(0);
          break;
        }
      }
      return absl::FailedPreconditionError(absl::StrCat(
          "the cluster takes no learner while a voter is down: ", member.name(),
          " (", MemberId(member.id()).ToHex(), ", ", member.peerurls(0),
          "); what others send to it can be seen by: tail --stream ", other,
          " --id ", MemberId(member.id()).ToHex()));
    }
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "the cluster takes no learner until its voters have been connected for "
      "5 s (",
      refusal.message(), ")"));
}

absl::StatusOr<Ticket> EtcdRegistrar::TakeUpNow(MemberId self) {
  const auto status = client_.Status();
  if (!status.ok()) return status.status();
  const auto list = client_.MemberList();
  if (!list.ok()) return list.status();
  for (const etcdserverpb::Member& member : list->members()) {
    if (MemberId(member.id()) != self) continue;
    if (!member.islearner()) {
      return absl::FailedPreconditionError(absl::StrCat(
          "member ", self.ToHex(), " is a voter: its seat cannot be taken"));
    }
    return TicketOf(self, list->header(), list->members(), status->version());
  }
  return absl::NotFoundError(
      absl::StrCat("the cluster has no member ", self.ToHex()));
}

absl::Status EtcdRegistrar::LeaveNow(MemberId self) {
  const absl::Time deadline = absl::Now() + options_.leave_timeout;
  absl::Status status;
  do {
    status = client_.MemberRemove(self).status();
    if (status.ok()) return status;
    if (EtcdErrorOf(status) == EtcdError::kMemberNotFound) {
      return absl::OkStatus();
    }
    // A member that was added a moment ago can be unknown to the one we ask.
    const bool is_worth_retrying =
        absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
    if (!is_worth_retrying) break;
    std::this_thread::sleep_for(absl::ToChronoNanoseconds(kRetryInterval));
  } while (absl::Now() < deadline);
  return absl::Status(
      status.code(),
      absl::StrCat("learner ", self.ToHex(),
                   " is still on the member list: ", status.message(),
                   "; remove it by: etcdctl member remove ", self.ToHex()));
}

}  // namespace rafthttpctl
