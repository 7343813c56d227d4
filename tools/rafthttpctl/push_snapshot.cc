#include "tools/rafthttpctl/push_snapshot.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "rafthttp/delivery/strand_pool.h"
#include "rafthttp/event/uv_connector.h"
#include "rafthttp/event/uv_loop.h"
#include "rafthttp/event/uv_signal.h"
#include "rafthttp/handshake/url_picker.h"
#include "rafthttp/http1/client.h"
#include "rafthttp/http1/url.h"
#include "rafthttp/snapshot/snapshot_sender.h"
#include "snap/posix_file_system.h"
#include "snap/snapshot_message.h"
#include "tools/rafthttpctl/byte_size.h"
#include "tools/rafthttpctl/diagnostics.h"
#include "tools/rafthttpctl/output.h"
#include "tools/rafthttpctl/peer_api.h"
#include "tools/rafthttpctl/record.h"
#include "tools/rafthttpctl/snapshot_plan.h"

namespace rafthttpctl {

using rafthttp::Answer;
using rafthttp::MemberId;
using rafthttp::SnapshotSender;
using rafthttp::http1::Response;
using rafthttp::http1::Url;
namespace snap = rafthttp::snap;

namespace {

// A bar moves smoothly; lines are for logs.
constexpr absl::Duration kBarInterval = absl::Milliseconds(200);
constexpr absl::Duration kLineInterval = absl::Seconds(1);
constexpr size_t kBarWidth = 30;

struct PushFlags {
  std::string url;
  SnapshotRequest request;
  std::string conf_state;
  std::string rate_limit;
  bool is_dry_run = false;
  bool is_sure = false;
};

// Asks the peer who it is, warns, and sends.
class Push final : private SnapshotSender::Events {
 public:
  Push(const CommonOptions& common, const PushFlags& flags, Url url,
       SnapshotPlan plan, uint64_t bytes_per_second_max)
      : common_(common),
        flags_(flags),
        url_(std::move(url)),
        plan_(std::move(plan)),
        connector_(loop_),
        client_(loop_, connector_, {.connect_timeout = common.dial_timeout}),
        pool_({.threads_max = 1}),
        urls_({url_}),
        has_bar_(isatty(STDERR_FILENO) != 0 &&
                 common.write_out == WriteOut::kText),
        progress_timer_(loop_.NewTimer([this] { ShowProgress(); })) {
    options_.connect_timeout = common.dial_timeout;
    options_.bytes_per_second_max = bytes_per_second_max;
  }

  ExitCode Run() {
    const auto signals = rafthttp::event::UvSignalWatcher::Create(
        loop_, {SIGINT, SIGTERM}, [this](int) {
          if (sender_ != nullptr && sender_->is_sending()) {
            sender_->Stop(absl::CancelledError("interrupted"));
          } else {
            loop_.Stop();
          }
        });
    const auto timeout = loop_.NewTimer([this] {
      PrintNote("--timeout is over");
      if (code_ == ExitCode::kDone) code_ = ExitCode::kUnreachable;
      if (sender_ != nullptr && sender_->is_sending()) {
        sender_->Stop(absl::DeadlineExceededError("--timeout is over"));
      } else {
        loop_.Stop();
      }
    });
    if (common_.timeout) timeout->Start(*common_.timeout);
    loop_.Post([this] { AskVersion(); });
    loop_.Run();
    call_.reset();
    sender_.reset();
    return code_;
  }

 private:
  void AskVersion() {
    options_.identity.version = rafthttp::kVersionByDefault;
    call_ = GetFromPeer(client_, url_, "/version", common_.dial_timeout,
                        [this](absl::StatusOr<Response> response) {
                          if (!response.ok()) {
                            return End(Fail(response.status()));
                          }
                          const auto told = ReadVersion(*response);
                          if (told.ok()) {
                            const auto version =
                                rafthttp::Version::Parse(told->server);
                            if (version.ok()) {
                              options_.identity.version = *version;
                            }
                          }
                          AskMembers();
                        });
  }

  void AskMembers() {
    call_ = GetFromPeer(client_, url_, "/members", common_.dial_timeout,
                        [this](absl::StatusOr<Response> response) {
                          if (!response.ok())
                            return End(Fail(response.status()));
                          OnMembers(ReadMembers(*response));
                        });
  }

