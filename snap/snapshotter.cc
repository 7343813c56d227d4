#include "snap/snapshotter.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "snap/snap_file.h"

namespace rafthttp::snap {
namespace {

constexpr size_t kCopyBytes = 256 << 10;

}  // namespace

Snapshotter::Snapshotter(FileSystem& files, std::string folder, Logger* logger)
    : files_(files), folder_(std::move(folder)), logger_(logger) {}

std::string Snapshotter::Path(absl::string_view name) const {
  return absl::StrCat(folder_, "/", name);
}

void Snapshotter::Warn(absl::string_view text) const {
  if (logger_ == nullptr) return;
  logger_->Log(Severity::kWarning, absl::StrCat("snap: ", text));
}

absl::Status Snapshotter::CleanUp() {
  absl::StatusOr<std::vector<std::string>> names = files_.List(folder_);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    if (!absl::StartsWith(name, "tmp") && !absl::StartsWith(name, "db.tmp")) {
      continue;
    }
    const absl::Status status = files_.Remove(Path(name));
    if (!status.ok() && !absl::IsNotFound(status)) return status;
  }
  return absl::OkStatus();
}

absl::Status Snapshotter::SaveSnap(const raftpb::Snapshot& snapshot) {
  const SnapId id = {snapshot.metadata().term(), snapshot.metadata().index()};
  if (id.index == 0) return absl::OkStatus();
  const std::string target = Path(SnapName(id));
  // A name that CleanUp knows.
  const std::string temporary = Path(absl::StrCat("tmp-", SnapName(id)));
  // One that a crash left.
  const absl::Status removed = files_.Remove(temporary);
  if (!removed.ok() && !absl::IsNotFound(removed)) return removed;
  absl::StatusOr<std::unique_ptr<File>> file = files_.Create(temporary);
  if (!file.ok()) return file.status();
  absl::Status status = (*file)->Append(EncodeSnapFile(snapshot));
  if (status.ok()) status = (*file)->Sync();
  file->reset();
  if (status.ok()) status = files_.Rename(temporary, target);
  if (!status.ok()) {
    files_.Remove(temporary).IgnoreError();
    return status;
  }
  return files_.SyncFolder(folder_);
}

absl::StatusOr<std::string> Snapshotter::ReadFile(const std::string& path) {
  absl::StatusOr<std::unique_ptr<File>> file = files_.OpenForRead(path);
  if (!file.ok()) return file.status();
  const absl::StatusOr<uint64_t> size = (*file)->Size();
  if (!size.ok()) return size.status();
  std::string bytes(*size, '\0');
  const absl::StatusOr<size_t> got =
      (*file)->ReadAt(0, bytes.data(), bytes.size());
  if (!got.ok()) return got.status();
  bytes.resize(*got);
  return bytes;
}

absl::StatusOr<raftpb::Snapshot> Snapshotter::LoadMatching(
    absl::FunctionRef<bool(SnapId)> matches) {
  absl::StatusOr<std::vector<std::string>> names = files_.List(folder_);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    if (!absl::StartsWith(name, "db.tmp")) continue;
    const absl::Status status = files_.Remove(Path(name));
    if (!status.ok() && !absl::IsNotFound(status)) return status;
  }
  // Newest first. What is named otherwise is none of ours.
  for (auto name = names->rbegin(); name != names->rend(); ++name) {
    if (!absl::EndsWith(*name, ".snap") || absl::StartsWith(*name, "tmp")) {
      continue;
    }
    const std::string path = Path(*name);
    const absl::StatusOr<std::string> bytes = ReadFile(path);
    absl::StatusOr<raftpb::Snapshot> snapshot =
        bytes.ok() ? DecodeSnapFile(*bytes)
                   : absl::StatusOr<raftpb::Snapshot>(bytes.status());
    if (!snapshot.ok()) {
      Warn(absl::StrCat(path, ": ", snapshot.status().message(),
                        "; set aside as ", *name, ".broken"));
      const absl::Status renamed =
          files_.Rename(path, absl::StrCat(path, ".broken"));
      if (!renamed.ok()) Warn(renamed.message());
      continue;
    }
    if (matches({snapshot->metadata().term(), snapshot->metadata().index()})) {
      return snapshot;
    }
  }
  return absl::NotFoundError("snap: no available snapshot");
}

absl::StatusOr<raftpb::Snapshot> Snapshotter::Load() {
  return LoadMatching([](SnapId) { return true; });
}

absl::StatusOr<raftpb::Snapshot> Snapshotter::LoadNewestAvailable(
    absl::Span<const SnapId> among) {
  return LoadMatching([&](SnapId id) {
    return std::find(among.begin(), among.end(), id) != among.end();
  });
}

absl::StatusOr<std::unique_ptr<DbWriter>> Snapshotter::NewDbWriter() {
  return DbWriter::Create(files_, folder_);
}

absl::StatusOr<uint64_t> Snapshotter::SaveDbFrom(
    absl::FunctionRef<absl::StatusOr<size_t>(char* out, size_t size)> read,
    uint64_t index) {
  absl::StatusOr<std::unique_ptr<DbWriter>> writer = NewDbWriter();
  if (!writer.ok()) return writer.status();
  std::string buffer(kCopyBytes, '\0');
  for (;;) {
    const absl::StatusOr<size_t> got = read(buffer.data(), buffer.size());
    if (!got.ok()) return got.status();
    if (*got == 0) break;
    const absl::Status status =
        (*writer)->Append(absl::string_view(buffer.data(), *got));
    if (!status.ok()) return status;
  }
  const uint64_t size = (*writer)->size_bytes();
  const absl::StatusOr<std::string> path = (*writer)->Finish(index, size);
  if (!path.ok()) return path.status();
  return size;
}

absl::StatusOr<std::string> Snapshotter::DbFilePath(uint64_t index) {
  std::string path = Path(DbName(index));
  const absl::StatusOr<bool> is_there = files_.Exists(path);
  if (!is_there.ok()) return is_there.status();
  if (!*is_there) {
    return absl::NotFoundError("snap: snapshot file doesn't exist");
  }
  return path;
}

absl::Status Snapshotter::ReleaseSnapDbs(const raftpb::Snapshot& snapshot) {
  absl::StatusOr<std::vector<std::string>> names = files_.List(folder_);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    const auto index = ParseDbName(name);
    if (!index || *index >= snapshot.metadata().index()) continue;
    const absl::Status status = files_.Remove(Path(name));
    if (!status.ok()) Warn(status.message());
  }
  return absl::OkStatus();
}

}  // namespace rafthttp::snap
