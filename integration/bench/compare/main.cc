// The same workloads for our transport, for a stream of gRPC, for plain sockets
// and, where it is installed, for Go's rafthttp: side by side, in turns.
//
//   bazel run -c opt //integration/bench:compare [-- --rounds N --seconds S]
//
// Each contender is two processes, a sender and a receiver, on loopback; CPU is
// user and system time of both, and the figure to trust on a shared machine.
#include <fcntl.h>
#include <signal.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"
#include "tools/throwaway_etcd/child_process.h"
#include "tools/throwaway_etcd/free_port.h"

namespace rafthttp::bench {
namespace {

using nlohmann::json;
using rafthttpctl::ChildProcess;

struct Contender {
  const char* name;
  const char* program;  // where `bazel run` starts us, data is below
};
constexpr Contender kContenders[] = {
    {"rafthttp", "integration/bench/peer/peer"},
    {"Go", "integration/bench/compare/go_bench_bin"},
    {"gRPC", "integration/bench/compare/grpc_peer"},
    {"sockets", "integration/bench/compare/raw_peer"},
};
constexpr int kNotInstalled = 77;

struct Workload {
  const char* name;
  const char* what;
  const char* flags;  // the sender's
  bool is_echoed = false;
  bool is_on_one_cpu = false;
};
constexpr Workload kWorkloads[] = {
    {"hb", "heartbeats one way", "--mode send --type heartbeat"},
    {"app128", "MsgApp, one entry of 128 B", "--mode send --size 128"},
    {"app128x64", "MsgApp, 64 entries of 128 B",
     "--mode send --size 128 --entries 64 --window 512"},
    {"app4k", "MsgApp, one entry of 4 KiB", "--mode send --size 4096"},
    {"app64k", "MsgApp, one entry of 64 KiB", "--mode send --size 65536"},
    {"app1m", "MsgApp, one entry of 1 MiB", "--mode send --size 1048576"},
    {"pingpong1", "one 128 B MsgApp at a time, all on one CPU",
     "--mode pingpong --size 128", true, true},
    {"delay", "heartbeats beside 1 MiB appends that keep the peer busy",
     "--mode delay", true},
};

// What a program prints, and how it ends.
struct Output {
  int code = -1;
  std::string text;
};

// A program with its standard output to be read.
class Program {
 public:
  static std::unique_ptr<Program> Start(const std::string& program,
                                        std::vector<std::string> arguments,
                                        bool is_on_one_cpu) {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0) return nullptr;
    ChildProcess::Options options;
    options.program = program;
    options.arguments = std::move(arguments);
    if (is_on_one_cpu) {
      options.arguments.insert(
          options.arguments.begin(),
          {"-c", absl::StrCat(std::thread::hardware_concurrency() - 1),
           program});
      options.program = "/usr/bin/taskset";
    }
    options.stdout_fd = fds[1];
    auto child = ChildProcess::Spawn(std::move(options));
    close(fds[1]);
    if (!child.ok()) {
      close(fds[0]);
      return nullptr;
    }
    return std::unique_ptr<Program>(new Program(*std::move(child), fds[0]));
  }
  ~Program() { close(fd_); }

  pid_t pid() const { return child_->pid(); }
  Output AwaitEnd() {
    Output output;
    char buffer[4096];
    ssize_t got = 0;
    while ((got = read(fd_, buffer, sizeof(buffer))) > 0) {
      output.text.append(buffer, static_cast<size_t>(got));
    }
    const auto end = child_->WaitFor(absl::Seconds(10));
    if (end && end->signal == 0) output.code = end->code;
    return output;
  }
  void Terminate() {
    child_->Signal(SIGTERM);
    child_->WaitFor(absl::Seconds(5));
  }

 private:
  Program(std::unique_ptr<ChildProcess> child, int fd)
      : child_(std::move(child)), fd_(fd) {}

