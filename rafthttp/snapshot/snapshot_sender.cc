// The happy path of a transfer:
//
//   connect -> ask -> head and message -> SnapshotUpload -> 204
//
// Ways to fail; each but a break in frames ends the transfer, and is reported
// once:
// - No connection, or none in time: the peer's next URL is for the next one.
// - An answer before the end: whatever it is, nothing more is sent.
// - The peer closes: an answer that it gave before is read for up to a second.
// - No byte goes for stall_timeout, or no answer comes for answer_timeout.
// - The source breaks off: the connection is cut, so that the peer cannot take
//   what it got for whole.
// - Stop: the connection is cut.
//
// A break in frames (no connection, a lost or stalled one, a frame that arrived
// wrong) is followed by another connect, after a while, and another ask, which
// tells where to go on.
//
// Teardown: the upload's thread may still be about to end when the transfer is
// gone; the message lives until it has, in memory that both share.
#include "rafthttp/snapshot/snapshot_sender.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <random>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "rafthttp/base/check.h"
#include "rafthttp/codec/big_endian.h"
#include "rafthttp/http1/client_connection.h"
#include "rafthttp/http1/request.h"
#include "rafthttp/snapshot/disk_work.h"
#include "rafthttp/snapshot/snapshot_body.h"
#include "rafthttp/snapshot/snapshot_frames.h"

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

std::string NewTransferId() {
  static std::atomic<uint64_t> next = [] {
    std::random_device random;
    return uint64_t{random()} << 32 | random();
  }();
  // An odd step visits all.
  return absl::StrCat(absl::Hex(next.fetch_add(0x9e3779b97f4a7c15),  //
                                absl::kZeroPad16));
}

}  // namespace

