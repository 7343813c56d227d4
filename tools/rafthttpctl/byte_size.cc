#include "tools/rafthttpctl/byte_size.h"

#include <array>
#include <cmath>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"

namespace rafthttpctl {

absl::StatusOr<uint64_t> ParseByteSize(absl::string_view text) {
  static constexpr std::array<std::pair<absl::string_view, double>, 13> kUnits =
      {{{"kib", 1 << 10},
        {"mib", 1 << 20},
        {"gib", 1 << 30},
        {"tib", 1.0 * (int64_t{1} << 40)},
        {"kb", 1e3},
        {"mb", 1e6},
        {"gb", 1e9},
        {"tb", 1e12},
        {"k", 1 << 10},
        {"m", 1 << 20},
        {"g", 1 << 30},
        {"t", 1.0 * (int64_t{1} << 40)},
        {"b", 1}}};
  const std::string lower =
      absl::AsciiStrToLower(absl::StripAsciiWhitespace(text));
  absl::string_view number = lower;
  absl::ConsumeSuffix(&number, "/s");
  double factor = 1;
  for (const auto& [unit, bytes] : kUnits) {
    if (!absl::ConsumeSuffix(&number, unit)) continue;
    factor = bytes;
    break;
  }
  double value = 0;
  number = absl::StripAsciiWhitespace(number);
  const bool is_number =
      !number.empty() &&
      absl::ascii_isdigit(static_cast<unsigned char>(number[0])) &&
      absl::SimpleAtod(number, &value);
  const double bytes = std::floor(value * factor);
  if (!is_number || !(bytes >= 1) || bytes > 1e18) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" is no size: want 50MiB, 1GiB or 500KB"));
  }
  return static_cast<uint64_t>(bytes);
}

std::string FormatByteSize(uint64_t bytes) {
  if (bytes < 1024) return absl::StrCat(bytes, " B");
  double value = static_cast<double>(bytes);
  const char* unit = "B";
  for (const char* next : {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}) {
    value /= 1024;
    unit = next;
    if (value < 999.5) break;
  }
  const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return absl::StrFormat("%.*f %s", decimals, value, unit);
}

}  // namespace rafthttpctl
