// Whatever a file holds, decode ends, its output is safe for a terminal, and
// what it prints as JSON can be read.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "rafthttp/base/check.h"
#include "tools/rafthttpctl/decode.h"
#include "tools/rafthttpctl/record.h"

namespace {

bool IsSafe(absl::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\n') || byte == 0x7f;
  });
}

}  // namespace

// The first two bytes choose the options, the rest is the file.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  rafthttpctl::DecodeOptions options;
  options.is_json = (data[0] & 1) != 0;
  options.uses_color = false;
  options.record.payload =
      static_cast<rafthttpctl::PayloadMode>(data[0] >> 1 & 3);
  options.format = static_cast<rafthttpctl::DecodeFormat>((data[0] >> 3) % 5);
  options.as = static_cast<rafthttpctl::DecodeAs>(data[1] % 6);
  if ((data[1] & 0x80) != 0) options.filter.key_prefix = "k";
  std::istringstream in(
      std::string(reinterpret_cast<const char*>(data + 2), size - 2));
  std::ostringstream err;
  rafthttpctl::RunDecode(
      options, in,
      [&options](absl::string_view lines) {
        CHECK(!lines.empty());
        CHECK(lines.back() == '\n');
        CHECK(IsSafe(lines));
        if (options.is_json) CHECK(rafthttpctl::ParseLine(lines).ok());
        return absl::OkStatus();
      },
      err);
  const std::string errors = err.str();
  CHECK(std::count(errors.begin(), errors.end(), '\n') <= 6);
  CHECK(IsSafe(errors));
  return 0;
}
