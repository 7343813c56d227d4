// The promise of tail --learner: through leader kills and restarts, each entry
// of the log once, in order of index.
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "integration/cluster_fixture.h"

namespace rafthttp::integration {
namespace {

using nlohmann::json;

constexpr int kWriters = 4;
constexpr int kPutsEach = 250;
constexpr int kPuts = kWriters * kPutsEach;

// What a tail has told of the log, with what it took back taken back.
class ToldLog {
 public:
  void Add(const json& record) {
    if (IsEvent(record, "rewind")) {
      ++rewinds_;
      const auto index = record["index"].get<int64_t>();
      entries_.erase(entries_.lower_bound(index), entries_.end());
    } else if (IsEvent(record, "gap")) {
      ADD_FAILURE() << record;
    }
    if (!record.contains("entries")) return;
    for (const json& entry : record["entries"]) {
      const auto index = entry["index"].get<int64_t>();
      if (!entries_.empty()) {
        EXPECT_EQ(index, entries_.rbegin()->first + 1) << record;
      }
      std::string key;
      if (entry["op"]["kind"] == "put") {
        key = entry["op"]["key"].get<std::string>();
      }
      entries_[index] = std::move(key);
    }
  }

  // The keys put, in order.
  std::vector<std::string> Keys() const {
    std::vector<std::string> keys;
    for (const auto& [index, key] : entries_) {
      if (!key.empty()) keys.push_back(key);
    }
    return keys;
  }
  bool EndsWithKey(const std::string& key) const {
    for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
      if (!entry->second.empty()) return entry->second == key;
    }
    return false;
  }
  int rewinds() const { return rewinds_; }

