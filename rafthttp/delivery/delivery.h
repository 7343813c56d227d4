#ifndef RAFTHTTP_DELIVERY_DELIVERY_H_
#define RAFTHTTP_DELIVERY_DELIVERY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stop_token>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/base/raft.h"
#include "rafthttp/codec/message_view.h"
#include "rafthttp/delivery/strand_pool.h"
#include "rafthttp/event/event_loop.h"
#include "raftpb/raft.pb.h"

namespace rafthttp {

// Hands what one peer sends to Raft: MsgProp on one strand, all else on
// another, each in the order of arrival, so that a proposal that blocks while
// there is no leader does not hold up heartbeats (etcd's propc and recvc).
// Without a pool it calls Raft at once, on the loop.
//
// Flow control: the strand for all else is full beyond its budget: its owner
// then stops reading that peer's streams until OnDeliveryRoom. What was read
// already is taken beyond the budget, never dropped. MsgProp over its own
// budget is dropped and counted instead, as etcd does, so that heartbeats
// behind it are read.
//
// What never crosses the network (raftpb::IsLocal) and MsgForgetLeader are
// dropped and counted.
//
// Place: Peer owns one; one more serves senders that are no peers.
// Threads: loop-confined; Raft's methods run on the strands.
// Lifetime: destroy it at any moment outside of Raft's methods. What has not
//   begun never runs, its completions neither; a call that runs is not waited
//   for: StrandPool::Shutdown does that. `raft`, `loop`, `pool` must outlive
//   that, `events` this.
class Delivery {
 public:
  struct Options {
    MemberId peer;
    // Each strand's own. etcd's channels hold 4096 messages.
    size_t queue_messages_max = 4096;
    size_t queue_bytes_max = 64 << 20;
  };
  class Events {
   public:
    // The strand that was full has room again (half of its budget).
    virtual void OnDeliveryRoom() = 0;
    // Raft's Process failed or threw, or a message was dropped; told once per
    // batch, in a turn of the loop, with the last error.
    virtual void OnProcessFailed(uint64_t messages,
                                 const absl::Status& status) = 0;

   protected:
    ~Events() = default;
  };
  // What was dropped instead of delivered, by cause.
  struct Drops {
    uint64_t proposals = 0;     // over the budget of their strand
    uint64_t not_for_raft = 0;  // local types
  };

  // `pool` may be null: then Raft is called on the loop, during Deliver.
  Delivery(event::EventLoop& loop, Raft& raft, StrandPool* pool,
           std::stop_token stop, Events& events, Options options);
  ~Delivery();
  Delivery(const Delivery&) = delete;
  Delivery& operator=(const Delivery&) = delete;

  // Takes a copy of a message that came by stream. It is on its way only after
  // EndBatch: call that once after all that one read brought.
  void Deliver(const codec::MessageView& message);
  void EndBatch();

  // A message that came by POST. `on_processed` runs once in a later turn of
  // the loop (never, if this is destroyed first) with what Process returned;
  // kResourceExhausted if it was a MsgProp over the budget.
  void Deliver(raftpb::Message message,
               absl::AnyInvocable<void(absl::Status)> on_processed);

  // Told to Raft in order with all else but MsgProp. Reports of
  // unreachability that have not begun are one.
  void ReportUnreachable();
  void ReportSnapshot(SnapshotStatus status);

  bool is_full() const;
  size_t queued_messages() const;
  size_t queued_bytes() const;
  const Drops& drops() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rafthttp

#endif  // RAFTHTTP_DELIVERY_DELIVERY_H_
