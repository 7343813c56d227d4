// What a tail costs the cluster that it follows: puts a second on three members
// with and without it, in turns, and the medians.
//
//   bazel run --config=opt //integration/bench:learner_cost [SECONDS_A_RUN]
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tools/etcdclient/etcd_client.h"
#include "tools/etcdpb/rpc.pb.h"
#include "tools/throwaway_etcd/child_process.h"
#include "tools/throwaway_etcd/etcd_binary.h"
#include "tools/throwaway_etcd/etcd_cluster.h"

namespace rafthttp::integration {
namespace {

using rafthttpctl::ChildProcess;
using rafthttpctl::EtcdClient;
using rafthttpctl::EtcdCluster;

constexpr int kRuns = 5;  // of each kind
constexpr int kWriters = 16;
constexpr size_t kValueBytes = 128;
constexpr absl::Duration kPatience = absl::Seconds(60);
// Where `bazel run` and `bazel test` start a program, its data is below.
constexpr char kProgram[] = "tools/rafthttpctl/rafthttpctl";

[[noreturn]] void Die(absl::string_view why) {
  std::fprintf(stderr, "%s\n", std::string(why).c_str());
  std::exit(1);
}

// rafthttpctl tail --learner, whose output is read and dropped.
class Tail {
 public:
  explicit Tail(const EtcdCluster& cluster) {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0) Die("no pipe");
    ChildProcess::Options options;
    options.program = kProgram;
    options.arguments = {"tail",        "--learner",
                         "--endpoints", cluster.client_endpoints(),
                         "-w",          "json"};
    options.stdout_fd = fds[1];
    options.stderr_fd = STDERR_FILENO;
    auto process = ChildProcess::Spawn(std::move(options));
    close(fds[1]);
    if (!process.ok()) Die(process.status().ToString());
    process_ = *std::move(process);
    reader_ = std::thread([this, fd = fds[0]] { Read(fd); });
    const absl::Time deadline = absl::Now() + kPatience;
    while (!is_following_) {
      if (absl::Now() > deadline || !process_->IsRunning()) {
        Die("the tail does not follow");
      }
      process_->WaitFor(absl::Milliseconds(10));
    }
  }
  // Waits until it has left the cluster.
  ~Tail() {
    process_->Signal(SIGINT);
    process_->WaitFor(kPatience);
    process_.reset();
    reader_.join();
  }
  Tail(const Tail&) = delete;
  Tail& operator=(const Tail&) = delete;

 private:
  void Read(int fd) {
    std::string start;
    char buffer[65536];
    ssize_t got = 0;
    while ((got = read(fd, buffer, sizeof(buffer))) > 0) {
      if (is_following_) continue;
      start.append(buffer, static_cast<size_t>(got));
      is_following_ = absl::StrContains(start, "\"leader_changed\"");
    }
    close(fd);
  }

  std::unique_ptr<ChildProcess> process_;
  std::atomic<bool> is_following_ = false;
  std::thread reader_;
};

double PutsPerSecond(const EtcdCluster& cluster, absl::Duration duration) {
  std::atomic<int64_t> puts = 0;
  std::vector<std::unique_ptr<EtcdClient>> clients;
  for (size_t i = 0; i < cluster.size(); ++i) {
    rafthttpctl::EtcdClientOptions options;
    options.endpoints = {cluster.client_endpoint(i)};
    auto client = EtcdClient::Create(options);
    if (!client.ok()) Die(client.status().ToString());
    clients.push_back(*std::move(client));
  }
  const absl::Time start = absl::Now();
  const absl::Time end = start + duration;
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      EtcdClient& client =
          *clients[static_cast<size_t>(writer) % clients.size()];
      etcdserverpb::PutRequest request;
      request.set_key(absl::StrCat("key-", writer));
      request.set_value(std::string(kValueBytes, 'v'));
      while (absl::Now() < end) {
        const auto put = client.Put(request);
        if (!put.ok()) Die(put.status().ToString());
        ++puts;
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  return static_cast<double>(puts) / absl::ToDoubleSeconds(absl::Now() - start);
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

int Main(int argc, char** argv) {
  int seconds = 3;
  if (argc > 1 && (!absl::SimpleAtoi(argv[1], &seconds) || seconds < 1)) {
    Die("usage: learner_cost [SECONDS_A_RUN]");
  }
  EtcdCluster::Options options;
  auto binary = rafthttpctl::FindEtcd();
  if (!binary.ok()) Die(binary.status().message());
  options.binary = *std::move(binary);
  auto cluster = EtcdCluster::Start(options);
  if (!cluster.ok()) Die(cluster.status().ToString());
  std::printf("etcd %s, 3 members, %d writers, %zu-byte values, %d s a run\n",
              options.binary.version.c_str(), kWriters, kValueBytes, seconds);
  PutsPerSecond(**cluster, absl::Seconds(1));  // to warm up
  std::vector<double> without;
  std::vector<double> with;
  for (int run = 1; run <= kRuns; ++run) {
    without.push_back(PutsPerSecond(**cluster, absl::Seconds(seconds)));
    const Tail tail(**cluster);
    with.push_back(PutsPerSecond(**cluster, absl::Seconds(seconds)));
    std::printf("run %d: %.0f puts/s without, %.0f with a tail\n", run,
                without.back(), with.back());
    std::fflush(stdout);
  }
  std::printf("medians: %.0f puts/s without, %.0f with a tail (%+.1f %%)\n",
              Median(without), Median(with),
              (Median(with) / Median(without) - 1) * 100);
  return 0;
}

}  // namespace
}  // namespace rafthttp::integration

int main(int argc, char** argv) {
  return rafthttp::integration::Main(argc, argv);
}
