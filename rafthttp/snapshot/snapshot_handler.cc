// The happy path of a receive:
//
//   length -> message -> database, block by block to the disk -> synced and
//   renamed -> Raft -> 204
//
// Ways to fail, each ends the receive, removes its file, and is reported once:
// - The message cannot be read, or is none: 400.
// - The body ends too early, or nothing comes for too long: the sender is gone,
//   or hears a 500.
// - The disk refuses: 500, and the rest of the body is not read.
// - Raft refuses: its own answer or 500; the file stays, as with etcd: a
//   message may follow that needs it.
// - The same sender begins another one.
#include "rafthttp/snapshot/snapshot_handler.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rafthttp/base/http_answer.h"
#include "rafthttp/codec/big_endian.h"
#include "rafthttp/handshake/request_check.h"
#include "rafthttp/http1/http_error.h"
#include "rafthttp/snapshot/disk_work.h"
#include "snap/db_writer.h"

namespace rafthttp {
namespace {

// What is handed to the disk at once, and how much of that may wait.
constexpr size_t kBlockBytes = 256 << 10;
constexpr size_t kPendingBytesMax = 4 * kBlockBytes;

// As Go words it.
std::string CauseOf(const absl::Status& status) {
  if (http1::HttpErrorOf(status) == http1::HttpError::kCut) {
    return "unexpected EOF";
  }
  return std::string(status.message());
}

}  // namespace

class SnapshotHandler::Receive final : public http1::BodySink {
 public:
  Receive(SnapshotHandler& handler, uint64_t id, MemberId from,
          std::unique_ptr<http1::Exchange> exchange)
      : handler_(handler),
        id_(id),
        from_(from),
        exchange_(std::move(exchange)),
        began_at_(handler.loop_.Now()),
        disk_(handler.loop_, handler.pool_),
        writer_(std::make_shared<Writer>()) {}
  ~Receive() {
    // An unfinished file is removed beside the loop.
    disk_.RunLast([writer = std::move(writer_)] { writer->file.reset(); });
  }

  void Begin() { exchange_->StreamBody(*this); }
  // Answers, and is gone when it returns.
  void Refuse(int status, absl::string_view text, absl::Status why) {
    exchange_->RespondText(status, text, handler_.OwnHeaders());
    handler_.OnReceived(*this, std::move(why));
  }

  uint64_t id() const { return id_; }
  MemberId from() const { return from_; }
  Received Report(absl::Status status) const {
    Received report;
    report.from = from_;
    report.remote_address = exchange_->peer_address();
    report.index = index_;
    report.message_bytes = message_bytes_;
    report.database_bytes = database_bytes_;
    report.took = handler_.loop_.Now() - began_at_;
    report.status = std::move(status);
    return report;
  }

 private:
  enum class Part { kLength, kMessage, kDatabase };
  // Shared with the disk's thread.
  struct Writer {
    std::unique_ptr<snap::DbWriter> file;
  };

  // http1::BodySink:
  void OnBody(absl::string_view bytes) override {
    while (part_ != Part::kDatabase && !bytes.empty()) {
      const size_t taken = std::min(wanted_ - gathered_.size(), bytes.size());
      gathered_.append(bytes.data(), taken);
      bytes.remove_prefix(taken);
      if (gathered_.size() == wanted_ && !TakeGathered()) return;
    }
    if (bytes.empty()) return;
    database_bytes_ += bytes.size();
    block_.append(bytes.data(), bytes.size());
    if (block_.size() >= kBlockBytes) WriteBlock();
  }

  // A part before the database is complete. False: refused, and this is gone.
  bool TakeGathered() {
    if (part_ == Part::kLength) {
      const uint64_t length = codec::LoadBigEndian(gathered_.data());
      if (length > handler_.options_.limits.message_bytes_max) {
        RefuseMessage("rafthttp: error limit exceeded");
        return false;
      }
      part_ = Part::kMessage;
      wanted_ = length;
      gathered_.clear();
      // A length of 0 has its end here.
      if (length > 0) return true;
    }
    message_bytes_ = gathered_.size();
    if (!message_.ParseFromString(gathered_)) {
      RefuseMessage("proto: cannot parse invalid wire-format data");
      return false;
    }
    std::string().swap(gathered_);
    if (message_.type() != raftpb::MsgSnap) {
      Refuse(400, "wrong raft message type",
             absl::InvalidArgumentError("its message is no MsgSnap"));
      return false;
    }
    index_ = message_.snapshot().metadata().index();
    part_ = Part::kDatabase;
    block_.reserve(kBlockBytes + (64 << 10));
    disk_.Run(
        [writer = writer_, &snapshotter = handler_.snapshotter_] {
          auto file = snapshotter.NewDbWriter();
          if (!file.ok()) return file.status();
          writer->file = *std::move(file);
          return absl::OkStatus();
        },
        [this](const absl::Status& status) {
          if (!status.ok()) RefuseDatabase(status);
        });
    handler_.receiver_.OnSnapshotBegan(from_);
    return true;
  }

  void WriteBlock() {
    const size_t size = block_.size();
    pending_bytes_ += size;
    std::string next;
    next.reserve(block_.capacity());
    next.swap(block_);
    disk_.Run(
        [writer = writer_, block = std::move(next)] {
          // What failed before has been reported.
          if (writer->file == nullptr) return absl::OkStatus();
          absl::Status status = writer->file->Append(block);
          if (!status.ok()) writer->file.reset();
          return status;
        },
        [this, size](const absl::Status& status) { OnWritten(size, status); });
    if (pending_bytes_ < kPendingBytesMax || is_paused_) return;
    is_paused_ = true;
    exchange_->PauseBody();
  }

