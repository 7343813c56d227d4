#include "rafthttp/snapshot/database_writer.h"

#include <utility>

#include "snap/crc.h"

namespace rafthttp {

DatabaseWriter::DatabaseWriter(event::EventLoop& loop, StrandPool* pool,
                               snap::Snapshotter& snapshotter)
    : shared_(std::make_shared<Shared>()), disk_(loop, pool) {
  disk_.Run(
      [shared = shared_, &snapshotter] {
        auto file = snapshotter.NewDbWriter();
        if (!file.ok()) return file.status();
        shared->file = *std::move(file);
        return absl::OkStatus();
      },
      [this](const absl::Status& status) {
        if (!status.ok()) Fail(status);
      });
}

DatabaseWriter::~DatabaseWriter() {
  // An unfinished file is removed beside the loop.
  disk_.RunLast([shared = std::move(shared_)] { shared->file.reset(); });
}

void DatabaseWriter::Append(std::string block) {
  size_bytes_ += block.size();
  digest_ = snap::ExtendCrc64(digest_, block);
  pending_bytes_ += block.size();
  const auto held = std::make_shared<std::string>(std::move(block));
  disk_.Run(
      [shared = shared_, held] {
        // What failed before has been reported.
        if (shared->file == nullptr) return absl::OkStatus();
        absl::Status status = shared->file->Append(*held);
        if (!status.ok()) shared->file.reset();
        return status;
      },
      [this, held](const absl::Status& status) {
        OnWritten(std::move(*held), status);
      });
}

void DatabaseWriter::OnWritten(std::string block, const absl::Status& status) {
  const bool was_over_half = pending_bytes_ > kPendingBytesMax / 2;
  pending_bytes_ -= block.size();
  spare_ = std::move(block);
  if (!status.ok()) return Fail(status);
  const bool is_over_half = pending_bytes_ > kPendingBytesMax / 2;
  if (was_over_half && !is_over_half && events_ != nullptr) {
    events_->OnDatabaseRoom();
  }
}

void DatabaseWriter::Finish(uint64_t index) {
  disk_.Run(
      [shared = shared_, index, size = size_bytes_] {
        if (shared->file == nullptr) {
          return absl::CancelledError("writing failed");
        }
        absl::Status finished = shared->file->Finish(index, size).status();
        // What is not needed is gone before it is answered.
        shared->file.reset();
        return finished;
      },
      [this](const absl::Status& finished) {
        if (!finished.ok()) return Fail(finished);
        if (events_ != nullptr) events_->OnDatabaseSaved();
      });
}

// Once.
void DatabaseWriter::Fail(const absl::Status& status) {
  if (!status_.ok()) return;
  status_ = status;
  if (events_ != nullptr) events_->OnDatabaseFailed(status);
}

}  // namespace rafthttp
