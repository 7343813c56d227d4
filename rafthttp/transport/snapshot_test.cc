// Merged snapshots between two transports: on loopback, where a
// thread writes and disks are real or broken, and on a simulated network.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rafthttp/base/check.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/base/ledger.h"
#include "rafthttp/base/mutex.h"
#include "rafthttp/base/raft.h"
#include "rafthttp/event/testing/memory_network.h"
#include "rafthttp/event/testing/sim_loop.h"
#include "rafthttp/http1/url.h"
#include "rafthttp/testing/sim_host.h"
#include "rafthttp/transport/options.h"
#include "rafthttp/transport/transport.h"
#include "raftpb/raft.pb.h"
#include "snap/posix_file_system.h"
#include "snap/snapshot_message.h"
#include "snap/snapshotter.h"
#include "snap/testing/faulty_file_system.h"

// libuv closes descriptors by system calls that TSan does not see: to it, a
// folder that is listed later closes a socket of another thread.
extern "C" const char* __tsan_default_suppressions() { return "race:closedir"; }

namespace rafthttp {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr ClusterId kCluster(0x1000);

// Something that another thread sets.
template <typename T>
class Awaited {
 public:
  void Set(T value) {
    MutexLock lock(mutex_);
    value_ = std::move(value);
    changed_.NotifyAll();
  }
  T Await() {
    MutexLock lock(mutex_);
    while (!value_) changed_.Wait(mutex_);
    return *std::exchange(value_, std::nullopt);
  }
  bool has_value() {
    MutexLock lock(mutex_);
    return value_.has_value();
  }

 private:
  Mutex mutex_;
  Condition changed_;
  std::optional<T> value_ ABSL_GUARDED_BY(mutex_);
};

class SnapshotRaft final : public Raft {
 public:
  absl::Status Process(std::stop_token, raftpb::Message&& message) override {
    processed.Set(std::move(message));
    return answer;
  }
  bool IsIdRemoved(MemberId) override { return false; }
  void ReportUnreachable(MemberId) override {}
  void ReportSnapshot(MemberId, SnapshotStatus status) override {
    reported.Set(status);
  }

