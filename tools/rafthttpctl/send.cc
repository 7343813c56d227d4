#include "tools/rafthttpctl/send.h"

#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "rafthttp/event/uv_connector.h"
#include "rafthttp/event/uv_loop.h"
#include "rafthttp/event/uv_signal.h"
#include "rafthttp/handshake/answer.h"
#include "rafthttp/handshake/identity.h"
#include "rafthttp/http1/client.h"
#include "rafthttp/http1/url.h"
#include "raftpb/message_type.h"
#include "tools/etcdpb/terminal_text.h"
#include "tools/rafthttpctl/diagnostics.h"
#include "tools/rafthttpctl/line_reader.h"
#include "tools/rafthttpctl/message_json.h"
#include "tools/rafthttpctl/output.h"
#include "tools/rafthttpctl/peer_api.h"
#include "tools/rafthttpctl/record.h"

namespace rafthttpctl {

using rafthttp::Answer;
using rafthttp::MemberId;
using rafthttp::http1::Response;

namespace {

struct SendFlags {
  std::string url;
  std::string type = "MsgHeartbeat";
  std::optional<MemberId> from;
  std::optional<MemberId> to;
  uint64_t term = 0;
  uint64_t index = 0;
  uint64_t log_term = 0;
  uint64_t commit = 0;
  uint64_t reject_hint = 0;
  bool is_reject = false;
  std::string context;
  std::vector<std::string> entries;
  std::string data;
  uint64_t count = 1;
  std::string rate;
};

// "100/s", "100" or "6/m".
absl::StatusOr<double> ParseRate(absl::string_view text) {
  absl::string_view number = text;
  double per_second = 1;
  if (absl::ConsumeSuffix(&number, "/m")) {
    per_second = 1.0 / 60;
  } else {
    absl::ConsumeSuffix(&number, "/s");
  }
  double rate = 0;
  if (!absl::SimpleAtod(number, &rate) || !(rate > 0) || rate > 1e6) {
    return absl::InvalidArgumentError(
        absl::StrCat("--rate \"", text, "\" is no rate: want 100/s or 6/m"));
  }
  return rate * per_second;
}

absl::StatusOr<SendableMessage> MessageOfFlags(const SendFlags& flags) {
  const auto type = raftpb::ParseMessageType(flags.type);
  if (!type || !raftpb::MessageType_IsValid(*type)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--type \"", flags.type,
                     "\" is no type of message: want MsgHeartbeat, MsgApp, "
                     "MsgVote and so on"));
  }
  raftpb::Message message;
  message.set_type(static_cast<raftpb::MessageType>(*type));
  if (flags.from) message.set_from(flags.from->value());
  if (flags.to) message.set_to(flags.to->value());
  message.set_term(flags.term);
  message.set_index(flags.index);
  message.set_logterm(flags.log_term);
  message.set_commit(flags.commit);
  message.set_reject(flags.is_reject);
  message.set_rejecthint(flags.reject_hint);
  if (!flags.context.empty()) message.set_context(flags.context);
  uint64_t index = flags.index;
  for (const std::string& data : flags.entries) {
    raftpb::Entry* const entry = message.add_entries();
    entry->set_term(flags.term);
    entry->set_index(++index);
    entry->set_data(data);
  }
  return Sendable(std::move(message));
}

absl::Status AtLine(const absl::Status& status, absl::string_view name,
                    int number) {
  return absl::InvalidArgumentError(
      absl::StrCat(name, ", line ", number, ": ", status.message()));
}

// The message in a line of -d; nullopt for an event and for an empty line.
absl::StatusOr<std::optional<SendableMessage>> MessageOfLine(
    absl::string_view line) {
  if (absl::StripAsciiWhitespace(line).empty()) return std::nullopt;
  const auto record = ParseLine(line);
  if (!record.ok()) return record.status();
  // Events among the records of a tail are not messages.
  if (record->contains("event")) return std::nullopt;
  absl::StatusOr<SendableMessage> message = MessageOf(*record);
  if (!message.ok()) return message.status();
  return *std::move(message);
}

// All messages of -d that are there from the start: JSON, or @FILE.
absl::StatusOr<std::vector<SendableMessage>> ReadMessages(
    const std::string& data) {
  std::vector<SendableMessage> messages;
  std::ifstream file;
  std::istringstream text(data);
  std::string name = "-d";
  if (data[0] == '@') {
    name = data.substr(1);
    file.open(name);
    if (!file) {
      return absl::InvalidArgumentError(absl::StrCat(name, " cannot be read"));
    }
  }
  std::istream& in = data[0] == '@' ? static_cast<std::istream&>(file) : text;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    auto message = MessageOfLine(line);
    if (!message.ok()) return AtLine(message.status(), name, number);
    if (*message) messages.push_back(**std::move(message));
  }
  return messages;
}