  void OnMembers(const absl::StatusOr<PeerMembers>& members) {
    raftpb::Message& message = plan_.message;
    if (members.ok()) {
      options_.identity.cluster = members->cluster;
      for (const PeerMember& member : members->members) {
        for (const std::string& url : member.peer_urls) {
          if (url == url_.ToString() && message.to() == 0) {
            message.set_to(member.id.value());
          }
        }
      }
    }
    if (common_.cluster_id) options_.identity.cluster = *common_.cluster_id;
    if (options_.identity.cluster.is_zero()) {
      return End(Fail(ExitCode::kUsage,
                      absl::StrCat(url_.ToString(),
                                   " does not tell its cluster: say it by "
                                   "--cluster-id")));
    }
    if (message.to() == 0) {
      return End(Fail(
          ExitCode::kUsage,
          absl::StrCat("who is at ", url_.ToString(), "? say it by --to HEX")));
    }
    if (!plan_.has_conf_state) {
      auto& conf_state =
          *message.mutable_snapshot()->mutable_metadata()->mutable_conf_state();
      if (members.ok()) {
        for (const PeerMember& member : members->members) {
          if (member.is_learner) {
            conf_state.add_learners(member.id.value());
          } else {
            conf_state.add_voters(member.id.value());
          }
        }
      } else {
        conf_state.add_voters(message.from());
        if (message.to() != message.from()) {
          conf_state.add_voters(message.to());
        }
      }
    }
    options_.identity.self = common_.id.value_or(MemberId(message.from()));
    ShowPlan();
    if (flags_.is_dry_run) return End(ExitCode::kDone);
    if (!IsSure()) return End(ExitCode::kUsage);
    Send();
  }

  void ShowPlan() {
    const raftpb::Message& message = plan_.message;
    if (common_.write_out == WriteOut::kJson) {
      nlohmann::ordered_json event = EventRecord("snapshot_plan", absl::Now());
      event["url"] = url_.ToString();
      event["clusterId"] = options_.identity.cluster.ToHex();
      event["from"] = MemberId(message.from()).ToHex();
      event["to"] = MemberId(message.to()).ToHex();
      event["term"] = JsonNumber(message.term());
      event["snapshot"] = SnapshotJson(message.snapshot());
      event["db"] = plan_.db_path;
      event["dbBytes"] = JsonNumber(plan_.db_bytes);
      return Print(ToLine(event));
    }
    const raftpb::SnapshotMetadata& metadata = message.snapshot().metadata();
    const auto ids = [](const auto& numbers) {
      return absl::StrJoin(numbers, ",", [](std::string* out, uint64_t id) {
        out->append(MemberId(id).ToHex());
      });
    };
    std::string text = absl::StrCat(
        "POST ", url_.WithTarget("/raft/snapshot").ToString(), "\n  cluster ",
        options_.identity.cluster.ToHex(), ", from ",
        MemberId(message.from()).ToHex(), " to ",
        MemberId(message.to()).ToHex(), ", term ", message.term(),
        "\n  snapshot of index ", metadata.index(), " in term ",
        metadata.term(), ", voters ", ids(metadata.conf_state().voters()));
    if (metadata.conf_state().learners_size() > 0) {
      absl::StrAppend(&text, ", learners ",
                      ids(metadata.conf_state().learners()));
    }
    absl::StrAppend(&text, ", data of ", message.snapshot().data().size(),
                    " B\n  database ", OneLine(plan_.db_path), ", ",
                    FormatByteSize(plan_.db_bytes));
    Print(text);
  }

  bool IsSure() const {
    PrintNote(absl::StrCat(
        "BEWARE: a live member that takes this snapshot throws its own "
        "database away and restores from it"));
    if (flags_.is_sure) return true;
    if (isatty(STDIN_FILENO) == 0) {
      PrintNote("not sent: say --yes if you are sure");
      return false;
    }
    std::cerr << "Type yes to send it: " << std::flush;
    std::string answer;
    std::getline(std::cin, answer);
    if (absl::StripAsciiWhitespace(answer) == "yes") return true;
    PrintNote("not sent");
    return false;
  }

  void Send() {
    auto source = snap::FileSource::Open(files_, plan_.db_path);
    if (!source.ok())
      return End(Fail(ExitCode::kUsage, source.status().message()));
    sender_ = std::make_unique<SnapshotSender>(
        loop_, connector_, &pool_, urls_,
        static_cast<SnapshotSender::Events&>(*this), options_);
    began_at_ = absl::Now();
    const absl::Status status = sender_->Send(snap::SnapshotMessage(
        plan_.message, *std::move(source), /*on_closed=*/nullptr));
    if (!status.ok()) return End(Fail(status));
    progress_timer_->Start(has_bar_ ? kBarInterval : kLineInterval);
  }