  void OnWritten(size_t size, const absl::Status& status) {
    pending_bytes_ -= size;
    if (!status.ok()) return RefuseDatabase(status);
    if (!is_paused_ || pending_bytes_ > kPendingBytesMax / 2) return;
    is_paused_ = false;
    exchange_->ResumeBody();
  }

  void OnEnd(absl::Status status) override {
    if (part_ != Part::kDatabase) {
      return RefuseMessage(status.ok() ? "unexpected EOF" : CauseOf(status));
    }
    if (!status.ok()) return RefuseDatabase(status);
    if (!block_.empty()) WriteBlock();
    disk_.Run(
        [writer = writer_, index = index_, size = database_bytes_] {
          if (writer->file == nullptr) {
            return absl::CancelledError("writing failed");
          }
          absl::Status finished = writer->file->Finish(index, size).status();
          // What is not needed is gone before it is answered.
          writer->file.reset();
          return finished;
        },
        [this](const absl::Status& finished) { OnSaved(finished); });
  }

  void OnSaved(const absl::Status& status) {
    if (!status.ok()) return RefuseDatabase(status);
    exchange_->NotifyGone([this] {
      handler_.OnReceived(
          *this, absl::UnavailableError(
                     "the sender hung up before Raft had the message"));
    });
    handler_.receiver_.Receive(
        std::move(message_), message_bytes_ + database_bytes_,
        [self = handler_.self_, id = id_](const absl::Status& processed) {
          if (*self == nullptr) return;
          const auto found = (*self)->receives_.find(id);
          if (found == (*self)->receives_.end()) return;
          found->second->OnProcessed(processed);
        });
  }

  void OnProcessed(const absl::Status& status) {
    if (status.ok()) {
      exchange_->Respond(204, handler_.OwnHeaders(), "").IgnoreError();
    } else if (const auto answer = HttpAnswerOf(status)) {
      http1::Headers headers = handler_.OwnHeaders();
      headers.Add("Content-Type", answer->content_type);
      exchange_->Respond(answer->status, std::move(headers), answer->body)
          .IgnoreError();
    } else {
      exchange_->RespondText(500,
                             absl::StrCat("failed to process raft message (",
                                          status.message(), ")"),
                             handler_.OwnHeaders());
    }
    handler_.OnReceived(*this, status);
  }

  void RefuseMessage(absl::string_view cause) {
    const std::string text =
        absl::StrCat("failed to decode raft message (", cause, ")");
    Refuse(400, text, absl::DataLossError(text));
  }
  void RefuseDatabase(const absl::Status& status) {
    const std::string text =
        absl::StrCat("failed to save KV snapshot (", CauseOf(status), ")");
    Refuse(500, text, absl::Status(status.code(), text));
  }

  SnapshotHandler& handler_;
  const uint64_t id_;
  const MemberId from_;
  const std::unique_ptr<http1::Exchange> exchange_;
  const absl::Time began_at_;
  Part part_ = Part::kLength;
  uint64_t wanted_ = codec::kBigEndianBytes;
  std::string gathered_;
  raftpb::Message message_;  // until Raft has it
  uint64_t index_ = 0;
  uint64_t message_bytes_ = 0;
  uint64_t database_bytes_ = 0;
  std::string block_;
  size_t pending_bytes_ = 0;  // at the disk
  bool is_paused_ = false;
  DiskWork disk_;
  std::shared_ptr<Writer> writer_;
};

SnapshotHandler::SnapshotHandler(event::EventLoop& loop, StrandPool* pool,
                                 snap::Snapshotter& snapshotter,
                                 Receiver& receiver, Options options)
    : loop_(loop),
      pool_(pool),
      snapshotter_(snapshotter),
      receiver_(receiver),
      options_(std::move(options)),
      self_(std::make_shared<SnapshotHandler*>(this)) {}

SnapshotHandler::~SnapshotHandler() { *self_ = nullptr; }

http1::Headers SnapshotHandler::OwnHeaders() const {
  return {{kClusterIdHeader, options_.identity.cluster.ToHex()}};
}

void SnapshotHandler::Serve(std::unique_ptr<http1::Exchange> exchange) {
  RequestCheck check = CheckRequest(exchange->head(), options_.identity);
  switch (check.verdict) {
    case RequestCheck::Verdict::kMalformedVersion:
      exchange->RespondText(400, "malformed version", OwnHeaders());
      return;
    case RequestCheck::Verdict::kVersionIncompatible:
      exchange->RespondText(412, "incompatible version", OwnHeaders());
      return;
    case RequestCheck::Verdict::kClusterMismatch:
      exchange->RespondText(412, "cluster ID mismatch", OwnHeaders());
      return;
    case RequestCheck::Verdict::kOk:
      break;
  }
  const MemberId from = check.from.value_or(MemberId());
  if (check.from && !check.peer_urls.empty()) {
    receiver_.OnSender(from, std::move(check.peer_urls));
  }
  for (const auto& [id, receive] : receives_) {
    if (from.is_zero() || receive->from() != from) continue;
    receive->Refuse(503, "the sender has begun another snapshot",
                    absl::AbortedError("its sender has begun another one"));
    break;
  }
  if (receives_.size() >= options_.receives_max) {
    exchange->RespondText(503, "too many snapshots are being received",
                          OwnHeaders());
    return;
  }
  const uint64_t id = next_receive_++;
  const auto place = receives_
                         .emplace(id, std::make_unique<Receive>(
                                          *this, id, from, std::move(exchange)))
                         .first;
  place->second->Begin();
}

void SnapshotHandler::OnReceived(Receive& receive, absl::Status status) {
  const auto found = receives_.find(receive.id());
  const std::unique_ptr<Receive> ended = std::move(found->second);
  receives_.erase(found);
  receiver_.OnSnapshotEnded(ended->Report(std::move(status)));
}

}  // namespace rafthttp