// What a message could do to the cluster, in one line; empty for a harmless
// one.
std::string DangerOf(const raftpb::Message& message) {
  switch (message.type()) {
    case raftpb::MsgApp:
      return "a MsgApp with the cluster's term can overwrite what is not "
             "committed";
    case raftpb::MsgSnap:
      return "a member restores itself from a MsgSnap that is newer than its "
             "log";
    case raftpb::MsgTimeoutNow:
    case raftpb::MsgTransferLeader:
      return absl::StrCat(raftpb::MessageType_Name(message.type()),
                          " can change the leader");
    default:
      return message.term() > 0 && !raftpb::IsTermless(message.type()) &&
                     message.type() != raftpb::MsgPreVote
                 ? "a term above the cluster's deposes its leader"
                 : "";
  }
}

// Says once what the first dangerous one could do.
void WarnOf(const raftpb::Message& message, bool& is_warned) {
  const std::string danger = DangerOf(message);
  if (danger.empty() || is_warned) return;
  is_warned = true;
  PrintNote(absl::StrCat("beware: ", danger));
}

// Posts messages one after the other.
class Sending {
 public:
  // No `messages`: takes them from standard input as they come.
  Sending(const CommonOptions& common, const SendFlags& flags,
          rafthttp::http1::Url url,
          std::optional<std::vector<SendableMessage>> messages, double rate)
      : common_(common),
        flags_(flags),
        url_(std::move(url)),
        messages_(std::move(messages)),
        rate_(rate),
        connector_(loop_),
        client_(loop_, connector_, {.connect_timeout = common.dial_timeout}),
        timer_(loop_.NewTimer([this] { SendNext(); })) {}

  ExitCode Run() {
    const auto signals = rafthttp::event::UvSignalWatcher::Create(
        loop_, {SIGINT, SIGTERM}, [this](int) { Finish(); });
    const auto timeout = loop_.NewTimer([this] {
      if (code_ == ExitCode::kDone) code_ = ExitCode::kUnreachable;
      PrintNote("--timeout is over");
      Finish();
    });
    if (common_.timeout) timeout->Start(*common_.timeout);
    loop_.Post([this] { AskVersion(); });
    loop_.Run();
    call_.reset();
    PrintSummary();
    return code_;
  }

 private:
  void AskVersion() {
    identity_.version = rafthttp::kVersionByDefault;
    call_ = GetFromPeer(client_, url_, "/version", common_.dial_timeout,
                        [this](absl::StatusOr<Response> response) {
                          if (!response.ok())
                            return Stop(Fail(response.status()));
                          const auto told = ReadVersion(*response);
                          if (told.ok()) {
                            const auto version =
                                rafthttp::Version::Parse(told->server);
                            if (version.ok()) identity_.version = *version;
                          }
                          AskMembers();
                        });
  }

  void AskMembers() {
    call_ = GetFromPeer(
        client_, url_, "/members", common_.dial_timeout,
        [this](absl::StatusOr<Response> response) {
          if (!response.ok()) return Stop(Fail(response.status()));
          const auto members = ReadMembers(*response);
          if (members.ok()) {
            identity_.cluster = members->cluster;
            for (const PeerMember& member : members->members) {
              for (const std::string& url : member.peer_urls) {
                if (url == url_.ToString()) at_url_ = member.id;
              }
            }
          } else if (!common_.cluster_id) {
            return Stop(
                Fail(ExitCode::kUsage,
                     absl::StrCat(url_.ToString(),
                                  " does not tell its cluster: say it by "
                                  "--cluster-id")));
          }
          if (common_.cluster_id) identity_.cluster = *common_.cluster_id;
          began_at_ = absl::Now();
          SendNext();
        });
  }

  void SendNext() {
    if (!messages_) {
      if (input_ == nullptr) {
        input_ = std::make_unique<LineReader>(loop_, STDIN_FILENO);
      }
      return input_->Next(
          [this](std::optional<std::string> line) { OnLine(std::move(line)); });
    }
    if (next_ == messages_->size() * flags_.count) return Finish();
    Send((*messages_)[next_++ % messages_->size()]);
  }

  void OnLine(std::optional<std::string> line) {
    if (!line) return Finish();
    ++line_;
    auto message = MessageOfLine(*line);
    if (!message.ok()) {
      return Stop(Fail(AtLine(message.status(), "standard input", line_)));
    }
    if (!*message) return SendNext();
    WarnOf((*message)->message, is_warned_);
    ++next_;
    Send(**std::move(message));
  }

