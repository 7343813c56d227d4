#include "snap/testing/faulty_file_system.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace rafthttp::snap {

class FaultyFileSystem::OpenFile final : public File {
 public:
  OpenFile(FaultyFileSystem& files, std::shared_ptr<Inode> inode,
           uint64_t generation)
      : files_(files), inode_(std::move(inode)), generation_(generation) {}

  absl::Status Append(absl::string_view bytes) override {
    MutexLock lock(files_.mutex_);
    bool is_half = false;
    absl::Status status = Check();
    if (status.ok()) status = files_.Change(&is_half);
    if (is_half) bytes = bytes.substr(0, bytes.size() / 2);
    if (status.ok() || is_half) {
      inode_->content.append(bytes.data(), bytes.size());
    }
    return status;
  }
  absl::StatusOr<size_t> ReadAt(uint64_t offset, char* out,
                                size_t size) override {
    MutexLock lock(files_.mutex_);
    if (absl::Status status = Check(); !status.ok()) return status;
    const std::string& content = inode_->content;
    if (offset >= content.size()) return 0;
    size = std::min<size_t>(size, content.size() - offset);
    memcpy(out, content.data() + offset, size);
    return size;
  }
  absl::StatusOr<uint64_t> Size() override {
    MutexLock lock(files_.mutex_);
    if (absl::Status status = Check(); !status.ok()) return status;
    return inode_->content.size();
  }
  absl::Status Truncate(uint64_t size) override {
    MutexLock lock(files_.mutex_);
    absl::Status status = Check();
    if (status.ok()) status = files_.Change();
    if (!status.ok()) return status;
    inode_->content.resize(size);
    inode_->synced_bytes = std::min<size_t>(inode_->synced_bytes, size);
    return absl::OkStatus();
  }
  absl::Status Sync() override {
    MutexLock lock(files_.mutex_);
    absl::Status status = Check();
    if (status.ok()) status = files_.Change();
    if (status.ok()) inode_->synced_bytes = inode_->content.size();
    return status;
  }

 private:
  absl::Status Check() ABSL_EXCLUSIVE_LOCKS_REQUIRED(files_.mutex_) {
    if (generation_ != files_.generation_) {
      return absl::UnavailableError("opened before the machine went down");
    }
    return files_.CheckPower();
  }

  FaultyFileSystem& files_;
  const std::shared_ptr<Inode> inode_;
  const uint64_t generation_;
};

FaultyFileSystem::FaultyFileSystem(uint64_t seed) : random_(seed) {}

FaultyFileSystem::~FaultyFileSystem() = default;

void FaultyFileSystem::BreakChange(uint64_t number, Fault fault) {
  MutexLock lock(mutex_);
  broken_change_ = number;
  fault_ = fault;
}

uint64_t FaultyFileSystem::changes() const {
  MutexLock lock(mutex_);
  return changes_;
}

void FaultyFileSystem::Restart() {
  MutexLock lock(mutex_);
  // Each name is as it was at the folder's last sync, or as it was since.
  std::set<std::string> all;
  for (const auto& [name, inode] : names_) all.insert(name);
  for (const auto& [name, inode] : synced_names_) all.insert(name);
  Names kept;
  for (const std::string& name : all) {
    const Names& from = random_() % 2 == 0 ? names_ : synced_names_;
    const auto found = from.find(name);
    if (found == from.end()) continue;
    auto inode = std::make_shared<Inode>(*found->second);
    const size_t unsynced = inode->content.size() - inode->synced_bytes;
    inode->content.resize(inode->synced_bytes +
                          (unsynced == 0 ? 0 : random_() % (unsynced + 1)));
    inode->synced_bytes = inode->content.size();
    kept.emplace(name, std::move(inode));
  }
  names_ = kept;
  synced_names_ = std::move(kept);
  has_power_ = true;
  broken_change_ = 0;
  ++generation_;
}

std::map<std::string, std::string> FaultyFileSystem::Contents() const {
  MutexLock lock(mutex_);
  std::map<std::string, std::string> contents;
  for (const auto& [name, inode] : names_) contents[name] = inode->content;
  return contents;
}

