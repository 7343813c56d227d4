#ifndef RAFTHTTP_HTTP1_CLIENT_CONNECTION_H_
#define RAFTHTTP_HTTP1_CLIENT_CONNECTION_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "rafthttp/event/byte_stream.h"
#include "rafthttp/event/event_loop.h"
#include "rafthttp/http1/body_decoder.h"
#include "rafthttp/http1/head.h"
#include "rafthttp/http1/head_parser.h"
#include "rafthttp/http1/limits.h"
#include "rafthttp/http1/request.h"

namespace rafthttp::http1 {

// Who takes a response as it arrives. Each method may destroy the connection.
class ResponseSink {
 public:
  // The final (not a 1xx) head. First, and at most once.
  virtual void OnHead(const ResponseHead& head) = 0;
  // The next bytes of the body, never empty, valid only during the call.
  virtual void OnBody(absl::string_view bytes) = 0;
  // The last call, exactly once. OK: the response is whole, as told by its
  // chunks or length (without either, a cut cannot be told from the end; see
  // ResponseHead::framing). Otherwise http_error.h tells what was wrong:
  // kNoAnswer and kCut where the connection ended too early, with the
  // event::IoCause if there was one; kDeadlineExceeded if the peer was slow.
  // The connection can take another request from within this call if it
  // is_reusable().
  virtual void OnEnd(absl::Status status) = 0;

 protected:
  ~ResponseSink() = default;
};

// Speaks HTTP/1.1 on one connection, as a client, one request at a time.
//
//   kIdle --Start--> kAwaitingHead --head--> kInBody --end--> kIdle | kClosed
//     any state --error, timeout, end of the connection--> kClosed
//
// How it fails: a broken exchange is reported once and closes the connection.
// An answer that comes while the request is still being written is read, and
// ends the connection after it; so does one whose request cannot be written,
// since a peer says why it hangs up before it does.
//
// Threads: loop-confined.
// Lifetime: destroy it at any moment, even inside its own callbacks; that
//   closes the connection and nothing is called afterwards.
// Bounds: `limits`; a paused response holds what one read brought, no more.
class ClientConnection final : private event::ByteStream::Reader {
 public:
  using OnResponse = absl::AnyInvocable<void(absl::StatusOr<Response>)>;

  // `loop` must outlive the connection.
  ClientConnection(event::EventLoop& loop,
                   std::unique_ptr<event::ByteStream> stream,
                   const Limits& limits);
  ~ClientConnection();
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;

  // Sends `request` and hands the response to `sink` as it comes. The head must
  // be complete `head_timeout` from now; how long the body takes is the sink's
  // affair. `request` must stay as it is, and `sink` live, until OnEnd or the
  // connection's destruction. kInvalidArgument if the request cannot be
  // written: nothing was sent, and the sink is not called. Only when
  // is_reusable().
  absl::Status Start(const Request& request, absl::Duration head_timeout,
                     ResponseSink& sink);

  // For a request that is_upload: the stream on which its further chunks are
  // written, once what Start wrote is on its way (pending_write_bytes() is 0).
  // Null once the connection is closed. Reading it stays ours.
  event::ByteStream* upload() { return stream_.get(); }
  // The last of them is written: the answer's head must be complete `timeout`
  // from now. Until then head_timeout of Start counts, which may be infinite.
  void FinishUpload(absl::Duration timeout);
  // They cannot be written. A peer that no longer reads may still say why,
  // within a second; without an answer the exchange fails with `status`.
  void FailUpload(absl::Status status);

  // The same, with the body gathered, to at most Limits::body_bytes_max
  // (kTooLarge), and all of it complete `timeout` from now. `on_response` runs
  // exactly once in a later turn, and may destroy the connection.
  absl::Status RoundTrip(const Request& request, absl::Duration timeout,
                         OnResponse on_response);

  // Between OnHead and OnEnd: no more calls to the sink until Resume, and the
  // peer feels it. Both may be called inside and outside of the sink's methods;
  // what Resume sets free comes in a later turn.
  void Pause();
  void Resume();

  // Whether a request can be started: there is none under way, the last
  // exchange left the connection in a known state, and the peer has neither
  // closed it nor said that it would.
  bool is_reusable() const { return state_ == State::kIdle; }
  // Whether any byte of an answer to the present request has come.
  bool has_answer_begun() const { return answer_bytes_ > 0; }

  // `on_idle_end` runs at most once, when the connection is closed while no
  // request is under way: the peer closed it, or sent bytes nobody asked for.
  // It may destroy the connection.
  void NotifyIdleEnd(absl::AnyInvocable<void(absl::Status)> on_idle_end) {
    on_idle_end_ = std::move(on_idle_end);
  }

  const event::ByteStream* stream() const { return stream_.get(); }

 private:
  enum class State { kIdle, kAwaitingHead, kInBody, kClosed };

  // event::ByteStream::Reader:
  void OnBytes(absl::string_view bytes) override;
  void OnEnd(absl::Status status) override;

  absl::Status Begin(const Request& request, absl::Duration timeout);
  void WriteRequest(absl::string_view body, bool is_upload);
  void OnWriteFailed(absl::Status status);
  void OnTimeout();
  void OnResumed();

  // Takes apart what arrived, calling out as it goes. After each call out,
  // `is_destroyed` tells whether `this` is gone.
  void Process(absl::string_view input, const bool& is_destroyed);
  // Runs Process with a flag that the destructor sets; true if it did.
  bool ProcessGuarded(absl::string_view input);

  absl::Status TakeHead(ResponseHead head);
  absl::Status TakeBody(absl::string_view bytes);
  // The end of an exchange, well or not; `this` may be gone afterwards.
  void Finish(bool is_reusable);
  void Fail(absl::Status status);
  void ReportEnd(absl::Status status);
  // The same while there is none.
  void EndIdle(absl::Status status);
  void Close();

  event::EventLoop& loop_;
  const Limits limits_;
  std::unique_ptr<event::ByteStream> stream_;  // null once closed
  const std::unique_ptr<event::Timer> timer_;
  const std::unique_ptr<event::Timer> resume_timer_;
  absl::AnyInvocable<void(absl::Status)> on_idle_end_;
  State state_ = State::kIdle;
  bool* is_destroyed_ = nullptr;  // set by the destructor, inside Process

  // The exchange under way. One of sink_ and on_response_ is set.
  ResponseSink* sink_ = nullptr;
  OnResponse on_response_;
  Response response_;  // the head; with on_response_ also the body
  std::string request_head_;
  bool is_upload_ = false;
  bool is_written_ = false;
  absl::Status write_status_;
  bool is_closing_asked_ = false;  // by the request's headers
  absl::Duration timeout_;
  absl::Time deadline_;
  bool is_paused_ = false;
  std::string held_;  // came before the pause took effect
  uint64_t answer_bytes_ = 0;
  int interim_responses_ = 0;
  HeadParser head_parser_;
  BodyDecoder body_decoder_;
};

}  // namespace rafthttp::http1

#endif  // RAFTHTTP_HTTP1_CLIENT_CONNECTION_H_
