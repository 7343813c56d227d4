#include "rafthttp/peer/mailbox.h"

#include <utility>

#include "rafthttp/base/check.h"
#include "raftpb/raft.pb.h"

namespace rafthttp {
namespace {

static_assert(kMsgAppNumber == raftpb::MsgApp);

// A vector for more than this is kept as long as it is filled to a quarter: a
// flood does not allocate again and again, and its memory goes with it.
constexpr size_t kKeptMessagesMax = 64;

// How much is taken from the process's budget at once.
constexpr size_t kCreditBytes = 16 << 10;

}  // namespace

Lane PreferredLane(int32_t type) {
  if (type == raftpb::MsgApp) return Lane::kMsgApp;
  return type == raftpb::MsgSnap ? Lane::kPipeline : Lane::kMessage;
}

Mailbox::Mailbox(event::EventLoop& loop, Options options,
                 std::shared_ptr<ProcessBudget> process_budget)
    : loop_(loop),
      options_(std::move(options)),
      process_budget_(std::move(process_budget)),
      active_since_nanos_(absl::ToUnixNanos(absl::InfinitePast())) {}

Mailbox::~Mailbox() {
  MutexLock lock(mutex_);
  const size_t bytes = append_budget_.bytes + other_budget_.bytes + credit_;
  process_budget_->bytes.fetch_sub(bytes, std::memory_order_relaxed);
}

Mailbox::Budget& Mailbox::BudgetOf(int32_t type) {
  return type == raftpb::MsgApp ? append_budget_ : other_budget_;
}

bool Mailbox::TakeCredit(size_t bytes) {
  if (bytes <= credit_) {
    credit_ -= bytes;
    return true;
  }
  const auto take = [this](size_t wanted, bool is_last) {
    const size_t before =
        process_budget_->bytes.fetch_add(wanted, std::memory_order_relaxed);
    // A message too large for the budget goes when there is no other.
    if ((is_last && before == 0) ||
        before + wanted <= process_budget_->bytes_max) {
      return true;
    }
    process_budget_->bytes.fetch_sub(wanted, std::memory_order_relaxed);
    return false;
  };
  const size_t missing = bytes - credit_;
  if (missing < kCreditBytes && take(kCreditBytes, /*is_last=*/false)) {
    credit_ = kCreditBytes - missing;
    return true;
  }
  if (!take(missing, /*is_last=*/true)) return false;
  credit_ = 0;
  return true;
}

void Mailbox::GiveCredit(size_t bytes) {
  credit_ += bytes;
  const bool is_empty =
      append_budget_.messages == 0 && other_budget_.messages == 0;
  const size_t kept = is_empty ? 0 : kCreditBytes;
  if (credit_ <= 2 * kept) return;
  process_budget_->bytes.fetch_sub(credit_ - kept, std::memory_order_relaxed);
  credit_ = kept;
}

std::optional<DropReason> Mailbox::Reserve(
    const codec::OutgoingMessage& message) {
  if (is_paused_) return DropReason::kPaused;
  Budget& budget = BudgetOf(message.type());
  const size_t bytes = message.size_bytes();
  if (bytes > options_.message_bytes_max) return DropReason::kNotEncodable;
  if (budget.messages >= options_.messages_max) return DropReason::kQueueFull;
  if (budget.messages > 0 && budget.bytes + bytes > options_.bytes_max) {
    return DropReason::kQueueFull;
  }
  if (!TakeCredit(bytes)) return DropReason::kProcessFull;
  ++budget.messages;
  budget.bytes += bytes;
  return std::nullopt;
}

void Mailbox::CountDrop(int32_t type, uint64_t messages, DropReason reason) {
  const size_t slot = TypeSlot(type);
  for (DropLine& line : drops_) {
    if (line.type_slot == slot && line.reason == reason) {
      line.messages += messages;
      return;
    }
  }
  drops_.push_back({slot, reason, messages});
}

std::optional<Mailbox::PutResult> Mailbox::Put(
    size_t count, absl::FunctionRef<codec::OutgoingMessage()> next) {
  PutResult result;
  MutexLock lock(mutex_);
  if (is_closed_) return std::nullopt;
  for (size_t i = 0; i < count; ++i) {
    messages_.push_back(next());
    const codec::OutgoingMessage& message = messages_.back();
    const int32_t type = message.type();
    ++enqueued_;
    enqueued_bytes_ += message.size_bytes();
    const std::optional<DropReason> reason = Reserve(message);
    if (!reason) {
      tally_.Add(type, message.size_bytes());
      ++result.queued;
      continue;
    }
    messages_.pop_back();
    CountDrop(type, 1, *reason);
    ++result.dropped;
    // etcd says nothing about what is paused.
    if (*reason == DropReason::kPaused) continue;
    has_dropped_ = true;
    has_dropped_snapshot_ |= type == raftpb::MsgSnap;
  }
  WakeLoop();
  return result;
}

void Mailbox::WakeLoop() {
  if (is_woken_ || (messages_.empty() && !has_dropped_)) return;
  is_woken_ = true;
  // While we hold the lock, Close cannot have returned, and the loop is there.
  loop_.Post([self = shared_from_this()] {
    if (self->receiver_ != nullptr) self->receiver_->OnMail();
  });
}

void Mailbox::SetReceiver(Receiver* receiver) {
  CHECK(loop_.IsCurrent());
  receiver_ = receiver;
  if (receiver == nullptr) return;
  MutexLock lock(mutex_);
  is_woken_ = false;
  WakeLoop();
}

void Mailbox::set_is_paused(bool is_paused) {
  MutexLock lock(mutex_);
  is_paused_ = is_paused;
}

void Mailbox::Take(Mail* mail) {
  mail->messages.clear();
  std::vector<codec::OutgoingMessage> unused;
  MutexLock lock(mutex_);
  const size_t capacity = mail->messages.capacity();
  if (capacity > kKeptMessagesMax && messages_.size() < capacity / 4) {
    unused.swap(mail->messages);
  }
  mail->messages.swap(messages_);
  tally_ = Tally();
  is_woken_ = false;
  mail->has_dropped = std::exchange(has_dropped_, false);
  mail->has_dropped_snapshot = std::exchange(has_dropped_snapshot_, false);
}

void Mailbox::Release(const Tally& tally) {
  const uint64_t appends = tally.by_type[TypeSlot(kMsgAppNumber)];
  MutexLock lock(mutex_);
  CHECK(append_budget_.messages >= appends);
  CHECK(append_budget_.bytes >= tally.append_bytes);
  CHECK(other_budget_.messages >= tally.messages - appends);
  CHECK(other_budget_.bytes >= tally.bytes - tally.append_bytes);
  append_budget_.messages -= appends;
  append_budget_.bytes -= tally.append_bytes;
  other_budget_.messages -= tally.messages - appends;
  other_budget_.bytes -= tally.bytes - tally.append_bytes;
  GiveCredit(tally.bytes);
}

Tally Mailbox::Close(DropReason reason) {
  std::vector<codec::OutgoingMessage> dropped;
  Tally tally;
  {
    MutexLock lock(mutex_);
    is_closed_ = true;
    dropped.swap(messages_);
    tally = std::exchange(tally_, Tally());
    for (const codec::OutgoingMessage& message : dropped) {
      CountDrop(message.type(), 1, reason);
    }
  }
  Release(tally);
  return tally;
}

void Mailbox::AppendTo(LedgerReport* report) const {
  MutexLock lock(mutex_);
  report->enqueued += enqueued_;
  report->enqueued_bytes += enqueued_bytes_;
  report->queued += tally_.messages;
  report->queued_bytes += tally_.bytes;
  const auto line_of = [report](size_t slot) -> LedgerReport::Line& {
    const Lane lane = PreferredLane(static_cast<int32_t>(slot));
    for (LedgerReport::Line& line : report->lines) {
      if (line.lane == lane && line.type_slot == slot) return line;
    }
    LedgerReport::Line& line = report->lines.emplace_back();
    line.lane = lane;
    line.type_slot = slot;
    return line;
  };
  for (size_t slot = 0; slot < kTypeSlots; ++slot) {
    const uint64_t messages = tally_.by_type[slot];
    if (messages == 0) continue;
    LedgerReport::Line& line = line_of(slot);
    line.enqueued += messages;
    line.queued += messages;
  }
  for (const DropLine& drop : drops_) {
    LedgerReport::Line& line = line_of(drop.type_slot);
    line.enqueued += drop.messages;
    line.dropped[static_cast<size_t>(drop.reason)] += drop.messages;
    report->dropped += drop.messages;
  }
}

absl::Time Mailbox::active_since() const {
  const int64_t nanos = active_since_nanos_.load(std::memory_order_relaxed);
  return nanos == absl::ToUnixNanos(absl::InfinitePast())
             ? absl::InfinitePast()
             : absl::FromUnixNanos(nanos);
}

void Mailbox::set_active_since(absl::Time since) {
  active_since_nanos_.store(absl::ToUnixNanos(since),
                            std::memory_order_relaxed);
}

}  // namespace rafthttp