  absl::Status answer;  // before anything runs
  Awaited<raftpb::Message> processed;
  Awaited<SnapshotStatus> reported;
};

raftpb::Message SnapOf(uint64_t from, uint64_t to, uint64_t index) {
  raftpb::Message message;
  message.set_type(raftpb::MsgSnap);
  message.set_from(from);
  message.set_to(to);
  message.set_term(3);
  raftpb::Snapshot& snapshot = *message.mutable_snapshot();
  snapshot.set_data("membership");
  snapshot.mutable_metadata()->set_index(index);
  snapshot.mutable_metadata()->set_term(3);
  snapshot.mutable_metadata()->mutable_conf_state()->add_voters(from);
  return message;
}

// Bytes that tell their place.
std::string Pattern(size_t size) {
  std::string bytes;
  bytes.reserve(size + 20);
  for (uint64_t i = 0; bytes.size() < size; ++i)
    absl::StrAppend(&bytes, i, ",");
  bytes.resize(size);
  return bytes;
}

std::unique_ptr<snap::SnapshotSource> SourceOf(std::string content,
                                               uint64_t size) {
  size_t at = 0;
  return std::make_unique<snap::CallbackSource>(
      size,
      [content = std::move(content), at](
          char* out, size_t room) mutable -> absl::StatusOr<size_t> {
        const size_t count =
            content.copy(out, std::min<size_t>(room, 5000), at);
        at += count;
        return count;
      });
}

class Folder {
 public:
  Folder() : path_("/tmp/rafthttp_snapXXXXXX") {
    CHECK(mkdtemp(path_.data()) != nullptr);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& place : std::filesystem::directory_iterator(path_)) {
      names.push_back(place.path().filename());
    }
    return names;
  }
  std::string Read(const std::string& name) const {
    std::ifstream file(path_ + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void Write(const std::string& name, const std::string& content) const {
    std::ofstream(path_ + "/" + name, std::ios::binary) << content;
  }

 private:
  std::string path_;
};

std::unique_ptr<Transport> Started(Options options) {
  auto transport = Transport::Create(std::move(options));
  CHECK(transport.ok());
  CHECK((*transport)->Start().ok());
  return *std::move(transport);
}

// Two members, the second of which stores snapshots.
class SnapshotTest : public testing::Test {
 protected:
  explicit SnapshotTest(snap::FileSystem* files = nullptr)
      : snapshotter_(files == nullptr ? posix_ : *files, folder_.path()) {}

  Options OptionsOf(uint64_t id, Raft& raft) {
    Options options;
    options.id = MemberId(id);
    options.cluster_id = kCluster;
    options.raft = &raft;
    options.listen_urls = {"http://127.0.0.1:0"};
    return options;
  }
  void Start(uint64_t bytes_per_second_max = 0) {
    Options options = OptionsOf(1, raft_a_);
    options.snapshot_bytes_per_second_max = bytes_per_second_max;
    a_ = Started(std::move(options));
    options = OptionsOf(2, raft_b_);
    options.snapshotter = &snapshotter_;
    b_ = Started(std::move(options));
    CHECK(a_->AddPeer(MemberId(2), b_->listen_urls()).ok());
    CHECK(b_->AddPeer(MemberId(1), a_->listen_urls()).ok());
  }
  absl::Status Send(std::unique_ptr<snap::SnapshotSource> source,
                    uint64_t index = 10) {
    return a_->SendSnapshot(snap::SnapshotMessage(
        SnapOf(1, 2, index), std::move(source),
        [this](const absl::Status& status) {
          // absl counts references in code that TSan does not see.
          closed_.Set(absl::Status(status.code(), status.message()));
        }));
  }
  LedgerReport LedgerOf(Transport& transport) {
    Awaited<LedgerReport> report;
    transport.ReadLedger(
        [&](LedgerReport read) { report.Set(std::move(read)); });
    return report.Await();
  }
  void ExpectFailure(absl::StatusCode code, const std::string& why) {
    const absl::Status status = closed_.Await();
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(why));
    EXPECT_EQ(raft_a_.reported.Await(), SnapshotStatus::kFailure);
    const LedgerReport report = LedgerOf(*a_);
    EXPECT_TRUE(report.is_balanced()) << report.ToString();
    EXPECT_EQ(report.dropped, 1u);
  }

  Folder folder_;
  snap::PosixFileSystem posix_;
  snap::Snapshotter snapshotter_;
  SnapshotRaft raft_a_;
  SnapshotRaft raft_b_;
  Awaited<absl::Status> closed_;
  std::unique_ptr<Transport> a_;
  std::unique_ptr<Transport> b_;
};

TEST_F(SnapshotTest, ArrivesWholeBeforeRaftHearsOfIt) {
  Start();
  uint64_t index = 10;
  for (const size_t size :
       {size_t{0}, size_t{1}, size_t{65536}, (size_t{5} << 20) + 13}) {
    for (const bool by_file : {true, false}) {
      SCOPED_TRACE(
          absl::StrCat(size, by_file ? " from a file" : " by callback"));
      ++index;
      const std::string content = Pattern(size);
      if (by_file) {
        Folder source;
        source.Write("db", content);
        auto file = snap::FileSource::Open(posix_, source.path() + "/db");
        ASSERT_TRUE(file.ok());
        ASSERT_TRUE(Send(*std::move(file), index).ok());
      } else {
        ASSERT_TRUE(Send(SourceOf(content, size), index).ok());
      }
      const raftpb::Message message = raft_b_.processed.Await();
      EXPECT_EQ(message.SerializeAsString(),
                SnapOf(1, 2, index).SerializeAsString());
      EXPECT_EQ(closed_.Await(), absl::OkStatus());
      EXPECT_EQ(raft_a_.reported.Await(), SnapshotStatus::kFinish);
      EXPECT_TRUE(folder_.Read(snap::DbName(index)) == content);
    }
  }
  EXPECT_EQ(folder_.names().size(), 8u);
  const LedgerReport report = LedgerOf(*a_);
  EXPECT_TRUE(report.is_balanced()) << report.ToString();
  EXPECT_EQ(report.written, 8u);
}

TEST_F(SnapshotTest, NobodyThereIsSaidAtOnce) {
  Start();
  const absl::Status status = a_->SendSnapshot(snap::SnapshotMessage(
      SnapOf(1, 9, 1), SourceOf("", 0),
      [this](absl::Status closed) { closed_.Set(std::move(closed)); }));
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_TRUE(absl::IsNotFound(closed_.Await()));
}

TEST_F(SnapshotTest, ASourceThatBreaksItsWordIsNotTakenForWhole) {
  Start();
  ASSERT_TRUE(Send(SourceOf(Pattern(3 << 20), (3 << 20) + 1)).ok());
  ExpectFailure(absl::StatusCode::kDataLoss, "ends after 3145728 of 3145729");
  EXPECT_TRUE(a_->StopAndWait().ok());
  EXPECT_TRUE(b_->StopAndWait().ok());
  EXPECT_THAT(folder_.names(), IsEmpty());
  EXPECT_FALSE(raft_b_.processed.has_value());
}

TEST_F(SnapshotTest, ASourceThatGoesOnIsNotTakenForWhole) {
  Start();
  ASSERT_TRUE(Send(SourceOf(Pattern(100), 99)).ok());
  ExpectFailure(absl::StatusCode::kDataLoss, "goes on after its 99 bytes");
  EXPECT_TRUE(b_->StopAndWait().ok());
  EXPECT_THAT(folder_.names(), IsEmpty());
  EXPECT_FALSE(raft_b_.processed.has_value());
}

TEST_F(SnapshotTest, ARefusalOfRaftIsTold) {
  raft_b_.answer = absl::InternalError("out of order");
  Start();
  ASSERT_TRUE(Send(SourceOf("db", 2)).ok());
  ExpectFailure(absl::StatusCode::kUnavailable,
                "answered with 500 \"failed to process raft message (out of "
                "order)\"");
  // As etcd leaves it.
  EXPECT_EQ(folder_.Read(snap::DbName(10)), "db");
}

TEST_F(SnapshotTest, AnIndexThatIsThereKeepsItsFile) {
  Start();
  ASSERT_TRUE(Send(SourceOf("first", 5), 10).ok());
  EXPECT_TRUE(closed_.Await().ok());
  ASSERT_TRUE(Send(SourceOf("an older one", 12), 9).ok());
  EXPECT_TRUE(closed_.Await().ok());
  ASSERT_TRUE(Send(SourceOf("another", 7), 10).ok());
  EXPECT_TRUE(closed_.Await().ok());
  EXPECT_EQ(folder_.Read(snap::DbName(10)), "first");
  EXPECT_EQ(folder_.Read(snap::DbName(9)), "an older one");
  EXPECT_EQ(folder_.names().size(), 2u);
}

TEST_F(SnapshotTest, APeerThatStoresNoneSaysSo) {
  Options options = OptionsOf(1, raft_a_);
  a_ = Started(std::move(options));
  b_ = Started(OptionsOf(2, raft_b_));
  CHECK(a_->AddPeer(MemberId(2), b_->listen_urls()).ok());
  ASSERT_TRUE(Send(SourceOf(Pattern(9 << 20), 9 << 20)).ok());
  ExpectFailure(absl::StatusCode::kUnavailable, "answered with 404");
}

TEST_F(SnapshotTest, NobodyListensThere) {
  a_ = Started(OptionsOf(1, raft_a_));
  CHECK(a_->AddPeer(MemberId(2), {"http://127.0.0.1:1"}).ok());
  ASSERT_TRUE(Send(SourceOf("db", 2)).ok());
  ExpectFailure(absl::StatusCode::kUnavailable, "refused");
}

// Takes connections, and reads nothing.
class DeafListener {
 public:
  DeafListener() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    CHECK(bind(fd_, any, size) == 0);
    CHECK(listen(fd_, 16) == 0);
    CHECK(getsockname(fd_, any, &size) == 0);
    url_ = absl::StrCat("http://127.0.0.1:", ntohs(address.sin_port));
  }
  ~DeafListener() { close(fd_); }
  const std::string& url() const { return url_; }

