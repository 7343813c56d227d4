#include "tools/throwaway_etcd/etcd_binary.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "tools/throwaway_etcd/child_process.h"

namespace rafthttpctl {
namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kVersionTimeout = absl::Seconds(10);
constexpr size_t kVersionBytesMax = 4096;

std::string FromEnvironment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool IsProgram(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error) && access(path.c_str(), X_OK) == 0;
}

std::vector<int> Numbers(absl::string_view version) {
  std::vector<int> numbers;
  for (const absl::string_view part : absl::StrSplit(version, '.')) {
    int number = 0;
    if (!absl::SimpleAtoi(part, &number)) break;
    numbers.push_back(number);
  }
  return numbers;
}

// What `program --version` prints, which is less than a pipe holds.
absl::StatusOr<std::string> AskVersion(const std::string& program) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) {
    return absl::UnavailableError("no pipe for etcd --version");
  }
  ChildProcess::Options options;
  options.program = program;
  options.arguments = {"--version"};
  options.stdout_fd = fds[1];
  auto child = ChildProcess::Spawn(std::move(options));
  close(fds[1]);
  std::string text;
  const bool has_ended =
      child.ok() && (*child)->WaitFor(kVersionTimeout).has_value();
  if (has_ended) {
    char buffer[kVersionBytesMax];
    const ssize_t got = read(fds[0], buffer, sizeof(buffer));
    if (got > 0) text.assign(buffer, static_cast<size_t>(got));
  }
  close(fds[0]);
  if (!child.ok()) return child.status();
  const std::string label = "etcd Version: ";
  const size_t at = text.find(label);
  if (at == std::string::npos) {
    return absl::UnavailableError(
        absl::StrCat(program, " --version does not say \"", label, "\""));
  }
  const size_t first = at + label.size();
  return text.substr(first, text.find_first_of(" \r\n", first) - first);
}

// The folders in the cache that hold an etcd, the oldest version first.
std::vector<fs::path> CachedFolders() {
  std::vector<fs::path> folders;
  std::error_code error;
  for (fs::directory_iterator it(EtcdCacheFolder(), error), end;
       !error && it != end; it.increment(error)) {
    if (IsProgram(it->path() / "etcd")) folders.push_back(it->path());
  }
  std::sort(
      folders.begin(), folders.end(), [](const fs::path& a, const fs::path& b) {
        return Numbers(a.filename().native()) < Numbers(b.filename().native());
      });
  return folders;
}

}  // namespace

bool EtcdBinary::IsAtLeast(int major, int minor) const {
  return Numbers(version) >= std::vector<int>{major, minor};
}

absl::StatusOr<EtcdBinary> EtcdAt(absl::string_view path) {
  std::error_code error;
  fs::path program = fs::absolute(std::string(path), error);
  if (fs::is_directory(program, error)) program /= "etcd";
  if (!IsProgram(program)) {
    return absl::NotFoundError(
        absl::StrCat("no program at ", program.native()));
  }
  EtcdBinary binary;
  binary.etcd = program.native();
  const fs::path etcdctl = program.parent_path() / "etcdctl";
  if (IsProgram(etcdctl)) binary.etcdctl = etcdctl.native();
  absl::StatusOr<std::string> version = AskVersion(binary.etcd);
  if (!version.ok()) return version.status();
  binary.version = *std::move(version);
  return binary;
}

absl::StatusOr<EtcdBinary> FindEtcd() {
  const std::string given = FromEnvironment("RAFTHTTP_ETCD");
  if (!given.empty()) {
    absl::StatusOr<EtcdBinary> binary = EtcdAt(given);
    if (binary.ok()) return binary;
    return absl::Status(
        binary.status().code(),
        absl::StrCat("$RAFTHTTP_ETCD: ", binary.status().message()));
  }
  const std::string path = FromEnvironment("PATH");
  for (const absl::string_view folder :
       absl::StrSplit(path, ':', absl::SkipEmpty())) {
    absl::StatusOr<EtcdBinary> binary =
        EtcdAt((fs::path(std::string(folder)) / "etcd").native());
    if (binary.ok()) return binary;
  }
  const std::vector<fs::path> cached = CachedFolders();
  if (!cached.empty()) return EtcdAt(cached.back().native());
  return absl::NotFoundError(absl::StrCat(
      "no etcd: not in $RAFTHTTP_ETCD, which is not set, nor on PATH, nor in ",
      EtcdCacheFolder(), ", which ./bazelw fills"));
}

std::vector<EtcdBinary> FindAllEtcds() {
  std::vector<EtcdBinary> all;
  const auto add = [&all](absl::StatusOr<EtcdBinary> binary) {
    if (!binary.ok()) return;
    for (const EtcdBinary& known : all) {
      if (known.version == binary->version) return;
    }
    all.push_back(*std::move(binary));
  };
  add(FindEtcd());
  for (const fs::path& folder : CachedFolders()) add(EtcdAt(folder.native()));
  return all;
}

std::string EtcdCacheFolder() {
  std::string cache = FromEnvironment("XDG_CACHE_HOME");
  if (cache.empty()) cache = absl::StrCat(FromEnvironment("HOME"), "/.cache");
  return absl::StrCat(cache, "/rafthttp/etcd");
}

}  // namespace rafthttpctl
