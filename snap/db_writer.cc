#include "snap/db_writer.h"

#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "snap/names.h"

namespace rafthttp::snap {
namespace {

constexpr int kNameTries = 100;

}  // namespace

absl::StatusOr<std::unique_ptr<DbWriter>> DbWriter::Create(
    FileSystem& files, const std::string& folder) {
  std::random_device random;
  for (int i = 0;; ++i) {
    std::string path = absl::StrCat(folder, "/tmp", random());
    absl::StatusOr<std::unique_ptr<File>> file = files.Create(path);
    if (absl::IsAlreadyExists(file.status()) && i < kNameTries) continue;
    if (!file.ok()) return file.status();
    return std::unique_ptr<DbWriter>(
        new DbWriter(files, folder, std::move(path), *std::move(file)));
  }
}

DbWriter::DbWriter(FileSystem& files, std::string folder, std::string path,
                   std::unique_ptr<File> file)
    : files_(files),
      folder_(std::move(folder)),
      path_(std::move(path)),
      file_(std::move(file)) {}

DbWriter::~DbWriter() {
  file_.reset();
  // Where it cannot be removed, the next start's cleaning up does it.
  if (is_there_) files_.Remove(path_).IgnoreError();
}

absl::Status DbWriter::Append(absl::string_view bytes) {
  if (file_ == nullptr) return absl::FailedPreconditionError("finished");
  if (absl::Status status = file_->Append(bytes); !status.ok()) return status;
  size_bytes_ += bytes.size();
  return absl::OkStatus();
}

absl::StatusOr<std::string> DbWriter::Finish(uint64_t index,
                                             uint64_t expected_bytes) {
  if (file_ == nullptr) return absl::FailedPreconditionError("finished");
  const std::unique_ptr<File> file = std::move(file_);
  if (size_bytes_ != expected_bytes) {
    return absl::DataLossError(absl::StrCat("it has ", size_bytes_,
                                            " bytes and not ", expected_bytes));
  }
  const std::string target = absl::StrCat(folder_, "/", DbName(index));
  const absl::StatusOr<bool> is_known = files_.Exists(target);
  if (!is_known.ok()) return is_known.status();
  if (*is_known) return target;
  if (absl::Status status = file->Sync(); !status.ok()) return status;
  if (absl::Status status = files_.Rename(path_, target); !status.ok()) {
    return status;
  }
  is_there_ = false;
  if (absl::Status status = files_.SyncFolder(folder_); !status.ok()) {
    return status;
  }
  return target;
}

}  // namespace rafthttp::snap