 private:
  const int fd_;
  std::string url_;
};

TEST_F(SnapshotTest, OneAtATimeAndRemovalEndsIt) {
  const DeafListener deaf;
  a_ = Started(OptionsOf(1, raft_a_));
  CHECK(a_->AddPeer(MemberId(2), {deaf.url()}).ok());
  const uint64_t size = 64 << 20;  // more than the kernel takes
  ASSERT_TRUE(Send(SourceOf(Pattern(size), size)).ok());
  Awaited<absl::Status> second;
  ASSERT_TRUE(
      a_->SendSnapshot(snap::SnapshotMessage(SnapOf(1, 2, 11), SourceOf("x", 1),
                                             [&](absl::Status status) {
                                               second.Set(std::move(status));
                                             }))
          .ok());
  EXPECT_TRUE(absl::IsResourceExhausted(second.Await()));
  EXPECT_EQ(raft_a_.reported.Await(), SnapshotStatus::kFailure);
  EXPECT_FALSE(closed_.has_value());
  const LedgerReport report = LedgerOf(*a_);
  EXPECT_TRUE(report.is_balanced()) << report.ToString();
  EXPECT_EQ(report.queued, 1u);
  EXPECT_TRUE(a_->RemovePeer(MemberId(2)).ok());
  EXPECT_TRUE(absl::IsCancelled(closed_.Await()));
}

