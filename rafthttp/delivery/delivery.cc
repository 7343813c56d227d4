// The happy path, with a pool: Deliver copies each message of a read into the
// batch of its strand; EndBatch hands both batches to the pool; there, each
// message goes to Raft::Process, and the emptied batch comes back to be filled
// again. What a strand has to say (room, failures, completions) is posted to
// the loop. Without a pool, Deliver calls Raft::Process itself.
//
// Ways to fail:
// - Process returns an error or throws: counted, and told once per batch.
// - The strand for all else is full: the owner is asked to stop reading, and
//   told when the queue has shrunk to half.
// - The strand for proposals is full: the proposal is dropped.
// - We are destroyed while Process runs: strands and posts hold the Core, which
//   knows; whatever else belongs to the loop, such as the functions that wait
//   for a POST to be processed, never leaves it.
#include "rafthttp/delivery/delivery.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <exception>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "rafthttp/base/check.h"
#include "rafthttp/codec/message_writer.h"
#include "raftpb/message_type.h"

namespace rafthttp {
namespace {

// A batch whose memory may be kept for the next one: what a read usually
// brings. As each message keeps the most it ever held, this bounds what is kept
// to the product of both.
constexpr size_t kKeptMessagesMax = 32;
constexpr size_t kKeptBytesMax = 64 << 10;

// What no peer may tell our raft; etcd's would obey the last.
bool IsForRaft(int32_t type) {
  return !raftpb::IsLocal(type) && type != raftpb::MsgForgetLeader;
}

absl::Status NotForRaft(int32_t type) {
  return absl::InvalidArgumentError(absl::StrCat(
      raftpb::MessageTypeName(type), " is not for other members to send"));
}

absl::Status NoRoom() {
  return absl::ResourceExhaustedError("too many MsgProp wait for Raft");
}

size_t SizeOf(const codec::MessageView& message) {
  return message.encoded.empty() ? codec::TotalBytes(message)
                                 : message.encoded.size();
}

// The messages of one read. Those behind `count` are there for their memory.
struct Batch {
  std::vector<raftpb::Message> messages;
  size_t count = 0;
  size_t bytes = 0;

  raftpb::Message& Add(size_t size_bytes) {
    bytes += size_bytes;
    if (count == messages.size()) messages.emplace_back();
    return messages[count++];
  }
  // Whether it may be filled again.
  bool Recycle() {
    const bool is_kept = count <= kKeptMessagesMax && bytes <= kKeptBytesMax;
    count = 0;
    bytes = 0;
    return is_kept;
  }
};

// Calls that failed, and how the last one did.
struct Failures {
  uint64_t messages = 0;
  absl::Status status;

  void Add(absl::Status failure) {
    ++messages;
    status = std::move(failure);
  }
};

// What waits on a strand or runs there. Written by the loop (which adds) and by
// the strand (which takes away).
class Queue {
 public:
  void Add(size_t messages, size_t bytes) {
    messages_.fetch_add(messages);
    bytes_.fetch_add(bytes);
  }
  // Whether that made it half empty, of messages or of bytes. As each way from
  // full to empty crosses both lines, who then looks cannot miss the moment.
  bool Remove(size_t messages, size_t bytes, const Delivery::Options& options) {
    const size_t had_messages = messages_.fetch_sub(messages);
    const size_t had_bytes = bytes_.fetch_sub(bytes);
    return Crosses(had_messages, messages, options.queue_messages_max / 2) ||
           Crosses(had_bytes, bytes, options.queue_bytes_max / 2);
  }

  size_t messages() const { return messages_.load(); }
  size_t bytes() const { return bytes_.load(); }
  bool is_half_empty(const Delivery::Options& options) const {
    return messages() <= options.queue_messages_max / 2 &&
           bytes() <= options.queue_bytes_max / 2;
  }

 private:
  static bool Crosses(size_t had, size_t removed, size_t line) {
    return had > line && had - removed <= line;
  }

  std::atomic<size_t> messages_ = 0;
  std::atomic<size_t> bytes_ = 0;
};

// Both strands, as indices.
enum Line : size_t { kRest = 0, kProposals = 1 };
constexpr size_t kLines = 2;

Line LineOf(int32_t type) {
  return type == raftpb::MsgProp ? kProposals : kRest;
}

}  // namespace

class Delivery::Impl {
 public:
  Impl(event::EventLoop& loop, Raft& raft, StrandPool* pool,
       std::stop_token stop, Events& events, Options options);
  ~Impl();

