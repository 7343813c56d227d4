#ifndef RAFTHTTP_HTTP1_BODY_DECODER_H_
#define RAFTHTTP_HTTP1_BODY_DECODER_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "rafthttp/http1/chunked.h"
#include "rafthttp/http1/framing.h"
#include "rafthttp/http1/limits.h"

namespace rafthttp::http1 {

// Finds a body's data and its end among the bytes after a head, whatever its
// framing, without copying.
class BodyDecoder {
 public:
  BodyDecoder(const Framing& framing, const Limits& limits)
      : kind_(framing.kind),
        rest_bytes_(framing.content_length),
        chunks_(limits) {}

  // As ChunkDecoder::Next, and with its errors.
  absl::StatusOr<absl::string_view> Next(absl::string_view& input);

  // The body has ended; may be so from the start.
  bool is_done() const;
  // Whether the body is whole if the connection ends now. More than is_done():
  // the end of the connection is the end of a kUntilClose body.
  bool is_whole_at_close() const;

 private:
  Framing::Kind kind_;
  uint64_t rest_bytes_;  // kContentLength: still to come
  ChunkDecoder chunks_;  // kChunked
};

}  // namespace rafthttp::http1

#endif  // RAFTHTTP_HTTP1_BODY_DECODER_H_
