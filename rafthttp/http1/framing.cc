#include "rafthttp/http1/framing.h"

#include <limits>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "rafthttp/http1/http_error.h"

namespace rafthttp::http1 {
namespace {

absl::Status BadFraming(absl::string_view message) {
  return MakeHttpError(HttpError::kBadFraming, message);
}

// Digits only: no sign, no list, no blanks.
std::optional<uint64_t> ParseContentLength(absl::string_view text) {
  constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
  if (text.empty()) return std::nullopt;
  uint64_t value = 0;
  for (char c : text) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) {
      return std::nullopt;
    }
    const auto digit = static_cast<uint64_t>(c - '0');
    if (value > (kMax - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  return value;
}

// What the headers say; nullopt if they say nothing.
absl::StatusOr<std::optional<Framing>> HeaderFraming(int minor_version,
                                                     const Headers& headers) {
  const size_t lengths = headers.Count("Content-Length");
  const size_t encodings = headers.Count("Transfer-Encoding");
  if (lengths > 0 && encodings > 0) {
    return BadFraming("both Content-Length and Transfer-Encoding");
  }
  if (lengths > 1) return BadFraming("more than one Content-Length");
  if (encodings > 1) return BadFraming("more than one Transfer-Encoding");
  if (encodings == 1) {
    const absl::string_view coding = *headers.Get("Transfer-Encoding");
    if (!absl::EqualsIgnoreCase(coding, "chunked")) {
      return BadFraming(absl::StrCat("Transfer-Encoding \"",
                                     absl::CHexEscape(coding),
                                     "\" is not chunked"));
    }
    if (minor_version == 0) {
      return BadFraming("Transfer-Encoding in an HTTP/1.0 message");
    }
    return Framing{.kind = Framing::Kind::kChunked};
  }
  if (lengths == 1) {
    const absl::string_view text = *headers.Get("Content-Length");
    const std::optional<uint64_t> length = ParseContentLength(text);
    if (!length.has_value()) {
      return BadFraming(absl::StrCat(
          "Content-Length \"", absl::CHexEscape(text), "\" is not a length"));
    }
    return Framing{.kind = Framing::Kind::kContentLength,
                   .content_length = *length};
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<Framing> ResponseFraming(int status, int minor_version,
                                        const Headers& headers,
                                        bool answers_head) {
  const auto framing = HeaderFraming(minor_version, headers);
  if (!framing.ok()) return framing.status();
  const bool is_bodiless =
      answers_head || status < 200 || status == 204 || status == 304;
  if (is_bodiless) return Framing{.kind = Framing::Kind::kNone};
  return framing->value_or(Framing{.kind = Framing::Kind::kUntilClose});
}

absl::StatusOr<Framing> RequestFraming(int minor_version,
                                       const Headers& headers) {
  const auto framing = HeaderFraming(minor_version, headers);
  if (!framing.ok()) return framing.status();
  return framing->value_or(Framing{.kind = Framing::Kind::kNone});
}

bool IsKeepAlive(int minor_version, const Headers& headers) {
  if (headers.HasListElement("Connection", "close")) return false;
  return minor_version >= 1 ||
         headers.HasListElement("Connection", "keep-alive");
}

}  // namespace rafthttp::http1