  void Deliver(const codec::MessageView& message);
  void EndBatch();
  void Deliver(raftpb::Message message,
               absl::AnyInvocable<void(absl::Status)> on_processed);
  void ReportUnreachable();
  void ReportSnapshot(SnapshotStatus status);

  bool is_full() const { return is_full_; }
  size_t queued_messages() const;
  size_t queued_bytes() const;
  const Drops& drops() const { return drops_; }

 private:
  // What strands and posted work hold on to.
  struct Core {
    Core(event::EventLoop& l, Raft& r, std::stop_token s, Options o)
        : loop(l), raft(r), stop(std::move(s)), options(o) {}
    ~Core() { delete spare.load(); }

    // On the strands:
    absl::Status Process(raftpb::Message&& message);
    void RunBatch(const std::shared_ptr<Core>& self, Line line,
                  std::unique_ptr<Batch> batch);
    void Remove(const std::shared_ptr<Core>& self, Line line, size_t messages,
                size_t bytes);

    // Tells the owner in a later turn.
    void PostFailures(const std::shared_ptr<Core>& self, Failures failures);
    // The same of a POST, and then tells whoever waits for it, who may think
    // that all is well.
    void PostProcessed(const std::shared_ptr<Core>& self, uint64_t id,
                       absl::Status status, bool is_for_sender);

    event::EventLoop& loop;
    Raft& raft;
    const std::stop_token stop;
    const Options options;
    std::array<Queue, kLines> queues;
    std::atomic<bool> is_closed = false;
    // A report of unreachability has not begun.
    std::atomic<bool> is_unreachable_waiting = false;
    // A batch to be filled again; owned.
    std::atomic<Batch*> spare = nullptr;
    // Null once destroyed. The loop's.
    Impl* owner = nullptr;
  };

  // With a pool:
  Batch& BatchOf(Line line);
  void Flush(Line line);
  bool HasRoomForProposal(size_t size_bytes) const;
  void TakeInto(Line line, size_t messages, size_t bytes);
  void OnQueueHalfEmpty();
  // Without:
  void Report(absl::AnyInvocable<void()> report);
  void RunReports();

  void OnProcessed(uint64_t id, absl::Status status);

  event::EventLoop& loop_;
  Events& events_;
  const std::shared_ptr<Core> core_;
  Drops drops_;
  Failures failures_;  // of the read under way, on the loop
  // By number: functions that wait for a POST to be processed.
  std::unordered_map<uint64_t, absl::AnyInvocable<void(absl::Status)>> waiting_;
  uint64_t next_id_ = 0;

  // With a pool:
  std::array<std::unique_ptr<StrandPool::Strand>, kLines> strands_;
  std::array<std::unique_ptr<Batch>, kLines> batches_;  // of the read under way
  bool is_full_ = false;

