#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "integration/bench/peer/modes.h"
#include "integration/bench/peer/process_usage.h"
#include "integration/bench/peer/report.h"
#include "integration/bench/peer/running_member.h"
#include "rafthttp/base/ids.h"
#include "raftpb/raft.pb.h"
#include "snap/names.h"
#include "snap/posix_file_system.h"
#include "snap/snapshot_message.h"
#include "tools/rafthttpctl/file_digest.h"

namespace rafthttp::bench {
namespace {

// What is pushed: the file that the flags name, or one of random bytes, which
// goes with this.
class SourceFile {
 public:
  explicit SourceFile(const Flags& flags) : path_(flags.file) {
    if (!path_.empty()) return;
    is_ours_ = true;
    path_ = absl::StrCat(flags.data_dir, "/peer-source-", getpid());
    std::ofstream file(path_, std::ios::binary);
    std::mt19937_64 random(1);
    std::vector<uint64_t> block(128 << 10);
    for (int64_t left = flags.snap_bytes; left > 0;) {
      std::generate(block.begin(), block.end(), random);
      const int64_t size =
          std::min<int64_t>(left, static_cast<int64_t>(block.size() * 8));
      file.write(reinterpret_cast<const char*>(block.data()), size);
      left -= size;
    }
  }
  ~SourceFile() {
    if (is_ours_) std::remove(path_.c_str());
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool is_ours_ = false;
};

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  if (values.size() % 2 == 1) return values[middle];
  return (values[middle - 1] + values[middle]) / 2;
}

snap::SnapshotMessage MessageOf(const Flags& flags, uint64_t index,
                                std::unique_ptr<snap::SnapshotSource> source,
                                std::optional<absl::Status>& closed) {
  raftpb::Message message;
  message.set_type(raftpb::MsgSnap);
  message.set_to(flags.peers[0].first.value());
  message.set_from(flags.id.value());
  message.set_term(1);
  raftpb::Snapshot& snapshot = *message.mutable_snapshot();
  snapshot.set_data("peer");
  snapshot.mutable_metadata()->set_index(index);
  snapshot.mutable_metadata()->set_term(1);
  raftpb::ConfState& state = *snapshot.mutable_metadata()->mutable_conf_state();
  state.add_voters(flags.id.value());
  state.add_voters(message.to());
  return snap::SnapshotMessage(
      std::move(message), std::move(source),
      [&closed](absl::Status status) { closed = std::move(status); });
}

// Pushes the file --count times, one after the other. What it costs is from
// Send to the answer, which comes when the receiver has synced and renamed it.
int Measure(Member& member, const Flags& flags) {
  snap::PosixFileSystem files;
  const SourceFile file(flags);
  std::string wanted;
  if (!flags.verify_dir.empty()) {
    const auto digest = rafthttpctl::Sha256Of(files, file.path());
    if (!digest.ok()) return Fail(digest.status().ToString());
    wanted = *digest;
  }
  const uint64_t count = std::max<uint64_t>(flags.count, 1);
  // Names must not repeat.
  const auto base = static_cast<uint64_t>(absl::ToUnixNanos(absl::Now())) >> 10;
  std::vector<double> rates;
  std::vector<double> walls;
  double user = 0;
  double system = 0;
  double peer_cpu = 0;
  uint64_t matched = 0;
  uint64_t bytes = 0;
  for (uint64_t i = 0; i < count; ++i) {
    auto source = snap::FileSource::Open(files, file.path());
    if (!source.ok()) return Fail(source.status().ToString());
    bytes = (*source)->size_bytes();
    std::optional<absl::Status> closed;
    snap::SnapshotMessage message =
        MessageOf(flags, base + i, *std::move(source), closed);
    const double peer_before = CpuSecondsOf(flags.peer_pid);
    const OwnUsage before = OwnUsage::Now();
    const absl::Time begin = absl::Now();
    const absl::Status taken =
        member.transport().SendSnapshot(std::move(message));
    if (!taken.ok()) return Fail(taken.ToString());
    if (!member.RunUntil([&] { return closed.has_value(); },
                         absl::Minutes(2))) {
      return Fail("no answer in 2 minutes");
    }
    const double wall = absl::ToDoubleSeconds(absl::Now() - begin);
    const OwnUsage after = OwnUsage::Now();
    const double peer_after = CpuSecondsOf(flags.peer_pid);
    if (!closed->ok()) {
      std::fprintf(stderr, "peer: %s\n", closed->ToString().c_str());
      continue;
    }
    walls.push_back(wall);
    rates.push_back(static_cast<double>(bytes) / 1e6 / wall);
    user += after.user_seconds - before.user_seconds;
    system += after.system_seconds - before.system_seconds;
    peer_cpu += peer_after - peer_before;
    if (flags.verify_dir.empty()) continue;
    const std::string received =
        absl::StrCat(flags.verify_dir, "/", snap::DbName(base + i));
    const auto digest = rafthttpctl::Sha256Of(files, received);
    if (digest.ok() && *digest == wanted) {
      ++matched;
    } else {
      std::fprintf(stderr, "peer: %s differs\n", received.c_str());
    }
    std::remove(received.c_str());
  }
  if (rates.empty()) return Fail("no snapshot got through");
  const double gigabytes =
      static_cast<double>(bytes) / 1e9 * static_cast<double>(rates.size());
  const double wall = Median(walls);
  Print(flags, {{"bytes", bytes},
                {"sent", count},
                {"received", rates.size()},
                {"dropped", count - rates.size()},
                {"sha_ok", matched},
                {"sha_checked", !flags.verify_dir.empty()},
                {"wall_s", wall},
                {"mb_s", Median(rates)},
                {"mb_s_all", rates},
                {"msgs_s", 1 / wall},
                {"user_s", user},
                {"sys_s", system},
                {"cpu_s", user + system},
                {"peer_cpu_s", peer_cpu},
                {"cpu_s_per_gb", (user + system + peer_cpu) / gigabytes},
                {"max_rss_kb", MemoryOf(getpid()).rss_max_kb},
                {"peer_max_rss_kb", MemoryOf(flags.peer_pid).rss_max_kb},
                {"p50_us", wall * 1e6}});
  return 0;
}

}  // namespace

int SendSnapshots(uv_loop_t& uv, event::UvLoop& loop, Flags flags) {
  SendingMember sending(uv, flags);
  Member& member = sending.member();
  std::unique_ptr<AnsweringMember> receiving;
  absl::Status status = StartWithPeers(member, flags);
  if (status.ok() && flags.is_inproc) {
    Member::Options options = MemberOptions(flags);
    options.id = MemberId(flags.id.value() + 1);
    options.listen_url = "http://127.0.0.1:0";
    receiving = std::make_unique<AnsweringMember>(uv, loop, flags, options,
                                                  /*is_echo=*/false);
    status = receiving->member().Start();
    if (status.ok()) {
      status =
          receiving->member().transport().AddPeer(flags.id, {member.url()});
    }
    if (status.ok()) {
      flags.peers.insert(flags.peers.begin(),
                         {options.id, receiving->member().url()});
      status =
          member.transport().AddPeer(options.id, {receiving->member().url()});
    }
    flags.peer_pid = 0;
    flags.verify_dir = flags.data_dir;
  }
  if (!status.ok()) return Fail(status.ToString());
  if (flags.peers.empty()) return Fail("needs a --peer, or --inproc");
  if (!member.RunUntil([&] { return member.transport().ActivePeers() > 0; },
                       flags.connect_wait)) {
    return Fail("the peer did not become active");
  }
  return Measure(member, flags);
}

}  // namespace rafthttp::bench
