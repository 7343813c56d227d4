// Input: one byte that says how to cut, then a chunked body. Cutting must not
// change the data, the error or what is left over; and what was decoded can be
// encoded and decoded again.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "rafthttp/base/check.h"
#include "rafthttp/http1/chunked.h"
#include "rafthttp/http1/http_error.h"
#include "rafthttp/http1/limits.h"

namespace rafthttp::http1 {
namespace {

struct Result {
  HttpError error = HttpError::kNone;
  bool is_done = false;
  std::string data;
  size_t left_bytes = 0;

  friend bool operator==(const Result&, const Result&) = default;
};

Result Decode(absl::string_view bytes, size_t step) {
  Limits limits;
  limits.chunk_extension_bytes_max = 16;
  limits.trailer_bytes_max = 32;
  ChunkDecoder decoder(limits);
  Result result;
  while (!bytes.empty() && !decoder.is_done()) {
    // Memory of its own, so that ASan sees who looks beyond it.
    const std::string piece(bytes.substr(0, step));
    absl::string_view input = piece;
    while (true) {
      const absl::StatusOr<absl::string_view> span = decoder.Next(input);
      if (!span.ok()) {
        result.error = HttpErrorOf(span.status());
        CHECK(result.error != HttpError::kNone);
        return result;
      }
      if (span->empty()) break;
      absl::StrAppend(&result.data, *span);
    }
    CHECK(input.empty() || decoder.is_done());
    bytes.remove_prefix(piece.size() - input.size());
  }
  result.is_done = decoder.is_done();
  result.left_bytes = bytes.size();
  return result;
}

}  // namespace
}  // namespace rafthttp::http1

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using rafthttp::http1::ChunkEncoder;
  using rafthttp::http1::Decode;
  if (size == 0) return 0;
  const size_t step = std::max<size_t>(1, data[0]);
  const absl::string_view bytes(reinterpret_cast<const char*>(data) + 1,
                                size - 1);
  const auto whole = Decode(bytes, bytes.size() + 1);
  CHECK(whole == Decode(bytes, step));
  CHECK(whole == Decode(bytes, 1));

  ChunkEncoder encoder;
  encoder.Add(whole.data);
  std::string encoded;
  for (absl::string_view piece : encoder.Finish()) {
    absl::StrAppend(&encoded, piece);
  }
  absl::StrAppend(&encoded, ChunkEncoder::kFinalChunk);
  const auto again = Decode(encoded, step);
  CHECK(again.is_done);
  CHECK(again.data == whole.data);
  return 0;
}
