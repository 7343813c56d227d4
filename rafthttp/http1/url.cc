#include "rafthttp/http1/url.h"

#include <arpa/inet.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace rafthttp::http1 {
namespace {

constexpr size_t kUrlBytesMax = 2048;  // what browsers and servers put up with
constexpr size_t kHostBytesMax = 253;  // DNS
constexpr size_t kZoneBytesMax = 32;   // an interface's name has at most 15

absl::Status Bad(absl::string_view url, absl::string_view why) {
  // So that the message stays one line whatever was typed.
  constexpr size_t kQuotedMax = 128;
  return absl::InvalidArgumentError(
      absl::StrCat("\"", absl::CHexEscape(url.substr(0, kQuotedMax)),
                   url.size() > kQuotedMax ? "..." : "", "\" ", why));
}

std::optional<Url::Scheme> ParseScheme(absl::string_view text) {
  for (Url::Scheme scheme : {Url::Scheme::kHttp, Url::Scheme::kHttps,
                             Url::Scheme::kUnix, Url::Scheme::kUnixs}) {
    if (absl::EqualsIgnoreCase(text, SchemeName(scheme))) return scheme;
  }
  return std::nullopt;
}

bool IsUnix(Url::Scheme scheme) {
  return scheme == Url::Scheme::kUnix || scheme == Url::Scheme::kUnixs;
}

bool IsHostName(absl::string_view host) {
  return !host.empty() && host.size() <= kHostBytesMax &&
         std::all_of(host.begin(), host.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) || c == '-' || c == '.' || c == '_';
         });
}

bool IsIpv6(absl::string_view literal) {
  in6_addr address;
  return inet_pton(AF_INET6, std::string(literal).c_str(), &address) == 1;
}

bool IsZone(absl::string_view zone) {
  return zone.size() <= kZoneBytesMax && IsHostName(zone);
}

std::optional<uint16_t> ParsePort(absl::string_view text) {
  uint32_t port = 0;
  const bool is_number =
      !text.empty() && text.size() <= 5 &&
      std::all_of(text.begin(), text.end(),
                  [](unsigned char c) { return absl::ascii_isdigit(c); }) &&
      absl::SimpleAtoi(text, &port);
  if (!is_number || port == 0 || port > 65535) return std::nullopt;
  return static_cast<uint16_t>(port);
}

// Reads what stands between the brackets of "[fe80::1%25eth0]".
absl::Status ParseIpv6(absl::string_view url, absl::string_view literal,
                       Url& out) {
  const size_t percent = literal.find('%');
  const absl::string_view ip = literal.substr(0, percent);
  if (!IsIpv6(ip)) return Bad(url, "has no IPv6 address in its brackets");
  out.host = std::string(ip);
  if (percent == absl::string_view::npos) return absl::OkStatus();
  absl::string_view zone = literal.substr(percent + 1);
  // "%25" is how a URL spells "%"; people type the bare one too.
  if (zone.size() > 2) absl::ConsumePrefix(&zone, "25");
  if (!IsZone(zone)) return Bad(url, "has a malformed IPv6 zone");
  absl::StrAppend(&out.host, "%", zone);
  return absl::OkStatus();
}

// Sets host, and port unless there is none.
absl::Status ParseAuthority(absl::string_view url, absl::string_view authority,
                            Url& out) {
  if (absl::StrContains(authority, '@')) {
    return Bad(url, "has a user name; peers know none");
  }
  absl::string_view host = authority;
  std::optional<absl::string_view> port;
  if (absl::StartsWith(authority, "[")) {
    const size_t close = authority.find(']');
    if (close == absl::string_view::npos) return Bad(url, "has no \"]\"");
    absl::Status status = ParseIpv6(url, authority.substr(1, close - 1), out);
    if (!status.ok()) return status;
    absl::string_view rest = authority.substr(close + 1);
    if (absl::ConsumePrefix(&rest, ":")) {
      port = rest;
    } else if (!rest.empty()) {
      return Bad(url, "has something other than a port after its \"]\"");
    }
  } else {
    const size_t colon = authority.find(':');
    if (colon != absl::string_view::npos) {
      host = authority.substr(0, colon);
      port = authority.substr(colon + 1);
      if (absl::StrContains(*port, ':')) {
        return Bad(url, "has an IPv6 address without brackets");
      }
    }
    if (host.empty()) return Bad(url, "has no host");
    if (!IsHostName(host)) return Bad(url, "has a malformed host");
    out.host = std::string(host);
  }
  if (!port.has_value()) return absl::OkStatus();
  const std::optional<uint16_t> number = ParsePort(*port);
  if (!number.has_value()) {
    return Bad(url, "has a port that is not a number from 1 to 65535");
  }
  out.port = *number;
  return absl::OkStatus();
}

