#include "tools/rafthttpctl/output.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rafthttp/event/uv_loop.h"

namespace rafthttpctl {
namespace {

using ::testing::HasSubstr;

constexpr int kManyTurns = 100000;

std::string ReadOnce(int fd) {
  std::string bytes(1 << 16, '\0');
  const ssize_t size = read(fd, bytes.data(), bytes.size());
  bytes.resize(size < 0 ? 0 : static_cast<size_t>(size));
  return bytes;
}

std::string ReadExactly(int fd, size_t size) {
  std::string all;
  while (all.size() < size) {
    const std::string some = ReadOnce(fd);
    if (some.empty()) break;
    all += some;
  }
  return all;
}

enum class Kind { kPipe, kSocket, kTerminal };

// Both ends of something that one can write to and that may not be read.
class OutputTest : public testing::TestWithParam<Kind> {
 protected:
  OutputTest() {
    int fds[2] = {-1, -1};
    switch (GetParam()) {
      case Kind::kPipe:
        EXPECT_EQ(pipe2(fds, O_CLOEXEC), 0);
        read_fd_ = fds[0];
        write_fd_ = fds[1];
        break;
      case Kind::kSocket:
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        read_fd_ = fds[0];
        write_fd_ = fds[1];
        break;
      case Kind::kTerminal:
        read_fd_ = posix_openpt(O_RDWR | O_NOCTTY);
        EXPECT_GE(read_fd_, 0);
        EXPECT_EQ(grantpt(read_fd_), 0);
        EXPECT_EQ(unlockpt(read_fd_), 0);
        write_fd_ = open(ptsname(read_fd_), O_RDWR | O_NOCTTY);
        EXPECT_GE(write_fd_, 0);
        break;
    }
  }
  ~OutputTest() override {
    output_.reset();
    CloseReader();
    close(write_fd_);
  }

  void Open(Output::Options options = {}) {
    output_ = std::make_unique<Output>(loop_, write_fd_, options);
    output_->set_on_drained([this] { ++drained_; });
    output_->set_on_closed([this] { ++closed_; });
    output_->set_on_error([this](absl::Status status) { error_ = status; });
  }
  void CloseReader() {
    if (read_fd_ >= 0) close(read_fd_);
    read_fd_ = -1;
  }
  // What a terminal makes of `text`.
  std::string Shown(std::string text) const {
    if (GetParam() != Kind::kTerminal) return text;
    std::string shown;
    for (char c : text) {
      if (c == '\n') shown.push_back('\r');
      shown.push_back(c);
    }
    return shown;
  }

