// What the network in memory adds to what every stream does (see
// ../stream_test.cc): faults, hosts, listeners, and that all of it repeats.

#include "rafthttp/event/testing/memory_network.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rafthttp/event/io_status.h"
#include "rafthttp/event/testing/sim_loop.h"

namespace rafthttp::event {
namespace {

using ::testing::ElementsAre;

constexpr int kTurnsMax = 10000;

class RecordingReader final : public ByteStream::Reader {
 public:
  void OnBytes(absl::string_view bytes) override {
    pieces.emplace_back(bytes);
    received += pieces.back();
  }
  void OnEnd(absl::Status status) override { end = std::move(status); }

  std::vector<std::string> pieces;
  std::string received;
  std::optional<absl::Status> end;
};

class MemoryNetworkTest : public ::testing::Test {
 protected:
  // A pair whose second end is read by reader_.
  void Join(LinkFaults to_second, LinkFaults to_first = {}) {
    std::tie(first_, second_) =
        network_.NewPair(std::move(to_second), std::move(to_first));
    second_->StartReading(reader_);
  }
  void RunAll() { loop_.RunFor(absl::Minutes(1)); }

  std::unique_ptr<Listener> Listen(const Address& address) {
    return *network_.Listen(address,
                            [this](std::unique_ptr<ByteStream> stream) {
                              accepted_.push_back(std::move(stream));
                            });
  }
  void Connect(const Address& address, std::string from = "client") {
    connector_ = network_.NewConnector(std::move(from));
    attempt_ = connector_->Connect(
        address, {.timeout = absl::Seconds(5)},
        [this](absl::StatusOr<std::unique_ptr<ByteStream>> stream) {
          ++calls_;
          status_ = stream.status();
          if (stream.ok()) first_ = *std::move(stream);
          attempt_.reset();
        });
    EXPECT_EQ(calls_, 0) << "called back at once";
  }
  absl::Status Outcome() {
    EXPECT_TRUE(loop_.RunUntil([this] { return calls_ > 0; }, kTurnsMax));
    return status_;
  }

