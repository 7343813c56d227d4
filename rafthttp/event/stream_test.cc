// What every ByteStream does, tried on the one in memory and on libuv's alike.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rafthttp/event/address.h"
#include "rafthttp/event/byte_stream.h"
#include "rafthttp/event/connector.h"
#include "rafthttp/event/event_loop.h"
#include "rafthttp/event/io_status.h"
#include "rafthttp/event/listener.h"
#include "rafthttp/event/testing/memory_network.h"
#include "rafthttp/event/testing/sim_loop.h"
#include "rafthttp/event/testing/socket_folder.h"
#include "rafthttp/event/uv_connector.h"
#include "rafthttp/event/uv_listener.h"
#include "rafthttp/event/uv_loop.h"

namespace rafthttp::event {
namespace {

using ::testing::ElementsAre;
using StreamPair =
    std::pair<std::unique_ptr<ByteStream>, std::unique_ptr<ByteStream>>;

constexpr int kTurnsMax = 20000;

class MemoryRig {
 public:
  StreamPair NewPair() { return network_.NewPair(); }
  bool RunUntil(absl::FunctionRef<bool()> predicate) {
    return loop_.RunUntil(predicate, kTurnsMax);
  }
  EventLoop& loop() { return loop_; }

 private:
  SimLoop loop_;
  MemoryNetwork network_{loop_};
};

// The loop's destructor CHECKs that uv_loop_close returns 0.
class UvRig {
 public:
  StreamPair NewPair() {
    StreamPair pair;
    absl::StatusOr<std::unique_ptr<Listener>> listener =
        UvListener::Listen(loop_, {.host = "127.0.0.1", .port = 0}, {},
                           [&pair](std::unique_ptr<ByteStream> stream) {
                             pair.second = std::move(stream);
                           });
    EXPECT_TRUE(listener.ok()) << listener.status();
    const std::unique_ptr<Connector::Attempt> attempt = connector_.Connect(
        {.host = "127.0.0.1", .port = (*listener)->port()}, {},
        [&pair](absl::StatusOr<std::unique_ptr<ByteStream>> stream) {
          EXPECT_TRUE(stream.ok()) << stream.status();
          pair.first = *std::move(stream);
        });
    EXPECT_TRUE(RunUntil(
        [&pair] { return pair.first != nullptr && pair.second != nullptr; }));
    return pair;
  }
  bool RunUntil(absl::FunctionRef<bool()> predicate) {
    return loop_.RunUntil(predicate, kTurnsMax);
  }
  EventLoop& loop() { return loop_; }

 private:
  UvLoop loop_;
  UvConnector connector_{loop_};
};

// The same over a Unix socket.
class UnixRig {
 public:
  StreamPair NewPair() {
    StreamPair pair;
    const Address address = Address::Unix(folder_.Path("socket"));
    absl::StatusOr<std::unique_ptr<Listener>> listener = UvListener::Listen(
        loop_, address, {}, [&pair](std::unique_ptr<ByteStream> stream) {
          pair.second = std::move(stream);
        });
    EXPECT_TRUE(listener.ok()) << listener.status();
    EXPECT_EQ((*listener)->address(), FormatHostPort(address));
    const std::unique_ptr<Connector::Attempt> attempt = connector_.Connect(
        address, {},
        [&pair](absl::StatusOr<std::unique_ptr<ByteStream>> stream) {
          EXPECT_TRUE(stream.ok()) << stream.status();
          pair.first = *std::move(stream);
        });
    EXPECT_TRUE(RunUntil(
        [&pair] { return pair.first != nullptr && pair.second != nullptr; }));
    EXPECT_EQ(pair.first->peer_address(), FormatHostPort(address));
    return pair;
  }
  bool RunUntil(absl::FunctionRef<bool()> predicate) {
    return loop_.RunUntil(predicate, kTurnsMax);
  }
  EventLoop& loop() { return loop_; }