// Everything but the default port, which stays 0.
absl::StatusOr<Url> Parse(absl::string_view text) {
  if (text.empty()) return Bad(text, "is not a URL");
  if (text.size() > kUrlBytesMax) return Bad(text, "is too long for a URL");
  if (!std::all_of(text.begin(), text.end(),
                   [](unsigned char c) { return absl::ascii_isgraph(c); })) {
    return Bad(text, "has blanks or characters that no URL has");
  }
  const size_t colon = text.find("://");
  if (colon == absl::string_view::npos) {
    return Bad(text, "has no scheme: write http://host:port");
  }
  const std::optional<Url::Scheme> scheme = ParseScheme(text.substr(0, colon));
  if (!scheme.has_value()) {
    return Bad(text, "has a scheme other than http, https, unix and unixs");
  }
  Url url;
  url.scheme = *scheme;
  const absl::string_view rest = text.substr(colon + 3);
  if (IsUnix(url.scheme)) {
    if (rest.empty()) return Bad(text, "names no socket file");
    url.host = std::string(rest);
    return url;
  }
  if (absl::StrContains(rest, '#')) return Bad(text, "has a fragment");
  const size_t end = std::min(rest.find_first_of("/?"), rest.size());
  absl::Status status = ParseAuthority(text, rest.substr(0, end), url);
  if (!status.ok()) return status;
  url.target = std::string(rest.substr(end));
  // A request needs a path before its query.
  if (absl::StartsWith(url.target, "?")) url.target.insert(0, "/");
  return url;
}

}  // namespace

absl::string_view SchemeName(Url::Scheme scheme) {
  switch (scheme) {
    case Url::Scheme::kHttp:
      return "http";
    case Url::Scheme::kHttps:
      return "https";
    case Url::Scheme::kUnix:
      return "unix";
    case Url::Scheme::kUnixs:
      return "unixs";
  }
  return "invalid";
}

std::string Url::Authority() const {
  // The file means nothing to the peer.
  if (IsUnix(scheme)) return "localhost";
  event::Address without_zone = address();
  const size_t percent = host.find('%');
  if (percent != std::string::npos) without_zone.host.resize(percent);
  return event::FormatHostPort(without_zone);
}

std::string Url::ToString() const {
  if (IsUnix(scheme)) {
    return absl::StrCat(SchemeName(scheme), "://", host, target);
  }
  event::Address escaped = address();
  const size_t percent = host.find('%');
  if (percent != std::string::npos) escaped.host.insert(percent + 1, "25");
  return absl::StrCat(SchemeName(scheme), "://", event::FormatHostPort(escaped),
                      target);
}

Url Url::WithTarget(absl::string_view new_target) const {
  Url url = *this;
  url.target = std::string(new_target);
  return url;
}

absl::StatusOr<Url> ParseUrl(absl::string_view text) {
  absl::StatusOr<Url> url = Parse(text);
  if (url.ok() && url->port == 0) {
    if (url->scheme == Url::Scheme::kHttp) url->port = 80;
    if (url->scheme == Url::Scheme::kHttps) url->port = 443;
  }
  return url;
}

absl::StatusOr<Url> ParsePeerUrl(absl::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  absl::StatusOr<Url> url = Parse(text);
  if (!url.ok() || IsUnix(url->scheme)) return url;
  if (url->port == 0) return Bad(text, "has no port: write host:port");
  if (url->target == "/") {
    return Bad(text, "ends in \"/\"; etcd wants nothing after host:port");
  }
  if (!url->target.empty()) {
    return Bad(text, "has a path; a peer URL ends after host:port");
  }
  return url;
}

}  // namespace rafthttp::http1