  void ShowProgress() {
    progress_timer_->Start(has_bar_ ? kBarInterval : kLineInterval);
    const uint64_t sent = sender_->sent_bytes();
    const uint64_t total = plan_.db_bytes;
    const double seconds = absl::ToDoubleSeconds(absl::Now() - began_at_);
    const double rate = static_cast<double>(sent) / std::max(seconds, 1e-3);
    const double left = rate > 0 ? static_cast<double>(total - sent) / rate : 0;
    if (common_.write_out == WriteOut::kJson) {
      nlohmann::ordered_json event = EventRecord("progress", absl::Now());
      event["sentBytes"] = JsonNumber(sent);
      event["totalBytes"] = JsonNumber(total);
      event["bytesPerSecond"] = JsonNumber(static_cast<uint64_t>(rate));
      if (rate > 0) event["etaSeconds"] = left;
      return Print(ToLine(event));
    }
    const double part =
        total == 0 ? 1 : static_cast<double>(sent) / static_cast<double>(total);
    const std::string figures = absl::StrFormat(
        "%3.0f%%  %s of %s  %s/s  %s", part * 100, FormatByteSize(sent),
        FormatByteSize(total), FormatByteSize(static_cast<uint64_t>(rate)),
        sent == total ? "waiting for the answer"
                      : absl::StrFormat("%.0f s left", left));
    if (has_bar_) {
      const auto filled = static_cast<size_t>(part * kBarWidth);
      std::cerr << "\r[" << std::string(filled, '#')
                << std::string(kBarWidth - filled, ' ') << "] " << figures
                << "\x1b[K" << std::flush;
    } else {
      PrintNote(figures);
    }
  }

  // SnapshotSender::Events:
  void OnSnapshotSent(SnapshotSender&,
                      const SnapshotSender::Outcome& outcome) override {
    progress_timer_->Cancel();
    if (has_bar_) std::cerr << "\r\x1b[K" << std::flush;
    const double seconds = absl::ToDoubleSeconds(outcome.took);
    const double rate =
        static_cast<double>(outcome.sent_bytes) / std::max(seconds, 1e-6);
    if (common_.write_out == WriteOut::kJson) {
      nlohmann::ordered_json event = EventRecord("snapshot_sent", absl::Now());
      event["ok"] = outcome.status.ok();
      event["url"] = url_.ToString();
      event["bytes"] = JsonNumber(outcome.sent_bytes);
      event["totalBytes"] = JsonNumber(outcome.total_bytes);
      event["seconds"] = seconds;
      if (outcome.http_status != 0) event["status"] = outcome.http_status;
      if (!outcome.status.ok()) {
        event["error"] = std::string(outcome.status.message());
      }
      Print(ToLine(event));
    } else if (outcome.status.ok()) {
      Print(absl::StrFormat("%d  %s in %.2f s, %s/s", outcome.http_status,
                            FormatByteSize(outcome.sent_bytes), seconds,
                            FormatByteSize(static_cast<uint64_t>(rate))));
    }
    if (outcome.status.ok()) return End(ExitCode::kDone);
    PrintNote(absl::StrCat(outcome.status.message(), " (",
                           FormatByteSize(outcome.sent_bytes), " had gone)"));
    if (absl::IsCancelled(outcome.status)) return End(ExitCode::kDone);
    switch (outcome.answer) {
      case Answer::kClusterMismatch:
      case Answer::kMemberRemoved:
      case Answer::kToMismatch:
        return End(ExitCode::kIdentityMismatch);
      default:
        return End(outcome.http_status != 0 || absl::IsDataLoss(outcome.status)
                       ? ExitCode::kCheckFailed
                       : ExitCode::kUnreachable);
    }
  }

  void Print(absl::string_view text) {
    WriteAll(STDOUT_FILENO, absl::StrCat(text, "\n")).IgnoreError();
  }

  void End(ExitCode code) {
    if (code_ == ExitCode::kDone) code_ = code;
    loop_.Stop();
  }