 private:
  const SocketFolder folder_;
  UvLoop loop_;
  UvConnector connector_{loop_};
};

class RecordingReader final : public ByteStream::Reader {
 public:
  void OnBytes(absl::string_view bytes) override {
    EXPECT_FALSE(bytes.empty());
    EXPECT_FALSE(end.has_value()) << "bytes after the end";
    received.append(bytes.data(), bytes.size());
    if (on_bytes) on_bytes();
  }
  void OnEnd(absl::Status status) override {
    EXPECT_FALSE(end.has_value()) << "a second end";
    end = std::move(status);
    if (on_end) on_end();
  }

  std::string received;
  std::optional<absl::Status> end;
  std::function<void()> on_bytes;
  std::function<void()> on_end;
};

// Bytes whose place can be told from their value.
std::string Pattern(size_t size) {
  std::string bytes(size, '\0');
  uint32_t state = 1;
  for (char& c : bytes) {
    state = state * 1664525 + 1013904223;
    c = static_cast<char>(state >> 24);
  }
  return bytes;
}

template <typename Rig>
class StreamTest : public ::testing::Test {
 protected:
  StreamTest() { std::tie(a_, b_) = rig_.NewPair(); }

  bool RunUntil(absl::FunctionRef<bool()> predicate) {
    return rig_.RunUntil(predicate);
  }
  // Lets everything happen that is about to: a post passes through the loop
  // a few times.
  void Settle() {
    for (int i = 0; i < 5; ++i) {
      bool passed = false;
      const std::unique_ptr<Timer> timer =
          rig_.loop().NewTimer([&passed] { passed = true; });
      timer->Start(absl::Milliseconds(1));
      ASSERT_TRUE(RunUntil([&passed] { return passed; }));
    }
  }
  // Writes all of `bytes`, which must stay, and says nothing of the outcome.
  static void Write(ByteStream& stream, absl::string_view bytes) {
    stream.Write({bytes}, [](absl::Status) {});
  }
  // Fills what lies between the two, and returns what went in.
  static std::string FillUp(ByteStream& stream) {
    const std::string block = Pattern(64 << 10);
    std::string filled;
    for (;;) {
      absl::StatusOr<size_t> written = stream.TryWrite({block});
      EXPECT_TRUE(written.ok()) << written.status();
      if (!written.ok() || *written == 0) return filled;
      filled.append(block, 0, *written);
    }
  }
  // Writes until that fails, and says how. The kernel learns of a reset in its
  // own time, and does not wake a loop that is not reading.
  absl::Status FirstWriteError(ByteStream& stream) {
    absl::Status status;
    for (int i = 0; i < 1000 && status.ok(); ++i) {
      status = stream.TryWrite({"x"}).status();
      Settle();
    }
    return status;
  }
  void ExpectReset(const RecordingReader& reader) {
    ASSERT_TRUE(RunUntil([&reader] { return reader.end.has_value(); }));
    EXPECT_EQ(IoCauseOf(*reader.end), IoCause::kReset) << *reader.end;
  }

