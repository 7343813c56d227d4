#include "tools/rafthttpctl/learner_tail.h"

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tools/rafthttpctl/diagnostics.h"
#include "tools/rafthttpctl/record.h"

namespace rafthttpctl {

using rafthttp::MemberId;
using rafthttp::StreamKind;
using rafthttp::StreamReader;

LearnerTail::LearnerTail(TailSession& session, EtcdClient& client,
                         Options options)
    : session_(session),
      options_(std::move(options)),
      connector_(session.loop()),
      client_(client),
      end_timer_(session.loop().NewTimer([this] {
        if (on_end_) std::exchange(on_end_, nullptr)(end_code_);
      })) {}

LearnerTail::~LearnerTail() {
  // What it writes goes first.
  server_.reset();
  if (!is_folder_ours_) return;
  std::error_code error;
  std::filesystem::remove_all(folder_, error);
  if (error) PrintNote(absl::StrCat(folder_, " stays: ", error.message()));
}

absl::StatusOr<std::string> LearnerTail::Listen() {
  std::error_code error;
  folder_ = options_.folder;
  if (folder_.empty()) {
    std::string pattern =
        std::filesystem::temp_directory_path(error) / "rafthttpctl-tail.XXXXXX";
    if (error || mkdtemp(pattern.data()) == nullptr) {
      return absl::UnavailableError(
          absl::StrCat("no temporary folder ", pattern));
    }
    folder_ = pattern;
    is_folder_ours_ = true;
  } else {
    std::filesystem::create_directories(folder_, error);
    if (error) {
      return absl::InvalidArgumentError(
          absl::StrCat("--dir ", folder_, ": ", error.message()));
    }
  }
  snapshotter_.emplace(files_, folder_);
  if (absl::Status status = snapshotter_->CleanUp(); !status.ok()) {
    return status;
  }
  server_.emplace(session_.loop(), *snapshotter_,
                  static_cast<SeatServer::Events&>(*this));
  return server_->Listen(*options_.listen_url);
}

void LearnerTail::Start(absl::AnyInvocable<void(ExitCode)> on_end) {
  on_end_ = std::move(on_end);
  EtcdRegistrar::Options registrar = options_.registrar;
  if (options_.seat.from_start) {
    absl::StatusOr<std::string> url = Listen();
    if (!url.ok()) {
      listen_status_ = url.status();
    } else {
      own_url_ =
          options_.advertised_url.empty() ? *url : options_.advertised_url;
      registrar.peer_url = own_url_;
    }
  }
  registrar_.emplace(session_.loop(), client_, std::move(registrar));
  seat_.emplace(session_.loop(), connector_, *registrar_,
                static_cast<Seat::Events&>(*this), options_.seat);
  if (!listen_status_.ok()) return OnFailed(listen_status_);
  if (!options_.id) {
    seat_->Start(std::nullopt);
    return;
  }
  take_up_ =
      registrar_->TakeUp(*options_.id, [this](absl::StatusOr<Ticket> ticket) {
        take_up_.reset();
        if (ticket.ok()) {
          seat_->Start(*std::move(ticket));
        } else {
          OnFailed(ticket.status());
        }
      });
}

void LearnerTail::Stop(absl::AnyInvocable<void(ExitCode)> on_stopped) {
  take_up_.reset();
  on_end_ = nullptr;
  end_timer_->Cancel();
  seat_->Leave(
      (options_.keeps_member && !is_promoted_) || is_removed_,
      [this, on_stopped = std::move(on_stopped)](absl::Status status) mutable {
        ExitCode code = end_code_;
        if (!status.ok()) {
          code = Fail(status);
        } else if (options_.keeps_member && seat_->self()) {
          PrintNote(absl::StrCat("learner ", seat_->self()->ToHex(),
                                 " stays on the member list; take it up again "
                                 "by --id ",
                                 seat_->self()->ToHex()));
        }
        if (code == ExitCode::kDone && seat_->has_gap()) {
          code = ExitCode::kCheckFailed;
        }
        on_stopped(code);
      });
}

void LearnerTail::set_is_paused(bool is_paused) {
  seat_->set_is_paused(is_paused);
}

ExitCode LearnerTail::PatienceLost() const {
  return was_seated_ ? ExitCode::kDone : ExitCode::kUnreachable;
}

void LearnerTail::OnSeated(const Ticket& ticket) {
  was_seated_ = true;
  if (server_) server_->Seated(ticket, own_url_);
  if (options_.is_quiet) return;
  if (server_) {
    PrintNote(absl::StrCat("following cluster ", ticket.cluster.ToHex(),
                           " from its start, as learner ", ticket.self.ToHex(),
                           " at ", own_url_));
    return;
  }
  PrintNote(absl::StrCat(
      "following cluster ", ticket.cluster.ToHex(), " of ",
      ticket.members.size(),
      ticket.members.size() == 1 ? " member as learner "
                                 : " members as learner ",
      ticket.self.ToHex(),
      "; until it leaves, the leader warns every 4 s that it does not answer "
      "/version, and the cluster version cannot rise"));
}

void LearnerTail::OnReceived(const Seat::Received& received) {
  RecordInput input;
  input.time = absl::Now();
  input.source = "learner";
  input.stream = std::string(LaneName(received.lane));
  input.bytes = received.bytes;
  input.raw = received.raw;
  input.message = &received.message;
  session_.printer().PrintMessage(input);
  session_.AfterRecord();
}

void LearnerTail::OnLeader(MemberId leader, uint64_t term) {
  nlohmann::ordered_json event = EventRecord("leader_changed", absl::Now());
  event["leader"] = leader.ToHex();
  event["term"] = JsonNumber(term);
  session_.printer().PrintEvent(event);
  if (on_following_) std::exchange(on_following_, nullptr)();
}

void LearnerTail::OnRewind(uint64_t index, uint64_t term) {
  nlohmann::ordered_json event = EventRecord("rewind", absl::Now());
  event["index"] = JsonNumber(index);
  event["term"] = JsonNumber(term);
  event["reason"] = "new_leader";
  session_.printer().PrintEvent(event);
}

void LearnerTail::OnGap(std::optional<uint64_t> after, uint64_t until) {
  nlohmann::ordered_json event = EventRecord("gap", absl::Now());
  event["reason"] = "compacted";
  if (after) event["after"] = JsonNumber(*after);
  event["until"] = JsonNumber(until);
  session_.printer().PrintEvent(event);
}

void LearnerTail::OnSnapshot(const raftpb::Snapshot& snapshot) {
  const uint64_t index = snapshot.metadata().index();
  nlohmann::ordered_json event = EventRecord("snapshot_received", absl::Now());
  event["index"] = JsonNumber(index);
  event["term"] = JsonNumber(snapshot.metadata().term());
  event["confState"] = SnapshotJson(snapshot)["confState"];
  if (const auto path = snapshotter_->DbFilePath(index); path.ok()) {
    std::error_code error;
    const uint64_t bytes = std::filesystem::file_size(*path, error);
    if (!error) event["bytes"] = JsonNumber(bytes);
    if (!is_folder_ours_) event["path"] = *path;
  }
  session_.printer().PrintEvent(event);
}

void LearnerTail::OnPosted(rafthttp::Lane lane, raftpb::Message message,
                           size_t bytes) {
  if (seat_) seat_->Receive(lane, std::move(message), bytes);
}

void LearnerTail::OnSnapshotFailed(
    const rafthttp::SnapshotHandler::Received& received) {
  PrintNote(absl::StrCat("a snapshot from ", received.from.ToHex(),
                         " failed after ", received.database_bytes,
                         " bytes: ", received.status.message()));
}

void LearnerTail::OnStreamOpened(MemberId member, StreamKind kind,
                                 const StreamReader::Opened& opened) {
  session_.printer().PrintEvent(streams_.Opened(member, kind, opened));
}

void LearnerTail::OnStreamClosed(MemberId member, StreamKind kind,
                                 const StreamReader::Closed& closed) {
  if (const auto event = streams_.Closed(member, kind, closed)) {
    session_.printer().PrintEvent(*event);
  }
}

void LearnerTail::OnPromoted(uint64_t index) {
  is_promoted_ = true;
  PrintNote(absl::StrCat(
      "STOPPING: entry ", index,
      " makes this learner a voter, which it must not be: nothing more is "
      "shown, and the member is being removed. Do not promote a tail."));
  End(ExitCode::kCheckFailed);
}

void LearnerTail::OnRemoved() {
  is_removed_ = true;
  PrintNote("somebody removed this learner from the cluster");
  End(ExitCode::kIdentityMismatch);
}

void LearnerTail::OnFailed(absl::Status status) { End(Fail(status)); }

void LearnerTail::End(ExitCode code) {
  end_code_ = code;
  end_timer_->Start(absl::ZeroDuration());
}

}  // namespace rafthttpctl
