// The happy path of a transfer:
//
//   connect -> head and message -> SnapshotUpload -> 204
//
// Ways to fail, each ends the transfer and is reported once:
// - No connection, or none in time: the peer's next URL is for the next one.
// - An answer before the end: whatever it is, nothing more is sent.
// - The peer closes: an answer that it gave before is read for up to a second.
// - No byte goes for stall_timeout, or no answer comes for answer_timeout.
// - The source breaks off: the connection is cut, so that the peer cannot take
//   what it got for whole.
// - Stop: the connection is cut.
//
// Teardown: the upload's thread may still be about to end when the transfer is
// gone; the message lives until it has, in memory that both share.
#include "rafthttp/snapshot/snapshot_sender.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "rafthttp/base/check.h"
#include "rafthttp/codec/big_endian.h"
#include "rafthttp/http1/client_connection.h"
#include "rafthttp/http1/request.h"

namespace rafthttp {
namespace {

// The message in its frame, as the body's first chunk.
std::string FirstChunk(const raftpb::Message& message) {
  const std::string bytes = message.SerializeAsString();
  char length[codec::kBigEndianBytes];
  codec::StoreBigEndian(bytes.size(), length);
  return absl::StrCat(absl::Hex(sizeof(length) + bytes.size()), "\r\n",
                      absl::string_view(length, sizeof(length)), bytes, "\r\n");
}

}  // namespace

class SnapshotSender::Transfer final : private http1::ResponseSink {
 public:
  Transfer(SnapshotSender& sender, snap::SnapshotMessage message)
      : sender_(sender),
        message_(std::make_shared<snap::SnapshotMessage>(std::move(message))),
        watch_(sender.loop_.NewTimer([this] { CheckProgress(); })),
        began_at_(sender.loop_.Now()) {
    outcome_.url = sender.urls_.Pick();
    outcome_.total_bytes = message_->total_bytes();
    attempt_ = sender.connector_.Connect(
        outcome_.url.address(), {.timeout = sender.options_.connect_timeout},
        [this](absl::StatusOr<std::unique_ptr<event::ByteStream>> stream) {
          OnConnected(std::move(stream));
        });
  }
  ~Transfer() {
    // Before the connection on which it writes.
    upload_.reset();
    message_->Close(absl::CancelledError("the sender is gone"));
  }

  uint64_t sent_bytes() const {
    return upload_ == nullptr ? outcome_.sent_bytes : upload_->sent_bytes();
  }

  // The last call.
  void Finish(absl::Status status) {
    outcome_.sent_bytes = sent_bytes();
    outcome_.took = sender_.loop_.Now() - began_at_;
    if (!status.ok()) {
      status = absl::Status(
          status.code(),
          absl::StrCat("POST ",
                       outcome_.url.WithTarget("/raft/snapshot").ToString(),
                       ": ", status.message()));
    }
    upload_.reset();
    message_->Close(status);
    outcome_.status = std::move(status);
    sender_.OnTransferEnd(std::move(outcome_));
  }

 private:
  void OnConnected(absl::StatusOr<std::unique_ptr<event::ByteStream>> stream) {
    if (!stream.ok()) return Finish(stream.status());
    const Options& options = sender_.options_;
    connection_ = std::make_unique<http1::ClientConnection>(
        sender_.loop_, *std::move(stream), http1::Limits());
    request_.method = "POST";
    request_.url = outcome_.url.WithTarget("/raft/snapshot");
    AddIdentity(options.identity, request_.headers);
    request_.headers.Add("Content-Type", "application/octet-stream");
    request_.is_upload = true;
    const absl::Status status =
        connection_->Start(request_, absl::InfiniteDuration(), *this);
    if (!status.ok()) return Finish(status);
    first_chunk_ = FirstChunk(message_->message());
    const absl::string_view buffers[] = {first_chunk_};
    connection_->upload()->Write(buffers, [this](const absl::Status& written) {
      if (!written.ok())
        return OnUploaded(absl::CancelledError(written.message()));
      upload_ = SnapshotUpload::Start(
          sender_.loop_, sender_.pool_, *connection_->upload(), message_,
          sender_.pace_,
          [this](absl::Status done) { OnUploaded(std::move(done)); });
    });
    progress_at_ = sender_.loop_.Now();
    watch_->Start(sender_.options_.stall_timeout / 8);
  }

  // Now and then: looks whether anything moves.
  void CheckProgress() {
    const event::ByteStream* const stream = connection_->upload();
    if (stream == nullptr) return;  // it reports itself
    const absl::Time now = sender_.loop_.Now();
    const absl::Duration timeout = sender_.options_.stall_timeout;
    const uint64_t left = stream->pending_write_bytes() +
                          message_->source().size_bytes() - sent_bytes();
    if (left != left_) {
      left_ = left;
      progress_at_ = now;
    } else if (now - progress_at_ >= timeout) {
      return Finish(absl::DeadlineExceededError(
          absl::StrCat("the peer took nothing for ",
                       absl::FormatDuration(timeout), ", after ", sent_bytes(),
                       " of ", message_->source().size_bytes(), " bytes")));
    }
    watch_->Start(timeout / 8);
  }