void FaultyFileSystem::Put(const std::string& path, std::string content) {
  MutexLock lock(mutex_);
  auto inode = std::make_shared<Inode>();
  inode->synced_bytes = content.size();
  inode->content = std::move(content);
  names_[path] = inode;
  synced_names_[path] = std::move(inode);
}

absl::Status FaultyFileSystem::CheckPower() const {
  if (has_power_) return absl::OkStatus();
  return absl::UnavailableError("the machine is down");
}

absl::Status FaultyFileSystem::Change(bool* is_half) {
  if (absl::Status status = CheckPower(); !status.ok()) return status;
  if (++changes_ != broken_change_) return absl::OkStatus();
  switch (fault_) {
    case Fault::kError:
      return absl::UnavailableError("input/output error");
    case Fault::kDiskFull:
      if (is_half != nullptr) *is_half = true;
      return absl::ResourceExhaustedError("no space left on device");
    case Fault::kPowerLoss:
      has_power_ = false;
      return CheckPower();
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<File>> FaultyFileSystem::Open(
    const std::string& path) {
  MutexLock lock(mutex_);
  if (absl::Status status = CheckPower(); !status.ok()) return status;
  const auto found = names_.find(path);
  if (found == names_.end()) {
    return absl::NotFoundError(absl::StrCat("open ", path, ": no such file"));
  }
  return std::make_unique<OpenFile>(*this, found->second, generation_);
}

absl::StatusOr<std::unique_ptr<File>> FaultyFileSystem::OpenForRead(
    const std::string& path) {
  return Open(path);
}

absl::StatusOr<std::unique_ptr<File>> FaultyFileSystem::OpenForAppend(
    const std::string& path) {
  return Open(path);
}

absl::StatusOr<std::unique_ptr<File>> FaultyFileSystem::Create(
    const std::string& path) {
  MutexLock lock(mutex_);
  if (absl::Status status = Change(); !status.ok()) return status;
  const auto [place, is_new] = names_.emplace(path, std::make_shared<Inode>());
  if (!is_new) {
    return absl::AlreadyExistsError(absl::StrCat("create ", path));
  }
  return std::make_unique<OpenFile>(*this, place->second, generation_);
}

absl::Status FaultyFileSystem::Rename(const std::string& from,
                                      const std::string& to) {
  MutexLock lock(mutex_);
  if (absl::Status status = Change(); !status.ok()) return status;
  const auto found = names_.find(from);
  if (found == names_.end()) {
    return absl::NotFoundError(absl::StrCat("rename ", from));
  }
  names_[to] = found->second;
  names_.erase(from);
  return absl::OkStatus();
}

absl::Status FaultyFileSystem::Remove(const std::string& path) {
  MutexLock lock(mutex_);
  if (absl::Status status = Change(); !status.ok()) return status;
  if (names_.erase(path) == 0) {
    return absl::NotFoundError(absl::StrCat("remove ", path));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> FaultyFileSystem::List(
    const std::string& folder) {
  MutexLock lock(mutex_);
  if (absl::Status status = CheckPower(); !status.ok()) return status;
  std::vector<std::string> result;
  const std::string prefix = absl::StrCat(folder, "/");
  for (const auto& [name, inode] : names_) {
    if (absl::StartsWith(name, prefix)) {
      result.push_back(name.substr(prefix.size()));
    }
  }
  return result;
}

absl::Status FaultyFileSystem::SyncFolder(const std::string& folder) {
  MutexLock lock(mutex_);
  if (absl::Status status = Change(); !status.ok()) return status;
  const std::string prefix = absl::StrCat(folder, "/");
  const auto is_inside = [&](const auto& entry) {
    return absl::StartsWith(entry.first, prefix);
  };
  std::erase_if(synced_names_, is_inside);
  for (const auto& entry : names_) {
    if (is_inside(entry)) synced_names_.insert(entry);
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> FaultyFileSystem::Exists(const std::string& path) {
  MutexLock lock(mutex_);
  if (absl::Status status = CheckPower(); !status.ok()) return status;
  return names_.count(path) > 0;
}

}  // namespace rafthttp::snap
