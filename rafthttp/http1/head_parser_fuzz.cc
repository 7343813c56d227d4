// Input: one byte that picks the kind and the way to cut, then what a peer
// sends. Whatever it is, cutting it must not change what comes out, and a head
// that was accepted can be written again and reads the same.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "rafthttp/base/check.h"
#include "rafthttp/http1/head.h"
#include "rafthttp/http1/head_parser.h"
#include "rafthttp/http1/limits.h"
#include "rafthttp/http1/message_writer.h"

namespace rafthttp::http1 {
namespace {

struct Result {
  bool is_ok = true;
  bool is_done = false;
  size_t taken = 0;
  std::string rewritten;
};

std::string Rewrite(HeadParser::Kind kind, HeadParser& parser) {
  absl::StatusOr<std::string> text;
  if (kind == HeadParser::Kind::kRequest) {
    const RequestHead head = parser.TakeRequest();
    text = WriteRequestHead(head.method, head.target, head.headers);
  } else {
    const ResponseHead head = parser.TakeResponse();
    text = WriteResponseHead(head.status, head.reason, head.headers);
  }
  CHECK(text.ok());
  return *text;
}

Result Parse(HeadParser::Kind kind, absl::string_view bytes, size_t step) {
  Limits limits;
  limits.head_bytes_max = 512;
  limits.headers_max = 8;
  limits.header_name_bytes_max = 32;
  limits.header_value_bytes_max = 64;
  limits.target_bytes_max = 64;
  HeadParser parser(kind, limits);
  Result result;
  while (!bytes.empty() && !parser.is_done()) {
    // Memory of its own, so that ASan sees who looks beyond it.
    const std::string piece(bytes.substr(0, step));
    const absl::StatusOr<size_t> taken = parser.Consume(piece);
    if (!taken.ok()) {
      result.is_ok = false;
      return result;
    }
    CHECK(*taken == piece.size() || parser.is_done());
    result.taken += *taken;
    bytes.remove_prefix(*taken);
  }
  result.is_done = parser.is_done();
  if (result.is_done) result.rewritten = Rewrite(kind, parser);
  return result;
}

}  // namespace
}  // namespace rafthttp::http1

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using rafthttp::http1::HeadParser;
  using rafthttp::http1::Parse;
  if (size == 0) return 0;
  const auto kind = data[0] % 2 == 0 ? HeadParser::Kind::kResponse
                                     : HeadParser::Kind::kRequest;
  const size_t step = std::max<size_t>(1, data[0] / 2);
  const absl::string_view bytes(reinterpret_cast<const char*>(data) + 1,
                                size - 1);
  const auto whole = Parse(kind, bytes, bytes.size() + 1);
  const auto split = Parse(kind, bytes, step);
  CHECK(whole.is_ok == split.is_ok);
  CHECK(whole.is_done == split.is_done);
  CHECK(whole.rewritten == split.rewritten);
  CHECK(!whole.is_ok || whole.taken == split.taken);
  if (whole.is_done && whole.rewritten.size() <= 512) {
    const auto again = Parse(kind, whole.rewritten, whole.rewritten.size());
    CHECK(again.is_done);
    CHECK(again.rewritten == whole.rewritten);
  }
  return 0;
}
