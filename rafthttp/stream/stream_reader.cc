// The happy path: Dial picks a URL and connects, the request goes out, the head
// of the answer says 200, and from then on the body is frames until one of us
// ends it.
//
// Ways to fail, all of which lead to Close, and from there to the next Dial:
// - No connection, or no HTTP answer within dial_timeout: the next URL.
// - An answer that declines (404, 410, 412...): its short body is read to tell
//   why, and the next URL is tried.
// - The stream ends, is cut, carries a broken frame, or is silent for
//   read_timeout.
//
// A message handed out may make its receiver stop or destroy the reader while
// the decoder is still in the middle of a batch. Decode therefore holds the
// decoder itself, and Frames keeps what is left of the batch from a reader that
// is gone.
#include "rafthttp/stream/stream_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "rafthttp/codec/message_codec.h"
#include "rafthttp/codec/msgappv2_codec.h"
#include "rafthttp/handshake/answer.h"
#include "rafthttp/http1/http_error.h"

namespace rafthttp {
namespace {

event::Backoff::Options BackoffOptions(const StreamReader::Options& options) {
  event::Backoff::Options backoff;
  backoff.initial = absl::Seconds(1) / options.redials_per_second_max;
  backoff.max = std::max(backoff.initial, options.redial_wait_max);
  return backoff;
}

event::RateLimiter::Options LimiterOptions(
    const StreamReader::Options& options) {
  return {.interval = absl::Seconds(1) / options.redials_per_second_max,
          .burst = 1};
}

std::unique_ptr<codec::FrameDecoder> NewDecoder(
    const StreamReader::Options& options) {
  if (options.kind == StreamKind::kMessage) {
    return std::make_unique<codec::MessageDecoder>(options.limits);
  }
  return std::make_unique<codec::MsgAppV2Decoder>(options.identity.self,
                                                  options.peer, options.limits);
}

// Before the answer's head, an end of the connection means that nobody there
// speaks our protocol, whatever made it end.
CloseReason DialReason(const absl::Status& status) {
  if (http1::HttpErrorOf(status) != http1::HttpError::kNone) {
    return CloseReason::kNotHttp;
  }
  if (absl::IsDeadlineExceeded(status)) return CloseReason::kDialTimeout;
  return CloseReasonOfIo(status, /*while_dialling=*/true);
}

CloseReason ReadReason(const absl::Status& status) {
  if (status.ok()) return CloseReason::kPeerEof;
  switch (http1::HttpErrorOf(status)) {
    case http1::HttpError::kCut:
    case http1::HttpError::kNoAnswer:
    case http1::HttpError::kNone:
      return CloseReasonOfIo(status, /*while_dialling=*/false);
    default:
      return CloseReason::kBadFrame;
  }
}

}  // namespace

// Passes one batch on, for as long as its reader wants it.
class StreamReader::Frames final : public codec::FrameSink {
 public:
  explicit Frames(StreamReader& reader) : reader_(&reader) {
    reader_->frames_ = this;
  }
  ~Frames() {
    if (reader_ != nullptr) reader_->frames_ = nullptr;
  }

  void Cancel() { reader_ = nullptr; }
  bool is_cancelled() const { return reader_ == nullptr; }

  void OnLinkHeartbeat(const codec::MessageView&) override {
    if (reader_ != nullptr) reader_->events_.OnStreamLinkHeartbeat(*reader_);
  }
  void OnMessage(const codec::MessageView& message) override {
    if (reader_ != nullptr) reader_->events_.OnStreamMessage(*reader_, message);
  }

