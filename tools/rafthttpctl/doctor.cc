#include "tools/rafthttpctl/doctor.h"

#include <unistd.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "nlohmann/json.hpp"
#include "rafthttp/event/uv_connector.h"
#include "rafthttp/event/uv_loop.h"
#include "rafthttp/http1/url.h"
#include "tools/etcdpb/terminal_text.h"
#include "tools/rafthttpctl/diagnostics.h"
#include "tools/rafthttpctl/doctor_advice.h"
#include "tools/rafthttpctl/member_listing.h"
#include "tools/rafthttpctl/output.h"
#include "tools/rafthttpctl/peer_dial.h"
#include "tools/rafthttpctl/record.h"

namespace rafthttpctl {

using rafthttp::MemberId;
using rafthttp::http1::Url;

namespace {

// A list may name any number of them, and a peer need not be honest.
constexpr size_t kUrlsMax = 256;
constexpr size_t kTextWidthMax = 200;

struct DoctorFlags {
  std::vector<std::string> urls;
};

// Dials every URL that it was given or is told of, one after the other.
class Round {
 public:
  explicit Round(const CommonOptions& common)
      : common_(common), connector_(loop_) {}

  // Text that is no peer URL is a finding of its own, not a look.
  void Add(const std::string& text) {
    const auto url = rafthttp::http1::ParsePeerUrl(text);
    if (!url.ok() || known_.size() >= kUrlsMax) return;
    if (known_.insert(url->ToString()).second) waiting_.push_back(*url);
  }
  void AddMembers(const PeerMembers& members) {
    for (const PeerMember& member : members.members) {
      for (const std::string& url : member.peer_urls) {
        Add(url);
        owners_.emplace(url, member.id);
      }
    }
  }

  // What was found; fewer looks than there could be if --timeout was over,
  // which `is_late` then tells.
  std::vector<DoctorLook> Run(bool& is_late) {
    const auto timer = loop_.NewTimer([&] {
      is_late = true;
      loop_.Stop();
    });
    if (common_.timeout) timer->Start(*common_.timeout);
    loop_.Post([this] { DialNext(); });
    loop_.Run();
    dial_.reset();
    for (DoctorLook& look : looks_) {
      const auto owner = owners_.find(look.url);
      if (owner != owners_.end()) look.listed_for = owner->second;
    }
    return std::move(looks_);
  }

 private:
  void DialNext() {
    if (waiting_.empty()) return loop_.Stop();
    PeerDial::Options options;
    options.target.url = waiting_.front();
    options.target.cluster = common_.cluster_id;
    options.target.timeout = common_.dial_timeout;
    waiting_.pop_front();
    const std::string url = options.target.url.ToString();
    if (options.target.url.scheme == Url::Scheme::kHttps) {
      DoctorLook look;
      look.url = url;
      look.unreachable = "TLS to peers is not supported yet";
      looks_.push_back(std::move(look));
      return loop_.Post([this] { DialNext(); });
    }
    dial_ = std::make_unique<PeerDial>(loop_, connector_, std::move(options));
    dial_->Start([this, url](PeerDial::Report report) {
      DoctorLook look;
      look.url = url;
      look.members = std::move(report.members);
      look.version = std::move(report.version);
      look.round_trip = report.round_trip;
      look.clock_offset = report.clock_offset;
      if (report.code == ExitCode::kUnreachable && !look.version) {
        look.unreachable =
            report.problems.empty() ? "?" : OneLine(report.problems[0]);
      } else {
        look.problems = std::move(report.problems);
      }
      if (look.members) AddMembers(*look.members);
      looks_.push_back(std::move(look));
      loop_.Post([this] { DialNext(); });
    });
  }