 private:
  std::map<int64_t, std::string> entries_;
  int rewinds_ = 0;
};

class TailLearnerTest : public ClusterTest {
 protected:
  void PutsThroughTwoLeaderKills(bool is_committed);
  // Takes in what the tail tells while `is_waiting`.
  void ReadWhile(Child& tail, ToldLog& told,
                 const std::function<bool()>& is_waiting);
  // The keys in the cluster, in the order in which they were put.
  std::vector<std::string> KeysByRevision();
  void ExpectNoComplaintsAbout(const std::string& learner);
};

void TailLearnerTest::ReadWhile(Child& tail, ToldLog& told,
                                const std::function<bool()>& is_waiting) {
  const absl::Time deadline = absl::Now() + 2 * kPatience;
  while (is_waiting()) {
    ASSERT_LT(absl::Now(), deadline) << tail.Errors();
    ASSERT_FALSE(tail.is_output_over()) << tail.Errors();
    const auto record = ReadRecord(tail, absl::Milliseconds(20));
    if (record) told.Add(*record);
  }
}

std::vector<std::string> TailLearnerTest::KeysByRevision() {
  const auto [code, text] =
      Etcdctl({"get", "--prefix", "", "--sort-by=MODIFY", "--order=ASCEND",
               "--keys-only", "-w", "json"});
  EXPECT_EQ(code, 0) << text;
  const json answer = json::parse(text, nullptr, /*allow_exceptions=*/false);
  std::vector<std::string> keys;
  if (!answer.contains("kvs")) return keys;
  for (const json& kv : answer["kvs"]) {
    // Each key is put once, so that no revision is hidden behind a later one.
    EXPECT_EQ(kv["create_revision"], kv["mod_revision"]) << kv;
    std::string key;
    EXPECT_TRUE(absl::Base64Unescape(kv["key"].get<std::string>(), &key));
    keys.push_back(std::move(key));
  }
  return keys;
}

// What etcd says of a learner on whose peer URL nothing listens, and of the
// streams that anybody dials.
bool IsAnnounced(const json& line) {
  if (absl::StrContains(line.dump(), "connection refused")) return true;
  const std::string message = line.value("msg", "");
  for (const char* known : {
           "established TCP streaming connection with remote peer",
           "closed TCP streaming connection with remote peer",
           "stopped TCP streaming connection with remote peer",
           "lost TCP streaming connection with remote peer",
           "prober detected unhealthy status",
           "failed to reach the peer URL",
           "failed to get version",
           // A member is dialled before it has heard of the learner.
           "failed to find remote peer in cluster",
       }) {
    if (message == known) return true;
  }
  return false;
}

void TailLearnerTest::ExpectNoComplaintsAbout(const std::string& learner) {
  for (size_t i = 0; i < cluster().size(); ++i) {
    for (const absl::string_view text :
         absl::StrSplit(cluster().ReadLog(i), '\n')) {
      if (!absl::StrContains(text, learner)) continue;
      const json line = json::parse(text.begin(), text.end(), nullptr,
                                    /*allow_exceptions=*/false);
      if (!line.is_object()) continue;
      const std::string level = line.value("level", "");
      if (level == "info" || level == "debug") continue;
      EXPECT_TRUE(IsAnnounced(line)) << cluster().name(i) << ": " << text;
    }
  }
}

void TailLearnerTest::PutsThroughTwoLeaderKills(bool is_committed) {
  StartCluster(3);
  ASSERT_FALSE(HasFatalFailure());
  ASSERT_FALSE(GetParam().etcdctl.empty()) << "no etcdctl beside etcd";
  const auto before = MemberLines();
  const auto tail =
      TailLearner(is_committed ? std::vector<std::string>{"--committed"}
                               : std::vector<std::string>{});
  ASSERT_TRUE(AwaitFollowing(*tail));
  const auto learner = Learner();
  ASSERT_TRUE(learner.has_value());

  std::atomic<int> puts = 0;
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([this, writer, &puts] {
      // A client of one member each, since one of several would repeat on the
      // next what failed on the way, with the same key. And a put that failed
      // may be in the log all the same, so that each attempt has its own.
      std::vector<std::unique_ptr<rafthttpctl::EtcdClient>> clients;
      for (size_t member = 0; member < cluster().size(); ++member) {
        clients.push_back(ClientOf(member, absl::Seconds(2)));
      }
      const absl::Time deadline = absl::Now() + 2 * kPatience;
      size_t attempt = 0;
      size_t member = 0;
      for (int i = 0; i < kPutsEach && absl::Now() < deadline;) {
        etcdserverpb::PutRequest request;
        request.set_key(absl::StrCat("key-", writer, "-", i, "-", attempt++));
        request.set_value("value");
        if (!clients[member]->Put(request).ok()) {
          member = (member + 1) % clients.size();
          continue;
        }
        ++i;
        ++puts;
      }
    });
  }
  ToldLog told;
  for (int kill = 1; kill <= 2; ++kill) {
    ReadWhile(*tail, told, [&] { return puts < kill * kPuts / 3; });
    const size_t leader = Leader();
    cluster().Kill(leader);
    // The others go on without it, for a while.
    const int at_kill = puts;
    ReadWhile(*tail, told,
              [&] { return puts < std::min(at_kill + kPuts / 10, kPuts); });
    const absl::Status restarted = cluster().Restart(leader);
    EXPECT_TRUE(restarted.ok()) << restarted;
  }
  ReadWhile(*tail, told, [&] { return puts < kPuts; });
  for (std::thread& writer : writers) writer.join();

  const auto keys = KeysByRevision();
  ASSERT_GE(keys.size(), static_cast<size_t>(kPuts));
  ReadWhile(*tail, told, [&] { return !told.EndsWithKey(keys.back()); });
  EXPECT_EQ(told.Keys(), keys);
  if (is_committed) {
    EXPECT_EQ(told.rewinds(), 0);
  }

  tail->Signal(SIGINT);
  EXPECT_EQ(tail->ExitCode(kPatience), 0) << tail->Errors();
  EXPECT_TRUE(EndsWithSummary(*tail));
  EXPECT_EQ(MemberLines(), before);
  ExpectNoComplaintsAbout(*learner);
}

TEST_P(TailLearnerTest, EachEntryOnceThroughTwoLeaderKills) {
  PutsThroughTwoLeaderKills(/*is_committed=*/false);
}

TEST_P(TailLearnerTest, EachCommittedEntryOnceThroughTwoLeaderKills) {
  PutsThroughTwoLeaderKills(/*is_committed=*/true);
}

INSTANTIATE_TEST_SUITE_P(Etcds, TailLearnerTest,
                         testing::ValuesIn(EtcdsToTest()), NameOfEtcd);

}  // namespace
}  // namespace rafthttp::integration
