#include "rafthttp/http1/server_connection.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "rafthttp/base/check.h"
#include "rafthttp/http1/framing.h"
#include "rafthttp/http1/http_error.h"
#include "rafthttp/http1/message_writer.h"

namespace rafthttp::http1 {
namespace {

// How long, and for how many bytes, a peer may go on sending what nobody wants,
// so that it gets to see why.
constexpr absl::Duration kLingerTimeout = absl::Seconds(1);
constexpr size_t kLingerBytesMax = 256 << 10;

bool HasBody(int status) {
  return status >= 200 && status != 204 && status != 304;
}

// The status that tells a peer what is wrong with its request.
int StatusOf(const absl::Status& error) {
  switch (HttpErrorOf(error)) {
    case HttpError::kTooLarge:
      return 431;
    default:
      return 400;
  }
}

}  // namespace

// What a handler holds; knows the connection for as long as there is one.
class ServerConnection::ConnectionExchange final : public Exchange {
 public:
  ConnectionExchange(ServerConnection& connection, RequestHead head)
      : connection_(&connection),
        head_(std::move(head)),
        peer_address_(connection.peer_address_) {}
  ~ConnectionExchange() override {
    if (connection_ != nullptr) connection_->Abandon();
  }

  const RequestHead& head() const override { return head_; }
  const std::string& peer_address() const override { return peer_address_; }

  void ReadBody(
      size_t bytes_max,
      absl::AnyInvocable<void(absl::StatusOr<std::string>)> on_body) override {
    if (connection_ != nullptr) {
      connection_->ReadBody(bytes_max, std::move(on_body));
    }
  }
  void StreamBody(BodySink& sink) override {
    if (connection_ != nullptr) connection_->StreamBody(sink);
  }
  void PauseBody() override {
    if (connection_ != nullptr) connection_->SetBodyPaused(true);
  }
  void ResumeBody() override {
    if (connection_ != nullptr) connection_->SetBodyPaused(false);
  }
  absl::Status Respond(int status, Headers headers, std::string body) override {
    if (connection_ == nullptr) return absl::OkStatus();
    return connection_->Respond(status, std::move(headers), std::move(body));
  }
  absl::StatusOr<TakenStream> TakeOver(int status, Headers headers) override {
    if (connection_ == nullptr) {
      return absl::UnavailableError("the connection is gone");
    }
    return connection_->TakeOver(status, std::move(headers));
  }
  void NotifyGone(absl::AnyInvocable<void()> on_gone) override {
    on_gone_ = std::move(on_gone);
  }

  // The connection has nothing more to do with it.
  void Forget() { connection_ = nullptr; }
  // May destroy this.
  void Lose() {
    connection_ = nullptr;
    if (auto on_gone = std::exchange(on_gone_, nullptr)) on_gone();
  }