  const std::unique_ptr<ChildProcess> child_;
  const int fd_;
};

// Null: not installed, or it does not do that.
std::optional<json> RunOnce(const Contender& contender,
                            const Workload& workload, double seconds) {
  const auto ports = rafthttpctl::PickFreePorts(2);
  if (!ports.ok()) return std::nullopt;
  const std::string own = absl::StrCat("http://127.0.0.1:", (*ports)[0]);
  const std::string other = absl::StrCat("http://127.0.0.1:", (*ports)[1]);
  const auto receiver = Program::Start(
      contender.program,
      {"--id", "2", "--listen", other, "--peer", absl::StrCat("1=", own),
       "--json", "--mode", workload.is_echoed ? "echo" : "recv"},
      workload.is_on_one_cpu);
  if (receiver == nullptr) return std::nullopt;
  absl::SleepFor(absl::Milliseconds(200));
  std::vector<std::string> arguments = {
      "--id",
      "1",
      "--listen",
      own,
      "--peer",
      absl::StrCat("2=", other),
      "--json",
      "--peer-pid",
      absl::StrCat(receiver->pid()),
      "--duration",
      absl::StrCat(static_cast<int>(seconds * 1000), "ms")};
  for (const absl::string_view flag : absl::StrSplit(workload.flags, ' ')) {
    arguments.emplace_back(flag);
  }
  const auto sender = Program::Start(contender.program, std::move(arguments),
                                     workload.is_on_one_cpu);
  std::optional<json> result;
  if (sender != nullptr) {
    const Output output = sender->AwaitEnd();
    json line = json::parse(output.text, nullptr, /*allow_exceptions=*/false);
    if (output.code == 0 && line.is_object()) result = std::move(line);
  }
  receiver->Terminate();
  return result;
}

bool IsInstalled(const Contender& contender) {
  const auto program = Program::Start(contender.program, {"--help"}, false);
  return program != nullptr && program->AwaitEnd().code != kNotInstalled;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  if (values.size() % 2 == 1) return values[middle];
  return (values[middle - 1] + values[middle]) / 2;
}

// One column of one contender's rounds.
std::vector<double> Column(const std::vector<json>& rounds, const char* name) {
  std::vector<double> values;
  for (const json& round : rounds) {
    if (round.contains(name)) values.push_back(round[name].get<double>());
  }
  return values;
}

std::string Cell(const std::vector<json>& rounds, const char* name,
                 const char* format) {
  const std::vector<double> values = Column(rounds, name);
  if (values.empty()) return "-";
  const double value = Median(values);
  return format[0] == '0' ? absl::StrFormat("%.0f", value)
                          : absl::StrFormat("%.3g", value);
}

std::string Spread(const std::vector<json>& rounds, const char* name) {
  const std::vector<double> values = Column(rounds, name);
  if (values.empty()) return "-";
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  return absl::StrFormat("%.0f%%", (*most - *least) / Median(values) * 100);
}

std::string Times(const std::vector<json>& theirs,
                  const std::vector<json>& ours, const char* name) {
  const std::vector<double> a = Column(theirs, name);
  const std::vector<double> b = Column(ours, name);
  if (a.empty() || b.empty()) return "-";
  return absl::StrFormat("%.3g", Median(a) / Median(b));
}

void PrintMachine() {
  std::string model;
  std::ifstream cpus("/proc/cpuinfo");
  for (std::string line; std::getline(cpus, line) && model.empty();) {
    if (line.rfind("model name", 0) == 0)
      model = line.substr(line.find(':') + 2);
  }
  utsname system = {};
  uname(&system);
  std::printf(
      "%u CPUs %s, %s %s, %s\n\n", std::thread::hardware_concurrency(),
      model.c_str(), system.sysname, system.release,
      absl::FormatTime("%Y-%m-%d", absl::Now(), absl::UTCTimeZone()).c_str());
}

int Main(int argc, char** argv) {
  int rounds = 5;
  double seconds = 1;
  std::vector<std::string> only;
  CLI::App app(
      "Measures raft messages on our transport, Go's, gRPC and plain sockets, "
      "side by side.");
  app.add_option("--rounds", rounds, "of each workload and contender")
      ->check(CLI::Range(1, 1000));
  app.add_option("--seconds", seconds, "each")->check(CLI::Range(0.05, 600.0));
  app.add_option("workloads", only, "hb app128 ... (all)");
  CLI11_PARSE(app, argc, argv);

  PrintMachine();
  std::vector<const Contender*> contenders;
  for (const Contender& contender : kContenders) {
    if (IsInstalled(contender)) {
      contenders.push_back(&contender);
    } else {
      std::printf("%s: not installed here\n\n", contender.name);
    }
  }
  std::printf(
      "Medians of %d rounds of %g s. CPU: user and system time of both "
      "processes; x: what theirs is of ours.\n",
      rounds, seconds);
  int failed = 0;
  for (const Workload& workload : kWorkloads) {
    if (!only.empty() &&
        std::find(only.begin(), only.end(), workload.name) == only.end()) {
      continue;
    }
    std::map<std::string, std::vector<json>> results;
    for (int round = 0; round < rounds; ++round) {
      for (const Contender* const contender : contenders) {
        auto result = RunOnce(*contender, workload, seconds);
        if (result) results[contender->name].push_back(*std::move(result));
      }
    }
    std::printf("\n%s: %s\n", workload.name, workload.what);
    std::printf("  %-9s %10s %12s %7s %7s %9s %9s %7s\n", "", "msgs/s",
                "CPU us/msg", "spread", "x", "p50 us", "p99 us", "x (p99)");
    const std::vector<json>& ours = results["rafthttp"];
    if (ours.empty()) ++failed;
    for (const Contender* const contender : contenders) {
      const std::vector<json>& theirs = results[contender->name];
      if (theirs.empty()) continue;
      std::printf("  %-9s %10s %12s %7s %7s %9s %9s %7s\n", contender->name,
                  Cell(theirs, "msgs_s", "0").c_str(),
                  Cell(theirs, "cpu_us_per_msg", "3").c_str(),
                  Spread(theirs, "cpu_us_per_msg").c_str(),
                  Times(theirs, ours, "cpu_us_per_msg").c_str(),
                  Cell(theirs, "p50_us", "3").c_str(),
                  Cell(theirs, "p99_us", "3").c_str(),
                  Times(theirs, ours, "p99_us").c_str());
    }
    std::fflush(stdout);
  }
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace rafthttp::bench

int main(int argc, char** argv) { return rafthttp::bench::Main(argc, argv); }