TEST_F(SnapshotTest, StopEndsIt) {
  const DeafListener deaf;
  a_ = Started(OptionsOf(1, raft_a_));
  CHECK(a_->AddPeer(MemberId(2), {deaf.url()}).ok());
  ASSERT_TRUE(Send(SourceOf(Pattern(64 << 20), 64 << 20)).ok());
  EXPECT_TRUE(a_->StopAndWait().ok());
  EXPECT_TRUE(absl::IsCancelled(closed_.Await()));
  EXPECT_TRUE(LedgerOf(*a_).is_balanced());
  EXPECT_TRUE(absl::IsFailedPrecondition(Send(SourceOf("", 0))));
  EXPECT_TRUE(absl::IsFailedPrecondition(closed_.Await()));
}

TEST_F(SnapshotTest, StopOfTheReceiverLeavesNoFile) {
  Start(/*bytes_per_second_max=*/4 << 20);
  ASSERT_TRUE(Send(SourceOf(Pattern(64 << 20), 64 << 20)).ok());
  while (folder_.names().empty()) std::this_thread::yield();
  EXPECT_TRUE(b_->StopAndWait().ok());
  ExpectFailure(absl::StatusCode::kUnavailable, "POST http://127.0.0.1:");
  EXPECT_THAT(folder_.names(), IsEmpty());
}

// Stands before a server on loopback, and resets connections that have carried
// some megabytes to it, so many of them.
class BreakingProxy {
 public:
  BreakingProxy(uint16_t target, int breaks)
      : target_(target),
        breaks_left_(breaks),
        listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
        stop_(eventfd(0, EFD_CLOEXEC)) {
    sockaddr_in address = Loopback(0);
    socklen_t size = sizeof(address);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    CHECK(bind(listener_, any, size) == 0);
    CHECK(listen(listener_, 64) == 0);
    CHECK(getsockname(listener_, any, &size) == 0);
    url_ = absl::StrCat("http://127.0.0.1:", ntohs(address.sin_port));
    accepting_ = std::thread([this] { Accept(); });
  }
  ~BreakingProxy() {
    eventfd_write(stop_, 1);
    accepting_.join();
    for (std::thread& thread : carrying_) thread.join();
    close(listener_);
    close(stop_);
  }
  const std::string& url() const { return url_; }
  int breaks_left() const { return breaks_left_; }