 private:
  ServerConnection* connection_;
  const RequestHead head_;
  const std::string peer_address_;
  absl::AnyInvocable<void()> on_gone_;
};

ServerConnection::ServerConnection(
    event::EventLoop& loop, std::unique_ptr<event::ByteStream> stream,
    Handler& handler, Owner& owner, const Options& options,
    const std::function<absl::Time()>& wall_clock)
    : stream_(std::move(stream)),
      handler_(handler),
      owner_(owner),
      options_(options),
      wall_clock_(wall_clock),
      peer_address_(stream_->peer_address()),
      timer_(loop.NewTimer([this] { OnTimeout(); })),
      pump_timer_(loop.NewTimer([this] { Pump(); })),
      head_parser_(HeadParser::Kind::kRequest, options.limits),
      body_(Framing(), options.limits) {
  StartReading();
  SetTimeout(options_.idle_timeout);
}

ServerConnection::~ServerConnection() {
  if (is_destroyed_ != nullptr) *is_destroyed_ = true;
  if (exchange_ != nullptr) std::exchange(exchange_, nullptr)->Forget();
}

void ServerConnection::StartReading() {
  if (std::exchange(is_reading_, true)) return;
  stream_->StartReading(*this);
}

void ServerConnection::StopReading() {
  if (!std::exchange(is_reading_, false)) return;
  stream_->StopReading();
}

void ServerConnection::SetTimeout(absl::Duration timeout) {
  if (timeout == absl::InfiniteDuration()) {
    timer_->Cancel();
  } else {
    timer_->Start(timeout);
  }
}

void ServerConnection::OnTimeout() {
  switch (state_) {
    case State::kAwaitingHead:
      if (head_parser_.head_bytes() == 0) {
        Close(absl::OkStatus());  // idle for long: as expected
      } else {
        Refuse(408, absl::DeadlineExceededError(
                        "the head of a request took too long"));
      }
      return;
    case State::kServing: {
      bool is_destroyed = false;
      bool* const outer = std::exchange(is_destroyed_, &is_destroyed);
      EndBody(absl::DeadlineExceededError("nothing came of the body"));
      if (is_destroyed) {
        if (outer != nullptr) *outer = true;
        return;
      }
      is_destroyed_ = outer;
      return;
    }
    case State::kAnswering:
      Close(absl::DeadlineExceededError("the peer does not read our answer"));
      return;
    case State::kLingering:
      Close(end_status_);
      return;
    case State::kClosed:
      return;
  }
}

// What comes in.

void ServerConnection::OnBytes(absl::string_view bytes) {
  if (state_ == State::kLingering) {
    lingered_bytes_ += bytes.size();
    if (lingered_bytes_ > kLingerBytesMax) Close(end_status_);
    return;
  }
  if (sink_ != nullptr && input_.empty() && !is_pumping_ && IsBodyDue()) {
    // A large body is not copied on its way.
    bool is_destroyed = false;
    bool* const outer = std::exchange(is_destroyed_, &is_destroyed);
    is_pumping_ = true;
    FeedBody(&bytes);
    if (is_destroyed) {
      if (outer != nullptr) *outer = true;
      return;
    }
    is_destroyed_ = outer;
    is_pumping_ = false;
    if (stream_ == nullptr) return;
  }
  input_.append(bytes.data(), bytes.size());
  Pump();
}

void ServerConnection::OnEnd(absl::Status status) {
  if (status.ok() && state_ != State::kLingering) {
    is_half_closed_ = true;
    if (!Pump()) return;
    if (state_ == State::kAwaitingHead) {
      Close(head_parser_.head_bytes() == 0
                ? absl::OkStatus()
                : MakeHttpError(HttpError::kCut,
                                "the connection ended inside a head"));
    } else if (state_ == State::kServing && is_body_wanted_ && !is_body_over_) {
      EndBody(
          MakeHttpError(HttpError::kCut, "the connection ended inside a body"));
    }
    return;
  }
  Close(state_ == State::kLingering ? end_status_ : status);
}

bool ServerConnection::Pump() {
  if (is_pumping_) return true;
  is_pumping_ = true;
  bool is_destroyed = false;
  bool* const outer = std::exchange(is_destroyed_, &is_destroyed);
  bool has_more = true;
  while (has_more) {
    switch (state_) {
      case State::kAwaitingHead:
        has_more = TakeHead();
        break;
      case State::kServing:
        has_more = FeedWaiting();
        break;
      default:
        has_more = false;
        break;
    }
    if (is_destroyed) {
      if (outer != nullptr) *outer = true;
      return false;
    }
  }
  is_destroyed_ = outer;
  is_pumping_ = false;
  if (stream_ == nullptr) return true;
  // What nobody looks at yet is left in the kernel.
  const bool may_read =
      state_ == State::kAwaitingHead || state_ == State::kLingering ||
      (state_ == State::kServing && input_.empty() && !is_body_paused_ &&
       (is_body_wanted_ || is_body_over_));
  if (may_read) {
    StartReading();
  } else {
    StopReading();
  }
  return true;
}

bool ServerConnection::TakeHead() {
  if (input_.empty()) return false;
  if (head_parser_.head_bytes() == 0) SetTimeout(options_.head_timeout);
  const absl::StatusOr<size_t> used = head_parser_.Consume(input_);
  if (!used.ok()) {
    Refuse(StatusOf(used.status()), used.status());
    return false;
  }
  input_.erase(0, *used);
  if (!head_parser_.is_done()) return false;
  RequestHead head = head_parser_.TakeRequest();
  head_parser_.Reset();
  timer_->Cancel();
  state_ = State::kServing;
  is_closing_ |= !IsKeepAlive(head.minor_version, head.headers);
  is_body_wanted_ = is_body_paused_ = false;
  body_ = BodyDecoder(head.framing, options_.limits);
  is_body_over_ = body_.is_done();
  is_continue_due_ = !is_body_over_ && head.minor_version >= 1 &&
                     head.headers.HasListElement("Expect", "100-continue");
  head_.method = head.method;
  head_.framing = head.framing;
  auto exchange = std::make_unique<ConnectionExchange>(*this, std::move(head));
  exchange_ = exchange.get();
  bool& is_destroyed = *is_destroyed_;
  owner_.OnRequest(*this);
  if (is_destroyed) return false;
  handler_.Serve(std::move(exchange));
  return !is_destroyed;
}

bool ServerConnection::IsBodyDue() const {
  return state_ == State::kServing && is_body_wanted_ && !is_body_paused_ &&
         !is_body_over_;
}

// Looks at what waits; true if there is more to do with what is left.
bool ServerConnection::FeedWaiting() {
  if (!IsBodyDue() || input_.empty()) return false;
  bool& is_destroyed = *is_destroyed_;
  // Out of the way of whatever the sink does.
  const std::string taken = std::exchange(input_, std::string());
  absl::string_view rest = taken;
  FeedBody(&rest);
  if (is_destroyed || stream_ == nullptr) return false;
  input_.insert(0, rest.data(), rest.size());
  return state_ == State::kAwaitingHead && !input_.empty();
}

// Takes from the front of `*rest` what belongs to the body and is wanted now.
void ServerConnection::FeedBody(absl::string_view* rest) {
  bool& is_destroyed = *is_destroyed_;
  while (IsBodyDue() && !rest->empty()) {
    const absl::StatusOr<absl::string_view> span = body_.Next(*rest);
    if (!span.ok()) {
      EndBody(span.status());
      return;
    }
    SetTimeout(options_.progress_timeout);
    if (sink_ == nullptr &&
        body_text_.size() + span->size() > body_bytes_max_) {
      EndBody(MakeHttpError(
          HttpError::kTooLarge,
          absl::StrCat("a body of more than ", body_bytes_max_, " bytes")));
      return;
    }
    is_body_over_ = body_.is_done();
    if (sink_ == nullptr) {
      body_text_.append(span->data(), span->size());
    } else if (!span->empty()) {
      sink_->OnBody(*span);
      if (is_destroyed || stream_ == nullptr) return;
    }
    if (is_body_over_ && is_body_wanted_) {
      EndBody(absl::OkStatus());
      return;
    }
  }
}

// The body is whole, or will not be. `this` may be gone afterwards.
void ServerConnection::EndBody(absl::Status status) {
  timer_->Cancel();
  is_body_wanted_ = false;
  if (!status.ok()) {
    is_closing_ = true;
    is_body_over_ = false;
  }
  if (BodySink* const sink = std::exchange(sink_, nullptr)) {
    sink->OnEnd(std::move(status));
  } else if (auto on_body = std::exchange(on_body_, nullptr)) {
    std::string text = std::exchange(body_text_, std::string());
    if (status.ok()) {
      on_body(std::move(text));
    } else {
      on_body(std::move(status));
    }
  }
}

// What a handler asks for.

void ServerConnection::ReadBody(
    size_t bytes_max,
    absl::AnyInvocable<void(absl::StatusOr<std::string>)> on_body) {
  CHECK(state_ == State::kServing);
  on_body_ = std::move(on_body);
  body_bytes_max_ = bytes_max;
  body_text_.clear();
  if (head_.framing.kind == Framing::Kind::kContentLength &&
      head_.framing.content_length > bytes_max) {
    EndBody(
        MakeHttpError(HttpError::kTooLarge,
                      absl::StrCat("a body of ", head_.framing.content_length,
                                   " bytes, more than ", bytes_max)));
    return;
  }
  BeginBody();
}

void ServerConnection::StreamBody(BodySink& sink) {
  CHECK(state_ == State::kServing);
  sink_ = &sink;
  BeginBody();
}

void ServerConnection::BeginBody() {
  if (is_body_over_) {
    EndBody(absl::OkStatus());
    return;
  }
  is_body_wanted_ = true;
  SetTimeout(options_.progress_timeout);
  if (std::exchange(is_continue_due_, false)) {
    // A peer that does not see it sends its body after a while all the same.
    stream_->TryWrite({absl::string_view("HTTP/1.1 100 Continue\r\n\r\n")})
        .IgnoreError();
  }
  if (is_half_closed_ && input_.empty()) {
    EndBody(
        MakeHttpError(HttpError::kCut, "the connection ended inside a body"));
    return;
  }
  pump_timer_->Start(absl::ZeroDuration());
}

void ServerConnection::SetBodyPaused(bool is_paused) {
  if (is_body_paused_ == is_paused) return;
  is_body_paused_ = is_paused;
  if (!is_body_wanted_) return;
  if (is_paused) {
    timer_->Cancel();
    if (!is_pumping_) StopReading();
  } else {
    SetTimeout(options_.progress_timeout);
    pump_timer_->Start(absl::ZeroDuration());
  }
}

absl::Status ServerConnection::Respond(int status, Headers headers,
                                       std::string body) {
  CHECK(state_ == State::kServing);
  if (!is_body_over_) is_closing_ = true;
  headers.Set("Date", absl::FormatTime("%a, %d %b %Y %H:%M:%S GMT",
                                       wall_clock_(), absl::UTCTimeZone()));
  if (HasBody(status)) {
    headers.Set("Content-Length", absl::StrCat(body.size()));
  }
  if (is_closing_ || is_half_closed_) headers.Set("Connection", "close");
  absl::StatusOr<std::string> answer =
      WriteResponseHead(status, ReasonPhrase(status), headers);
  if (!answer.ok()) return answer.status();
  if (HasBody(status) && head_.method != "HEAD") answer->append(body);
  exchange_->Forget();
  exchange_ = nullptr;
  sink_ = nullptr;
  on_body_ = nullptr;
  is_body_wanted_ = false;
  Write(*std::move(answer));
  return absl::OkStatus();
}

void ServerConnection::Write(std::string answer) {
  state_ = State::kAnswering;
  answer_ = std::move(answer);
  const absl::StatusOr<size_t> written = stream_->TryWrite({answer_});
  if (!written.ok()) {
    Close(written.status());
    return;
  }
  if (*written == answer_.size()) {
    OnAnswerWritten(absl::OkStatus());
    return;
  }
  SetTimeout(options_.progress_timeout);
  stream_->Write({absl::string_view(answer_).substr(*written)},
                 [this](absl::Status status) { OnAnswerWritten(status); });
}

void ServerConnection::OnAnswerWritten(const absl::Status& status) {
  answer_ = std::string();
  timer_->Cancel();
  if (!status.ok()) {
    Close(status);
  } else if (is_closing_ || is_half_closed_) {
    Linger();
  } else {
    state_ = State::kAwaitingHead;
    SetTimeout(options_.idle_timeout);
    // In a later turn, as we may be inside a handler.
    pump_timer_->Start(absl::ZeroDuration());
  }
}

absl::StatusOr<TakenStream> ServerConnection::TakeOver(int status,
                                                       Headers headers) {
  CHECK(state_ == State::kServing);
  CHECK(is_body_over_);
  headers.Set("Date", absl::FormatTime("%a, %d %b %Y %H:%M:%S GMT",
                                       wall_clock_(), absl::UTCTimeZone()));
  headers.Set("Transfer-Encoding", "chunked");
  absl::StatusOr<std::string> head =
      WriteResponseHead(status, ReasonPhrase(status), headers);
  if (!head.ok()) return head.status();
  const absl::StatusOr<size_t> written = stream_->TryWrite({*head});
  if (!written.ok()) return written.status();
  StopReading();
  timer_->Cancel();
  pump_timer_->Cancel();
  if (*written < head->size()) {
    auto rest = std::make_unique<std::string>(head->substr(*written));
    const absl::string_view bytes = *rest;
    stream_->Write({bytes}, [rest = std::move(rest)](const absl::Status&) {
      // A failure shows in what is written behind it.
    });
  }
  exchange_->Forget();
  exchange_ = nullptr;
  state_ = State::kClosed;
  TakenStream taken;
  taken.unread = std::exchange(input_, std::string());
  taken.stream = owner_.OnTakenOver(*this, std::move(stream_));
  return taken;
}

// The exchange was destroyed unanswered.
void ServerConnection::Abandon() {
  exchange_ = nullptr;
  sink_ = nullptr;
  on_body_ = nullptr;
  Close(absl::CancelledError("the request was not answered"));
}

// How it ends.

void ServerConnection::CloseSoon() {
  if (is_idle()) {
    Close(absl::OkStatus());
  } else {
    is_closing_ = true;
  }
}

void ServerConnection::Refuse(int status, absl::Status error) {
  end_status_ = error;
  is_closing_ = true;
  // Who speaks another protocol would not understand an answer.
  const HttpError kind = HttpErrorOf(error);
  if (kind == HttpError::kNotHttp || kind == HttpError::kLooksLikeTls) {
    Close(std::move(error));
    return;
  }
  const std::string body = absl::StrCat(status, " ", ReasonPhrase(status), ": ",
                                        error.message(), "\n");
  const absl::StatusOr<std::string> head =
      WriteResponseHead(status, ReasonPhrase(status),
                        {{"Content-Type", "text/plain; charset=utf-8"},
                         {"Content-Length", absl::StrCat(body.size())},
                         {"Connection", "close"}});
  CHECK(head.ok());
  Write(*head + body);
}

void ServerConnection::Linger() {
  state_ = State::kLingering;
  input_.clear();
  stream_->ShutdownWrite();
  if (is_half_closed_) {
    Close(end_status_);
    return;
  }
  StartReading();
  SetTimeout(kLingerTimeout);
}

void ServerConnection::Close(absl::Status status) {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  timer_->Cancel();
  pump_timer_->Cancel();
  stream_.reset();
  is_reading_ = false;
  bool is_destroyed = false;
  bool* const outer = std::exchange(is_destroyed_, &is_destroyed);
  ConnectionExchange* const exchange = std::exchange(exchange_, nullptr);
  if (exchange != nullptr) {
    // The body, if it is being read, hears first.
    if (sink_ != nullptr || on_body_) {
      exchange->Forget();
      EndBody(status.ok() ? MakeHttpError(HttpError::kCut, "closed")
                          : WithHttpError(status, HttpError::kCut));
    } else {
      exchange->Lose();
    }
  }
  if (!is_destroyed) {
    is_destroyed_ = outer;
    owner_.OnClosed(*this, status);
    return;
  }
  if (outer != nullptr) *outer = true;
}

}  // namespace rafthttp::http1
