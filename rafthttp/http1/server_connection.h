#ifndef RAFTHTTP_HTTP1_SERVER_CONNECTION_H_
#define RAFTHTTP_HTTP1_SERVER_CONNECTION_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "rafthttp/event/byte_stream.h"
#include "rafthttp/event/event_loop.h"
#include "rafthttp/http1/body_decoder.h"
#include "rafthttp/http1/exchange.h"
#include "rafthttp/http1/handler.h"
#include "rafthttp/http1/head.h"
#include "rafthttp/http1/head_parser.h"
#include "rafthttp/http1/headers.h"
#include "rafthttp/http1/limits.h"

namespace rafthttp::http1 {

// Speaks HTTP/1.1 on one connection, as a server: one request after the other.
//
//   kAwaitingHead --head--> kServing --answer--> kAnswering --written--+
//        ^                     |                                       |
//        +---------------------|---------------------------------------+
//                              +--TakeOver--> kClosed (the stream lives on)
//   any state --error, timeout, end of the connection--> kLingering | kClosed
//
// How it fails: what is wrong with a request is answered with a status, and the
// connection ends behind it: our side is shut down, and what still comes is
// read and thrown away for a moment, so that the peer sees the answer and not a
// reset.
//
// Threads: loop-confined. Lifetime: destroy it at any moment, even inside its
//   own callbacks; that closes the connection, and an exchange under way hears
//   that it is gone.
// Bounds: `limits`, and what one read brought. A request that comes before the
//   one before it was answered waits in the kernel, but for one read.
class ServerConnection final : private event::ByteStream::Reader {
 public:
  struct Options {
    Limits limits;
    // From the first byte of a head to its last. etcd cuts after 5 s without a
    // byte; one who sends a byte at a time has to be done, too.
    absl::Duration head_timeout = absl::Seconds(10);
    // Without a request. etcd: 5 to 10 s; it probes every 4 s.
    absl::Duration idle_timeout = absl::Seconds(10);
    // Without a byte of a body that is being read, or of an answer written.
    absl::Duration progress_timeout = absl::Seconds(5);
  };
  // Who owns connections. Each callback may destroy the connection.
  class Owner {
   public:
    // A head has come whole, and is being served.
    virtual void OnRequest(ServerConnection& connection) = 0;
    // The connection was lost or has ended: not OK if the peer misbehaved,
    // with HttpErrorOf or kDeadlineExceeded.
    virtual void OnClosed(ServerConnection& connection,
                          const absl::Status& status) = 0;
    // A handler has taken the stream over; returns it, perhaps wrapped.
    virtual std::unique_ptr<event::ByteStream> OnTakenOver(
        ServerConnection& connection,
        std::unique_ptr<event::ByteStream> stream) = 0;

   protected:
    ~Owner() = default;
  };

  // All but the stream must outlive the connection. `wall_clock` is for Date.
  ServerConnection(event::EventLoop& loop,
                   std::unique_ptr<event::ByteStream> stream, Handler& handler,
                   Owner& owner, const Options& options,
                   const std::function<absl::Time()>& wall_clock);
  ~ServerConnection();
  ServerConnection(const ServerConnection&) = delete;
  ServerConnection& operator=(const ServerConnection&) = delete;

  // Whether no request is under way, so that nobody would miss the connection.
  bool is_idle() const { return state_ == State::kAwaitingHead; }
  // After the answer under way, if there is one, the connection ends.
  void CloseSoon();
  const std::string& peer_address() const { return peer_address_; }

 private:
  enum class State {
    kAwaitingHead,
    kServing,    // exchange_ is out
    kAnswering,  // answer_ is being written
    kLingering,  // our side is shut down
    kClosed,
  };
  class ConnectionExchange;

  // event::ByteStream::Reader:
  void OnBytes(absl::string_view bytes) override;
  void OnEnd(absl::Status status) override;

  // Takes what came apart, for as long as there is something to do with it.
  // False if `this` is gone.
  bool Pump();
  bool TakeHead();
  bool IsBodyDue() const;
  bool FeedWaiting();
  void FeedBody(absl::string_view* rest);
  void EndBody(absl::Status status);
  void StartReading();
  void StopReading();
  void SetTimeout(absl::Duration timeout);
  void OnTimeout();

  // For the exchange:
  void ReadBody(size_t bytes_max,
                absl::AnyInvocable<void(absl::StatusOr<std::string>)> on_body);
  void StreamBody(BodySink& sink);
  void BeginBody();
  void SetBodyPaused(bool is_paused);
  absl::Status Respond(int status, Headers headers, std::string body);
  absl::StatusOr<TakenStream> TakeOver(int status, Headers headers);
  void Abandon();

  void Write(std::string answer);
  void OnAnswerWritten(const absl::Status& status);
  // Refuses a request that cannot be read.
  void Refuse(int status, absl::Status error);
  void Linger();
  void Close(absl::Status status);

  std::unique_ptr<event::ByteStream> stream_;  // null once closed
  Handler& handler_;
  Owner& owner_;
  const Options& options_;
  const std::function<absl::Time()>& wall_clock_;
  const std::string peer_address_;
  const std::unique_ptr<event::Timer> timer_;
  const std::unique_ptr<event::Timer> pump_timer_;  // Pump in a later turn

  State state_ = State::kAwaitingHead;
  bool* is_destroyed_ = nullptr;  // set by the destructor, inside Pump
  bool is_pumping_ = false;
  bool is_reading_ = false;
  bool is_half_closed_ = false;  // by the peer
  bool is_closing_ = false;      // after the answer
  std::string input_;            // came, and was not looked at
  size_t lingered_bytes_ = 0;
  absl::Status end_status_;

  // The request under way.
  HeadParser head_parser_;
  RequestHead head_;
  ConnectionExchange* exchange_ = nullptr;
  BodyDecoder body_;
  bool is_body_wanted_ = false;
  bool is_body_paused_ = false;
  bool is_body_over_ = false;
  bool is_continue_due_ = false;
  BodySink* sink_ = nullptr;
  size_t body_bytes_max_ = 0;
  std::string body_text_;
  absl::AnyInvocable<void(absl::StatusOr<std::string>)> on_body_;
  std::string answer_;
};

}  // namespace rafthttp::http1

#endif  // RAFTHTTP_HTTP1_SERVER_CONNECTION_H_
