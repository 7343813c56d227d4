#include "tools/rafthttpctl/doctor_advice.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "rafthttp/handshake/version.h"
#include "rafthttp/http1/url.h"

namespace rafthttpctl {

using rafthttp::ClusterId;
using rafthttp::MemberId;
using Severity = Advice::Severity;

namespace {

// etcd warns from here on.
constexpr absl::Duration kClockDifferenceMax = absl::Seconds(1);
// etcd's heartbeat interval by default: a round trip near it costs leaders
// their followers.
constexpr absl::Duration kRoundTripMax = absl::Milliseconds(100);

// Members by ID, from whichever list names them.
std::map<MemberId, PeerMember> AllMembers(
    const std::vector<DoctorLook>& looks) {
  std::map<MemberId, PeerMember> members;
  for (const DoctorLook& look : looks) {
    if (!look.members) continue;
    for (const PeerMember& member : look.members->members) {
      members.emplace(member.id, member);
    }
  }
  return members;
}

std::string NameOf(const std::map<MemberId, PeerMember>& members, MemberId id) {
  const auto found = members.find(id);
  if (found == members.end() || found->second.name.empty()) return id.ToHex();
  return absl::StrCat(id.ToHex(), " (", found->second.name, ")");
}

class Advisor {
 public:
  explicit Advisor(const std::vector<DoctorLook>& looks)
      : looks_(looks), members_(AllMembers(looks)) {}

  std::vector<Advice> Advise() {
    LookForUnreachable();
    LookForOtherClusters();
    LookForDifferentLists();
    LookForUrls();
    LookForClocks();
    LookForVersions();
    LookForRoundTrips();
    LookForQuorum();
    for (const DoctorLook& look : looks_) {
      for (const std::string& problem : look.problems) {
        Say(Severity::kError, "dial", absl::StrCat(look.url, ": ", problem));
      }
    }
    std::stable_sort(advice_.begin(), advice_.end(),
                     [](const Advice& a, const Advice& b) {
                       return a.severity < b.severity;
                     });
    return std::move(advice_);
  }

 private:
  void Say(Severity severity, absl::string_view code, std::string text) {
    advice_.push_back({severity, std::string(code), std::move(text)});
  }

  void LookForUnreachable() {
    for (const DoctorLook& look : looks_) {
      if (look.unreachable.empty()) {
        if (!look.listed_for.is_zero()) reached_.insert(look.listed_for);
        continue;
      }
      Say(Severity::kError, "unreachable",
          absl::StrCat(
              look.url, " does not answer (", look.unreachable, ")",
              look.listed_for.is_zero()
                  ? ""
                  : absl::StrCat(", where others look for ",
                                 NameOf(members_, look.listed_for)),
              ": see whether it runs, listens there, and a firewall lets it "
              "be reached"));
    }
  }

  void LookForOtherClusters() {
    std::map<ClusterId, std::vector<std::string>> clusters;
    for (const DoctorLook& look : looks_) {
      if (look.members) clusters[look.members->cluster].push_back(look.url);
    }
    if (clusters.size() < 2) return;
    std::string text = "these URLs belong to different clusters: ";
    text += absl::StrJoin(
        clusters, "; ", [](std::string* out, const auto& cluster) {
          absl::StrAppend(out, cluster.first.ToHex(), " at ",
                          absl::StrJoin(cluster.second, ", "));
        });
    text +=
        ". Members of one refuse those of the other with 412: look at "
        "--initial-cluster-token, and for a data folder of another cluster";
    Say(Severity::kError, "other_cluster", std::move(text));
  }

  void LookForDifferentLists() {
    for (size_t i = 0; i < looks_.size(); ++i) {
      for (size_t j = i + 1; j < looks_.size(); ++j) {
        const DoctorLook& a = looks_[i];
        const DoctorLook& b = looks_[j];
        if (DoAgree(a, b).value_or(true) ||
            a.members->cluster != b.members->cluster) {
          continue;
        }
        Say(Severity::kError, "lists_differ",
            absl::StrCat(a.url, " and ", b.url,
                         " name different members or URLs: one of them is "
                         "behind or cut off; look again in a minute, then at "
                         "its log"));
      }
    }
    for (const DoctorLook& look : looks_) {
      if (!look.members || !look.listed_for.is_zero()) continue;
      Say(Severity::kWarning, "not_listed",
          absl::StrCat(look.url,
                       " answers, but no member is listed with this URL: it "
                       "was moved without an update of its peer URLs (etcdctl "
                       "member update), or this is another name for one"));
    }
  }

