#ifndef TOOLS_RAFTHTTPCTL_DOCTOR_ADVICE_H_
#define TOOLS_RAFTHTTPCTL_DOCTOR_ADVICE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "rafthttp/base/ids.h"
#include "tools/rafthttpctl/exit_code.h"
#include "tools/rafthttpctl/peer_api.h"

namespace rafthttpctl {

// What a look at one peer URL found.
struct DoctorLook {
  std::string url;
  // Whose URL it is, by those who list it; zero if nobody does.
  rafthttp::MemberId listed_for;
  // Why there was no answer; empty if there was one.
  std::string unreachable;
  std::optional<PeerMembers> members;  // its own list
  std::optional<PeerVersion> version;
  std::optional<absl::Duration> round_trip;
  absl::Duration clock_offset;  // its clock minus ours, to half a round trip
  // Other things that were wrong, as dial says them.
  std::vector<std::string> problems;
};

// What two members' clocks differ by, b minus a, as seen from here.
struct ClockDifference {
  absl::Duration difference;
  absl::Duration error;
};
std::optional<ClockDifference> ClockBetween(const DoctorLook& a,
                                            const DoctorLook& b);
// Whether two lists name the same members with the same URLs; nullopt where one
// is not known.
std::optional<bool> DoAgree(const DoctorLook& a, const DoctorLook& b);

struct Advice {
  enum class Severity { kError, kWarning, kInfo };
  Severity severity = Severity::kInfo;
  // "unreachable", "other_cluster", "lists_differ", ...: for scripts.
  std::string code;
  // What is wrong, why it matters, and what to do.
  std::string text;
};
absl::string_view SeverityName(Advice::Severity severity);

// What is to be said of these looks, the worst first. Empty: all is well.
std::vector<Advice> Advise(const std::vector<DoctorLook>& looks);

// How the program ends for it.
ExitCode ExitCodeOf(const std::vector<DoctorLook>& looks,
                    const std::vector<Advice>& advice);

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_DOCTOR_ADVICE_H_
