#include "rafthttp/event/address.h"

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace rafthttp::event {
namespace {

absl::Status Malformed(absl::string_view text, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("\"", text, "\" is not host:port: ", why));
}

bool ParsePort(absl::string_view text, uint16_t& port) {
  if (text.empty() || text.size() > 5) return false;
  for (char c : text) {
    if (!absl::ascii_isdigit(c)) return false;
  }
  uint32_t value = 0;
  if (!absl::SimpleAtoi(text, &value) || value > 65535) return false;
  port = static_cast<uint16_t>(value);
  return true;
}

}  // namespace

absl::StatusOr<Address> ParseHostPort(absl::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos) return Malformed(text, "no port");
  absl::string_view host = text.substr(0, colon);
  Address address;
  if (!ParsePort(text.substr(colon + 1), address.port)) {
    return Malformed(text, "the port is not a number from 0 to 65535");
  }
  if (!host.empty() && host.front() == '[') {
    if (host.back() != ']') return Malformed(text, "no \"]:\" before the port");
    host = host.substr(1, host.size() - 2);
    if (host.find(':') == absl::string_view::npos) {
      return Malformed(text, "only IPv6 literals go in brackets");
    }
  } else if (host.find(':') != absl::string_view::npos) {
    return Malformed(text, "an IPv6 literal needs brackets");
  }
  if (host.empty()) return Malformed(text, "no host");
  for (char c : host) {
    if (!absl::ascii_isgraph(c) || c == '[' || c == ']' || c == '/') {
      return Malformed(text, "the host has a character that no host has");
    }
  }
  address.host = std::string(host);
  return address;
}

std::string FormatHostPort(const Address& address) {
  if (address.is_unix()) return absl::StrCat("unix:", address.unix_path);
  if (address.host.find(':') == std::string::npos) {
    return absl::StrCat(address.host, ":", address.port);
  }
  return absl::StrCat("[", address.host, "]:", address.port);
}

}  // namespace rafthttp::event