class SnapshotSender::Transfer final : private http1::ResponseSink {
 public:
  Transfer(SnapshotSender& sender, snap::SnapshotMessage message)
      : sender_(sender),
        message_(std::make_shared<snap::SnapshotMessage>(std::move(message))),
        body_(std::make_shared<SnapshotBody>(message_)),
        disk_(sender.loop_, sender.pool_),
        may_ask_(sender.options_.retries_max > 0),
        id_(NewTransferId()),
        watch_(sender.loop_.NewTimer([this] { CheckProgress(); })),
        retry_(sender.loop_.NewTimer([this] { Connect(); })),
        backoff_(sender.options_.retry_backoff),
        began_at_(sender.loop_.Now()) {
    outcome_.total_bytes = message_->total_bytes();
    Connect();
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
  void Connect() {
    outcome_.url = sender_.urls_.Pick();
    attempt_ = sender_.connector_.Connect(
        outcome_.url.address(), {.timeout = sender_.options_.connect_timeout},
        [this](absl::StatusOr<std::unique_ptr<event::ByteStream>> stream) {
          OnConnected(std::move(stream));
        });
  }

  void OnConnected(absl::StatusOr<std::unique_ptr<event::ByteStream>> stream) {
    if (!stream.ok()) return OnBroken(stream.status());
    connection_ = std::make_unique<http1::ClientConnection>(
        sender_.loop_, *std::move(stream), http1::Limits());
    if (may_ask_) return Ask();
    Post();
  }

  void SetRequest(absl::string_view method) {
    request_ = {};
    request_.method = std::string(method);
    request_.url = outcome_.url.WithTarget("/raft/snapshot");
    AddIdentity(sender_.options_.identity, request_.headers);
  }

  // What the peer can do, and what it has.
  void Ask() {
    SetRequest("GET");
    request_.headers.Add(kSnapshotTransferHeader, id_);
    const absl::Status status =
        connection_->RoundTrip(request_, sender_.options_.connect_timeout,
                               [this](absl::StatusOr<http1::Response> answer) {
                                 OnTold(std::move(answer));
                               });
    if (!status.ok()) Finish(status);
  }

  void OnTold(absl::StatusOr<http1::Response> answer) {
    if (answer.ok() && answer->head.status == 200) {
      const auto offset = answer->head.headers.Get(kSnapshotOffsetHeader);
      uint64_t bytes = 0;
      if (offset && absl::SimpleAtoi(*offset, &bytes)) {
        outcome_.is_framed = true;
        if (!frames_from_ || bytes > *frames_from_) {
          retries_ = 0;
          backoff_.Reset();
        }
        frames_from_ = bytes;
        if (connection_->is_reusable()) return Post();
      }
    }
    if (outcome_.is_framed) {
      return OnBroken(answer.ok() ? absl::UnavailableError(absl::StrCat(
                                        "answered with ", answer->head.status))
                                  : answer.status());
    }
    // It is etcd, or like it.
    may_ask_ = false;
    if (connection_->is_reusable()) return Post();
    connection_.reset();
    Connect();
  }

  void Post() {
    SetRequest("POST");
    request_.headers.Add("Content-Type", "application/octet-stream");
    if (outcome_.is_framed) {
      request_.headers.Add(kSnapshotTransferHeader, id_);
      request_.headers.Add(kSnapshotOffsetHeader, absl::StrCat(*frames_from_));
    }
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
          sender_.loop_, disk_, *connection_->upload(), body_,
          outcome_.is_framed ? frames_from_ : std::nullopt, sender_.pace_,
          [this](absl::Status done) { OnUploaded(std::move(done)); });
    });
    left_ = 0;
    progress_at_ = sender_.loop_.Now();
    watch_->Start(sender_.options_.stall_timeout / 8);
  }

  // The connection, but not the transfer: goes on if that makes sense.
  void OnBroken(absl::Status why) {
    if (!outcome_.is_framed || !message_->source().is_seekable() ||
        ++retries_ > sender_.options_.retries_max) {
      return Finish(std::move(why));
    }
    ++outcome_.breaks;
    outcome_.sent_bytes = sent_bytes();
    outcome_.http_status = 0;
    outcome_.answer = Answer::kUnexpected;
    sender_.urls_.ReportUnreachable(outcome_.url);
    watch_->Cancel();
    last_words_.reset();
    body_text_.clear();
    can_send_again_ = false;
    upload_.reset();
    connection_.reset();
    retry_->Start(backoff_.Next());
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
      return OnBroken(absl::DeadlineExceededError(
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
    can_send_again_ =
        outcome_.is_framed && head.headers.Has(kSnapshotOffsetHeader);
    // Whatever it says: nothing more is sent, and it must be complete soon.
    outcome_.sent_bytes = sent_bytes();
    upload_.reset();
    watch_->Cancel();
    last_words_ = sender_.loop_.NewTimer([this] { OnAnswered(); });
    last_words_->Start(kAnswerBodyTimeout);
  }
  void OnBody(absl::string_view bytes) override {
    const size_t room = kAnswerBodyBytesMax - body_text_.size();
    body_text_.append(bytes.data(), std::min(room, bytes.size()));
  }
  void OnEnd(absl::Status status) override {
    if (outcome_.http_status != 0) return OnAnswered();
    // A peer that takes too long over its answer is not asked again.
    if (absl::IsDeadlineExceeded(status)) return Finish(std::move(status));
    OnBroken(std::move(status));
  }

  void OnAnswered() {
    outcome_.answer = ReadPostAnswer(outcome_.http_status, body_text_);
    if (outcome_.answer == Answer::kOk) return Finish(absl::OkStatus());
    absl::Status status =
        StatusOfAnswer(absl::StripTrailingAsciiWhitespace(body_text_));
    if (can_send_again_) return OnBroken(std::move(status));
    Finish(std::move(status));
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
  const std::shared_ptr<SnapshotBody> body_;
  DiskWork disk_;  // which reads it
  bool may_ask_;
  const std::string id_;
  // What the peer said it has.
  SnapshotUpload::FramesFrom frames_from_;
  int retries_ = 0;  // since it had more than before
  bool can_send_again_ = false;
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
  const std::unique_ptr<event::Timer> retry_;
  event::Backoff backoff_;
  const absl::Time began_at_;
  std::string body_text_;  // of the answer
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
