#include "snap/snapshot_message.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace rafthttp::snap {

absl::StatusOr<std::unique_ptr<FileSource>> FileSource::Open(
    FileSystem& files, const std::string& path) {
  absl::StatusOr<std::unique_ptr<File>> file = files.OpenForRead(path);
  if (!file.ok()) return file.status();
  const absl::StatusOr<uint64_t> size = (*file)->Size();
  if (!size.ok()) return size.status();
  return std::unique_ptr<FileSource>(new FileSource(*std::move(file), *size));
}

absl::StatusOr<size_t> CallbackSource::ReadAt(uint64_t offset, char* out,
                                              size_t size) {
  if (offset != next_) {
    return absl::UnimplementedError(
        absl::StrCat("a source that is read in order stands at byte ", next_,
                     ", not ", offset));
  }
  absl::StatusOr<size_t> got = read_(out, size);
  if (got.ok()) next_ += *got;
  return got;
}

SnapshotMessage::SnapshotMessage(
    raftpb::Message message, std::unique_ptr<SnapshotSource> source,
    absl::AnyInvocable<void(absl::Status)> on_closed)
    : message_(std::move(message)),
      source_(std::move(source)),
      on_closed_(std::move(on_closed)) {}

SnapshotMessage::~SnapshotMessage() {
  Close(absl::CancelledError("nobody sent the snapshot"));
}

uint64_t SnapshotMessage::total_bytes() const {
  return message_.ByteSizeLong() + source_->size_bytes();
}

void SnapshotMessage::Close(absl::Status status) {
  auto on_closed = std::exchange(on_closed_, nullptr);
  if (on_closed) on_closed(std::move(status));
}

}  // namespace rafthttp::snap