  SimLoop loop_;
  MemoryNetwork network_{loop_};
  RecordingReader reader_;
  std::vector<std::unique_ptr<ByteStream>> accepted_;
  std::unique_ptr<ByteStream> first_;
  std::unique_ptr<ByteStream> second_;
  std::unique_ptr<Connector> connector_;
  std::unique_ptr<Connector::Attempt> attempt_;
  absl::Status status_;
  int calls_ = 0;
};

TEST_F(MemoryNetworkTest, CutsReadsBySize) {
  Join({.read_bytes_max = 3});
  ASSERT_EQ(first_->TryWrite({"abcdefgh"}).value(), 8u);
  RunAll();
  EXPECT_THAT(reader_.pieces, ElementsAre("abc", "def", "gh"));
}

TEST_F(MemoryNetworkTest, CutsReadsAtOffsets) {
  Join({.split_offsets = {1, 5, 6}});
  ASSERT_EQ(first_->TryWrite({"abc", "defgh"}).value(), 8u);
  ASSERT_EQ(first_->TryWrite({"ij"}).value(), 2u);
  RunAll();
  EXPECT_THAT(reader_.pieces, ElementsAre("a", "bc", "de", "f", "gh", "ij"));
}

TEST_F(MemoryNetworkTest, CutsReadsAtRandomBySeed) {
  const std::string bytes(1000, 'x');
  std::vector<std::vector<std::string>> runs;
  for (uint64_t seed : {1, 1, 2}) {
    RecordingReader reader;
    auto [writer, stream] = network_.NewPair({.split_seed = seed});
    stream->StartReading(reader);
    ASSERT_EQ(writer->TryWrite({bytes}).value(), bytes.size());
    RunAll();
    EXPECT_EQ(reader.received, bytes);
    runs.push_back(std::move(reader.pieces));
  }
  EXPECT_GT(runs[0].size(), 2u);
  EXPECT_EQ(runs[0], runs[1]);
  EXPECT_NE(runs[0], runs[2]);
}

TEST_F(MemoryNetworkTest, BoundsWhatIsInFlight) {
  Join({.in_flight_bytes_max = 10});
  second_->StopReading();
  EXPECT_EQ(first_->TryWrite({"abcdef", "ghijkl"}).value(), 10u);
  EXPECT_EQ(first_->TryWrite({"kl"}).value(), 0u);
  first_->Write({"kl"}, [](absl::Status) {});
  EXPECT_EQ(first_->pending_write_bytes(), 2u);
  second_->StartReading(reader_);
  RunAll();
  EXPECT_EQ(first_->pending_write_bytes(), 0u);
  EXPECT_EQ(reader_.received, "abcdefghijkl");
}

TEST_F(MemoryNetworkTest, StallsWrites) {
  Join({.write_stalls_after_bytes = 5});
  bool written = false;
  first_->Write({"abcdefgh"}, [&written](absl::Status) { written = true; });
  RunAll();
  EXPECT_EQ(reader_.received, "abcde");
  EXPECT_EQ(network_.bytes_written(), 5u);
  EXPECT_EQ(first_->pending_write_bytes(), 3u);
  EXPECT_FALSE(written);
}

TEST_F(MemoryNetworkTest, ResetsAtEveryOffset) {
  const std::string bytes = "abcdefgh";
  for (size_t offset = 0; offset <= bytes.size(); ++offset) {
    RecordingReader first_reader;
    RecordingReader second_reader;
    auto [first, second] = network_.NewPair({.resets_after_bytes = offset});
    first->StartReading(first_reader);
    second->StartReading(second_reader);
    first->Write({bytes}, [](absl::Status) {});
    RunAll();
    EXPECT_EQ(second_reader.received, bytes.substr(0, offset));
    ASSERT_TRUE(second_reader.end.has_value()) << offset;
    EXPECT_EQ(IoCauseOf(*second_reader.end), IoCause::kReset);
    ASSERT_TRUE(first_reader.end.has_value()) << offset;
    EXPECT_EQ(IoCauseOf(*first_reader.end), IoCause::kReset);
    EXPECT_EQ(IoCauseOf(first->TryWrite({"x"}).status()), IoCause::kReset);
  }
}

TEST_F(MemoryNetworkTest, LatencyDelaysBytesAndTheEnd) {
  Join({.latency = absl::Milliseconds(30)});
  ASSERT_EQ(first_->TryWrite({"abc"}).value(), 3u);
  loop_.RunFor(absl::Milliseconds(29));
  EXPECT_EQ(reader_.received, "");
  first_.reset();
  loop_.RunFor(absl::Milliseconds(1));
  EXPECT_EQ(reader_.received, "abc");
  EXPECT_FALSE(reader_.end.has_value());
  loop_.RunFor(absl::Milliseconds(28));
  EXPECT_FALSE(reader_.end.has_value());
  loop_.RunFor(absl::Milliseconds(1));
  EXPECT_TRUE(reader_.end.has_value());
}

TEST_F(MemoryNetworkTest, APartitionHoldsEverythingUntilItHeals) {
  Join({.in_flight_bytes_max = 10});
  ASSERT_EQ(first_->TryWrite({"abc"}).value(), 3u);
  network_.Partition("server", "client");
  RunAll();
  EXPECT_EQ(reader_.received, "");
  EXPECT_EQ(first_->TryWrite({"defghijklmnop"}).value(), 7u);
  first_->ShutdownWrite();
  RunAll();
  EXPECT_FALSE(reader_.end.has_value());
  network_.Heal("client", "server");
  RunAll();
  EXPECT_EQ(reader_.received, "abcdefghij");
  ASSERT_TRUE(reader_.end.has_value());
  EXPECT_TRUE(reader_.end->ok());
}

TEST_F(MemoryNetworkTest, APartitionHidesThatThePeerIsGone) {
  Join({}, {.in_flight_bytes_max = 4});
  network_.Partition("client", "server");
  first_.reset();
  RunAll();
  EXPECT_FALSE(reader_.end.has_value());
  EXPECT_EQ(second_->TryWrite({"abcdef"}).value(), 4u);
  EXPECT_EQ(second_->TryWrite({"ef"}).value(), 0u);
  network_.Heal("client", "server");
  RunAll();
  ASSERT_TRUE(reader_.end.has_value());
  EXPECT_EQ(IoCauseOf(*reader_.end), IoCause::kReset);
}

TEST_F(MemoryNetworkTest, APartitionConcernsItsTwoHostsOnly) {
  Join({});
  network_.Partition("client", "elsewhere");
  ASSERT_EQ(first_->TryWrite({"abc"}).value(), 3u);
  RunAll();
  EXPECT_EQ(reader_.received, "abc");
}

TEST_F(MemoryNetworkTest, ResetsConnectionsBetweenTwoHosts) {
  Join({});
  network_.ResetConnections("server", "elsewhere");
  RunAll();
  EXPECT_FALSE(reader_.end.has_value());
  network_.ResetConnections("server", "client");
  RunAll();
  ASSERT_TRUE(reader_.end.has_value());
  EXPECT_EQ(IoCauseOf(*reader_.end), IoCause::kReset);
}

TEST_F(MemoryNetworkTest, ConnectsToAListener) {
  const auto listener = Listen({"node1", 2380});
  EXPECT_EQ(listener->port(), 2380);
  EXPECT_EQ(listener->address(), "node1:2380");
  Connect({"node1", 2380}, "node2");
  ASSERT_TRUE(Outcome().ok()) << status_;
  RunAll();
  ASSERT_EQ(accepted_.size(), 1u);
  EXPECT_EQ(first_->peer_address(), "node1:2380");
  EXPECT_EQ(accepted_[0]->peer_address(), first_->local_address());
  EXPECT_EQ(network_.open_streams(), 2u);
  EXPECT_EQ(network_.attempts_begun(), 1u);
  accepted_[0]->StartReading(reader_);
  ASSERT_EQ(first_->TryWrite({"hello"}).value(), 5u);
  RunAll();
  EXPECT_EQ(reader_.received, "hello");
}

TEST_F(MemoryNetworkTest, GivesOutFreePorts) {
  const auto one = Listen({"node1", 0});
  const auto two = Listen({"node1", 0});
  EXPECT_NE(one->port(), 0);
  EXPECT_NE(one->port(), two->port());
  EXPECT_EQ(
      network_.Listen({"node1", one->port()}, [](auto) {}).status().code(),
      absl::StatusCode::kUnavailable);
}

TEST_F(MemoryNetworkTest, AnswersAsItIsTold) {
  const auto listener = Listen({"node1", 2380});
  const struct {
    MemoryNetwork::Answer answer;
    IoCause cause;
    absl::string_view message;
  } kCases[] = {
      {MemoryNetwork::Answer::kRefused, IoCause::kRefused,
       "node1:2380: connection refused"},
      {MemoryNetwork::Answer::kUnreachable, IoCause::kUnreachable,
       "node1:2380: host is unreachable"},
      {MemoryNetwork::Answer::kNotResolved, IoCause::kNotResolved,
       "node1:2380: unknown node or service"},
      {MemoryNetwork::Answer::kNever, IoCause::kTimedOut,
       "node1:2380: timed out"},
  };
  for (const auto& [answer, cause, message] : kCases) {
    calls_ = 0;
    network_.SetAnswer({"node1", 2380}, answer);
    Connect({"node1", 2380});
    EXPECT_EQ(Outcome().message(), message);
    EXPECT_EQ(IoCauseOf(status_), cause);
  }
  EXPECT_TRUE(accepted_.empty());
}

TEST_F(MemoryNetworkTest, SilenceLastsForTheTimeoutExactly) {
  network_.SetAnswer({"node1", 2380}, MemoryNetwork::Answer::kNever);
  const absl::Time start = loop_.Now();
  Connect({"node1", 2380});
  EXPECT_FALSE(Outcome().ok());
  EXPECT_EQ(loop_.Now() - start, absl::Seconds(5));
}

TEST_F(MemoryNetworkTest, AnAttemptSurvivesAShortPartition) {
  const auto listener = Listen({"node1", 2380});
  network_.Partition("client", "node1");
  Connect({"node1", 2380});
  loop_.RunFor(absl::Seconds(2));
  EXPECT_EQ(calls_, 0);
  network_.Heal("client", "node1");
  EXPECT_TRUE(Outcome().ok()) << status_;
}

TEST_F(MemoryNetworkTest, RefusesWhereNobodyListens) {
  Listen({"node1", 2380}).reset();
  Connect({"node1", 2380});
  EXPECT_EQ(IoCauseOf(Outcome()), IoCause::kRefused);
}

TEST_F(MemoryNetworkTest, ADestroyedAttemptIsSilent) {
  const auto listener = Listen({"node1", 2380});
  Connect({"node1", 2380});
  attempt_.reset();
  RunAll();
  EXPECT_EQ(calls_, 0);
  EXPECT_EQ(network_.open_streams(), 0u);
}

TEST_F(MemoryNetworkTest, AListenerTakesItsQueueWithIt) {
  std::unique_ptr<Listener> listener;
  listener = *network_.Listen({"node1", 2380},
                              [&listener](auto) { listener.reset(); });
  Connect({"node1", 2380});
  auto other = network_.NewConnector();
  std::unique_ptr<ByteStream> queued;
  auto attempt = other->Connect(
      {"node1", 2380}, {},
      [&queued](absl::StatusOr<std::unique_ptr<ByteStream>> stream) {
        if (stream.ok()) queued = *std::move(stream);
      });
  RunAll();
  EXPECT_EQ(listener, nullptr);
  ASSERT_NE(queued, nullptr);
  queued->StartReading(reader_);
  RunAll();
  EXPECT_TRUE(reader_.end.has_value());
}

TEST_F(MemoryNetworkTest, DrawsFaultsForEachDirectionOfAConnection) {
  int drawn = 0;
  network_.SetFaultSource([&drawn] {
    return LinkFaults{.read_bytes_max = static_cast<size_t>(++drawn)};
  });
  const auto listener = Listen({"node1", 2380});
  Connect({"node1", 2380});
  ASSERT_TRUE(Outcome().ok());
  RunAll();
  EXPECT_EQ(drawn, 2);
  accepted_[0]->StartReading(reader_);
  RecordingReader client_reader;
  first_->StartReading(client_reader);
  ASSERT_EQ(first_->TryWrite({"abcd"}).value(), 4u);
  ASSERT_EQ(accepted_[0]->TryWrite({"abcd"}).value(), 4u);
  RunAll();
  EXPECT_THAT(reader_.pieces, ElementsAre("a", "b", "c", "d"));
  EXPECT_THAT(client_reader.pieces, ElementsAre("ab", "cd"));
}

// Whatever the faults: what arrives is a prefix of what was written, all of it
// unless the connection was cut or hung, and every run is the same.
TEST(MemoryNetworkSeedTest, BrokenConnectionsDeliverPrefixes) {
  const auto run = [](uint64_t seed) {
    SimLoop loop;
    MemoryNetwork network(loop);
    SeededFaults faults(seed, {.offset_max = 8192});
    const LinkFaults to_second = faults.Next();
    auto [first, second] = network.NewPair(to_second, faults.Next());
    RecordingReader reader;
    second->StartReading(reader);
    std::string bytes;
    for (int i = 0; bytes.size() < 10000; ++i) absl::StrAppend(&bytes, i, ",");
    bool written = false;
    first->Write({bytes},
                 [&written](absl::Status status) { written = status.ok(); });
    first->ShutdownWrite();
    loop.RunFor(absl::Hours(1));
    EXPECT_EQ(reader.received, bytes.substr(0, reader.received.size()));
    if (!to_second.resets_after_bytes.has_value() &&
        !to_second.write_stalls_after_bytes.has_value()) {
      EXPECT_TRUE(written);
      EXPECT_EQ(reader.received.size(), bytes.size());
      EXPECT_TRUE(reader.end.has_value() && reader.end->ok());
    }
    return reader.pieces;
  };
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    EXPECT_EQ(run(seed), run(seed));
  }
}

}  // namespace
}  // namespace rafthttp::event