  void OnUploaded(absl::Status status) {
    if (status.ok()) {
      watch_->Cancel();
      connection_->FinishUpload(sender_.options_.answer_timeout);
    } else if (absl::IsCancelled(status)) {
      // It hung up; it may have said why.
      watch_->Cancel();
      connection_->FailUpload(absl::UnavailableError(status.message()));
    } else {
      Finish(std::move(status));
    }
  }

  // http1::ResponseSink:
  void OnHead(const http1::ResponseHead& head) override {
    outcome_.http_status = head.status;
    // Whatever it says: nothing more is sent, and it must be complete soon.
    outcome_.sent_bytes = sent_bytes();
    upload_.reset();
    watch_->Cancel();
    last_words_ = sender_.loop_.NewTimer([this] { OnAnswered(); });
    last_words_->Start(kAnswerBodyTimeout);
  }
  void OnBody(absl::string_view bytes) override {
    const size_t room = kAnswerBodyBytesMax - body_.size();
    body_.append(bytes.data(), std::min(room, bytes.size()));
  }
  void OnEnd(absl::Status status) override {
    if (outcome_.http_status == 0) return Finish(std::move(status));
    OnAnswered();
  }

  void OnAnswered() {
    outcome_.answer = ReadPostAnswer(outcome_.http_status, body_);
    if (outcome_.answer == Answer::kOk) return Finish(absl::OkStatus());
    const std::string why(absl::StripTrailingAsciiWhitespace(body_));
    Finish(StatusOfAnswer(why));
  }

  absl::Status StatusOfAnswer(absl::string_view why) const {
    const std::string text =
        absl::StrCat("answered with ", outcome_.http_status,
                     why.empty() ? "" : absl::StrCat(" \"", why, "\""));
    switch (outcome_.answer) {
      case Answer::kMemberRemoved:
        return absl::PermissionDeniedError(text);
      case Answer::kClusterMismatch:
      case Answer::kVersionIncompatible:
      case Answer::kToMismatch:
        return absl::FailedPreconditionError(text);
      default:
        return absl::UnavailableError(text);
    }
  }

  // As etcd, which then closes.
  static constexpr absl::Duration kAnswerBodyTimeout = absl::Seconds(5);

  SnapshotSender& sender_;
  const std::shared_ptr<snap::SnapshotMessage> message_;
  Outcome outcome_;
  std::unique_ptr<event::Connector::Attempt> attempt_;
  http1::Request request_;
  std::string first_chunk_;
  std::unique_ptr<http1::ClientConnection> connection_;
  std::unique_ptr<SnapshotUpload> upload_;
  uint64_t left_ = 0;
  absl::Time progress_at_;
  const std::unique_ptr<event::Timer> watch_;
  std::unique_ptr<event::Timer> last_words_;
  const absl::Time began_at_;
  std::string body_;
};

SnapshotSender::SnapshotSender(event::EventLoop& loop,
                               event::Connector& connector, StrandPool* pool,
                               UrlPicker& urls, Events& events, Options options)
    : loop_(loop),
      connector_(connector),
      pool_(pool),
      urls_(urls),
      events_(events),
      options_(std::move(options)),
      pace_(std::make_shared<SnapshotPace>(0)) {
  SetPace();
}

SnapshotSender::~SnapshotSender() { CHECK(loop_.IsCurrent()); }

void SnapshotSender::SetPace() {
  const uint64_t max = options_.bytes_per_second_max;
  const uint64_t floor = options_.bytes_per_second_floor;
  *pace_ = max == 0 ? 0 : is_yielding_ ? std::min(floor, max) : max;
}

void SnapshotSender::Yield(bool is_yielding) {
  if (is_yielding == is_yielding_) return;
  is_yielding_ = is_yielding;
  SetPace();
}

absl::Status SnapshotSender::Send(snap::SnapshotMessage message) {
  CHECK(loop_.IsCurrent());
  if (transfer_ != nullptr) {
    absl::Status status =
        absl::ResourceExhaustedError("a snapshot to this peer is under way");
    message.Close(status);
    return status;
  }
  transfer_ = std::make_unique<Transfer>(*this, std::move(message));
  return absl::OkStatus();
}

void SnapshotSender::Stop(absl::Status status) {
  CHECK(loop_.IsCurrent());
  if (transfer_ != nullptr) transfer_->Finish(std::move(status));
}

uint64_t SnapshotSender::sent_bytes() const {
  return transfer_ == nullptr ? 0 : transfer_->sent_bytes();
}

void SnapshotSender::OnTransferEnd(Outcome outcome) {
  // It is calling us: it goes when this returns.
  const std::unique_ptr<Transfer> transfer = std::move(transfer_);
  if (!outcome.status.ok() && !absl::IsCancelled(outcome.status)) {
    urls_.ReportUnreachable(outcome.url);
  }
  events_.OnSnapshotSent(*this, outcome);
}

}  // namespace rafthttp