  void Send(SendableMessage message) {
    // Only what has no addressee is given one: other bytes go as they are.
    if (message.message.to() == 0 && at_url_) {
      message.message.set_to(at_url_->value());
      auto addressed = Sendable(std::move(message.message));
      if (!addressed.ok()) return Stop(Fail(addressed.status()));
      message = *std::move(addressed);
    }
    identity_.self = common_.id.value_or(MemberId(message.message.from()));
    rafthttp::http1::Request request;
    request.method = "POST";
    request.url = url_.WithTarget("/raft");
    rafthttp::AddIdentity(identity_, request.headers);
    request.headers.Add("Content-Type", "application/protobuf");
    request.body = message.bytes;
    const absl::Time sent_at = absl::Now();
    call_ = client_.Fetch(std::move(request), {.timeout = common_.dial_timeout},
                          [this, sent_at, message = std::move(message.message)](
                              absl::StatusOr<Response> response) {
                            OnAnswer(message, absl::Now() - sent_at,
                                     std::move(response));
                          });
  }

  void OnAnswer(const raftpb::Message& message, absl::Duration round_trip,
                absl::StatusOr<Response> response) {
    if (!response.ok()) {
      ++answers_["none"];
      return Stop(Fail(response.status()));
    }
    const int status = response->head.status;
    ++answers_[absl::StrCat(status)];
    const std::string body(
        absl::StripTrailingAsciiWhitespace(response->body.substr(0, 1024)));
    const Answer answer = rafthttp::ReadPostAnswer(status, response->body);
    if (answer != Answer::kOk && code_ == ExitCode::kDone) {
      code_ = answer == Answer::kClusterMismatch ||
                      answer == Answer::kMemberRemoved ||
                      answer == Answer::kToMismatch
                  ? ExitCode::kIdentityMismatch
                  : ExitCode::kCheckFailed;
    }
    const std::string type =
        raftpb::MessageTypeName(raftpb::TypeNumber(message));
    if (common_.write_out == WriteOut::kJson) {
      nlohmann::ordered_json record = EventRecord("answer", absl::Now());
      record["url"] = url_.ToString();
      record["from"] = MemberId(message.from()).ToHex();
      record["to"] = MemberId(message.to()).ToHex();
      record["type"] = type;
      record["status"] = status;
      if (!body.empty()) record["body"] = body;
      record["roundTripSeconds"] = absl::ToDoubleSeconds(round_trip);
      Print(ToLine(record));
    } else {
      Print(absl::StrFormat(
          "%d  %s to %s  %.3f ms%s", status, type,
          MemberId(message.to()).ToHex(),
          absl::ToDoubleMilliseconds(round_trip),
          body.empty() ? "" : absl::StrCat("  ", MaybeQuoted(body, 200))));
    }
    if (rate_ <= 0) {
      timer_->Start(absl::ZeroDuration());
      return;
    }
    // From the first one on, however long the answers take.
    const absl::Time due =
        began_at_ + absl::Seconds(static_cast<double>(next_) / rate_);
    timer_->Start(due - absl::Now());
  }

  void Print(absl::string_view line) {
    const absl::Status written =
        WriteAll(STDOUT_FILENO, absl::StrCat(line, "\n"));
    if (written.ok()) return;
    is_silent_ = true;
    if (!absl::IsCancelled(written)) code_ = Fail(written);
    Finish();
  }

  void PrintSummary() {
    if (is_silent_ || answers_.empty()) return;
    uint64_t sent = 0;
    for (const auto& [status, count] : answers_) sent += count;
    if (sent < 2) return;  // the one answer says it all
    if (common_.write_out == WriteOut::kJson) {
      nlohmann::ordered_json record = EventRecord("summary", absl::Now());
      record["sent"] = sent;
      record["answers"] = answers_;
      Print(ToLine(record));
      return;
    }
    std::string text = absl::StrCat("sent ", sent, ":");
    for (const auto& [status, count] : answers_) {
      absl::StrAppend(&text, " ", status, " x ", count);
    }
    Print(text);
  }

  void Stop(ExitCode code) {
    if (code_ == ExitCode::kDone) code_ = code;
    Finish();
  }
  void Finish() {
    timer_->Cancel();
    loop_.Stop();
  }

