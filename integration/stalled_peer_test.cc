// A peer that opens its streams and then reads nothing costs its budget, and no
// more, however much is sent to it; and once it is gone, nothing is left.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "integration/numbered_raft.h"
#include "rafthttp/base/mutex.h"
#include "rafthttp/event/socket_address.h"
#include "rafthttp/http1/url.h"
#include "rafthttp/rafthttp.h"
#include "raftpb/raft.pb.h"

namespace rafthttp::integration {
namespace {

constexpr uint64_t kOurs = 0xa;
constexpr uint64_t kTheirs = 0xb;
constexpr size_t kMiB = 1 << 20;

size_t ResidentBytes() {
  std::ifstream status("/proc/self/statm");
  size_t total = 0;
  size_t resident = 0;
  status >> total >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

// A socket on which a peer has asked for a stream, and will read nothing.
int OpenStream(const http1::Url& url, absl::string_view kind) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto address = event::SocketAddress::FromLiteral(url.address());
  EXPECT_EQ(connect(fd, address->get(), address->size_bytes()), 0);
  const std::string request = absl::StrCat(
      "GET /raft/stream/", kind, "/", MemberId(kTheirs).ToHex(),
      " HTTP/1.1\r\nHost: x\r\nX-Server-From: ", MemberId(kTheirs).ToHex(),
      "\r\nX-Server-Version: 3.4.23\r\nX-Min-Cluster-Version: 3.0.0\r\n"
      "X-Etcd-Cluster-Id: 1000\r\nX-Raft-To: ",
      MemberId(kOurs).ToHex(), "\r\n\r\n");
  EXPECT_EQ(write(fd, request.data(), request.size()),
            static_cast<ssize_t>(request.size()));
  // The head of the answer, so that the stream is there.
  std::string head;
  char c = 0;
  while (!head.ends_with("\r\n\r\n") && read(fd, &c, 1) == 1) head.push_back(c);
  EXPECT_TRUE(head.starts_with("HTTP/1.1 200 ")) << head;
  return fd;
}

LedgerReport LedgerOf(Transport& transport) {
  Mutex mutex;
  Condition changed;
  bool is_read = false;
  LedgerReport report;
  transport.ReadLedger([&](LedgerReport read) {
    MutexLock lock(mutex);
    report = std::move(read);
    is_read = true;
    changed.NotifyOne();
  });
  MutexLock lock(mutex);
  while (!is_read) changed.Wait(mutex);
  return report;
}

TEST(StalledPeerTest, CostsItsBudgetAndNoMore) {
  NumberedRaft raft;
  Options options;
  options.id = MemberId(kOurs);
  options.cluster_id = ClusterId(0x1000);
  options.raft = &raft;
  options.listen_urls = {"http://127.0.0.1:0"};
  const size_t budget = 2 * options.queue_bytes_max;
  auto created = Transport::Create(options);
  ASSERT_TRUE(created.ok()) << created.status();
  Transport& transport = **created;
  ASSERT_TRUE(transport.Start().ok());
  // Nobody listens there: all that the peer does is not to read.
  ASSERT_TRUE(
      transport.AddPeer(MemberId(kTheirs), {"http://127.0.0.1:1"}).ok());
  const auto url = http1::ParseUrl(transport.listen_urls()[0]);
  ASSERT_TRUE(url.ok());
  const std::vector<int> streams = {OpenStream(*url, "msgapp"),
                                    OpenStream(*url, "message")};

  const size_t before = ResidentBytes();
  size_t highest = 0;
  uint64_t index = 0;
  uint64_t dropped = 0;
  std::printf("sent MiB  queued MiB  resident MiB beyond the start\n");
  for (int step = 1; step <= 16; ++step) {
    // 32 MiB a step: 512 MiB in all.
    for (int i = 0; i < 256; ++i) {
      dropped += transport
                     .Send(NumberedMessage(raftpb::MsgApp, kOurs, kTheirs,
                                           ++index, 64 << 10))
                     .dropped;
      raftpb::Message other =
          NumberedMessage(raftpb::MsgHeartbeat, kOurs, kTheirs, index, 0);
      other.set_context(std::string(64 << 10, 'c'));
      dropped += transport.Send(std::move(other)).dropped;
    }
    const LedgerReport report = LedgerOf(transport);
    EXPECT_TRUE(report.is_balanced()) << report.ToString();
    EXPECT_LE(report.queued_bytes, budget);
    const size_t now = ResidentBytes();
    const size_t grown = now > before ? now - before : 0;
    highest = std::max(highest, grown);
    std::printf("%8d  %10zu  %12zu\n", step * 32,
                static_cast<size_t>(report.queued_bytes) / kMiB, grown / kMiB);
  }
  EXPECT_GT(dropped, 0u);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  // What is queued, and what is around it.
  EXPECT_LE(highest, budget + 24 * kMiB);
#endif
  raft.AwaitUnreachable(MemberId(kTheirs));

  for (const int fd : streams) close(fd);
  EXPECT_TRUE(transport.StopAndWait().ok());
  const LedgerReport report = LedgerOf(transport);
  EXPECT_TRUE(report.is_balanced()) << report.ToString();
  EXPECT_EQ(report.queued, 0u);
}

}  // namespace
}  // namespace rafthttp::integration
