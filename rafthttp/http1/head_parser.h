#ifndef RAFTHTTP_HTTP1_HEAD_PARSER_H_
#define RAFTHTTP_HTTP1_HEAD_PARSER_H_

#include <cstddef>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "rafthttp/http1/head.h"
#include "rafthttp/http1/limits.h"

namespace rafthttp::http1 {

// Reads the head of one HTTP/1.x message: bytes in, a head out. Has no socket
// and does not touch the body.
//
//   start-line CRLF *( name ":" value CRLF ) CRLF | body...
//                                            consumed^
//
// Strict where leniency has let readers disagree: lines end in CRLF, values are
// not folded, no blank stands before a colon, and the framing is unambiguous.
// http-parser does the splitting into parts behind this face, nowhere else.
//
// Bounds: see Limits; memory grows with the bytes that came.
// Errors (http_error.h): kNotHttp and kLooksLikeTls tell what came instead,
//   kMalformed, kBadFraming, kTooLarge. The parser is of no use after one.
class HeadParser {
 public:
  enum class Kind { kRequest, kResponse };

  HeadParser(Kind kind, const Limits& limits);
  HeadParser(HeadParser&&) noexcept;
  HeadParser& operator=(HeadParser&&) noexcept;
  ~HeadParser();

  // Makes the parser ready for the next head. `answers_head_request` is true if
  // the next response is one to HEAD, which has no body whatever it says.
  // Interim (1xx) responses are heads of their own.
  void Reset(bool answers_head_request = false);

  // Takes `bytes` up to the end of the head and returns how many it took: all
  // of them unless is_done(). Returns 0 once done.
  absl::StatusOr<size_t> Consume(absl::string_view bytes);

  bool is_done() const;
  // Bytes of this head taken so far.
  size_t head_bytes() const;

  // The head, once done, by kind.
  RequestHead TakeRequest();
  ResponseHead TakeResponse();

 private:
  class Machine;
  std::unique_ptr<Machine> machine_;
};

}  // namespace rafthttp::http1

#endif  // RAFTHTTP_HTTP1_HEAD_PARSER_H_