  // Without:
  raftpb::Message scratch_;
  std::vector<absl::AnyInvocable<void()>> reports_;
};

// On the strands, or on the loop without a pool.

absl::Status Delivery::Impl::Core::Process(raftpb::Message&& message) {
  // An embedder's exception must neither end the process nor pass through code
  // that knows of none.
  try {
    return raft.Process(stop, std::move(message));
  } catch (const std::exception& exception) {
    return absl::InternalError(
        absl::StrCat("Process threw an exception: ", exception.what()));
  } catch (...) {
    return absl::InternalError("Process threw an exception");
  }
}

void Delivery::Impl::Core::RunBatch(const std::shared_ptr<Core>& self,
                                    Line line, std::unique_ptr<Batch> batch) {
  Failures failures;
  for (size_t i = 0; i < batch->count && !is_closed.load(); ++i) {
    absl::Status status = Process(std::move(batch->messages[i]));
    if (!status.ok()) failures.Add(std::move(status));
  }
  const size_t count = batch->count;
  const size_t bytes = batch->bytes;
  if (batch->Recycle()) delete spare.exchange(batch.release());
  Remove(self, line, count, bytes);
  if (failures.messages > 0) PostFailures(self, std::move(failures));
}

void Delivery::Impl::Core::Remove(const std::shared_ptr<Core>& self, Line line,
                                  size_t messages, size_t bytes) {
  if (!queues[line].Remove(messages, bytes, options) || line != kRest) return;
  loop.Post([core = self] {
    if (core->owner != nullptr) core->owner->OnQueueHalfEmpty();
  });
}

void Delivery::Impl::Core::PostFailures(const std::shared_ptr<Core>& self,
                                        Failures failures) {
  loop.Post([core = self, told = std::move(failures)] {
    if (core->owner == nullptr) return;
    core->owner->events_.OnProcessFailed(told.messages, told.status);
  });
}

void Delivery::Impl::Core::PostProcessed(const std::shared_ptr<Core>& self,
                                         uint64_t id, absl::Status status,
                                         bool is_for_sender) {
  // The status moves: its count of references would be shared by two threads,
  // and TSan does not see into Debian's absl.
  loop.Post([core = self, id, told = std::move(status), is_for_sender] {
    if (core->owner == nullptr) return;
    if (!told.ok()) core->owner->events_.OnProcessFailed(1, told);
    if (core->owner == nullptr) return;
    core->owner->OnProcessed(id, is_for_sender ? told : absl::OkStatus());
  });
}

// On the loop.

Delivery::Impl::Impl(event::EventLoop& loop, Raft& raft, StrandPool* pool,
                     std::stop_token stop, Events& events, Options options)
    : loop_(loop),
      events_(events),
      core_(std::make_shared<Core>(loop, raft, std::move(stop), options)) {
  CHECK(loop_.IsCurrent());
  core_->owner = this;
  if (pool == nullptr) return;
  for (auto& strand : strands_) strand = pool->NewStrand();
}

Delivery::Impl::~Impl() {
  CHECK(loop_.IsCurrent());
  core_->owner = nullptr;
  // First no other work begins, then the batch that runs is cut short: Raft
  // sees no gap.
  for (auto& strand : strands_) strand = nullptr;
  core_->is_closed = true;
}

void Delivery::Impl::Deliver(const codec::MessageView& message) {
  if (!IsForRaft(message.type)) {
    ++drops_.not_for_raft;
    failures_.Add(NotForRaft(message.type));
    return;
  }
  const Line line = LineOf(message.type);
  if (strands_[line] == nullptr) {
    RunReports();
    message.CopyTo(&scratch_);
    absl::Status status = core_->Process(std::move(scratch_));
    if (!status.ok()) failures_.Add(std::move(status));
    if (SizeOf(message) > kKeptBytesMax) scratch_ = raftpb::Message();
    return;
  }
  const size_t size_bytes = SizeOf(message);
  if (line == kProposals && !HasRoomForProposal(size_bytes)) {
    ++drops_.proposals;
    failures_.Add(NoRoom());
    return;
  }
  message.CopyTo(&BatchOf(line).Add(size_bytes));
}

Batch& Delivery::Impl::BatchOf(Line line) {
  std::unique_ptr<Batch>& batch = batches_[line];
  if (batch == nullptr) batch.reset(core_->spare.exchange(nullptr));
  if (batch == nullptr) batch = std::make_unique<Batch>();
  return *batch;
}

bool Delivery::Impl::HasRoomForProposal(size_t size_bytes) const {
  const Queue& queue = core_->queues[kProposals];
  const Batch* const batch = batches_[kProposals].get();
  const size_t messages =
      queue.messages() + (batch == nullptr ? 0 : batch->count);
  const size_t bytes = queue.bytes() + (batch == nullptr ? 0 : batch->bytes);
  if (messages == 0) return true;
  return messages < core_->options.queue_messages_max &&
         bytes + size_bytes <= core_->options.queue_bytes_max;
}

void Delivery::Impl::EndBatch() {
  Flush(kRest);
  Flush(kProposals);
  if (failures_.messages == 0) return;
  core_->PostFailures(core_, std::exchange(failures_, {}));
}

void Delivery::Impl::Flush(Line line) {
  std::unique_ptr<Batch> batch = std::move(batches_[line]);
  if (batch == nullptr) return;
  TakeInto(line, batch->count, batch->bytes);
  strands_[line]->Run([core = core_, line, batch = std::move(batch)]() mutable {
    core->RunBatch(core, line, std::move(batch));
  });
}

void Delivery::Impl::TakeInto(Line line, size_t messages, size_t bytes) {
  Queue& queue = core_->queues[line];
  queue.Add(messages, bytes);
  if (line != kRest) return;
  if (queue.messages() > core_->options.queue_messages_max ||
      queue.bytes() > core_->options.queue_bytes_max) {
    is_full_ = true;
  }
}

void Delivery::Impl::OnQueueHalfEmpty() {
  // If it has filled up again meanwhile, it will be half empty again.
  if (!is_full_ || !core_->queues[kRest].is_half_empty(core_->options)) return;
  is_full_ = false;
  events_.OnDeliveryRoom();
}

void Delivery::Impl::Deliver(
    raftpb::Message message,
    absl::AnyInvocable<void(absl::Status)> on_processed) {
  EndBatch();  // what came by stream was there before
  const int32_t type = raftpb::TypeNumber(message);
  const Line line = LineOf(type);
  const uint64_t id = next_id_++;
  waiting_.emplace(id, std::move(on_processed));
  if (!IsForRaft(type)) {
    // As in etcd, the sender is not told.
    ++drops_.not_for_raft;
    return core_->PostProcessed(core_, id, NotForRaft(type), false);
  }
  if (strands_[line] == nullptr) {
    RunReports();
    return core_->PostProcessed(core_, id, core_->Process(std::move(message)),
                                true);
  }
  const size_t size_bytes = codec::TotalBytes(message);
  if (line == kProposals && !HasRoomForProposal(size_bytes)) {
    ++drops_.proposals;
    return core_->PostProcessed(core_, id, NoRoom(), true);
  }
  TakeInto(line, 1, size_bytes);
  strands_[line]->Run([core = core_, line, size_bytes, id,
                       posted = std::move(message)]() mutable {
    absl::Status status = core->Process(std::move(posted));
    core->Remove(core, line, 1, size_bytes);
    core->PostProcessed(core, id, std::move(status), true);
  });
}

void Delivery::Impl::OnProcessed(uint64_t id, absl::Status status) {
  const auto waiting = waiting_.find(id);
  CHECK(waiting != waiting_.end());
  absl::AnyInvocable<void(absl::Status)> on_processed =
      std::move(waiting->second);
  waiting_.erase(waiting);
  on_processed(std::move(status));
}

void Delivery::Impl::ReportUnreachable() {
  if (core_->is_unreachable_waiting.exchange(true)) return;
  Report([core = core_] {
    core->is_unreachable_waiting = false;
    core->raft.ReportUnreachable(core->options.peer);
  });
}

void Delivery::Impl::ReportSnapshot(SnapshotStatus status) {
  Report([core = core_, status] {
    core->raft.ReportSnapshot(core->options.peer, status);
  });
}

void Delivery::Impl::Report(absl::AnyInvocable<void()> report) {
  if (strands_[kRest] != nullptr) {
    Flush(kRest);
    strands_[kRest]->Run(std::move(report));
    return;
  }
  // Not at once: our owner is in the middle of something.
  reports_.push_back(std::move(report));
  if (reports_.size() > 1) return;
  loop_.Post([core = core_] {
    if (core->owner != nullptr) core->owner->RunReports();
  });
}

void Delivery::Impl::RunReports() {
  for (auto& report : std::exchange(reports_, {})) report();
}

size_t Delivery::Impl::queued_messages() const {
  size_t messages = 0;
  for (const Queue& queue : core_->queues) messages += queue.messages();
  for (const auto& batch : batches_) {
    if (batch != nullptr) messages += batch->count;
  }
  return messages;
}

size_t Delivery::Impl::queued_bytes() const {
  size_t bytes = 0;
  for (const Queue& queue : core_->queues) bytes += queue.bytes();
  for (const auto& batch : batches_) {
    if (batch != nullptr) bytes += batch->bytes;
  }
  return bytes;
}

Delivery::Delivery(event::EventLoop& loop, Raft& raft, StrandPool* pool,
                   std::stop_token stop, Events& events, Options options)
    : impl_(std::make_unique<Impl>(loop, raft, pool, std::move(stop), events,
                                   options)) {}

Delivery::~Delivery() = default;

void Delivery::Deliver(const codec::MessageView& message) {
  impl_->Deliver(message);
}

void Delivery::EndBatch() { impl_->EndBatch(); }

void Delivery::Deliver(raftpb::Message message,
                       absl::AnyInvocable<void(absl::Status)> on_processed) {
  impl_->Deliver(std::move(message), std::move(on_processed));
}

void Delivery::ReportUnreachable() { impl_->ReportUnreachable(); }

void Delivery::ReportSnapshot(SnapshotStatus status) {
  impl_->ReportSnapshot(status);
}

bool Delivery::is_full() const { return impl_->is_full(); }

size_t Delivery::queued_messages() const { return impl_->queued_messages(); }

size_t Delivery::queued_bytes() const { return impl_->queued_bytes(); }

const Delivery::Drops& Delivery::drops() const { return impl_->drops(); }

}  // namespace rafthttp