  void LookForUrls() {
    std::map<std::string, std::vector<MemberId>> owners;
    for (const auto& [id, member] : members_) {
      for (const std::string& url : member.peer_urls) {
        owners[url].push_back(id);
        const auto parsed = rafthttp::http1::ParsePeerUrl(url);
        if (!parsed.ok()) {
          Say(Severity::kError, "bad_url",
              absl::StrCat(NameOf(members_, id), " is listed with \"", url,
                           "\", which is no peer URL: etcdctl member update"));
          continue;
        }
        if (parsed->host == "0.0.0.0" || parsed->host == "::") {
          Say(Severity::kError, "unspecified_url",
              absl::StrCat(NameOf(members_, id), " is listed at ", url,
                           ", which nobody else can reach: advertise an "
                           "address of its own"));
        } else if (members_.size() > 1 && HasOtherHosts(parsed->host) &&
                   IsLoopback(parsed->host)) {
          Say(Severity::kError, "loopback_url",
              absl::StrCat(NameOf(members_, id), " is listed at ", url,
                           ", which for members on other hosts is "
                           "themselves: advertise an address of its own"));
        }
      }
    }
    for (const auto& [url, ids] : owners) {
      if (ids.size() < 2) continue;
      Say(Severity::kError, "shared_url",
          absl::StrCat(NameOf(members_, ids[0]), " and ",
                       NameOf(members_, ids[1]), " are both listed at ", url,
                       ": one of them never gets its messages; remove the one "
                       "that is gone"));
    }
  }

  static bool IsLoopback(const std::string& host) {
    return absl::StartsWith(host, "127.") || host == "::1" ||
           host == "localhost";
  }
  bool HasOtherHosts(const std::string& host) const {
    for (const auto& [id, member] : members_) {
      for (const std::string& url : member.peer_urls) {
        const auto parsed = rafthttp::http1::ParsePeerUrl(url);
        if (parsed.ok() && parsed->host != host && !IsLoopback(parsed->host)) {
          return true;
        }
      }
    }
    return false;
  }

  void LookForClocks() {
    for (size_t i = 0; i < looks_.size(); ++i) {
      for (size_t j = i + 1; j < looks_.size(); ++j) {
        const auto clock = ClockBetween(looks_[i], looks_[j]);
        if (!clock) continue;
        const absl::Duration least =
            absl::AbsDuration(clock->difference) - clock->error;
        if (least <= kClockDifferenceMax) continue;
        const bool is_first_behind = clock->difference > absl::ZeroDuration();
        Say(Severity::kWarning, "clock",
            absl::StrCat(
                "the clock at ", looks_[is_first_behind ? i : j].url, " is ",
                absl::FormatDuration(absl::AbsDuration(clock->difference)),
                " behind that at ", looks_[is_first_behind ? j : i].url,
                ": raft does not mind, but leases, tokens and whoever reads "
                "the logs do; see to NTP"));
      }
    }
  }

  void LookForVersions() {
    std::map<rafthttp::Version, std::vector<std::string>> minors;
    for (const DoctorLook& look : looks_) {
      if (!look.version) continue;
      const auto version = rafthttp::Version::Parse(look.version->server);
      if (!version.ok()) continue;
      minors[{version->major, version->minor, 0}].push_back(look.url);
    }
    if (minors.size() < 2) return;
    Say(Severity::kWarning, "versions",
        absl::StrCat(
            "members run different versions: ",
            absl::StrJoin(minors, "; ",
                          [](std::string* out, const auto& minor) {
                            absl::StrAppend(out, minor.first.major, ".",
                                            minor.first.minor, " at ",
                                            absl::StrJoin(minor.second, ", "));
                          }),
            ". During an upgrade that is as it should be; finish it, because "
            "the cluster works as the oldest does until then"));
  }