  rafthttp::event::UvLoop loop_;
  int read_fd_ = -1;
  int write_fd_ = -1;
  std::unique_ptr<Output> output_;
  int drained_ = 0;
  int closed_ = 0;
  std::optional<absl::Status> error_;
};

INSTANTIATE_TEST_SUITE_P(Kinds, OutputTest,
                         testing::Values(Kind::kPipe, Kind::kSocket,
                                         Kind::kTerminal),
                         [](const auto& info) {
                           return info.param == Kind::kPipe     ? "Pipe"
                                  : info.param == Kind::kSocket ? "Socket"
                                                                : "Terminal";
                         });

TEST_P(OutputTest, EachLineIsOutWithoutWaitingForTheNext) {
  Open();
  output_->Write("one\n");
  EXPECT_EQ(ReadExactly(read_fd_, Shown("one\n").size()), Shown("one\n"));
  output_->Write("two\n");
  EXPECT_EQ(ReadExactly(read_fd_, Shown("two\n").size()), Shown("two\n"));
  EXPECT_TRUE(output_->Finish(absl::Seconds(10)).ok());
}

TEST_P(OutputTest, FinishWritesWhatIsQueuedInOrder) {
  Open();
  std::string expected;
  for (int i = 0; i < 20000; ++i) {
    output_->Write(absl::StrCat("line ", i, "\n"));
    absl::StrAppend(&expected, "line ", i, "\n");
  }
  expected = Shown(expected);
  std::string got;
  std::thread reader([&] { got = ReadExactly(read_fd_, expected.size()); });
  EXPECT_TRUE(output_->Finish(absl::Seconds(60)).ok());
  reader.join();
  EXPECT_EQ(got, expected);
}

TEST_P(OutputTest, AFullQueueIsToldAndLaterThatItHasDrained) {
  Open({.queue_bytes_max = 1 << 20, .queue_bytes_low = 1 << 16});
  const std::string line = std::string(9999, 'x') + "\n";
  for (int round = 1; round <= 2; ++round) {
    size_t lines = 0;
    while (!output_->is_full()) {
      output_->Write(line);
      ++lines;
    }
    EXPECT_GE(lines * line.size(), size_t{1} << 20);
    EXPECT_EQ(drained_, round - 1);
    const size_t shown_bytes = lines * Shown(line).size();
    std::string got;
    std::thread reader([&] { got = ReadExactly(read_fd_, shown_bytes); });
    EXPECT_TRUE(loop_.RunUntil([&] { return drained_ == round; }, kManyTurns));
    EXPECT_FALSE(output_->is_full());
    reader.join();
    EXPECT_EQ(got.size(), shown_bytes);
  }
}

TEST_P(OutputTest, AReaderThatLeavesIsToldOnce) {
  if (GetParam() == Kind::kTerminal) GTEST_SKIP() << "that is a hang-up";
  Open();
  CloseReader();
  output_->Write("into the void\n");
  EXPECT_TRUE(loop_.RunUntil([&] { return closed_ == 1; }, kManyTurns));
  output_->Write("more\n");
  EXPECT_FALSE(output_->is_full());
  EXPECT_TRUE(absl::IsCancelled(output_->Finish(absl::Seconds(10))));
  EXPECT_EQ(closed_, 1);
  EXPECT_FALSE(error_.has_value());
}

// `tail | head -1` on a quiet cluster ends when head does, rather than with the
// next record, whenever that may come.
TEST_P(OutputTest, AReaderThatLeavesIsNoticedWithNothingToWrite) {
  Open();
  output_->Write("one\n");
  ReadExactly(read_fd_, Shown("one\n").size());
  CloseReader();
  EXPECT_TRUE(loop_.RunUntil([&] { return closed_ == 1; }, kManyTurns));
}

TEST_P(OutputTest, AReaderThatNeverReadsCannotHoldUpTheEnd) {
  Open({.queue_bytes_max = 8 << 20});
  output_->Write(std::string(4 << 20, 'x'));
  const absl::Status status = output_->Finish(absl::Milliseconds(50));
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("bytes are lost"));
  // The second time asks for what the first found out.
  EXPECT_EQ(output_->Finish(absl::InfiniteDuration()), status);
}

TEST_P(OutputTest, DestroyedWithAFullQueue) {
  Open({.queue_bytes_max = 8 << 20});
  output_->Write(std::string(4 << 20, 'x'));
  output_.reset();
  // What was posted before finds nobody.
  bool has_run = false;
  loop_.Post([&] { has_run = true; });
  EXPECT_TRUE(loop_.RunUntil([&] { return has_run; }, kManyTurns));
  EXPECT_EQ(drained_ + closed_, 0);
}

TEST_P(OutputTest, DestroyedInItsOwnCallbacks) {
  Open({.queue_bytes_max = 64 << 10, .queue_bytes_low = 0});
  output_->set_on_drained([this, kept = std::string(100, 'k')] {
    output_.reset();
    EXPECT_EQ(kept.size(), size_t{100});
    ++drained_;
  });
  std::thread reader([&] { ReadExactly(read_fd_, 100 << 10); });
  output_->Write(std::string(100 << 10, 'x'));
  EXPECT_TRUE(loop_.RunUntil([&] { return drained_ == 1; }, kManyTurns));
  reader.join();

  Open();
  output_->set_on_closed([this, kept = std::string(100, 'k')] {
    output_.reset();
    EXPECT_EQ(kept.size(), size_t{100});
    ++closed_;
  });
  CloseReader();
  EXPECT_TRUE(loop_.RunUntil([&] { return closed_ == 1; }, kManyTurns));
}

TEST_P(OutputTest, TheDescriptorIsLeftAsItWas) {
  const int before = fcntl(write_fd_, F_GETFL);
  Open();
  output_->Write("one\n");
  EXPECT_TRUE(output_->Finish(absl::Seconds(10)).ok());
  EXPECT_EQ(fcntl(write_fd_, F_GETFL), before);
}

TEST_P(OutputTest, NothingIsWrittenAfterTheEnd) {
  Open();
  EXPECT_TRUE(output_->Finish(absl::Seconds(10)).ok());
  output_->Write("late\n");
  pollfd polled = {.fd = read_fd_, .events = POLLIN, .revents = 0};
  EXPECT_EQ(poll(&polled, 1, 0), 0);
}

TEST(OutputErrorTest, AFullDiskIsToldOnce) {
  rafthttp::event::UvLoop loop;
  const int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  std::vector<absl::Status> errors;
  Output output(loop, fd, {});
  output.set_on_error([&](absl::Status status) { errors.push_back(status); });
  output.Write("one\n");
  EXPECT_TRUE(loop.RunUntil([&] { return !errors.empty(); }, kManyTurns));
  output.Write("two\n");
  const absl::Status status = output.Finish(absl::Seconds(10));
  EXPECT_EQ(errors, std::vector<absl::Status>{status});
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("No space left"));
  close(fd);
}

TEST(OutputErrorTest, ADescriptorThatIsNotOpenIsAnErrorOfTheFirstWrite) {
  rafthttp::event::UvLoop loop;
  const int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
  close(fd);
  int errors = 0;
  int closed = 0;
  Output output(loop, fd, {});
  output.set_on_error([&](absl::Status) { ++errors; });
  output.set_on_closed([&] { ++closed; });
  output.Write("one\n");
  EXPECT_TRUE(loop.RunUntil([&] { return errors == 1; }, kManyTurns));
  EXPECT_EQ(closed, 0);
}

TEST(OutputErrorTest, AFileIsAppendedToWhereItsDescriptorStands) {
  rafthttp::event::UvLoop loop;
  std::string path = absl::StrCat(std::getenv("TEST_TMPDIR"), "/outXXXXXX");
  const int fd = mkstemp(path.data());
  ASSERT_GE(fd, 0);
  ASSERT_TRUE(WriteAll(fd, "first\n").ok());
  Output output(loop, fd, {});
  output.Write("second\n");
  EXPECT_TRUE(output.Finish(absl::Seconds(10)).ok());
  lseek(fd, 0, SEEK_SET);
  EXPECT_EQ(ReadOnce(fd), "first\nsecond\n");
  close(fd);
}

TEST(WriteAllTest, SaysWhenTheReaderHasGone) {
  rafthttp::event::UvLoop ignores_sigpipe;
  int fds[2];
  ASSERT_EQ(pipe2(fds, O_CLOEXEC), 0);
  EXPECT_TRUE(WriteAll(fds[1], "one\n").ok());
  EXPECT_EQ(ReadOnce(fds[0]), "one\n");
  close(fds[0]);
  EXPECT_TRUE(absl::IsCancelled(WriteAll(fds[1], "two\n")));
  close(fds[1]);
}

}  // namespace
}  // namespace rafthttpctl
