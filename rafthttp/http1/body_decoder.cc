#include "rafthttp/http1/body_decoder.h"

#include <algorithm>
#include <cstddef>

#include "rafthttp/base/check.h"

namespace rafthttp::http1 {

absl::StatusOr<absl::string_view> BodyDecoder::Next(absl::string_view& input) {
  absl::string_view data;
  switch (kind_) {
    case Framing::Kind::kNone:
      return data;
    case Framing::Kind::kChunked:
      return chunks_.Next(input);
    case Framing::Kind::kContentLength:
      data = input.substr(0, static_cast<size_t>(std::min<uint64_t>(
                                 rest_bytes_, input.size())));
      rest_bytes_ -= data.size();
      break;
    case Framing::Kind::kUntilClose:
      data = input;
      break;
  }
  input.remove_prefix(data.size());
  return data;
}

bool BodyDecoder::is_done() const {
  switch (kind_) {
    case Framing::Kind::kNone:
      return true;
    case Framing::Kind::kChunked:
      return chunks_.is_done();
    case Framing::Kind::kContentLength:
      return rest_bytes_ == 0;
    case Framing::Kind::kUntilClose:
      return false;
  }
  CHECK(false);
  return false;
}

bool BodyDecoder::is_whole_at_close() const {
  return kind_ == Framing::Kind::kUntilClose || is_done();
}

}  // namespace rafthttp::http1