  const CommonOptions& common_;
  const SendFlags& flags_;
  const rafthttp::http1::Url url_;
  const std::optional<std::vector<SendableMessage>> messages_;
  const double rate_;  // a second; 0: as fast as answers come
  rafthttp::event::UvLoop loop_;
  rafthttp::event::UvConnector connector_;
  rafthttp::http1::Client client_;
  const std::unique_ptr<rafthttp::event::Timer> timer_;
  std::unique_ptr<rafthttp::http1::Client::Call> call_;
  rafthttp::Identity identity_;
  std::optional<MemberId> at_url_;
  std::unique_ptr<LineReader> input_;
  int line_ = 0;  // of the input
  bool is_warned_ = false;
  size_t next_ = 0;
  absl::Time began_at_;
  std::map<std::string, uint64_t> answers_;
  bool is_silent_ = false;
  ExitCode code_ = ExitCode::kDone;
};

ExitCode RunSend(const CommonOptions& common, const SendFlags& flags) {
  const auto url = rafthttp::http1::ParsePeerUrl(flags.url);
  if (!url.ok()) return Fail(url.status());
  if (url->scheme == rafthttp::http1::Url::Scheme::kHttps) {
    return FailForTlsPeer(flags.url);
  }
  double rate = 0;
  if (!flags.rate.empty()) {
    const absl::StatusOr<double> parsed = ParseRate(flags.rate);
    if (!parsed.ok()) return Fail(parsed.status());
    rate = *parsed;
  }
  if (flags.data == "@-") {
    if (flags.count != 1) {
      return Fail(ExitCode::kUsage, "--count cannot repeat standard input");
    }
    return Sending(common, flags, *url, std::nullopt, rate).Run();
  }
  std::vector<SendableMessage> messages;
  if (flags.data.empty()) {
    if (!flags.from) {
      return Fail(ExitCode::kUsage, "who sends it? say it by --from HEX");
    }
    absl::StatusOr<SendableMessage> message = MessageOfFlags(flags);
    if (!message.ok()) return Fail(message.status());
    messages.push_back(*std::move(message));
  } else {
    auto read = ReadMessages(flags.data);
    if (!read.ok()) return Fail(read.status());
    messages = *std::move(read);
  }
  if (messages.empty()) return ExitCode::kDone;
  bool is_warned = false;
  for (const SendableMessage& message : messages) {
    WarnOf(message.message, is_warned);
  }
  return Sending(common, flags, *url, std::move(messages), rate).Run();
}

}  // namespace

void AddSend(CLI::App& app, const CommonOptions& common, RunVerb& run) {
  CLI::App* verb =
      app.add_subcommand("send", "post test messages to a peer port");
  verb->fallthrough();
  auto flags = std::make_shared<SendFlags>();
  verb->add_option("URL", flags->url, "a member's peer URL")->required();
  verb->add_option("--type", flags->type, "raftpb's name (MsgHeartbeat)");
  AddIdFlag(*verb, "--from", flags->from, "the sender");
  AddIdFlag(*verb, "--to", flags->to,
            "the receiver (default: the member at URL)");
  verb->add_option("--term", flags->term, "the sender's term");
  verb->add_option("--index", flags->index,
                   "of the entry before the first one, or what it answers");
  verb->add_option("--log-term", flags->log_term, "the term of that entry");
  verb->add_option("--commit", flags->commit, "the last index committed");
  verb->add_flag("--reject", flags->is_reject, "it refuses");
  verb->add_option("--reject-hint", flags->reject_hint,
                   "the last index that the refuser has");
  verb->add_option("--context", flags->context,
                   "bytes that come back with the answer");
  verb->add_option("--entry", flags->entries,
                   "data of an entry; they follow --index, in --term");
  verb->add_option("-d,--data", flags->data,
                   "records as tail -w json prints them: JSON, @FILE, or @- "
                   "for standard input");
  verb->add_option("--count", flags->count, "send all of it so often")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1000000000}));
  verb->add_option("--rate", flags->rate, "messages, such as 100/s");
  verb->footer(
      "Examples:\n"
      "  rafthttpctl send http://10.0.0.1:2380 --type MsgHeartbeatResp --from "
      "abc\n"
      "  rafthttpctl tail --stream http://10.0.0.1:2380 --id abc --payload "
      "base64 -w json |\n"
      "    rafthttpctl send http://10.0.0.2:2380 -d @-\n"
      "\n"
      "Only 204 means that the member's raft has it. A record's `raw` is sent "
      "bit for bit.\n"
      "Common flags: rafthttpctl --help");
  verb->callback([&common, &run, flags] {
    run = [&common, flags] { return RunSend(common, *flags); };
  });
}

}  // namespace rafthttpctl
