#include "rafthttp/http1/headers.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace rafthttp::http1 {
namespace {

bool IsTokenChar(char c) {
  if (absl::ascii_isalnum(static_cast<unsigned char>(c))) return true;
  return absl::string_view("!#$%&'*+-.^_`|~").find(c) !=
         absl::string_view::npos;
}

bool IsFieldValueChar(char c) {
  return c == '\t' || !absl::ascii_iscntrl(static_cast<unsigned char>(c));
}

}  // namespace

bool IsToken(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsTokenChar);
}

bool IsFieldValue(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), IsFieldValueChar);
}

void Headers::Add(absl::string_view name, absl::string_view value) {
  headers_.push_back({std::string(name), std::string(value)});
}

void Headers::Set(absl::string_view name, absl::string_view value) {
  const auto is_named = [name](const Header& header) {
    return absl::EqualsIgnoreCase(header.name, name);
  };
  const auto first = std::find_if(headers_.begin(), headers_.end(), is_named);
  if (first == headers_.end()) return Add(name, value);
  *first = {std::string(name), std::string(value)};
  headers_.erase(std::remove_if(first + 1, headers_.end(), is_named),
                 headers_.end());
}

void Headers::Remove(absl::string_view name) {
  std::erase_if(headers_, [name](const Header& header) {
    return absl::EqualsIgnoreCase(header.name, name);
  });
}

std::optional<absl::string_view> Headers::Get(absl::string_view name) const {
  for (const Header& header : headers_) {
    if (absl::EqualsIgnoreCase(header.name, name)) return header.value;
  }
  return std::nullopt;
}

size_t Headers::Count(absl::string_view name) const {
  return static_cast<size_t>(
      std::count_if(headers_.begin(), headers_.end(), [name](const Header& h) {
        return absl::EqualsIgnoreCase(h.name, name);
      }));
}

bool Headers::HasListElement(absl::string_view name,
                             absl::string_view element) const {
  for (const Header& header : headers_) {
    if (!absl::EqualsIgnoreCase(header.name, name)) continue;
    for (absl::string_view part : absl::StrSplit(header.value, ',')) {
      if (absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(part), element)) {
        return true;
      }
    }
  }
  return false;
}

absl::Status Headers::Validate() const {
  for (const Header& header : headers_) {
    if (!IsToken(header.name)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "\"", absl::CHexEscape(header.name), "\" is not a header name"));
    }
    if (!IsFieldValue(header.value)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "header ", header.name, " has a value with control characters: \"",
          absl::CHexEscape(header.value), "\""));
    }
  }
  return absl::OkStatus();
}

}  // namespace rafthttp::http1
