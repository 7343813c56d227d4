#include "rafthttp/http1/client_connection.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "rafthttp/base/check.h"
#include "rafthttp/http1/framing.h"
#include "rafthttp/http1/http_error.h"

namespace rafthttp::http1 {
namespace {

// How long a peer that no longer reads our request may take to say why.
constexpr absl::Duration kLastWords = absl::Seconds(1);

}  // namespace

ClientConnection::ClientConnection(event::EventLoop& loop,
                                   std::unique_ptr<event::ByteStream> stream,
                                   const Limits& limits)
    : loop_(loop),
      limits_(limits),
      stream_(std::move(stream)),
      timer_(loop.NewTimer([this] { OnTimeout(); })),
      resume_timer_(loop.NewTimer([this] { OnResumed(); })),
      head_parser_(HeadParser::Kind::kResponse, limits),
      body_decoder_(Framing(), limits) {
  CHECK(stream_ != nullptr);
  stream_->StartReading(*this);
}

ClientConnection::~ClientConnection() {
  CHECK(loop_.IsCurrent());
  if (is_destroyed_ != nullptr) *is_destroyed_ = true;
}

absl::Status ClientConnection::Start(const Request& request,
                                     absl::Duration head_timeout,
                                     ResponseSink& sink) {
  absl::Status status = Begin(request, head_timeout);
  if (status.ok()) sink_ = &sink;
  return status;
}

absl::Status ClientConnection::RoundTrip(const Request& request,
                                         absl::Duration timeout,
                                         OnResponse on_response) {
  absl::Status status = Begin(request, timeout);
  if (status.ok()) on_response_ = std::move(on_response);
  return status;
}

absl::Status ClientConnection::Begin(const Request& request,
                                     absl::Duration timeout) {
  CHECK(loop_.IsCurrent());
  CHECK(is_reusable());
  absl::StatusOr<std::string> head = RequestHeadBytes(request);
  if (!head.ok()) return head.status();
  request_head_ = *std::move(head);
  is_closing_asked_ = !IsKeepAlive(/*minor_version=*/1, request.headers);
  on_idle_end_ = nullptr;
  response_ = Response();
  write_status_ = absl::OkStatus();
  answer_bytes_ = 0;
  interim_responses_ = 0;
  head_parser_.Reset(/*answers_head_request=*/request.method == "HEAD");
  state_ = State::kAwaitingHead;
  timeout_ = timeout;
  deadline_ = loop_.Now() + timeout;
  if (timeout < absl::InfiniteDuration()) timer_->Start(timeout);
  WriteRequest(request.body, request.is_upload);
  return absl::OkStatus();
}

void ClientConnection::FinishUpload(absl::Duration timeout) {
  CHECK(loop_.IsCurrent());
  is_written_ = true;
  if (state_ != State::kAwaitingHead) return;
  timeout_ = timeout;
  deadline_ = loop_.Now() + timeout;
  timer_->Start(timeout);
}

void ClientConnection::FailUpload(absl::Status status) {
  CHECK(loop_.IsCurrent());
  OnWriteFailed(std::move(status));
}

void ClientConnection::WriteRequest(absl::string_view body, bool is_upload) {
  is_written_ = false;
  is_upload_ = is_upload;
  std::vector<absl::string_view> buffers = {request_head_};
  if (!body.empty()) buffers.push_back(body);
  const absl::StatusOr<size_t> written = stream_->TryWrite(buffers);
  if (!written.ok()) return OnWriteFailed(written.status());
  size_t skip = *written;
  std::vector<absl::string_view> rest;
  for (absl::string_view buffer : buffers) {
    const size_t skipped = std::min(skip, buffer.size());
    skip -= skipped;
    if (skipped < buffer.size()) rest.push_back(buffer.substr(skipped));
  }
  if (rest.empty()) {
    is_written_ = !is_upload;
    return;
  }
  stream_->Write(rest, [this](absl::Status status) {
    if (!status.ok()) return OnWriteFailed(std::move(status));
    is_written_ = !is_upload_;
  });
}

void ClientConnection::OnWriteFailed(absl::Status status) {
  write_status_ = std::move(status);
  if (state_ != State::kAwaitingHead) return;
  timer_->Start(std::min(deadline_ - loop_.Now(), kLastWords));
}

void ClientConnection::OnTimeout() {
  if (!write_status_.ok()) {
    return Fail(WithHttpError(write_status_, answer_bytes_ == 0
                                                 ? HttpError::kNoAnswer
                                                 : HttpError::kCut));
  }
  const absl::string_view what = !is_written_ ? "the request could not be sent"
                                 : answer_bytes_ == 0 ? "no answer"
                                                      : "no complete answer";
  Fail(absl::DeadlineExceededError(
      absl::StrCat(what, " within ", absl::FormatDuration(timeout_))));
}

void ClientConnection::Pause() {
  if (state_ != State::kInBody) return;
  is_paused_ = true;
  resume_timer_->Cancel();
  stream_->StopReading();
}

void ClientConnection::Resume() {
  if (!is_paused_) return;
  resume_timer_->Start(absl::ZeroDuration());
}

void ClientConnection::OnResumed() {
  is_paused_ = false;
  const std::string held = std::move(held_);
  held_.clear();
  if (ProcessGuarded(held)) return;
  if (stream_ != nullptr && !is_paused_) stream_->StartReading(*this);
}

void ClientConnection::OnBytes(absl::string_view bytes) {
  if (state_ == State::kIdle) {
    return EndIdle(MakeHttpError(HttpError::kMalformed,
                                 "the peer sent bytes nobody asked for"));
  }
  answer_bytes_ += bytes.size();
  ProcessGuarded(bytes);
}

bool ClientConnection::ProcessGuarded(absl::string_view input) {
  CHECK(is_destroyed_ == nullptr);  // callbacks do not nest
  bool is_destroyed = false;
  is_destroyed_ = &is_destroyed;
  Process(input, is_destroyed);
  if (!is_destroyed) is_destroyed_ = nullptr;
  return is_destroyed;
}

void ClientConnection::Process(absl::string_view input,
                               const bool& is_destroyed) {
  while (state_ == State::kAwaitingHead) {
    const absl::StatusOr<size_t> taken = head_parser_.Consume(input);
    if (!taken.ok()) return Fail(taken.status());
    input.remove_prefix(*taken);
    if (!head_parser_.is_done()) return;
    absl::Status status = TakeHead(head_parser_.TakeResponse());
    if (is_destroyed) return;
    if (!status.ok()) return Fail(std::move(status));
  }
  while (state_ == State::kInBody) {
    if (is_paused_) {
      held_ = std::string(input);
      return;
    }
    const absl::StatusOr<absl::string_view> bytes = body_decoder_.Next(input);
    if (!bytes.ok()) return Fail(bytes.status());
    if (!bytes->empty()) {
      absl::Status status = TakeBody(*bytes);
      if (is_destroyed) return;
      if (!status.ok()) return Fail(std::move(status));
    } else if (body_decoder_.is_done()) {
      return Finish(/*is_reusable=*/input.empty());
    } else {
      return;
    }
  }
}

absl::Status ClientConnection::TakeHead(ResponseHead head) {
  if (head.status == 101) {
    return MakeHttpError(HttpError::kMalformed,
                         "the peer switches protocols unasked");
  }
  if (head.status < 200) {
    if (++interim_responses_ > limits_.interim_responses_max) {
      return MakeHttpError(
          HttpError::kTooLarge,
          absl::StrCat("more than ", limits_.interim_responses_max,
                       " interim responses"));
    }
    // An interim response answers no HEAD, but what follows it does.
    head_parser_.Reset(
        /*answers_head_request=*/request_head_.rfind("HEAD ", 0) == 0);
    return absl::OkStatus();
  }
  if (on_response_ != nullptr &&
      head.framing.content_length > limits_.body_bytes_max) {
    return MakeHttpError(
        HttpError::kTooLarge,
        absl::StrCat("an answer of ", head.framing.content_length,
                     " bytes is announced; at most ", limits_.body_bytes_max,
                     " are taken"));
  }
  state_ = State::kInBody;
  body_decoder_ = BodyDecoder(head.framing, limits_);
  response_.head = std::move(head);
  if (sink_ == nullptr) return absl::OkStatus();
  timer_->Cancel();
  sink_->OnHead(response_.head);
  return absl::OkStatus();
}

absl::Status ClientConnection::TakeBody(absl::string_view bytes) {
  if (sink_ != nullptr) {
    sink_->OnBody(bytes);
    return absl::OkStatus();
  }
  if (bytes.size() > limits_.body_bytes_max - response_.body.size()) {
    return MakeHttpError(
        HttpError::kTooLarge,
        absl::StrCat("an answer over ", limits_.body_bytes_max, " bytes"));
  }
  response_.body.append(bytes.data(), bytes.size());
  return absl::OkStatus();
}

void ClientConnection::OnEnd(absl::Status status) {
  switch (state_) {
    case State::kIdle:
      if (status.ok()) {
        status = MakeHttpError(HttpError::kNoAnswer,
                               "the peer closed the idle connection");
      }
      return EndIdle(std::move(status));
    case State::kAwaitingHead:
      if (answer_bytes_ > 0) break;
      if (!write_status_.ok()) status = write_status_;
      if (!status.ok()) {
        return Fail(WithHttpError(std::move(status), HttpError::kNoAnswer));
      }
      return Fail(
          MakeHttpError(HttpError::kNoAnswer,
                        "the peer closed the connection without an answer"));
    case State::kInBody:
      if (status.ok() && body_decoder_.is_whole_at_close()) {
        return Finish(/*is_reusable=*/false);
      }
      break;
    case State::kClosed:
      return;
  }
  if (!status.ok()) {
    return Fail(WithHttpError(std::move(status), HttpError::kCut));
  }
  Fail(MakeHttpError(HttpError::kCut, state_ == State::kInBody
                                          ? "the answer ends inside its body"
                                          : "the answer ends inside its head"));
}

void ClientConnection::Finish(bool is_reusable) {
  const ResponseHead& head = response_.head;
  is_reusable = is_reusable && is_written_ && !is_closing_asked_ &&
                IsKeepAlive(head.minor_version, head.headers);
  if (is_reusable) {
    state_ = State::kIdle;
    timer_->Cancel();
  } else {
    Close();
  }
  ReportEnd(absl::OkStatus());
}

void ClientConnection::Fail(absl::Status status) {
  Close();
  ReportEnd(std::move(status));
}

void ClientConnection::ReportEnd(absl::Status status) {
  if (sink_ != nullptr) {
    std::exchange(sink_, nullptr)->OnEnd(std::move(status));
    return;
  }
  OnResponse on_response = std::exchange(on_response_, nullptr);
  if (!status.ok()) return on_response(std::move(status));
  on_response(std::move(response_));
}

void ClientConnection::EndIdle(absl::Status status) {
  Close();
  auto on_idle_end = std::exchange(on_idle_end_, nullptr);
  if (on_idle_end != nullptr) on_idle_end(std::move(status));
}

void ClientConnection::Close() {
  state_ = State::kClosed;
  is_paused_ = false;
  held_.clear();
  timer_->Cancel();
  resume_timer_->Cancel();
  stream_.reset();
}

}  // namespace rafthttp::http1
