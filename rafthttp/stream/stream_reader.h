#ifndef RAFTHTTP_STREAM_STREAM_READER_H_
#define RAFTHTTP_STREAM_STREAM_READER_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/codec/frame_decoder.h"
#include "rafthttp/codec/limits.h"
#include "rafthttp/event/backoff.h"
#include "rafthttp/event/connector.h"
#include "rafthttp/event/event_loop.h"
#include "rafthttp/event/rate_limiter.h"
#include "rafthttp/handshake/identity.h"
#include "rafthttp/handshake/url_picker.h"
#include "rafthttp/handshake/version.h"
#include "rafthttp/http1/client_connection.h"
#include "rafthttp/http1/head.h"
#include "rafthttp/http1/request.h"
#include "rafthttp/http1/url.h"
#include "rafthttp/stream/close_reason.h"
#include "rafthttp/stream/stream_kind.h"

namespace rafthttp {

// Keeps one stream of one peer open and hands out the messages that it carries.
// The reader is the side that dials: the peer's messages to us come in the body
// of the answer to our GET.
//
// Place: Peer owns one per stream kind; a learner's seat one per member and
// kind. Threads: loop-confined. Lifetime: destroy it at any moment, even inside
// its own callbacks. Bounds: one connection, the decoder's memory
// (FrameDecoder), and at most
//   kAnswerBodyBytesMax of an answer that declines.
class StreamReader final : private http1::ResponseSink {
 public:
  struct Options {
    StreamKind kind = StreamKind::kMessage;
    MemberId peer;      // X-Raft-To
    Identity identity;  // ours; identity.self also ends the path
    // Resolving, connecting, and waiting for the answer's head, each. etcd's
    // own default: 1 s and an election timeout.
    absl::Duration dial_timeout = absl::Seconds(2);
    // Silence for longer ends the connection. Peers send a link heartbeat every
    // 5 s / 3, so that two may be lost.
    absl::Duration read_timeout = absl::Seconds(5);
    // The same where the peer has another URL, at which it may be reached
    // better: one heartbeat missed, and some time for it to be late.
    absl::Duration failover_timeout = absl::Seconds(5) / 3 + absl::Seconds(0.9);
    // etcd's rate; counted per stream, the first attempt at once.
    double redials_per_second_max = 10;
    // Consecutive failures slow redialling down to this, so that a peer that is
    // away for long is not bothered; any 200 resets it.
    absl::Duration redial_wait_max = absl::Seconds(1);
    codec::Limits limits;
  };

  // What the peer said when it opened the stream.
  struct Opened {
    http1::Url url;
    Version version;
    std::string remote_address;
  };
  struct Closed {
    CloseReason reason;
    // What happened, at which URL.
    absl::Status status;
    // Whether the stream had been open, or could not be opened.
    bool was_open = false;
    // Failures in a row, this one included.
    int failures = 0;
    absl::Duration redial_in;
  };

  // Who reads. Each callback may destroy the reader.
  class Events {
   public:
    virtual void OnStreamOpened(StreamReader& reader, const Opened& opened) = 0;
    // A message of the peer, link heartbeats excepted; `message` and what it
    // points to is valid only during the call. In a msgapp stream's compact
    // frames, `from` and `to` are filled in from the connection.
    virtual void OnStreamMessage(StreamReader& reader,
                                 const codec::MessageView& message) = 0;
    virtual void OnStreamLinkHeartbeat(StreamReader& reader) = 0;
    // All messages that one read brought have been handed out: the place for
    // what is done once per batch.
    virtual void OnStreamBatchEnd(StreamReader&) {}
    // The stream is not open any more, or was not opened; it will be dialled
    // again after closed.redial_in unless Stop is called or the reader
    // destroyed.
    virtual void OnStreamClosed(StreamReader& reader, const Closed& closed) = 0;

   protected:
    ~Events() = default;
  };

  // `loop`, `connector`, `urls` and `events` must outlive the reader.
  StreamReader(event::EventLoop& loop, event::Connector& connector,
               UrlPicker& urls, Events& events, Options options);
  ~StreamReader();

  StreamReader(const StreamReader&) = delete;
  StreamReader& operator=(const StreamReader&) = delete;

  // Dials, and goes on redialling, until Stop. Starting twice changes nothing.
  void Start();
  // Closes the connection without a further callback. Start may follow.
  void Stop();

  // A paused reader leaves bytes in the kernel, and its read timeout stands
  // still. It goes on dialling.
  void set_is_paused(bool is_paused);

  bool is_open() const { return state_ == State::kOpen; }
  StreamKind kind() const { return options_.kind; }
  MemberId peer() const { return options_.peer; }

 private:
  enum class State {
    kStopped,
    kWaiting,     // for timer_, to dial
    kConnecting,  // attempt_ is under way
    kRequesting,  // connection_ waits for the head of the answer
    kDeclined,    // connection_ reads the body of an answer that says no
    kOpen,        // connection_ feeds decoder_
  };
  class Frames;
  class MarkedStream;

  // http1::ResponseSink:
  void OnHead(const http1::ResponseHead& head) override;
  void OnBody(absl::string_view bytes) override;
  void OnEnd(absl::Status status) override;

  void Dial();
  void OnConnected(absl::StatusOr<std::unique_ptr<event::ByteStream>> stream);
  http1::Request StreamRequest() const;
  void Open(const Version& version);
  void Decode(absl::string_view bytes);
  // Reports the batch under way, if any; false if `this` is gone or closed.
  bool EndBatch();
  absl::Duration ReadTimeout() const;
  void OnTimer();
  // Leaves the current attempt or connection, reports, and plans the next one.
  // The last thing that a method does: the report may destroy the reader.
  void Close(CloseReason reason, absl::Status status);
  absl::Duration RedialWait(CloseReason reason);
  void Disconnect();

  event::EventLoop& loop_;
  event::Connector& connector_;
  UrlPicker& urls_;
  Events& events_;
  const Options options_;

  State state_ = State::kStopped;
  bool is_paused_ = false;
  event::Backoff backoff_;
  event::RateLimiter limiter_;
  int failures_ = 0;
  bool is_phase_shifted_ = false;  // see RedialWait
  // While waiting: when to dial. While declined or open: the read timeout.
  std::unique_ptr<event::Timer> timer_;

  // One attempt, from Dial to Close.
  http1::Url url_;
  http1::Request request_;
  std::unique_ptr<event::Connector::Attempt> attempt_;
  std::unique_ptr<http1::ClientConnection> connection_;
  int answer_status_ = 0;
  std::string answer_body_;
  std::unique_ptr<codec::FrameDecoder> decoder_;
  // What is being handed out right now; told when the connection goes.
  Frames* frames_ = nullptr;
  bool is_in_read_ = false;
  bool is_in_batch_ = false;  // messages were handed out, their end not
  absl::Time opened_at_;
  absl::Time last_read_at_;
};

}  // namespace rafthttp

#endif  // RAFTHTTP_STREAM_STREAM_READER_H_