  Rig rig_;
  RecordingReader a_reader_;
  RecordingReader b_reader_;
  std::unique_ptr<ByteStream> a_;
  std::unique_ptr<ByteStream> b_;
};

class RigNames {
 public:
  template <typename Rig>
  static std::string GetName(int) {
    if (std::is_same_v<Rig, UnixRig>) return "Unix";
    return std::is_same_v<Rig, UvRig> ? "Uv" : "Memory";
  }
};

using Rigs = ::testing::Types<MemoryRig, UvRig, UnixRig>;
TYPED_TEST_SUITE(StreamTest, Rigs, RigNames);

TYPED_TEST(StreamTest, CarriesBytesBothWays) {
  this->a_->StartReading(this->a_reader_);
  this->b_->StartReading(this->b_reader_);
  EXPECT_EQ(this->a_->TryWrite({"he", "", "llo"}).value(), 5u);
  this->Write(*this->b_, "world");
  EXPECT_TRUE(this->RunUntil([this] {
    return this->b_reader_.received == "hello" &&
           this->a_reader_.received == "world";
  }));
}

TYPED_TEST(StreamTest, EachKnowsTheOthersAddress) {
  EXPECT_EQ(this->a_->local_address(), this->b_->peer_address());
  EXPECT_EQ(this->b_->local_address(), this->a_->peer_address());
  EXPECT_NE(this->a_->local_address(), this->b_->local_address());
}

TYPED_TEST(StreamTest, NothingIsReadBeforeTheNextTurn) {
  ASSERT_EQ(this->a_->TryWrite({"x"}).value(), 1u);
  this->Settle();
  this->b_->StartReading(this->b_reader_);
  EXPECT_EQ(this->b_reader_.received, "");
  EXPECT_TRUE(
      this->RunUntil([this] { return this->b_reader_.received == "x"; }));
}

TYPED_TEST(StreamTest, WrittenIsReportedInALaterTurnAndOnce) {
  int calls = 0;
  this->a_->Write({"x"}, [&calls](absl::Status status) {
    EXPECT_TRUE(status.ok()) << status;
    ++calls;
  });
  EXPECT_EQ(calls, 0);
  EXPECT_TRUE(this->RunUntil([&calls] { return calls > 0; }));
  this->Settle();
  EXPECT_EQ(calls, 1);
}

TYPED_TEST(StreamTest, AnEmptyWriteIsReportedToo) {
  int calls = 0;
  this->a_->Write({}, [&calls](absl::Status status) {
    EXPECT_TRUE(status.ok()) << status;
    ++calls;
  });
  this->a_->Write({"", ""}, [&calls](absl::Status status) {
    EXPECT_TRUE(status.ok()) << status;
    ++calls;
  });
  EXPECT_EQ(calls, 0);
  EXPECT_TRUE(this->RunUntil([&calls] { return calls == 2; }));
  EXPECT_EQ(this->a_->TryWrite({}).value(), 0u);
  EXPECT_EQ(this->a_->TryWrite({"", ""}).value(), 0u);
}

TYPED_TEST(StreamTest, TakesMoreBuffersThanTheKernelDoesAtOnce) {
  const std::string bytes = Pattern(3000);
  std::vector<absl::string_view> buffers;
  for (size_t i = 0; i < bytes.size(); ++i) {
    buffers.push_back(absl::string_view(bytes).substr(i, 1));
  }
  this->b_->StartReading(this->b_reader_);
  const size_t written = this->a_->TryWrite(buffers).value();
  EXPECT_GT(written, 0u);
  this->a_->Write(absl::MakeConstSpan(buffers).subspan(written),
                  [](absl::Status) {});
  EXPECT_TRUE(this->RunUntil(
      [&] { return this->b_reader_.received.size() == bytes.size(); }));
  EXPECT_EQ(this->b_reader_.received, bytes);
}

TYPED_TEST(StreamTest, HalfCloseLeavesTheOtherDirectionOpen) {
  this->a_->StartReading(this->a_reader_);
  this->b_->StartReading(this->b_reader_);
  ASSERT_EQ(this->a_->TryWrite({"question"}).value(), 8u);
  this->a_->ShutdownWrite();
  ASSERT_TRUE(
      this->RunUntil([this] { return this->b_reader_.end.has_value(); }));
  EXPECT_TRUE(this->b_reader_.end->ok()) << *this->b_reader_.end;
  EXPECT_EQ(this->b_reader_.received, "question");

  EXPECT_EQ(this->b_->TryWrite({"answer"}).value(), 6u);
  this->b_->ShutdownWrite();
  ASSERT_TRUE(
      this->RunUntil([this] { return this->a_reader_.end.has_value(); }));
  EXPECT_TRUE(this->a_reader_.end->ok()) << *this->a_reader_.end;
  EXPECT_EQ(this->a_reader_.received, "answer");
}

TYPED_TEST(StreamTest, ShutdownWaitsForPendingWrites) {
  std::string bytes = this->FillUp(*this->a_);
  const std::string rest = Pattern(300000);
  bool written = false;
  this->a_->Write({rest}, [&written](absl::Status status) {
    EXPECT_TRUE(status.ok()) << status;
    written = true;
  });
  this->a_->ShutdownWrite();
  this->a_->ShutdownWrite();  // changes nothing
  this->Settle();
  EXPECT_FALSE(written);
  this->b_->StartReading(this->b_reader_);
  ASSERT_TRUE(
      this->RunUntil([this] { return this->b_reader_.end.has_value(); }));
  EXPECT_TRUE(this->b_reader_.end->ok()) << *this->b_reader_.end;
  EXPECT_EQ(this->b_reader_.received, bytes + rest);
  EXPECT_TRUE(written);
}

TYPED_TEST(StreamTest, ClosingIsAnEndForThePeer) {
  this->a_->StartReading(this->a_reader_);
  ASSERT_EQ(this->b_->TryWrite({"bye"}).value(), 3u);
  this->b_.reset();
  ASSERT_TRUE(
      this->RunUntil([this] { return this->a_reader_.end.has_value(); }));
  EXPECT_TRUE(this->a_reader_.end->ok()) << *this->a_reader_.end;
  EXPECT_EQ(this->a_reader_.received, "bye");
}

TYPED_TEST(StreamTest, ClosingWithBytesUnreadResetsThePeer) {
  ASSERT_EQ(this->a_->TryWrite({"lost"}).value(), 4u);
  this->Settle();
  this->b_.reset();
  this->a_->StartReading(this->a_reader_);
  this->ExpectReset(this->a_reader_);
  EXPECT_EQ(IoCauseOf(this->FirstWriteError(*this->a_)), IoCause::kReset);
}

TYPED_TEST(StreamTest, WritingToAClosedPeerFailsInTheEnd) {
  this->b_.reset();
  EXPECT_EQ(IoCauseOf(this->FirstWriteError(*this->a_)), IoCause::kReset);
  // And then for good, each reported in a turn of its own.
  int calls = 0;
  for (int i = 0; i < 3; ++i) {
    this->a_->Write({"x"}, [&calls](absl::Status why) {
      EXPECT_EQ(IoCauseOf(why), IoCause::kReset) << why;
      ++calls;
    });
  }
  EXPECT_EQ(calls, 0);
  EXPECT_TRUE(this->RunUntil([&calls] { return calls == 3; }));
  this->a_->ShutdownWrite();
}

TYPED_TEST(StreamTest, AResetFailsEveryPendingWriteOnceAndInOrder) {
  this->FillUp(*this->a_);
  const std::string bytes = Pattern(100000);
  std::vector<int> failed;
  for (int i = 0; i < 4; ++i) {
    this->a_->Write({bytes}, [&failed, i](absl::Status status) {
      EXPECT_EQ(IoCauseOf(status), IoCause::kReset) << status;
      failed.push_back(i);
    });
  }
  EXPECT_GT(this->a_->pending_write_bytes(), 0u);
  this->b_.reset();  // with much unread
  EXPECT_TRUE(this->RunUntil([&failed] { return failed.size() == 4; }));
  this->Settle();
  EXPECT_THAT(failed, ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(this->a_->pending_write_bytes(), 0u);
}

TYPED_TEST(StreamTest, DestroyedWhileItsFailedWritesAreReported) {
  this->FillUp(*this->a_);
  const std::string bytes = Pattern(100000);
  int calls = 0;
  for (int i = 0; i < 4; ++i) {
    this->a_->Write({bytes}, [this, &calls](absl::Status) {
      if (++calls == 2) this->a_.reset();
    });
  }
  this->b_.reset();
  EXPECT_TRUE(this->RunUntil([this] { return this->a_ == nullptr; }));
  this->Settle();
  EXPECT_EQ(calls, 2);
}

TYPED_TEST(StreamTest, DestroyedInOnBytes) {
  this->b_reader_.on_bytes = [this] { this->b_.reset(); };
  this->b_->StartReading(this->b_reader_);
  const std::string bytes = Pattern(200000);  // several callbacks' worth
  this->Write(*this->a_, bytes);
  EXPECT_TRUE(this->RunUntil([this] { return this->b_ == nullptr; }));
  const size_t received = this->b_reader_.received.size();
  this->Settle();
  EXPECT_EQ(this->b_reader_.received.size(), received);
  EXPECT_FALSE(this->b_reader_.end.has_value());
  this->a_.reset();
}

TYPED_TEST(StreamTest, DestroyedInOnEnd) {
  this->b_reader_.on_end = [this] { this->b_.reset(); };
  this->b_->StartReading(this->b_reader_);
  this->a_.reset();
  EXPECT_TRUE(this->RunUntil([this] { return this->b_ == nullptr; }));
  EXPECT_TRUE(this->b_reader_.end->ok());
}

TYPED_TEST(StreamTest, DestroyedInOnEndAfterAReset) {
  ASSERT_EQ(this->a_->TryWrite({"lost"}).value(), 4u);
  this->Settle();
  this->a_reader_.on_end = [this] { this->a_.reset(); };
  this->a_->StartReading(this->a_reader_);
  this->b_.reset();
  EXPECT_TRUE(this->RunUntil([this] { return this->a_ == nullptr; }));
}

TYPED_TEST(StreamTest, DestroyedInOnWritten) {
  int calls = 0;
  for (int i = 0; i < 3; ++i) {
    this->a_->Write({"x"}, [this, &calls](absl::Status) {
      ++calls;
      this->a_.reset();
    });
  }
  EXPECT_TRUE(this->RunUntil([this] { return this->a_ == nullptr; }));
  this->Settle();
  EXPECT_EQ(calls, 1);
}

TYPED_TEST(StreamTest, DestroyedWithPendingWritesForgetsThem) {
  this->FillUp(*this->a_);
  auto bytes = std::make_unique<std::string>(Pattern(1 << 20));
  auto token = std::make_shared<int>(0);
  this->a_->Write({*bytes}, [token](absl::Status) { FAIL() << "called"; });
  this->a_->Write({*bytes}, [token](absl::Status) { FAIL() << "called"; });
  ASSERT_EQ(token.use_count(), 3);
  this->a_.reset();
  EXPECT_EQ(token.use_count(), 1) << "a callback is still held";
  bytes.reset();  // ASan sees who still reads it.
  this->b_->StartReading(this->b_reader_);
  ASSERT_TRUE(
      this->RunUntil([this] { return this->b_reader_.end.has_value(); }));
}

TYPED_TEST(StreamTest, DestroyedBeforeAnythingWasDelivered) {
  ASSERT_EQ(this->a_->TryWrite({"x"}).value(), 1u);
  this->b_->StartReading(this->b_reader_);
  this->b_.reset();
  this->Settle();
  EXPECT_EQ(this->b_reader_.received, "");
  EXPECT_FALSE(this->b_reader_.end.has_value());
}

TYPED_TEST(StreamTest, BothEndsDestroyedAtOnce) {
  this->FillUp(*this->a_);
  this->FillUp(*this->b_);
  this->a_.reset();
  this->b_.reset();
  this->Settle();
}

TYPED_TEST(StreamTest, StopReadingKeepsTheRestForLater) {
  const std::string bytes = Pattern(500000);
  this->b_reader_.on_bytes = [this] { this->b_->StopReading(); };
  this->b_->StartReading(this->b_reader_);
  this->Write(*this->a_, bytes);
  ASSERT_TRUE(
      this->RunUntil([this] { return !this->b_reader_.received.empty(); }));
  const size_t first = this->b_reader_.received.size();
  ASSERT_LT(first, bytes.size());
  this->Settle();
  EXPECT_EQ(this->b_reader_.received.size(), first);

  this->b_reader_.on_bytes = nullptr;
  this->b_->StartReading(this->b_reader_);
  EXPECT_EQ(this->b_reader_.received.size(), first);
  ASSERT_TRUE(this->RunUntil(
      [&] { return this->b_reader_.received.size() == bytes.size(); }));
  EXPECT_EQ(this->b_reader_.received, bytes);
}

TYPED_TEST(StreamTest, AnotherReaderTakesOverInTheMiddle) {
  const std::string bytes = Pattern(500000);
  RecordingReader next;
  this->b_reader_.on_bytes = [this, &next] { this->b_->StartReading(next); };
  this->b_->StartReading(this->b_reader_);
  this->Write(*this->a_, bytes);
  ASSERT_TRUE(this->RunUntil([&] {
    return this->b_reader_.received.size() + next.received.size() ==
           bytes.size();
  }));
  EXPECT_FALSE(next.received.empty());
  EXPECT_EQ(this->b_reader_.received + next.received, bytes);
}

TYPED_TEST(StreamTest, TheEndIsToldAgainToAReaderThatTakesOverLater) {
  this->b_->StartReading(this->b_reader_);
  this->a_.reset();
  ASSERT_TRUE(
      this->RunUntil([this] { return this->b_reader_.end.has_value(); }));
  RecordingReader next;
  this->b_->StartReading(next);
  EXPECT_FALSE(next.end.has_value());
  EXPECT_TRUE(this->RunUntil([&next] { return next.end.has_value(); }));
  EXPECT_TRUE(next.end->ok());
}

TYPED_TEST(StreamTest, TheEndWaitsWhileReadingIsStopped) {
  this->b_->StartReading(this->b_reader_);
  this->b_->StopReading();
  this->a_.reset();
  this->Settle();
  EXPECT_FALSE(this->b_reader_.end.has_value());
  this->b_->StartReading(this->b_reader_);
  EXPECT_TRUE(
      this->RunUntil([this] { return this->b_reader_.end.has_value(); }));
}

TYPED_TEST(StreamTest, TakesNoMoreThanThereIsRoomFor) {
  std::string bytes = this->FillUp(*this->a_);
  EXPECT_FALSE(bytes.empty());
  this->Settle();
  // The kernel may have found a little more room meanwhile.
  bytes += this->FillUp(*this->a_);

  const std::string more = Pattern(5 << 20);
  std::vector<int> written;
  this->a_->Write({more}, [&written](absl::Status status) {
    EXPECT_TRUE(status.ok()) << status;
    written.push_back(1);
  });
  this->a_->Write({"last"}, [&written](absl::Status status) {
    EXPECT_TRUE(status.ok()) << status;
    written.push_back(2);
  });
  EXPECT_GT(this->a_->pending_write_bytes(), 4u);
  EXPECT_LE(this->a_->pending_write_bytes(), more.size() + 4);
  EXPECT_EQ(this->a_->TryWrite({"overtakes"}).value(), 0u);
  this->Settle();
  EXPECT_THAT(written, ElementsAre());

  this->b_->StartReading(this->b_reader_);
  const std::string all = bytes + more + "last";
  ASSERT_TRUE(this->RunUntil(
      [&] { return this->b_reader_.received.size() >= all.size(); }));
  EXPECT_TRUE(this->b_reader_.received == all);
  EXPECT_TRUE(this->RunUntil([&written] { return written.size() == 2; }));
  EXPECT_THAT(written, ElementsAre(1, 2));
  EXPECT_EQ(this->a_->pending_write_bytes(), 0u);
  EXPECT_EQ(this->a_->TryWrite({"again"}).value(), 5u);
}

TYPED_TEST(StreamTest, EchoesAMegabyteThroughBackPressure) {
  // B sends back what it reads, and stops reading while it cannot.
  std::string echo;
  this->b_reader_.on_bytes = [this, &echo] {
    this->b_->StopReading();
    echo = std::exchange(this->b_reader_.received, "");
    this->b_->Write({echo}, [this](absl::Status status) {
      EXPECT_TRUE(status.ok()) << status;
      this->b_->StartReading(this->b_reader_);
    });
  };
  this->b_->StartReading(this->b_reader_);
  this->a_->StartReading(this->a_reader_);
  const std::string bytes = Pattern(1 << 20);
  this->Write(*this->a_, bytes);
  ASSERT_TRUE(this->RunUntil(
      [&] { return this->a_reader_.received.size() == bytes.size(); }));
  EXPECT_TRUE(this->a_reader_.received == bytes);
}

}  // namespace
}  // namespace rafthttp::event
