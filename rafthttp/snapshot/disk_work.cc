#include "rafthttp/snapshot/disk_work.h"

#include <utility>

namespace rafthttp {

DiskWork::DiskWork(event::EventLoop& loop, StrandPool* pool)
    : loop_(loop),
      strand_(pool == nullptr ? nullptr : pool->NewStrand()),
      is_alive_(std::make_shared<bool>(true)) {}

DiskWork::DiskWork(DiskWork& before)
    : loop_(before.loop_),
      strand_(before.strand_),
      is_alive_(std::make_shared<bool>(true)) {}

DiskWork::~DiskWork() { *is_alive_ = false; }

void DiskWork::Run(absl::AnyInvocable<absl::Status()> work,
                   absl::AnyInvocable<void(absl::Status)> on_done) {
  if (strand_ == nullptr) {
    loop_.Post([is_alive = is_alive_, work = std::move(work),
                on_done = std::move(on_done)]() mutable {
      if (!*is_alive) return;
      on_done(work());
    });
    return;
  }
  strand_->Run([&loop = loop_, is_alive = is_alive_, work = std::move(work),
                on_done = std::move(on_done)]() mutable {
    absl::Status status = work();
    // What the work held goes here, and not on the loop.
    work = nullptr;
    loop.Post([is_alive = std::move(is_alive), on_done = std::move(on_done),
               status = std::move(status)]() mutable {
      if (*is_alive) on_done(std::move(status));
    });
  });
}

void DiskWork::RunLast(absl::AnyInvocable<void()> work) {
  if (strand_ == nullptr) return work();
  strand_->Run(
      [strand = strand_, work = std::move(work)]() mutable { work(); });
}

}  // namespace rafthttp
