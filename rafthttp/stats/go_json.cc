#include "rafthttp/stats/go_json.h"

#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "rafthttp/base/check.h"

namespace rafthttp {
namespace {

struct Rune {
  uint32_t value = 0;
  size_t size_bytes = 0;  // 0: no valid character begins here
};

// The first character of `text`, which is not empty. Overlong forms,
// surrogates, and values above U+10FFFF are not valid.
Rune FirstRune(absl::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return {lead, 1};
  const size_t size = lead < 0xc2   ? 0
                      : lead < 0xe0 ? 2
                      : lead < 0xf0 ? 3
                      : lead < 0xf5 ? 4
                                    : 0;
  if (size == 0 || text.size() < size) return {};
  uint32_t value = lead & (0x7f >> size);
  for (size_t i = 1; i < size; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xc0) != 0x80) return {};
    value = value << 6 | (byte & 0x3f);
  }
  if (size == 3 && value < 0x800) return {};
  if (size == 4 && value < 0x10000) return {};
  if (value >= 0xd800 && value < 0xe000) return {};
  if (value > 0x10ffff) return {};
  return {value, size};
}

bool NeedsEscape(uint32_t rune) {
  switch (rune) {
    case '<':
    case '>':
    case '&':
    case 0x2028:  // line separator
    case 0x2029:  // paragraph separator
      return true;
    default:
      return rune < 0x20;
  }
}

// "12345" with exponent 1 is 12.345: no exponent where Go writes none.
std::string WithoutExponent(const std::string& digits, int exponent) {
  const int whole = exponent + 1;  // digits before the point
  const int size = static_cast<int>(digits.size());
  if (whole <= 0) return absl::StrCat("0.", std::string(-whole, '0'), digits);
  if (whole >= size) return digits + std::string(whole - size, '0');
  return absl::StrCat(digits.substr(0, whole), ".", digits.substr(whole));
}

// `value` in units of 10^digits, as "12.5"; zeros at the end are left out.
std::string Decimal(uint64_t value, int digits) {
  uint64_t unit = 1;
  for (int i = 0; i < digits; ++i) unit *= 10;
  std::string text = absl::StrCat(value / unit);
  std::string fraction = absl::StrFormat("%0*d", digits, value % unit);
  while (!fraction.empty() && fraction.back() == '0') fraction.pop_back();
  return digits == 0 || fraction.empty() ? text
                                         : absl::StrCat(text, ".", fraction);
}

}  // namespace

std::string GoJsonString(absl::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const Rune rune = FirstRune(text);
    if (rune.size_bytes == 0) {
      out += "\\ufffd";
      text.remove_prefix(1);
      continue;
    }
    switch (rune.value) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (NeedsEscape(rune.value)) {
          absl::StrAppendFormat(&out, "\\u%04x", rune.value);
        } else {
          out.append(text.data(), rune.size_bytes);
        }
    }
    text.remove_prefix(rune.size_bytes);
  }
  out += '"';
  return out;
}

std::string GoJsonNumber(double number) {
  CHECK(std::isfinite(number));
  const std::string sign = std::signbit(number) ? "-" : "";
  // "d.ddde+XX": the shortest digits, and where the point belongs.
  char buffer[32];
  const auto written =
      std::to_chars(buffer, buffer + sizeof(buffer), std::fabs(number),
                    std::chars_format::scientific);
  CHECK(written.ec == std::errc());
  const absl::string_view text(buffer,
                               static_cast<size_t>(written.ptr - buffer));
  const size_t e = text.find('e');
  CHECK(e != absl::string_view::npos);
  const std::string mantissa(text.substr(0, e));
  const int exponent = std::atoi(std::string(text.substr(e + 1)).c_str());
  if (number != 0 && (exponent < -6 || exponent >= 21)) {
    return absl::StrCat(sign, mantissa, "e", exponent < 0 ? "-" : "+",
                        std::abs(exponent));
  }
  std::string digits = mantissa.substr(0, 1);
  if (mantissa.size() > 2) digits += mantissa.substr(2);
  return absl::StrCat(sign, WithoutExponent(digits, exponent));
}

std::string GoJsonTime(absl::Time time, absl::TimeZone zone) {
  // absl's times are finer than Go's.
  time = absl::FromUnixNanos(absl::ToUnixNanos(time));
  std::string text = absl::FormatTime("%Y-%m-%dT%H:%M:%E*S%Ez", time, zone);
  if (zone.At(time).offset == 0) {
    text.replace(text.size() - absl::string_view("+00:00").size(),
                 absl::string_view::npos, "Z");
  }
  return absl::StrCat("\"", text, "\"");
}

std::string GoDurationText(absl::Duration duration) {
  const int64_t nanoseconds = absl::ToInt64Nanoseconds(duration);
  const bool is_negative = nanoseconds < 0;
  const uint64_t size = is_negative ? -static_cast<uint64_t>(nanoseconds)
                                    : static_cast<uint64_t>(nanoseconds);
  constexpr uint64_t kSecond = 1000000000;
  std::string text;
  if (size == 0) {
    text = "0s";
  } else if (size < 1000) {
    text = absl::StrCat(size, "ns");
  } else if (size < 1000000) {
    text = absl::StrCat(Decimal(size, 3), "\u00b5s");
  } else if (size < kSecond) {
    text = absl::StrCat(Decimal(size, 6), "ms");
  } else {
    const uint64_t minutes = size / (60 * kSecond);
    if (minutes >= 60) absl::StrAppend(&text, minutes / 60, "h");
    if (minutes > 0) absl::StrAppend(&text, minutes % 60, "m");
    absl::StrAppend(&text, Decimal(size % (60 * kSecond), 9), "s");
  }
  return absl::StrCat(is_negative ? "-" : "", text);
}

}  // namespace rafthttp