  const CommonOptions& common_;
  const PushFlags& flags_;
  const Url url_;
  SnapshotPlan plan_;
  snap::PosixFileSystem files_;
  rafthttp::event::UvLoop loop_;
  rafthttp::event::UvConnector connector_;
  rafthttp::http1::Client client_;
  rafthttp::StrandPool pool_;
  rafthttp::UrlPicker urls_;
  SnapshotSender::Options options_;
  const bool has_bar_;
  const std::unique_ptr<rafthttp::event::Timer> progress_timer_;
  std::unique_ptr<rafthttp::http1::Client::Call> call_;
  std::unique_ptr<SnapshotSender> sender_;
  absl::Time began_at_;
  ExitCode code_ = ExitCode::kDone;
};

ExitCode RunPush(const CommonOptions& common, PushFlags& flags) {
  const auto url = rafthttp::http1::ParsePeerUrl(flags.url);
  if (!url.ok()) return Fail(url.status());
  if (url->scheme == Url::Scheme::kHttps) return FailForTlsPeer(flags.url);
  uint64_t rate = 0;
  if (!flags.rate_limit.empty()) {
    const auto parsed = ParseByteSize(flags.rate_limit);
    if (!parsed.ok()) {
      return Fail(ExitCode::kUsage,
                  absl::StrCat("--rate-limit ", parsed.status().message()));
    }
    rate = *parsed;
  }
  if (!flags.conf_state.empty()) {
    flags.request.conf_state.emplace();
    for (const absl::string_view text : absl::StrSplit(flags.conf_state, ',')) {
      const auto id = MemberId::FromHex(text);
      if (!id.ok() || id->is_zero()) {
        return Fail(ExitCode::kUsage,
                    absl::StrCat("--conf-state \"", flags.conf_state,
                                 "\": want member IDs, HEX,HEX,..."));
      }
      flags.request.conf_state->push_back(*id);
    }
  }
  snap::PosixFileSystem files;
  auto plan = PlanSnapshot(files, flags.request);
  if (!plan.ok()) return Fail(ExitCode::kUsage, plan.status().message());
  return Push(common, flags, *url, *std::move(plan), rate).Run();
}

}  // namespace

void AddPushSnapshot(CLI::App& app, const CommonOptions& common, RunVerb& run) {
  CLI::App* verb = app.add_subcommand(
      "push-snapshot", "send a snapshot file to a member, as a leader would");
  verb->fallthrough();
  auto flags = std::make_shared<PushFlags>();
  verb->add_option("URL", flags->url, "a member's peer URL")->required();
  verb->add_option("FILE", flags->request.file,
                   "a .snap, a .snap.db, or any file as the database")
      ->required();
  verb->add_option("--db", flags->request.db_file,
                   "a .snap's database (default: beside it, of its index)")
      ->type_name("FILE");
  AddIdFlag(*verb, "--from", flags->request.from, "the sender: the leader");
  AddIdFlag(*verb, "--to", flags->request.to,
            "the receiver (default: the member at URL)");
  verb->add_option("--term", flags->request.term,
                   "of the snapshot (a .snap tells it)");
  verb->add_option("--index", flags->request.index,
                   "of the snapshot (a .snap, and the name of a .snap.db, "
                   "tell it)");
  verb->add_option("--conf-state", flags->conf_state,
                   "the voters (default: as /members has them, else --from "
                   "and --to)")
      ->type_name("HEX,...");
  verb->add_option("--rate-limit", flags->rate_limit, "a second, such as 50MiB")
      ->type_name("SIZE");
  verb->add_flag("--dry-run", flags->is_dry_run, "say what would be sent");
  verb->add_flag("-y,--yes", flags->is_sure, "do not ask");
  verb->footer(
      "Examples:\n"
      "  rafthttpctl push-snapshot http://10.0.0.2:2380 "
      "00000000000015ec.snap.db --from abc --term 2 --dry-run\n"
      "  rafthttpctl push-snapshot http://10.0.0.2:2380 "
      "0000000000000002-00000000000015ec.snap --from abc --yes\n"
      "\n"
      "A live member that takes it throws its own database away and restores "
      "from it.\n"
      "Exit codes: 0 taken, 1 refused, 2 usage, 3 unreachable or stalled, 5 "
      "another cluster.\n"
      "Common flags: rafthttpctl --help");
  verb->callback([&common, &run, flags] {
    run = [&common, flags] { return RunPush(common, *flags); };
  });
}

}  // namespace rafthttpctl
