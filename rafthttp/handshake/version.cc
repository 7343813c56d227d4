#include "rafthttp/handshake/version.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace rafthttp {
namespace {

bool IsIdentifierList(absl::string_view text) {
  for (absl::string_view part : absl::StrSplit(text, '.')) {
    if (part.empty()) return false;
    for (char c : part) {
      if (!absl::ascii_isalnum(c) && c != '-') return false;
    }
  }
  return true;
}

bool ParseNumber(absl::string_view text, uint32_t* number) {
  if (text.empty()) return false;
  for (char c : text) {
    if (!absl::ascii_isdigit(c)) return false;
  }
  return absl::SimpleAtoi(text, number);
}

}  // namespace

absl::StatusOr<Version> Version::Parse(absl::string_view text) {
  const absl::Status malformed = absl::InvalidArgumentError(
      absl::StrCat("\"", text, "\" is not a version: want MAJOR.MINOR.PATCH"));
  absl::string_view core = text;
  if (const size_t plus = core.find('+'); plus != core.npos) {
    if (!IsIdentifierList(core.substr(plus + 1))) return malformed;
    core = core.substr(0, plus);
  }
  if (const size_t dash = core.find('-'); dash != core.npos) {
    if (!IsIdentifierList(core.substr(dash + 1))) return malformed;
    core = core.substr(0, dash);
  }
  const std::vector<absl::string_view> parts = absl::StrSplit(core, '.');
  Version version;
  if (parts.size() != 3 || !ParseNumber(parts[0], &version.major) ||
      !ParseNumber(parts[1], &version.minor) ||
      !ParseNumber(parts[2], &version.patch)) {
    return malformed;
  }
  return version;
}

std::string Version::ToString() const {
  return absl::StrCat(major, ".", minor, ".", patch);
}

std::strong_ordering CompareMinor(const Version& a, const Version& b) {
  if (a.major != b.major) return a.major <=> b.major;
  return a.minor <=> b.minor;
}

bool IsCompatible(const Version& server, const Version& min_cluster,
                  const Version& own) {
  return CompareMinor(server, kMinClusterVersion) >= 0 &&
         CompareMinor(min_cluster, own) <= 0;
}

bool SupportsStreams(const Version& server) {
  return CompareMinor(server, Version{2, 1, 0}) >= 0;
}

}  // namespace rafthttp