  void LookForRoundTrips() {
    for (const DoctorLook& look : looks_) {
      if (!look.round_trip || *look.round_trip <= kRoundTripMax) continue;
      Say(Severity::kWarning, "slow",
          absl::StrCat("a round trip to ", look.url, " takes ",
                       absl::FormatDuration(*look.round_trip),
                       ", the time between two heartbeats by default: if it "
                       "is as far from the other members, raise "
                       "--heartbeat-interval and --election-timeout on all"));
    }
  }

  void LookForQuorum() {
    size_t voters = 0;
    size_t down = 0;
    for (const auto& [id, member] : members_) {
      if (member.is_learner) {
        Say(Severity::kInfo, "learner",
            absl::StrCat(NameOf(members_, id),
                         " is a learner: it has no vote until it is promoted"));
        continue;
      }
      ++voters;
      if (reached_.count(id) == 0) ++down;
    }
    if (voters == 0) return;
    const size_t quorum = voters / 2 + 1;
    const std::string count = absl::StrCat(
        down, " of ", voters, " voters cannot be reached from here");
    if (voters - down < quorum) {
      Say(Severity::kError, "no_quorum",
          absl::StrCat(count, ": without ", quorum,
                       " of them nothing can be written. Bring one back; only "
                       "if they are lost for good, restore from a snapshot"));
    } else if (down > 0) {
      Say(Severity::kError, "quorum_margin",
          absl::StrCat(count, ": ",
                       voters - down - quorum == 0
                           ? "one more, and nothing can be written"
                           : absl::StrCat("there is room for ",
                                          voters - down - quorum, " more")));
    } else if (voters == 1) {
      Say(Severity::kInfo, "single",
          "one voter: when it is down, so is the cluster");
    } else if (voters % 2 == 0) {
      Say(Severity::kInfo, "even",
          absl::StrCat(voters, " voters bear the loss of no more than ",
                       voters - quorum, ", as ", voters - 1, " would"));
    }
  }

  const std::vector<DoctorLook>& looks_;
  const std::map<MemberId, PeerMember> members_;
  std::set<MemberId> reached_;
  std::vector<Advice> advice_;
};

}  // namespace

std::optional<ClockDifference> ClockBetween(const DoctorLook& a,
                                            const DoctorLook& b) {
  if (!a.round_trip || !b.round_trip) return std::nullopt;
  return ClockDifference{b.clock_offset - a.clock_offset,
                         (*a.round_trip + *b.round_trip) / 2};
}

std::optional<bool> DoAgree(const DoctorLook& a, const DoctorLook& b) {
  if (!a.members || !b.members) return std::nullopt;
  const auto normal = [](const PeerMembers& members) {
    std::map<MemberId, std::pair<std::set<std::string>, bool>> result;
    for (const PeerMember& member : members.members) {
      result[member.id] = {{member.peer_urls.begin(), member.peer_urls.end()},
                           member.is_learner};
    }
    return result;
  };
  return a.members->cluster == b.members->cluster &&
         normal(*a.members) == normal(*b.members);
}

absl::string_view SeverityName(Severity severity) {
  switch (severity) {
    case Severity::kError:
      return "error";
    case Severity::kWarning:
      return "warning";
    case Severity::kInfo:
      return "info";
  }
  return "";
}

std::vector<Advice> Advise(const std::vector<DoctorLook>& looks) {
  return Advisor(looks).Advise();
}

ExitCode ExitCodeOf(const std::vector<DoctorLook>& looks,
                    const std::vector<Advice>& advice) {
  bool is_anybody_there = false;
  for (const DoctorLook& look : looks) {
    is_anybody_there = is_anybody_there || look.unreachable.empty();
  }
  if (!is_anybody_there) return ExitCode::kUnreachable;
  ExitCode code = ExitCode::kDone;
  for (const Advice& piece : advice) {
    if (piece.code == "other_cluster") return ExitCode::kIdentityMismatch;
    if (piece.severity == Severity::kError) code = ExitCode::kCheckFailed;
  }
  return code;
}

}  // namespace rafthttpctl
