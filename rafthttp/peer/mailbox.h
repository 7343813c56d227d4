#ifndef RAFTHTTP_PEER_MAILBOX_H_
#define RAFTHTTP_PEER_MAILBOX_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "rafthttp/base/drop_reason.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/base/lane.h"
#include "rafthttp/base/ledger.h"
#include "rafthttp/base/mutex.h"
#include "rafthttp/base/tally.h"
#include "rafthttp/codec/outgoing_message.h"
#include "rafthttp/event/event_loop.h"

namespace rafthttp {

// Where messages to one member wait for its loop, and the budget of all that
// waits for that member, here and in its lanes.
//
// Who puts a message in reserves its count and bytes; the loop gives them back
// once the message is written or dropped. MsgApp and all else have a budget
// each, so that replication never crowds out heartbeats.
//
// Threads: as each method says. Lifetime: shared by the transport, whose Send
//   puts in, and the peer on its loop, which takes out. The loop must outlive
//   Close.
// Bounds: Options.
class Mailbox final : public std::enable_shared_from_this<Mailbox> {
 public:
  // Who empties the mailbox, on its loop.
  class Receiver {
   public:
    // There is something to Take. Once until the next Take.
    virtual void OnMail() = 0;

   protected:
    ~Receiver() = default;
  };
  struct Options {
    MemberId member = {};
    size_t messages_max = 4096;
    size_t bytes_max = 68 << 20;
    // One message may exceed bytes_max when nothing else of its kind waits, up
    // to this.
    size_t message_bytes_max = size_t{512} << 20;
  };
  // What may wait for all members of one transport together.
  struct ProcessBudget {
    explicit ProcessBudget(size_t max) : bytes_max(max) {}
    const size_t bytes_max;
    std::atomic<size_t> bytes = 0;
  };
  struct PutResult {
    size_t queued = 0;
    size_t dropped = 0;
  };
  // What was taken out.
  struct Mail {
    std::vector<codec::OutgoingMessage> messages;
    // Since the last time, messages were dropped here; a MsgSnap among them.
    bool has_dropped = false;
    bool has_dropped_snapshot = false;
  };

  Mailbox(event::EventLoop& loop, Options options,
          std::shared_ptr<ProcessBudget> process_budget);
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // Any thread. Puts in `count` messages, each made by `next`. Once closed it
  // takes nothing, does not call `next`, and returns nullopt.
  std::optional<PutResult> Put(
      size_t count, absl::FunctionRef<codec::OutgoingMessage()> next);

  // Any thread: whether all that is put in is dropped (kPaused).
  void set_is_paused(bool is_paused);

  // The loop: who is told of mail, from now on; null is nobody. What was put in
  // before is told, too.
  void SetReceiver(Receiver* receiver);
  // The loop: takes all that is there. `mail` is overwritten, its memory used
  // again.
  void Take(Mail* mail);
  // The loop: `tally` is written, or dropped, and waits no longer.
  void Release(const Tally& tally);
  // The loop: takes nothing more, and posts nothing more; what is there is
  // dropped and counted. Returns what that was. Again: nothing.
  Tally Close(DropReason reason);

  // The loop: adds the mailbox's part, and what Send counted, to a report whose
  // lines and sums are the ledger's.
  void AppendTo(LedgerReport* report) const;

  MemberId member() const { return options_.member; }

  // Any thread: the peer's state, kept here so that it can be asked for without
  // its loop. InfinitePast while inactive.
  absl::Time active_since() const;
  void set_active_since(absl::Time since);

 private:
  struct Budget {
    size_t messages = 0;
    size_t bytes = 0;
  };
  struct DropLine {
    size_t type_slot;
    DropReason reason;
    uint64_t messages;
  };

  // False: the process has no room for `bytes` more.
  bool TakeCredit(size_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void GiveCredit(size_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Budget& BudgetOf(int32_t type) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::optional<DropReason> Reserve(const codec::OutgoingMessage& message)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CountDrop(int32_t type, uint64_t messages, DropReason reason)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // So that Send's threads need the loop only while the mailbox is open.
  void WakeLoop() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  event::EventLoop& loop_;
  const Options options_;
  const std::shared_ptr<ProcessBudget> process_budget_;
  std::atomic<int64_t> active_since_nanos_;
  Receiver* receiver_ = nullptr;  // the loop's

  mutable Mutex mutex_;
  std::vector<codec::OutgoingMessage> messages_ ABSL_GUARDED_BY(mutex_);
  Tally tally_ ABSL_GUARDED_BY(mutex_);  // of messages_
  Budget append_budget_ ABSL_GUARDED_BY(mutex_);
  Budget other_budget_ ABSL_GUARDED_BY(mutex_);
  // Taken from the process's budget, and not used: so that not every message
  // has to touch what all mailboxes share. None while nothing waits.
  size_t credit_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t enqueued_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t enqueued_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<DropLine> drops_ ABSL_GUARDED_BY(mutex_);
  bool is_paused_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_closed_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool has_dropped_ ABSL_GUARDED_BY(mutex_) = false;
  bool has_dropped_snapshot_ ABSL_GUARDED_BY(mutex_) = false;
};

// The lane that a message of `type` prefers.
Lane PreferredLane(int32_t type);

}  // namespace rafthttp

#endif  // RAFTHTTP_PEER_MAILBOX_H_
