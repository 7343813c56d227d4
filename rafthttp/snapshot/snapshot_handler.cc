// The happy path of a receive:
//
//   length -> message -> database, block by block (or frame by frame) to the
//   disk -> synced and renamed -> Raft -> 204
//
// Ways to fail, each ends the receive, removes its file, and is reported once:
// - The message cannot be read, or is none: 400.
// - The body ends too early, or nothing comes for too long: the sender is gone,
//   or hears a 500. What came in frames is kept, and so it is where one of them
//   is wrong.
// - The digest is wrong: 400.
// - The disk refuses: 500, and the rest of the body is not read.
// - Raft refuses: its own answer or 500; the file stays, as with etcd: a
//   message may follow that needs it.
// - The same sender begins another one.
#include "rafthttp/snapshot/snapshot_handler.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "rafthttp/base/http_answer.h"
#include "rafthttp/codec/big_endian.h"
#include "rafthttp/handshake/request_check.h"
#include "rafthttp/http1/http_error.h"
#include "rafthttp/snapshot/database_writer.h"
#include "rafthttp/snapshot/snapshot_frames.h"

namespace rafthttp {
namespace {

// What is handed to the disk at once.
constexpr size_t kBlockBytes = 256 << 10;

// As Go words it.
std::string CauseOf(const absl::Status& status) {
  if (http1::HttpErrorOf(status) == http1::HttpError::kCut) {
    return "unexpected EOF";
  }
  return std::string(status.message());
}

bool IsTransferId(absl::string_view text) {
  return text.size() == 16 &&
         std::all_of(text.begin(), text.end(), absl::ascii_isxdigit);
}

}  // namespace

struct SnapshotHandler::Announced {
  MemberId from;
  std::string transfer;  // empty: as etcd sends them
  uint64_t offset = 0;
};

class SnapshotHandler::Receive final : public http1::BodySink,
                                       private DatabaseWriter::Events {
 public:
  // `begun` is what there is of it.
  Receive(SnapshotHandler& handler, uint64_t id,
          std::unique_ptr<http1::Exchange> exchange, PartialSnapshot begun)
      : handler_(handler),
        id_(id),
        exchange_(std::move(exchange)),
        began_at_(handler.loop_.Now()),
        is_framed_(!begun.transfer.empty()),
        partial_(std::move(begun)) {}

  void Begin() { exchange_->StreamBody(*this); }
  // Answers, and is gone when it returns.
  void Refuse(int status, absl::string_view text, absl::Status why) {
    exchange_->RespondText(status, text, handler_.OwnHeaders());
    handler_.OnReceived(*this, std::move(why));
  }
  // Leaves what it has for the sender to go on, if it is worth it. Gone when it
  // returns.
  void BreakOff(absl::Status why) {
    if (!CanGoOn()) return RefuseDatabase(why);
    const uint64_t offset = partial_.database->size_bytes();
    const std::string text = absl::StrCat(
        why.message(), "; ", offset, " bytes are kept for the sender to go on");
    handler_.partials_.Put(std::move(partial_));
    exchange_->RespondText(400, text, handler_.HeadersWithOffset(offset));
    handler_.OnReceived(*this, absl::Status(why.code(), text));
  }

  uint64_t id() const { return id_; }
  MemberId from() const { return partial_.from; }
  const std::string& transfer() const { return partial_.transfer; }
  // Whether another connection may go on with it.
  bool CanGoOn() const {
    return is_framed_ && part_ == Part::kDatabase && !is_finishing_ &&
           partial_.database->status().ok();
  }
  Received Report(absl::Status status) const {
    Received report;
    report.from = partial_.from;
    report.remote_address = exchange_->peer_address();
    report.index = partial_.index;
    report.message_bytes = message_bytes_;
    report.database_bytes = database_bytes_;
    report.took = handler_.loop_.Now() - began_at_;
    report.status = std::move(status);
    return report;
  }

 private:
  enum class Part { kLength, kMessage, kDatabase };

  // http1::BodySink:
  void OnBody(absl::string_view bytes) override {
    while (part_ != Part::kDatabase && !bytes.empty()) {
      const size_t taken = std::min(wanted_ - gathered_.size(), bytes.size());
      gathered_.append(bytes.data(), taken);
      bytes.remove_prefix(taken);
      if (gathered_.size() == wanted_ && !TakeGathered()) return;
    }
    if (is_framed_) return TakeFrames(bytes);
    if (bytes.empty()) return;
    database_bytes_ += bytes.size();
    block_.append(bytes.data(), bytes.size());
    if (block_.size() >= kBlockBytes) WriteBlock();
  }

  void OnEnd(absl::Status status) override {
    if (part_ != Part::kDatabase) {
      return RefuseMessage(status.ok() ? "unexpected EOF" : CauseOf(status));
    }
    if (!status.ok()) {
      return BreakOff(absl::Status(status.code(), CauseOf(status)));
    }
    if (is_framed_) {
      if (!is_finishing_) return BreakOff(absl::DataLossError("no end frame"));
      return;
    }
    if (!block_.empty()) WriteBlock();
    Finish();
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
    return BeginDatabase();
  }

  // False: refused, and this is gone.
  bool BeginDatabase() {
    const uint64_t index = message_.snapshot().metadata().index();
    if (partial_.database == nullptr) {
      partial_.index = index;
      partial_.database = std::make_unique<DatabaseWriter>(
          handler_.loop_, handler_.pool_, handler_.snapshotter_);
    } else if (partial_.index != index) {
      const std::string text =
          absl::StrCat("its index is ", index, ", but the transfer began with ",
                       partial_.index);
      Refuse(400, text, absl::InvalidArgumentError(text));
      return false;
    }
    part_ = Part::kDatabase;
    database_bytes_ = partial_.database->size_bytes();
    if (!is_framed_) block_.reserve(kBlockBytes + (64 << 10));
    partial_.database->Attach(this);
    if (!partial_.database->status().ok()) {
      RefuseDatabase(partial_.database->status());
      return false;
    }
    handler_.receiver_.OnSnapshotBegan(partial_.from);
    return true;
  }

  void WriteBlock() {
    std::string next = partial_.database->TakeSpare();
    next.clear();
    next.reserve(block_.capacity());
    next.swap(block_);
    Append(std::move(next));
  }

  // The last call of who calls it; this may be gone afterwards.
  void TakeFrames(absl::string_view bytes) {
    using Event = SnapshotFrameDecoder::Event;
    for (;;) {
      const absl::StatusOr<Event> event = frames_.Next(bytes);
      if (!event.ok()) return BreakOff(event.status());
      switch (*event) {
        case Event::kNeedMore:
          return;
        case Event::kFrame:
          Append(frames_.TakeData(partial_.database->TakeSpare()));
          database_bytes_ = partial_.database->size_bytes();
          break;
        case Event::kEnd:
          if (frames_.digest() != partial_.database->digest()) {
            constexpr char kText[] = "the snapshot's digest is wrong";
            return Refuse(400, kText, absl::DataLossError(kText));
          }
          Finish();
          break;
      }
    }
  }

  void Append(std::string block) {
    partial_.database->Append(std::move(block));
    if (!partial_.database->is_full() || is_paused_) return;
    is_paused_ = true;
    exchange_->PauseBody();
  }

  void Finish() {
    is_finishing_ = true;
    partial_.database->Finish(partial_.index);
  }

  // DatabaseWriter::Events:
  void OnDatabaseRoom() override {
    if (!is_paused_) return;
    is_paused_ = false;
    exchange_->ResumeBody();
  }
  void OnDatabaseFailed(const absl::Status& status) override {
    RefuseDatabase(status);
  }
  void OnDatabaseSaved() override {
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
  const std::unique_ptr<http1::Exchange> exchange_;
  const absl::Time began_at_;
  const bool is_framed_;
  Part part_ = Part::kLength;
  uint64_t wanted_ = codec::kBigEndianBytes;
  std::string gathered_;
  raftpb::Message message_;  // until Raft has it
  uint64_t message_bytes_ = 0;
  uint64_t database_bytes_ = 0;
  std::string block_;
  SnapshotFrameDecoder frames_;
  PartialSnapshot partial_;
  bool is_paused_ = false;
  bool is_finishing_ = false;
};

SnapshotHandler::SnapshotHandler(event::EventLoop& loop, StrandPool* pool,
                                 snap::Snapshotter& snapshotter,
                                 Receiver& receiver, Options options)
    : loop_(loop),
      pool_(pool),
      snapshotter_(snapshotter),
      receiver_(receiver),
      options_(std::move(options)),
      partials_(loop, options_.receives_max, options_.partial_timeout),
      self_(std::make_shared<SnapshotHandler*>(this)) {}

SnapshotHandler::~SnapshotHandler() { *self_ = nullptr; }

http1::Headers SnapshotHandler::OwnHeaders() const {
  return {{kClusterIdHeader, options_.identity.cluster.ToHex()}};
}

http1::Headers SnapshotHandler::HeadersWithOffset(uint64_t offset) const {
  http1::Headers headers = OwnHeaders();
  headers.Add(kSnapshotOffsetHeader, absl::StrCat(offset));
  return headers;
}

void SnapshotHandler::Serve(std::unique_ptr<http1::Exchange> exchange) {
  const http1::RequestHead& head = exchange->head();
  const auto transfer = head.headers.Get(kSnapshotTransferHeader);
  const bool is_get = head.method == "GET" && transfer;
  if (head.method != "POST" && !is_get) {
    http1::Headers headers = OwnHeaders();
    headers.Add("Allow", "POST");
    exchange->RespondText(405, "Method Not Allowed", std::move(headers));
    return;
  }
  RequestCheck check = CheckRequest(head, options_.identity);
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
  Announced announced;
  announced.from = check.from.value_or(MemberId());
  if (transfer) {
    const absl::string_view offset =
        head.headers.Get(kSnapshotOffsetHeader).value_or("0");
    if (!IsTransferId(*transfer) ||
        !absl::SimpleAtoi(offset, &announced.offset)) {
      exchange->RespondText(400, "malformed transfer", OwnHeaders());
      return;
    }
    announced.transfer = std::string(*transfer);
  }
  if (check.from && !check.peer_urls.empty()) {
    receiver_.OnSender(*check.from, std::move(check.peer_urls));
  }
  if (is_get) return ServeGet(*exchange, announced);
  ServePost(std::move(exchange), announced);
}

void SnapshotHandler::ServeGet(http1::Exchange& exchange,
                               const Announced& announced) {
  EndOthers(announced);
  const uint64_t offset =
      partials_.OffsetOf(announced.from, announced.transfer);
  exchange.Respond(200, HeadersWithOffset(offset), "").IgnoreError();
}

void SnapshotHandler::EndOthers(const Announced& announced) {
  for (const auto& [id, receive] : receives_) {
    if (receive->from() != announced.from) continue;
    const bool is_same = receive->transfer() == announced.transfer;
    // Who does not say who it is may be many.
    if (announced.from.is_zero() && (!is_same || announced.transfer.empty())) {
      continue;
    }
    if (is_same && receive->CanGoOn()) {
      receive->BreakOff(absl::AbortedError("its sender has come back"));
    } else {
      receive->Refuse(503, "the sender has begun another snapshot",
                      absl::AbortedError("its sender has begun another one"));
    }
    return;
  }
}

void SnapshotHandler::ServePost(std::unique_ptr<http1::Exchange> exchange,
                                const Announced& announced) {
  EndOthers(announced);
  if (receives_.size() >= options_.receives_max) {
    exchange->RespondText(503, "too many snapshots are being received",
                          OwnHeaders());
    return;
  }
  const uint64_t offset =
      partials_.OffsetOf(announced.from, announced.transfer);
  if (offset != announced.offset) {
    exchange->RespondText(409, absl::StrCat("there are ", offset, " bytes"),
                          HeadersWithOffset(offset));
    return;
  }
  PartialSnapshot begun = partials_.Take(announced.from, announced.transfer);
  partials_.Drop(announced.from);
  begun.from = announced.from;
  begun.transfer = announced.transfer;
  const uint64_t id = next_receive_++;
  const auto place =
      receives_
          .emplace(id, std::make_unique<Receive>(*this, id, std::move(exchange),
                                                 std::move(begun)))
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
