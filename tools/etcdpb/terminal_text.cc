#include "tools/etcdpb/terminal_text.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace rafthttpctl {
namespace {

struct Utf8Char {
  uint32_t code_point = 0;
  size_t bytes = 0;  // 0: the text does not begin with a character.
};

// The character at the head of `text`, which is not empty.
Utf8Char HeadOf(absl::string_view text) {
  const auto byte = [text](size_t i) {
    return static_cast<uint32_t>(static_cast<unsigned char>(text[i]));
  };
  const uint32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  size_t bytes = 0;
  uint32_t code_point = 0;
  uint32_t code_point_min = 0;
  if ((lead & 0xe0) == 0xc0) {
    bytes = 2, code_point = lead & 0x1f, code_point_min = 0x80;
  } else if ((lead & 0xf0) == 0xe0) {
    bytes = 3, code_point = lead & 0x0f, code_point_min = 0x800;
  } else if ((lead & 0xf8) == 0xf0) {
    bytes = 4, code_point = lead & 0x07, code_point_min = 0x10000;
  } else {
    return {};
  }
  if (text.size() < bytes) return {};
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code_point = code_point << 6 | (byte(i) & 0x3f);
  }
  const bool is_surrogate = code_point >= 0xd800 && code_point <= 0xdfff;
  if (code_point < code_point_min || code_point > 0x10ffff || is_surrogate) {
    return {};
  }
  return {code_point, bytes};
}

// What a terminal would obey, not show: controls, marks that set the direction
// of text, separators and what has no width.
bool IsUnsafe(uint32_t code_point) {
  struct Range {
    uint32_t first;
    uint32_t last;
  };
  static constexpr Range kUnsafe[] = {
      {0x0000, 0x001f},   {0x007f, 0x00a0},   {0x00ad, 0x00ad},
      {0x034f, 0x034f},   {0x061c, 0x061c},   {0x115f, 0x1160},
      {0x17b4, 0x17b5},   {0x180b, 0x180f},   {0x2000, 0x200f},
      {0x2028, 0x202f},   {0x205f, 0x206f},   {0x3000, 0x3000},
      {0x3164, 0x3164},   {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},
      {0xffa0, 0xffa0},   {0xfff0, 0xfffb},   {0xfffe, 0xffff},
      {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
  };
  return std::any_of(std::begin(kUnsafe), std::end(kUnsafe), [=](Range range) {
    return range.first <= code_point && code_point <= range.last;
  });
}

// Both return how many characters they added.
size_t AppendEscapedByte(char byte, std::string& out) {
  absl::StrAppendFormat(&out, "\\x%02x", static_cast<unsigned char>(byte));
  return 4;
}

size_t AppendEscaped(uint32_t code_point, std::string& out) {
  const size_t size = out.size();
  if (code_point == '\n') {
    absl::StrAppend(&out, "\\n");
  } else if (code_point == '\r') {
    absl::StrAppend(&out, "\\r");
  } else if (code_point == '\t') {
    absl::StrAppend(&out, "\\t");
  } else if (code_point < 0x80) {
    AppendEscapedByte(static_cast<char>(code_point), out);
  } else if (code_point < 0x10000) {
    absl::StrAppendFormat(&out, "\\u%04x", code_point);
  } else {
    absl::StrAppendFormat(&out, "\\U%08x", code_point);
  }
  return out.size() - size;
}

// Whether `text` is as clear without quotes around it.
bool IsPlainWord(absl::string_view text) {
  if (text.empty() || absl::StrContains(text, "..")) return false;
  while (!text.empty()) {
    const Utf8Char head = HeadOf(text);
    if (head.bytes == 0 || IsUnsafe(head.code_point)) return false;
    if (head.code_point < 0x80 && absl::StrContains(" \"'\\,=[]{}", text[0])) {
      return false;
    }
    text.remove_prefix(head.bytes);
  }
  return true;
}

}  // namespace

bool IsUtf8(absl::string_view bytes) {
  while (!bytes.empty()) {
    const Utf8Char head = HeadOf(bytes);
    if (head.bytes == 0) return false;
    bytes.remove_prefix(head.bytes);
  }
  return true;
}

std::string Quoted(absl::string_view bytes, size_t width_max) {
  std::string out = "\"";
  size_t width = 0;
  absl::string_view rest = bytes;
  while (!rest.empty() && width < width_max) {
    const Utf8Char head = HeadOf(rest);
    if (head.bytes == 0) {
      width += AppendEscapedByte(rest[0], out);
      rest.remove_prefix(1);
      continue;
    }
    if (IsUnsafe(head.code_point)) {
      width += AppendEscaped(head.code_point, out);
    } else {
      if (rest[0] == '"' || rest[0] == '\\') out.push_back('\\');
      absl::StrAppend(&out, rest.substr(0, head.bytes));
      ++width;
    }
    rest.remove_prefix(head.bytes);
  }
  if (rest.empty()) {
    out.push_back('"');
  } else {
    absl::StrAppend(&out, "…\" (", bytes.size(), " bytes)");
  }
  return out;
}

std::string MaybeQuoted(absl::string_view bytes, size_t width_max) {
  // No more characters than bytes.
  if (bytes.size() <= width_max && IsPlainWord(bytes)) {
    return std::string(bytes);
  }
  return Quoted(bytes, width_max);
}

}  // namespace rafthttpctl