 private:
  static sockaddr_in Loopback(uint16_t port) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
  }

  void Accept() {
    for (;;) {
      pollfd polled[] = {{.fd = listener_, .events = POLLIN, .revents = 0},
                         {.fd = stop_, .events = POLLIN, .revents = 0}};
      CHECK(poll(polled, 2, -1) > 0);
      if (polled[1].revents != 0) return;
      const int client = accept(listener_, nullptr, nullptr);
      CHECK(client >= 0);
      carrying_.emplace_back([this, client] { Carry(client); });
    }
  }

  void Carry(int client) {
    const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = Loopback(target_);
    bool is_open = connect(server, reinterpret_cast<const sockaddr*>(&address),
                           sizeof(address)) == 0;
    // A few hundred KiB to some MiB, by turns.
    const int number = next_.fetch_add(1);
    int64_t room = (300 << 10) + (number * 700001) % (5 << 20);
    while (is_open) {
      pollfd polled[] = {{.fd = client, .events = POLLIN, .revents = 0},
                         {.fd = server, .events = POLLIN, .revents = 0},
                         {.fd = stop_, .events = POLLIN, .revents = 0}};
      CHECK(poll(polled, 3, -1) > 0);
      if (polled[2].revents != 0) break;
      if (polled[0].revents != 0) {
        is_open = Pass(client, server, &room);
        if (room < 0 && breaks_left_.fetch_sub(1) > 0) {
          const linger now = {.l_onoff = 1, .l_linger = 0};
          setsockopt(client, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
          setsockopt(server, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
          break;
        }
        if (room < 0) room = std::numeric_limits<int64_t>::max();
      }
      int64_t any = std::numeric_limits<int64_t>::max();
      if (polled[1].revents != 0 && is_open)
        is_open = Pass(server, client, &any);
    }
    close(client);
    close(server);
  }

  static bool Pass(int from, int to, int64_t* room) {
    char bytes[65536];
    const ssize_t size = read(from, bytes, sizeof(bytes));
    if (size <= 0) return false;
    *room -= size;
    for (ssize_t sent = 0; sent < size;) {
      const ssize_t now = send(to, bytes + sent,
                               static_cast<size_t>(size - sent), MSG_NOSIGNAL);
      if (now <= 0) return false;
      sent += now;
    }
    return true;
  }

  const uint16_t target_;
  std::atomic<int> breaks_left_;
  std::atomic<int> next_ = 0;
  const int listener_;
  const int stop_;
  std::string url_;
  std::vector<std::thread> carrying_;
  std::thread accepting_;
};

TEST_F(SnapshotTest, GoesOnAfterConnectionsBreak) {
  Options options = OptionsOf(2, raft_b_);
  options.snapshotter = &snapshotter_;
  b_ = Started(std::move(options));
  const auto url = http1::ParsePeerUrl(b_->listen_urls()[0]);
  ASSERT_TRUE(url.ok());
  // Before the transport whose connections it carries.
  BreakingProxy proxy(url->port, /*breaks=*/12);
  a_ = Started(OptionsOf(1, raft_a_));
  CHECK(a_->AddPeer(MemberId(2), {proxy.url()}).ok());
  const std::string content = Pattern((48 << 20) + 1234);
  Folder source;
  source.Write("db", content);
  auto file = snap::FileSource::Open(posix_, source.path() + "/db");
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(Send(*std::move(file)).ok());
  EXPECT_EQ(closed_.Await(), absl::OkStatus());
  EXPECT_EQ(raft_a_.reported.Await(), SnapshotStatus::kFinish);
  raft_b_.processed.Await();
  EXPECT_LE(proxy.breaks_left(), 0);
  EXPECT_TRUE(folder_.Read(snap::DbName(10)) == content);
  EXPECT_EQ(folder_.names().size(), 1u);
  EXPECT_TRUE(a_->StopAndWait().ok());
}

// A disk that fails at each of its operations in turn.
class BrokenDiskTest : public SnapshotTest {
 protected:
  BrokenDiskTest() : SnapshotTest(&files_) {}
  snap::FaultyFileSystem files_;
};

TEST_F(BrokenDiskTest, EachFailureIsToldAndLeavesNothing) {
  Start();
  const std::string content = Pattern(3 << 20);
  uint64_t failures = 0;
  for (uint64_t index = 10;; ++index) {
    // From the first on: create, appends, sync, rename, sync of the folder.
    const uint64_t number = files_.changes() + (index - 9);
    files_.BreakChange(number, snap::FaultyFileSystem::Fault::kDiskFull);
    ASSERT_TRUE(Send(SourceOf(content, content.size()), index).ok());
    const absl::Status status = closed_.Await();
    const SnapshotStatus reported = raft_a_.reported.Await();
    if (status.ok()) {
      EXPECT_EQ(reported, SnapshotStatus::kFinish);
      break;
    }
    ++failures;
    EXPECT_EQ(reported, SnapshotStatus::kFailure);
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("failed to save KV snapshot (no space left"));
    for (const auto& [name, stored] : files_.Contents()) {
      EXPECT_THAT(name.substr(folder_.path().size()), Not(HasSubstr("tmp")));
      EXPECT_TRUE(stored == content) << name;
    }
  }
  EXPECT_GT(failures, 5u);
  EXPECT_TRUE(LedgerOf(*a_).is_balanced());
}