  const CommonOptions& common_;
  rafthttp::event::UvLoop loop_;
  rafthttp::event::UvConnector connector_;
  std::unique_ptr<PeerDial> dial_;
  std::set<std::string> known_;
  std::deque<Url> waiting_;
  std::map<std::string, MemberId> owners_;
  std::vector<DoctorLook> looks_;
};

double Milliseconds(absl::Duration duration) {
  return absl::ToDoubleMilliseconds(duration);
}

std::string JsonOf(const std::vector<DoctorLook>& looks,
                   const std::vector<Advice>& advice, MemberId leader) {
  std::string text;
  const auto add = [&](const nlohmann::ordered_json& record) {
    absl::StrAppend(&text, ToLine(record), "\n");
  };
  const absl::Time now = absl::Now();
  size_t reached = 0;
  for (const DoctorLook& look : looks) {
    nlohmann::ordered_json record = EventRecord("member", now);
    record["url"] = look.url;
    if (!look.listed_for.is_zero()) record["id"] = look.listed_for.ToHex();
    if (!leader.is_zero() && look.listed_for == leader) {
      record["isLeader"] = true;
    }
    if (look.unreachable.empty()) {
      ++reached;
    } else {
      record["unreachable"] = look.unreachable;
    }
    if (look.members) {
      record["clusterId"] = look.members->cluster.ToHex();
      record["members"] = look.members->members.size();
    }
    if (look.version) record["version"] = look.version->server;
    if (look.round_trip) {
      record["roundTripSeconds"] = absl::ToDoubleSeconds(*look.round_trip);
      record["clockOffsetSeconds"] = absl::ToDoubleSeconds(look.clock_offset);
      record["clockOffsetErrorSeconds"] =
          absl::ToDoubleSeconds(*look.round_trip / 2);
    }
    add(record);
  }
  for (size_t i = 0; i < looks.size(); ++i) {
    for (size_t j = i + 1; j < looks.size(); ++j) {
      const auto agree = DoAgree(looks[i], looks[j]);
      const auto clock = ClockBetween(looks[i], looks[j]);
      if (!agree && !clock) continue;
      nlohmann::ordered_json record = EventRecord("pair", now);
      record["a"] = looks[i].url;
      record["b"] = looks[j].url;
      if (agree) record["listsAgree"] = *agree;
      if (clock) {
        record["clockOffsetSeconds"] = absl::ToDoubleSeconds(clock->difference);
        record["clockOffsetErrorSeconds"] = absl::ToDoubleSeconds(clock->error);
      }
      add(record);
    }
  }
  for (const Advice& piece : advice) {
    nlohmann::ordered_json record = EventRecord("advice", now);
    record["severity"] = std::string(SeverityName(piece.severity));
    record["code"] = piece.code;
    record["text"] = piece.text;
    add(record);
  }
  nlohmann::ordered_json summary = EventRecord("summary", now);
  summary["urls"] = looks.size();
  summary["reached"] = reached;
  summary["advice"] = advice.size();
  add(summary);
  return text;
}

std::string TextOf(const std::vector<DoctorLook>& looks,
                   const std::vector<Advice>& advice, MemberId leader) {
  std::string text;
  for (size_t i = 0; i < looks.size(); ++i) {
    const DoctorLook& look = looks[i];
    absl::StrAppendFormat(&text, "%2d  %-28s", i + 1,
                          MaybeQuoted(look.url, kTextWidthMax));
    if (!look.listed_for.is_zero()) {
      absl::StrAppend(&text, "  ", look.listed_for.ToHex());
    }
    if (!leader.is_zero() && look.listed_for == leader) {
      absl::StrAppend(&text, "  leader");
    }
    if (look.version) {
      absl::StrAppend(&text, "  ",
                      MaybeQuoted(look.version->server, kTextWidthMax));
    }
    if (look.round_trip) {
      absl::StrAppendFormat(
          &text, "  round trip %.3f ms, clock %+.3f ms (± %.3f ms)",
          Milliseconds(*look.round_trip), Milliseconds(look.clock_offset),
          Milliseconds(*look.round_trip / 2));
    }
    if (!look.unreachable.empty()) {
      absl::StrAppend(&text, "  UNREACHABLE");
    }
    text += "\n";
  }
  if (looks.size() > 1) {
    absl::StrAppend(&text,
                    "\npairs: clock difference, and whether their "
                    "member lists agree\n");
  }
  for (size_t i = 0; i < looks.size(); ++i) {
    for (size_t j = i + 1; j < looks.size(); ++j) {
      const auto agree = DoAgree(looks[i], looks[j]);
      const auto clock = ClockBetween(looks[i], looks[j]);
      if (!agree && !clock) continue;
      absl::StrAppendFormat(&text, "%2d - %-2d", i + 1, j + 1);
      if (clock) {
        absl::StrAppendFormat(&text, "  %+9.3f ms (± %.3f ms)",
                              Milliseconds(clock->difference),
                              Milliseconds(clock->error));
      }
      if (agree) {
        absl::StrAppend(&text, *agree ? "  lists agree" : "  LISTS DIFFER");
      }
      text += "\n";
    }
  }
  text += "\n";
  if (advice.empty())
    return text + "nothing is wrong, as far as it shows here\n";
  for (size_t i = 0; i < advice.size(); ++i) {
    absl::StrAppend(&text, i + 1, ". ", SeverityName(advice[i].severity), ": ",
                    OneLine(advice[i].text), "\n");
  }
  return text;
}

ExitCode RunDoctor(const CommonOptions& common, const DoctorFlags& flags) {
  if (flags.urls.empty() == common.endpoints.empty()) {
    return Fail(ExitCode::kUsage,
                "doctor wants peer URLs or --endpoints, one of both");
  }
  Round round(common);
  MemberId leader;
  for (const std::string& text : flags.urls) {
    const auto url = rafthttp::http1::ParsePeerUrl(text);
    if (!url.ok()) return Fail(url.status());
    if (url->scheme == Url::Scheme::kHttps) return FailForTlsPeer(text);
    round.Add(text);
  }
  if (!common.endpoints.empty()) {
    const auto listing = ListByEtcd(EtcdOptions(common), common.timeout);
    if (!listing.ok()) return Fail(listing.status());
    leader = listing->leader;
    round.AddMembers(listing->members);
  }
  bool is_late = false;
  const std::vector<DoctorLook> looks = round.Run(is_late);
  const std::vector<Advice> advice = Advise(looks);
  const absl::Status written =
      WriteAll(STDOUT_FILENO, common.write_out == WriteOut::kJson
                                  ? JsonOf(looks, advice, leader)
                                  : TextOf(looks, advice, leader));
  if (!written.ok() && !absl::IsCancelled(written)) return Fail(written);
  const ExitCode code = ExitCodeOf(looks, advice);
  if (!is_late) return code;
  return Fail(code == ExitCode::kDone ? ExitCode::kUnreachable : code,
              "--timeout is over");
}

}  // namespace

void AddDoctor(CLI::App& app, const CommonOptions& common, RunVerb& run) {
  CLI::App* verb = app.add_subcommand(
      "doctor", "look at all members, compare them, and say what to do");
  verb->fallthrough();
  auto flags = std::make_shared<DoctorFlags>();
  verb->add_option("URL", flags->urls,
                   "peer URLs; those that they list are looked at, too");
  verb->footer(
      "Examples:\n"
      "  rafthttpctl doctor http://10.0.0.1:2380\n"
      "  rafthttpctl doctor --endpoints 10.0.0.1:2379 -w json\n"
      "\n"
      "It looks from here: at what each member says, and what two of them say "
      "differently.\n"
      "How one member reaches another it cannot see. Nothing is disturbed.\n"
      "Exit codes: 0 well (warnings included), 1 not, 3 nobody answers, 5 "
      "several clusters.\n"
      "Common flags: rafthttpctl --help");
  verb->callback([&common, &run, flags] {
    run = [&common, flags] { return RunDoctor(common, *flags); };
  });
}

}  // namespace rafthttpctl
