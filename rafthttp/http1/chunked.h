#ifndef RAFTHTTP_HTTP1_CHUNKED_H_
#define RAFTHTTP_HTTP1_CHUNKED_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "rafthttp/http1/limits.h"

namespace rafthttp::http1 {

// Takes a chunked body (RFC 9112, section 7.1) apart without copying it.
//
//   size (hex, 1..16 digits) [ ";" extension ] CRLF  data  CRLF     per chunk
//   "0" [ ";" extension ] CRLF *( trailer CRLF ) CRLF               at the end
//
//   while (true) {
//     const auto span = decoder.Next(input);
//     if (!span.ok()) ...                    // malformed: close
//     if (span->empty()) break;              // more input, or the end
//     Use(*span);
//   }
//   if (decoder.is_done()) ...               // `input` is what follows
//
// Lines end in CRLF and nothing else. Extensions and trailers are skipped.
// Bounds: holds no bytes; chunk_bytes_max, chunk_extension_bytes_max and
//   trailer_bytes_max of Limits.
// Errors (http_error.h): kMalformed, kTooLarge; every later call repeats it.
class ChunkDecoder {
 public:
  explicit ChunkDecoder(const Limits& limits) : limits_(limits) {}

  // Removes from the front of `input` what it used, and returns the first
  // stretch of data found there. Empty if all of `input` was used without
  // finding data, or if the body has ended (is_done()), whose successors stay
  // in `input`.
  absl::StatusOr<absl::string_view> Next(absl::string_view& input);

  // The final chunk and its trailers have been read.
  bool is_done() const { return state_ == State::kDone; }

 private:
  enum class State {
    kSizeFirstDigit,
    kSize,
    kExtension,
    kSizeLf,
    kData,
    kDataCr,
    kDataLf,
    kTrailerStart,
    kTrailer,
    kTrailerLf,
    kFinalLf,
    kDone,
    kFailed,
  };

  // Takes one byte that is not data.
  absl::Status TakeByte(char c);
  absl::Status TakeDigit(char c);
  absl::Status TakeTrailerByte(char c);

  Limits limits_;
  State state_ = State::kSizeFirstDigit;
  uint64_t chunk_bytes_ = 0;  // of the chunk under way, not yet handed out
  int digits_ = 0;
  size_t extension_bytes_ = 0;
  size_t trailer_bytes_ = 0;
  absl::Status status_;
};

// Puts pieces of memory that lie apart into one chunk, referencing them.
//
//   ChunkEncoder chunk;
//   chunk.Add(frame_head);
//   chunk.Add(frame_body);
//   stream.Write(chunk.Finish(), ...);   // "1a\r\n", the pieces, "\r\n"
//
// The size is known only at the end, so the prefix's place is kept at the front
// and filled in by Finish. The buffers point into the encoder and the pieces:
// both must stay where they are until the write is done.
class ChunkEncoder {
 public:
  // Ends a body, after its last chunk.
  static constexpr absl::string_view kFinalChunk = "0\r\n\r\n";

  ChunkEncoder() { Clear(); }
  ChunkEncoder(const ChunkEncoder&) = delete;
  ChunkEncoder& operator=(const ChunkEncoder&) = delete;

  void Add(absl::string_view piece);
  // The bytes added since the last Clear.
  uint64_t data_bytes() const { return data_bytes_; }

  // The chunk so far; nothing at all if it has no data, as a chunk of size 0
  // would end the body. Valid until the encoder is used again.
  absl::Span<const absl::string_view> Finish();
  // Begins the next chunk, keeping memory.
  void Clear();

 private:
  // Sixteen digits and CRLF.
  std::array<char, 18> prefix_;
  std::vector<absl::string_view> buffers_;  // the first is the prefix's
  uint64_t data_bytes_ = 0;
  bool is_finished_ = false;
};

}  // namespace rafthttp::http1

#endif  // RAFTHTTP_HTTP1_CHUNKED_H_