 private:
  StreamReader* reader_;
};

StreamReader::StreamReader(event::EventLoop& loop, event::Connector& connector,
                           UrlPicker& urls, Events& events, Options options)
    : loop_(loop),
      connector_(connector),
      urls_(urls),
      events_(events),
      options_(std::move(options)),
      backoff_(BackoffOptions(options_)),
      limiter_(LimiterOptions(options_)),
      timer_(loop.NewTimer([this] { OnTimer(); })) {}

StreamReader::~StreamReader() { Disconnect(); }

void StreamReader::Start() {
  if (state_ != State::kStopped) return;
  state_ = State::kWaiting;
  timer_->Start(limiter_.Reserve(loop_.Now()));
}

void StreamReader::Stop() {
  state_ = State::kStopped;
  Disconnect();
}

void StreamReader::Disconnect() {
  if (frames_ != nullptr) std::exchange(frames_, nullptr)->Cancel();
  timer_->Cancel();
  attempt_.reset();
  connection_.reset();
  decoder_.reset();
  answer_body_.clear();
}

void StreamReader::set_is_paused(bool is_paused) {
  if (is_paused_ == is_paused) return;
  is_paused_ = is_paused;
  if (state_ != State::kOpen) return;
  if (is_paused_) {
    connection_->Pause();
    timer_->Cancel();
  } else {
    connection_->Resume();
    last_read_at_ = loop_.Now();
    timer_->Start(options_.read_timeout);
  }
}

void StreamReader::OnTimer() {
  if (state_ == State::kWaiting) {
    Dial();
    return;
  }
  // Reads do not move the timer; they say when they were.
  const absl::Duration silence = loop_.Now() - last_read_at_;
  if (silence < options_.read_timeout) {
    timer_->Start(options_.read_timeout - silence);
    return;
  }
  Close(CloseReason::kReadTimeout,
        absl::DeadlineExceededError(absl::StrCat(
            "nothing came for ", absl::FormatDuration(options_.read_timeout))));
}

http1::Request StreamReader::StreamRequest() const {
  http1::Request request;
  request.url = url_.WithTarget(absl::StrCat("/raft/stream/",
                                             StreamKindName(options_.kind), "/",
                                             options_.identity.self.ToHex()));
  AddIdentity(options_.identity, request.headers);
  request.headers.Add(kRaftToHeader, options_.peer.ToHex());
  return request;
}

void StreamReader::Dial() {
  url_ = urls_.Pick();
  if (url_.scheme != http1::Url::Scheme::kHttp) {
    Close(CloseReason::kUnreachable,
          absl::UnimplementedError("only http:// can be dialled"));
    return;
  }
  state_ = State::kConnecting;
  event::Connector::Options options;
  options.timeout = options_.dial_timeout;
  attempt_ = connector_.Connect(
      url_.address(), options,
      [this](absl::StatusOr<std::unique_ptr<event::ByteStream>> stream) {
        OnConnected(std::move(stream));
      });
}

void StreamReader::OnConnected(
    absl::StatusOr<std::unique_ptr<event::ByteStream>> stream) {
  attempt_.reset();
  if (!stream.ok()) {
    Close(DialReason(stream.status()), stream.status());
    return;
  }
  state_ = State::kRequesting;
  request_ = StreamRequest();
  connection_ = std::make_unique<http1::ClientConnection>(
      loop_, *std::move(stream), http1::Limits());
  const absl::Status started =
      connection_->Start(request_, options_.dial_timeout, *this);
  if (!started.ok()) Close(CloseReason::kNotHttp, started);
}

void StreamReader::OnHead(const http1::ResponseHead& head) {
  // As etcd does, look at the version before the status. What tells none is no
  // etcd; why it declines may still be worth reading.
  Version version = kVersionIfMissing;
  const auto text = head.headers.Get(kServerVersionHeader);
  if (text) {
    const absl::StatusOr<Version> parsed = Version::Parse(*text);
    if (!parsed.ok()) {
      Close(CloseReason::kVersion, parsed.status());
      return;
    }
    version = *parsed;
  }
  if (!SupportsStreams(version) && (text || head.status == 200)) {
    Close(CloseReason::kVersion,
          absl::FailedPreconditionError(absl::StrCat(
              "the peer's version, ", text ? *text : "which it does not tell",
              ", has no such streams")));
    return;
  }
  if (head.status == 200) {
    Open(version);
    return;
  }
  state_ = State::kDeclined;
  answer_status_ = head.status;
  last_read_at_ = loop_.Now();
  timer_->Start(options_.read_timeout);
}

void StreamReader::Open(const Version& version) {
  state_ = State::kOpen;
  failures_ = 0;
  backoff_.Reset();
  decoder_ = NewDecoder(options_);
  last_read_at_ = loop_.Now();
  if (is_paused_) {
    connection_->Pause();
  } else {
    timer_->Start(options_.read_timeout);
  }
  events_.OnStreamOpened(
      *this,
      Opened{.url = url_,
             .version = version,
             .remote_address = connection_->stream() == nullptr
                                   ? ""
                                   : connection_->stream()->peer_address()});
}

void StreamReader::OnBody(absl::string_view bytes) {
  last_read_at_ = loop_.Now();
  if (state_ == State::kOpen) {
    Decode(bytes);
    return;
  }
  // An answer that declines, of which a long one is cut short.
  answer_body_.append(bytes.data(), bytes.size());
  if (answer_body_.size() > kAnswerBodyBytesMax) OnEnd(absl::OkStatus());
}

void StreamReader::Decode(absl::string_view bytes) {
  std::unique_ptr<codec::FrameDecoder> decoder = std::move(decoder_);
  Frames frames(*this);
  absl::Status status = decoder->Decode(bytes, frames);
  if (frames.is_cancelled()) return;
  decoder_ = std::move(decoder);
  if (!status.ok()) Close(CloseReason::kBadFrame, std::move(status));
}

void StreamReader::OnEnd(absl::Status status) {
  switch (state_) {
    case State::kRequesting: {
      const CloseReason reason = DialReason(status);
      Close(reason, std::move(status));
      return;
    }
    case State::kDeclined: {
      const Answer answer = ReadStreamAnswer(answer_status_, answer_body_);
      std::string text = absl::StrCat("the peer answered ", answer_status_);
      if (!answer_body_.empty()) {
        absl::StrAppend(&text, ": ",
                        absl::CHexEscape(absl::StripAsciiWhitespace(
                            absl::string_view(answer_body_).substr(0, 200))));
      }
      Close(CloseReasonOfAnswer(answer), absl::FailedPreconditionError(text));
      return;
    }
    case State::kOpen: {
      const CloseReason reason = ReadReason(status);
      // An end that is not at a frame's border is not an orderly one.
      const absl::Status finished = decoder_->Finish();
      if (reason == CloseReason::kPeerEof && !finished.ok()) {
        Close(CloseReason::kBadFrame, finished);
      } else {
        Close(reason, status.ok()
                          ? absl::UnavailableError("the peer ended the stream")
                          : std::move(status));
      }
      return;
    }
    default:
      return;
  }
}

void StreamReader::Close(CloseReason reason, absl::Status status) {
  Closed closed;
  closed.reason = reason;
  closed.status =
      absl::Status(status.code(), absl::StrCat(url_.ToString(), ", stream ",
                                               StreamKindName(options_.kind),
                                               ": ", status.message()));
  closed.was_open = state_ == State::kOpen;
  closed.failures = ++failures_;
  // Only what follows a failure to open is slowed down beyond etcd's rate.
  const absl::Duration wait =
      closed.was_open ? absl::ZeroDuration() : backoff_.Next();
  if (!closed.was_open) urls_.ReportUnreachable(url_);
  Disconnect();
  state_ = State::kWaiting;
  closed.redial_in = std::max(wait, limiter_.Reserve(loop_.Now()));
  timer_->Start(closed.redial_in);
  events_.OnStreamClosed(*this, closed);
}

}  // namespace rafthttp
