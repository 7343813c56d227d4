#ifndef RAFTHTTP_HTTP1_EXCHANGE_H_
#define RAFTHTTP_HTTP1_EXCHANGE_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "rafthttp/event/byte_stream.h"
#include "rafthttp/http1/head.h"
#include "rafthttp/http1/headers.h"

namespace rafthttp::http1 {

// Who takes a request's body as it arrives. Each method may destroy the
// exchange.
class BodySink {
 public:
  // The next bytes, never empty, valid only during the call.
  virtual void OnBody(absl::string_view bytes) = 0;
  // The last call, exactly once. OK: the body is whole. Otherwise kCut,
  // kMalformed or kTooLarge by HttpErrorOf, or kDeadlineExceeded if nothing
  // came for too long.
  virtual void OnEnd(absl::Status status) = 0;

 protected:
  ~BodySink() = default;
};

// A connection that an exchange has been turned into.
struct TakenStream {
  std::unique_ptr<event::ByteStream> stream;
  // What the peer had sent behind its request.
  std::string unread;
};

// One request under way, and the answer to be given. Whoever gets it owns it.
//
// The answer may be given at any time, at once or much later; the connection
// takes no other request before. If the peer goes away first, what is answered
// goes nowhere, and nobody needs to care.
//
// Threads: loop-confined.
// Lifetime: destroy it at any moment, also inside its own callbacks. If it was
//   not answered, its connection is closed without an answer. It may outlive
//   its connection and server.
class Exchange {
 public:
  virtual ~Exchange() = default;

  virtual const RequestHead& head() const = 0;
  // The target's part before '?', and the one behind it.
  absl::string_view path() const;
  absl::string_view query() const;
  // Of the other side, as ByteStream has it.
  virtual const std::string& peer_address() const = 0;

  // The body, gathered in memory that grows with what came. `on_body` runs
  // once, in this turn or a later one: the body; or kTooLarge if it is, or
  // claims to be, longer than `bytes_max`, and what BodySink::OnEnd may say.
  virtual void ReadBody(
      size_t bytes_max,
      absl::AnyInvocable<void(absl::StatusOr<std::string>)> on_body) = 0;
  // The body as it comes, of any size. Once, and not beside ReadBody. `sink`
  // must live until its OnEnd or the exchange's destruction.
  virtual void StreamBody(BodySink& sink) = 0;
  // While a body streams: no more calls to the sink until Resume, and the peer
  // feels it. The time limit stands still.
  virtual void PauseBody() = 0;
  virtual void ResumeBody() = 0;

  // Answers, once. Date, Content-Length and Connection are added; the body is
  // left out for HEAD, 204 and 304. A body of the request that was not read
  // ends the connection. kInvalidArgument if such a head cannot be written.
  virtual absl::Status Respond(int status, Headers headers,
                               std::string body) = 0;
  // The form of Go's http.Error: `text` and a line feed, as plain text.
  void RespondText(int status, absl::string_view text, Headers headers = {});

  // Answers with a head whose chunked body goes on until somebody ends it, and
  // leaves the connection to the caller. It stays counted by the server until
  // it is destroyed, which may be after the server, and never has to give way
  // to another. Only for a request without a body.
  //   kUnavailable  the connection is gone
  virtual absl::StatusOr<TakenStream> TakeOver(int status, Headers headers) = 0;

  // `on_gone` runs at most once: the connection was lost before the answer.
  // Noticed only while the body is being read, or has been.
  virtual void NotifyGone(absl::AnyInvocable<void()> on_gone) = 0;
};

// "Not Found" for 404; empty for what has no name.
absl::string_view ReasonPhrase(int status);

}  // namespace rafthttp::http1

#endif  // RAFTHTTP_HTTP1_EXCHANGE_H_