// In virtual time, on a network in memory: the same by ByteStream alone.
class SimulatedSnapshotTest : public testing::Test {
 protected:
  SimulatedSnapshotTest() {
    a_ = Start(host_a_, 1, raft_a_);
    b_ = Start(host_b_, 2, raft_b_);
    CHECK(a_->AddPeer(MemberId(2), {"http://b:2380"}).ok());
    CHECK(b_->AddPeer(MemberId(1), {"http://a:2380"}).ok());
  }
  ~SimulatedSnapshotTest() override {
    a_->Stop([] {});
    b_->Stop([] {});
    loop_.RunFor(absl::Minutes(1));
  }

  std::unique_ptr<Transport> Start(SimHost& host, uint64_t id, Raft& raft) {
    Options options;
    options.id = MemberId(id);
    options.cluster_id = kCluster;
    options.raft = &raft;
    options.listen_urls = {absl::StrCat("http://", host.name(), ":2380")};
    options.delivery = DeliveryMode::kInline;
    options.snapshotter = &snapshotter_;
    options.snapshot_bytes_per_second_max = 4 << 20;
    auto transport = Transport::Create(host.environment(), std::move(options));
    CHECK(transport.ok());
    CHECK((*transport)->Start().ok());
    return *std::move(transport);
  }
  void Send(size_t size) {
    const std::string content = Pattern(size);
    EXPECT_TRUE(a_->SendSnapshot(snap::SnapshotMessage(
                                     SnapOf(1, 2, 10), SourceOf(content, size),
                                     [this](absl::Status status) {
                                       closed_.Set(std::move(status));
                                     }))
                    .ok());
  }

  event::SimLoop loop_;
  event::MemoryNetwork network_{loop_};
  SimHost host_a_{loop_, network_, "a"};
  SimHost host_b_{loop_, network_, "b"};
  snap::FaultyFileSystem files_;
  snap::Snapshotter snapshotter_{files_, "/snap"};
  SnapshotRaft raft_a_;
  SnapshotRaft raft_b_;
  Awaited<absl::Status> closed_;
  std::unique_ptr<Transport> a_;
  std::unique_ptr<Transport> b_;
};

TEST_F(SimulatedSnapshotTest, GoesAtItsPaceBesideHeartbeats) {
  loop_.RunFor(absl::Seconds(1));
  const absl::Time began_at = loop_.Now();
  Send(40 << 20);
  while (!closed_.has_value()) loop_.RunFor(absl::Milliseconds(100));
  EXPECT_TRUE(closed_.Await().ok());
  // 40 MiB at 4 MiB a second, by the simulated clock.
  EXPECT_GE(loop_.Now() - began_at, absl::Seconds(9.5));
  EXPECT_LE(loop_.Now() - began_at, absl::Seconds(11));
  EXPECT_TRUE(files_.Contents()["/snap/" + snap::DbName(10)] ==
              Pattern(40 << 20));
}

TEST_F(SimulatedSnapshotTest, AStalledPeerEndsItByProgressNotByLength) {
  loop_.RunFor(absl::Seconds(1));
  Send(40 << 20);
  loop_.RunFor(absl::Seconds(2));
  EXPECT_FALSE(closed_.has_value());
  network_.Partition("a", "b");
  loop_.RunFor(absl::Seconds(20));
  EXPECT_FALSE(closed_.has_value());
  loop_.RunFor(absl::Seconds(60));
  ASSERT_TRUE(closed_.has_value());
  const absl::Status status = closed_.Await();
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(raft_a_.reported.Await(), SnapshotStatus::kFailure);
  for (const auto& [name, content] : files_.Contents()) ADD_FAILURE() << name;
}

}  // namespace
}  // namespace rafthttp
