// How a cluster comes up: free ports are picked, a member is run for each pair,
// and each is asked for its health until it answers that all is well. A member
// that ends before has lost its port to somebody else, or cannot run at all:
// everything is begun afresh with other ports, a few times.
#include "tools/throwaway_etcd/etcd_cluster.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "tools/throwaway_etcd/free_port.h"

namespace rafthttpctl {
namespace {

constexpr int kStartsMax = 5;
constexpr absl::Duration kPollInterval = absl::Milliseconds(50);
constexpr absl::Duration kAnswerTimeout = absl::Seconds(2);
constexpr absl::Duration kStopTimeout = absl::Seconds(20);
constexpr size_t kAnswerBytesMax = 4096;
constexpr size_t kLastWordsBytes = 800;

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() {
    if (fd_ >= 0) close(fd_);
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

bool AwaitEvent(int fd, short events, absl::Time deadline) {
  pollfd entry = {.fd = fd, .events = events, .revents = 0};
  const int64_t left = absl::ToInt64Milliseconds(deadline - absl::Now());
  return left > 0 && poll(&entry, 1, static_cast<int>(left)) == 1;
}

// Whether the member whose clients connect to `port` says that it is healthy,
// which is to say: a leader is known and a quorum agrees.
bool IsHealthy(uint16_t port) {
  const absl::Time deadline = absl::Now() + kAnswerTimeout;
  const Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd.get() < 0) return false;
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address),
              sizeof(address)) != 0 &&
      errno != EINPROGRESS) {
    return false;
  }
  if (!AwaitEvent(fd.get(), POLLOUT, deadline)) return false;
  const std::string request =
      "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
  if (send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    return false;
  }
  std::string answer;
  while (answer.size() < kAnswerBytesMax &&
         AwaitEvent(fd.get(), POLLIN, deadline)) {
    char buffer[1024];
    const ssize_t got = recv(fd.get(), buffer, sizeof(buffer), 0);
    if (got <= 0) break;
    answer.append(buffer, static_cast<size_t>(got));
  }
  return absl::StrContains(answer, " 200 ") &&
         absl::StrContains(answer, "\"health\":\"true\"");
}

absl::StatusOr<std::string> MakeFolder() {
  const char* base = std::getenv("TEST_TMPDIR");
  if (base == nullptr) base = std::getenv("TMPDIR");
  std::string path =
      absl::StrCat(base == nullptr ? "/tmp" : base, "/etcd.XXXXXX");
  if (mkdtemp(path.data()) == nullptr) {
    return absl::UnavailableError(
        absl::StrCat("no temporary folder ", path, ": ", std::strerror(errno)));
  }
  return path;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The end of a log, for whoever wonders why the member did not come up.
std::string LastWords(const std::string& log) {
  return log.size() <= kLastWordsBytes
             ? log
             : log.substr(log.find('\n', log.size() - kLastWordsBytes) + 1);
}

}  // namespace

struct EtcdCluster::Member {
  std::string name;
  uint16_t client_port = 0;
  std::string client_endpoint;
  std::string peer_url;
  std::string log_path;
  std::vector<std::string> flags;
  std::unique_ptr<ChildProcess> process;
};

absl::StatusOr<std::unique_ptr<EtcdCluster>> EtcdCluster::Start(
    Options options) {
  std::unique_ptr<EtcdCluster> cluster(new EtcdCluster(std::move(options)));
  const absl::Time deadline = absl::Now() + cluster->options_.start_timeout;
  absl::Status status;
  for (int i = 0; i < kStartsMax && absl::Now() < deadline; ++i) {
    status = cluster->StartOnce(deadline);
    if (status.ok()) return cluster;
    // Only a member that has ended is worth another try.
    if (!absl::IsAborted(status)) break;
  }
  return status;
}

EtcdCluster::EtcdCluster(Options options) : options_(std::move(options)) {}

