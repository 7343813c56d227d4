// The happy path: Dial picks a URL and connects, the request goes out, the head
// of the answer says 200, and from then on the body is frames until one of us
// ends it.
//
// Ways to fail, all of which lead to Close, and from there to the next Dial:
// - No connection, or no HTTP answer within dial_timeout: the next URL.
// - An answer that declines (404, 410, 412...): its short body is read to tell
//   why, and the next URL is tried.
// - The stream ends, is cut, carries a broken frame, or is silent for
//   read_timeout; for failover_timeout, if there is a next URL.
//
// A message handed out may make its receiver stop or destroy the reader while
// the decoder is still in the middle of a batch. Decode therefore holds the
// decoder itself, and Frames keeps what is left of the batch from a reader that
// is gone.
//
// One read may bring many chunks, each of which ClientConnection hands over by
// itself. So that a batch is what one read brought, MarkedStream stands between
// the connection's stream and ClientConnection and says where reads end.
#include "rafthttp/stream/stream_reader.h"

#include <algorithm>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "rafthttp/base/destruction_watch.h"
#include "rafthttp/codec/message_codec.h"
#include "rafthttp/codec/msgappv2_codec.h"
#include "rafthttp/handshake/answer.h"
#include "rafthttp/http1/http_error.h"

namespace rafthttp {
namespace {

// See RedialWait.
constexpr absl::Duration kPhaseShift = absl::Milliseconds(50);

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
    if (reader_ == nullptr) return;
    reader_->is_in_batch_ = true;
    reader_->events_.OnStreamMessage(*reader_, message);
  }

 private:
  StreamReader* reader_;
};

// Passes a connection on, and tells its reader where each read begins and ends.
class StreamReader::MarkedStream final : public event::ByteStream,
                                         private event::ByteStream::Reader {
 public:
  MarkedStream(StreamReader& owner, std::unique_ptr<event::ByteStream> stream)
      : owner_(owner), stream_(std::move(stream)) {}

  void StartReading(event::ByteStream::Reader& reader) override {
    reader_ = &reader;
    stream_->StartReading(*this);
  }
  void StopReading() override { stream_->StopReading(); }
  absl::StatusOr<size_t> TryWrite(
      absl::Span<const absl::string_view> buffers) override {
    return stream_->TryWrite(buffers);
  }
  void Write(absl::Span<const absl::string_view> buffers,
             absl::AnyInvocable<void(absl::Status)> on_written) override {
    stream_->Write(buffers, std::move(on_written));
  }
  size_t pending_write_bytes() const override {
    return stream_->pending_write_bytes();
  }
  void ShutdownWrite() override { stream_->ShutdownWrite(); }
  absl::StatusOr<int> DetachSocket() override {
    return stream_->DetachSocket();
  }
  std::string local_address() const override {
    return stream_->local_address();
  }
  std::string peer_address() const override { return stream_->peer_address(); }

 private:
  // event::ByteStream::Reader:
  void OnBytes(absl::string_view bytes) override {
    const DestructionWatch watch(life_);
    owner_.is_in_read_ = true;
    reader_->OnBytes(bytes);
    if (watch.is_over()) return;
    owner_.is_in_read_ = false;
    owner_.EndBatch();
  }
  void OnEnd(absl::Status status) override {
    reader_->OnEnd(std::move(status));
  }

  StreamReader& owner_;
  const std::unique_ptr<event::ByteStream> stream_;
  event::ByteStream::Reader* reader_ = nullptr;
  WatchedLife life_;
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
  is_in_read_ = false;
  is_in_batch_ = false;
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
    timer_->Start(ReadTimeout());
  }
}

void StreamReader::OnTimer() {
  if (state_ == State::kWaiting) {
    Dial();
    return;
  }
  // Reads do not move the timer; they say when they were.
  const absl::Duration timeout = ReadTimeout();
  const absl::Duration silence = loop_.Now() - last_read_at_;
  if (silence < timeout) {
    timer_->Start(timeout - silence);
    return;
  }
  Close(CloseReason::kReadTimeout,
        absl::DeadlineExceededError(
            absl::StrCat("nothing came for ", absl::FormatDuration(timeout))));
}

absl::Duration StreamReader::ReadTimeout() const {
  if (state_ != State::kOpen || !urls_.has_others()) {
    return options_.read_timeout;
  }
  return std::min(options_.failover_timeout, options_.read_timeout);
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
  if (url_.scheme != http1::Url::Scheme::kHttp &&
      url_.scheme != http1::Url::Scheme::kUnix) {
    Close(CloseReason::kUnreachable,
          absl::UnimplementedError("only http:// and unix:// can be dialled"));
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
      loop_, std::make_unique<MarkedStream>(*this, *std::move(stream)),
      http1::Limits());
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
  timer_->Start(ReadTimeout());
}

void StreamReader::Open(const Version& version) {
  state_ = State::kOpen;
  failures_ = 0;
  backoff_.Reset();
  decoder_ = NewDecoder(options_);
  opened_at_ = last_read_at_ = loop_.Now();
  if (is_paused_) {
    connection_->Pause();
  } else {
    timer_->Start(ReadTimeout());
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
  absl::Status status;
  {
    std::unique_ptr<codec::FrameDecoder> decoder = std::move(decoder_);
    Frames frames(*this);
    status = decoder->Decode(bytes, frames);
    if (frames.is_cancelled()) return;
    decoder_ = std::move(decoder);
  }
  if (!status.ok()) {
    Close(CloseReason::kBadFrame, std::move(status));
  } else if (!is_in_read_) {
    // What was held back by a pause.
    EndBatch();
  }
}

bool StreamReader::EndBatch() {
  if (!std::exchange(is_in_batch_, false)) return true;
  Frames frames(*this);
  events_.OnStreamBatchEnd(*this);
  return !frames.is_cancelled();
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
  if (!EndBatch()) return;
  Closed closed;
  closed.reason = reason;
  closed.status =
      absl::Status(status.code(), absl::StrCat(url_.ToString(), ", stream ",
                                               StreamKindName(options_.kind),
                                               ": ", status.message()));
  closed.was_open = state_ == State::kOpen;
  closed.failures = ++failures_;
  // A peer that says nothing may have moved to another of its addresses.
  if (!closed.was_open || reason == CloseReason::kReadTimeout) {
    urls_.ReportUnreachable(url_);
  }
  closed.redial_in = RedialWait(reason);
  Disconnect();
  state_ = State::kWaiting;
  timer_->Start(closed.redial_in);
  events_.OnStreamClosed(*this, closed);
}

// Books the next attempt, on average no more of them than etcd's rate allows.
absl::Duration StreamReader::RedialWait(CloseReason reason) {
  const absl::Duration booked = limiter_.Reserve(loop_.Now());
  // Only what follows a failure to open is slowed down beyond that.
  if (state_ != State::kOpen) return std::max(backoff_.Next(), booked);
  // A stream that ends in order as soon as it is open was taken by another
  // reader, which dials at the same rate. As it may always do so just after us,
  // it would for ever take the stream back at once. One attempt that comes
  // later than it was booked, followed by one that does not, puts us half a
  // period apart.
  const bool is_in_step = reason == CloseReason::kPeerEof &&
                          loop_.Now() - opened_at_ < kPhaseShift / 2;
  is_phase_shifted_ = is_in_step && !is_phase_shifted_;
  return is_phase_shifted_ ? booked + kPhaseShift : booked;
}

}  // namespace rafthttp
