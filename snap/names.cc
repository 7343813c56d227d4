#include "snap/names.h"

#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace rafthttp::snap {
namespace {

constexpr size_t kDigits = 16;

// Exactly 16 of them, from the front of `text`.
std::optional<uint64_t> ConsumeHex(absl::string_view* text) {
  if (text->size() < kDigits) return std::nullopt;
  uint64_t value = 0;
  for (const char c : text->substr(0, kDigits)) {
    const bool is_digit = c >= '0' && c <= '9';
    if (!is_digit && !(c >= 'a' && c <= 'f')) return std::nullopt;
    value =
        value << 4 | static_cast<uint64_t>(is_digit ? c - '0' : c - 'a' + 10);
  }
  text->remove_prefix(kDigits);
  return value;
}

}  // namespace

std::string SnapName(SnapId id) {
  return absl::StrCat(absl::Hex(id.term, absl::kZeroPad16), "-",
                      absl::Hex(id.index, absl::kZeroPad16), ".snap");
}

std::string DbName(uint64_t index) {
  return absl::StrCat(absl::Hex(index, absl::kZeroPad16), ".snap.db");
}

std::optional<SnapId> ParseSnapName(absl::string_view name) {
  const auto term = ConsumeHex(&name);
  if (!term || !absl::ConsumePrefix(&name, "-")) return std::nullopt;
  const auto index = ConsumeHex(&name);
  if (!index || name != ".snap") return std::nullopt;
  return SnapId{*term, *index};
}

std::optional<uint64_t> ParseDbName(absl::string_view name) {
  const auto index = ConsumeHex(&name);
  if (!index || name != ".snap.db") return std::nullopt;
  return index;
}

}  // namespace rafthttp::snap