EtcdCluster::~EtcdCluster() {
  for (size_t i = 0; i < size(); ++i) Kill(i);
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

absl::Status EtcdCluster::StartOnce(absl::Time deadline) {
  members_.clear();
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
  absl::StatusOr<std::string> folder = MakeFolder();
  if (!folder.ok()) return folder.status();
  folder_ = *std::move(folder);
  const auto ports = PickFreePorts(2 * options_.members);
  if (!ports.ok()) return ports.status();

  const absl::string_view peer_scheme = options_.is_peer_tls ? "https" : "http";
  std::string initial_cluster;
  for (size_t i = 0; i < options_.members; ++i) {
    auto member = std::make_unique<Member>();
    member->name = absl::StrCat("m", i);
    member->client_port = (*ports)[2 * i];
    member->client_endpoint = absl::StrCat("127.0.0.1:", (*ports)[2 * i]);
    member->peer_url =
        absl::StrCat(peer_scheme, "://127.0.0.1:", (*ports)[2 * i + 1]);
    member->log_path = absl::StrCat(folder_, "/", member->name, ".log");
    absl::StrAppend(&initial_cluster, i == 0 ? "" : ",", member->name, "=",
                    member->peer_url);
    members_.push_back(std::move(member));
  }
  for (const auto& member : members_) {
    const std::string client_url =
        absl::StrCat("http://", member->client_endpoint);
    member->flags = {
        absl::StrCat("--name=", member->name),
        absl::StrCat("--data-dir=", folder_, "/", member->name),
        absl::StrCat("--listen-client-urls=", client_url),
        absl::StrCat("--advertise-client-urls=", client_url),
        absl::StrCat("--listen-peer-urls=", member->peer_url),
        absl::StrCat("--initial-advertise-peer-urls=", member->peer_url),
        absl::StrCat("--initial-cluster=", initial_cluster),
        "--initial-cluster-state=new",
        // Two clusters with the same URLs, one after the other, are not one.
        absl::StrCat("--initial-cluster-token=", folder_),
    };
    // From 3.6 on it is the only one, in 3.4 not yet the default.
    if (!options_.binary.IsAtLeast(3, 6)) {
      member->flags.push_back("--logger=zap");
    }
    if (options_.is_peer_tls) member->flags.push_back("--peer-auto-tls");
    member->flags.insert(member->flags.end(), options_.extra_flags.begin(),
                         options_.extra_flags.end());
  }
  for (size_t i = 0; i < size(); ++i) {
    const absl::Status status = Spawn(i);
    if (!status.ok()) return status;
  }
  for (size_t i = 0; i < size(); ++i) {
    const absl::Status status = AwaitHealth(i, deadline);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status EtcdCluster::Spawn(size_t i) {
  Member& member = *members_[i];
  const Fd log(open(member.log_path.c_str(),
                    O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600));
  if (log.get() < 0) {
    return absl::UnavailableError(absl::StrCat("cannot write ", member.log_path,
                                               ": ", std::strerror(errno)));
  }
  ChildProcess::Options options;
  options.program = options_.binary.etcd;
  options.arguments = member.flags;
  options.stdout_fd = log.get();
  options.stderr_fd = log.get();
  auto process = ChildProcess::Spawn(std::move(options));
  if (!process.ok()) return process.status();
  member.process = *std::move(process);
  return absl::OkStatus();
}

absl::Status EtcdCluster::AwaitHealth(size_t i, absl::Time deadline) {
  const Member& member = *members_[i];
  while (true) {
    const bool is_late = absl::Now() >= deadline;
    // Waiting for its end is how the polls are spaced.
    const auto end = member.process == nullptr
                         ? ChildProcess::End()
                         : member.process->WaitFor(
                               is_late ? absl::ZeroDuration() : kPollInterval);
    if (end) {
      return absl::AbortedError(
          absl::StrCat("etcd ", member.name,
                       " ended: ", LastWords(ReadFile(member.log_path))));
    }
    if (IsHealthy(member.client_port)) return absl::OkStatus();
    if (is_late) {
      return absl::DeadlineExceededError(absl::StrCat(
          "etcd ", member.name,
          " does not become healthy: ", LastWords(ReadFile(member.log_path))));
    }
  }
}

const std::string& EtcdCluster::client_endpoint(size_t i) const {
  return members_[i]->client_endpoint;
}

std::string EtcdCluster::client_endpoints() const {
  std::string all;
  for (const auto& member : members_) {
    absl::StrAppend(&all, all.empty() ? "" : ",", member->client_endpoint);
  }
  return all;
}

const std::string& EtcdCluster::peer_url(size_t i) const {
  return members_[i]->peer_url;
}

const std::string& EtcdCluster::name(size_t i) const {
  return members_[i]->name;
}

std::string EtcdCluster::data_folder(size_t i) const {
  return absl::StrCat(folder_, "/", members_[i]->name);
}

const std::string& EtcdCluster::log_path(size_t i) const {
  return members_[i]->log_path;
}

std::string EtcdCluster::ReadLog(size_t i) const {
  return ReadFile(members_[i]->log_path);
}

void EtcdCluster::Kill(size_t i) { members_[i]->process.reset(); }

void EtcdCluster::Stop(size_t i) {
  Member& member = *members_[i];
  if (member.process == nullptr) return;
  member.process->Signal(SIGTERM);
  member.process->WaitFor(kStopTimeout);
  member.process.reset();
}

bool EtcdCluster::IsRunning(size_t i) {
  const auto& process = members_[i]->process;
  return process != nullptr && process->IsRunning();
}

size_t EtcdCluster::running() {
  size_t count = 0;
  for (size_t i = 0; i < size(); ++i) count += IsRunning(i) ? 1 : 0;
  return count;
}

absl::Status EtcdCluster::Restart(size_t i, absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  absl::Status status;
  do {
    Kill(i);
    status = Spawn(i);
    if (!status.ok() || running() <= size() / 2) return status;
    status = AwaitHealth(i, deadline);
    // One that ended found its port taken, and may find it free again.
  } while (absl::IsAborted(status) && absl::Now() < deadline);
  return status;
}

absl::Status EtcdCluster::WaitUntilHealthy(size_t i, absl::Duration timeout) {
  return AwaitHealth(i, absl::Now() + timeout);
}

}  // namespace rafthttpctl
