// A hundred megabytes pass through a tail whose memory stays bounded.
#include <signal.h>

#include <cstddef>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "integration/cluster_fixture.h"

namespace rafthttp::integration {
namespace {

constexpr int kWriters = 4;
constexpr int kPutsEach = 100;
constexpr size_t kValueBytes = 256 << 10;
constexpr size_t kMemoryBytesMax = 64 << 20;

class MemoryTest : public ClusterTest {
 protected:
  // Puts a hundred megabytes, then one key as a sign.
  void PutALot() {
    const auto client = Client(absl::Seconds(20));
    std::vector<std::thread> writers;
    for (int writer = 0; writer < kWriters; ++writer) {
      writers.emplace_back([&client, writer] {
        const std::string value(kValueBytes, 'v');
        for (int i = 0; i < kPutsEach; ++i) {
          etcdserverpb::PutRequest request;
          request.set_key(absl::StrCat("big-", writer, "-", i));
          request.set_value(value);
          const auto put = client->Put(request);
          EXPECT_TRUE(put.ok()) << put.status();
        }
      });
    }
    for (std::thread& writer : writers) writer.join();
    Put("the-end", "value");
  }

  // Drops what the tail prints until it has printed the sign; how many big puts
  // there were.
  static int ReadToTheEnd(Child& tail) {
    const absl::Time deadline = absl::Now() + 2 * kPatience;
    int puts = 0;
    while (const auto line = tail.ReadLine(deadline - absl::Now())) {
      if (absl::StrContains(*line, "\"key\":\"the-end\"")) return puts;
      for (size_t at = line->find("\"key\":\"big-"); at != std::string::npos;
           at = line->find("\"key\":\"big-", at + kValueBytes)) {
        ++puts;
      }
    }
    ADD_FAILURE() << "the end did not come: " << tail.Errors();
    return puts;
  }

  static void ExpectWithinBounds(const Child& tail) {
    const size_t peak = tail.PeakMemoryBytes();
    std::cout << "peak memory: " << peak / 1024 << " KiB" << std::endl;
    RecordProperty("peak_memory_kib", static_cast<int>(peak / 1024));
#if !defined(__SANITIZE_ADDRESS__)
    EXPECT_GT(peak, 0u);
    EXPECT_LT(peak, kMemoryBytesMax);
#endif
  }
};

TEST_P(MemoryTest, AReaderThatKeepsUp) {
  for (const bool is_committed : {false, true}) {
    StartCluster(1);
    ASSERT_FALSE(HasFatalFailure());
    const auto tail =
        is_committed ? TailLearner({"--committed"}) : TailLearner();
    ASSERT_TRUE(AwaitFollowing(*tail));
    std::thread writer([this] { PutALot(); });
    EXPECT_EQ(ReadToTheEnd(*tail), kWriters * kPutsEach);
    writer.join();
    ExpectWithinBounds(*tail);
    tail->Signal(SIGINT);
    EXPECT_EQ(tail->ExitCode(kPatience), 0) << tail->Errors();
  }
}

// The leader has to wait; nothing is lost, and nothing piles up here.
TEST_P(MemoryTest, AReaderThatSleeps) {
  StartCluster(1);
  ASSERT_FALSE(HasFatalFailure());
  const auto tail = TailLearner();
  ASSERT_TRUE(AwaitFollowing(*tail));
  PutALot();
  EXPECT_EQ(ReadToTheEnd(*tail), kWriters * kPutsEach);
  ExpectWithinBounds(*tail);
  tail->Signal(SIGINT);
  EXPECT_EQ(tail->ExitCode(kPatience), 0) << tail->Errors();
}

INSTANTIATE_TEST_SUITE_P(Etcds, MemoryTest, testing::ValuesIn(EtcdsToTest()),
                         NameOfEtcd);

}  // namespace
}  // namespace rafthttp::integration
