#include "rafthttp/event/uv_signal.h"

#include <signal.h>

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rafthttp/event/uv_loop.h"

namespace rafthttp::event {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

class UvSignalTest : public ::testing::Test {
 protected:
  std::unique_ptr<UvSignalWatcher> Watch(std::vector<int> signals,
                                         std::function<void(int)> on_signal) {
    absl::StatusOr<std::unique_ptr<UvSignalWatcher>> watcher =
        UvSignalWatcher::Create(loop_, signals, std::move(on_signal));
    EXPECT_TRUE(watcher.ok()) << watcher.status();
    return *std::move(watcher);
  }

  UvLoop loop_;
};

TEST_F(UvSignalTest, TellsWhichSignalCame) {
  std::vector<int> caught;
  auto watcher = Watch({SIGUSR1, SIGUSR2},
                       [&caught](int signal) { caught.push_back(signal); });
  raise(SIGUSR2);
  EXPECT_THAT(caught, ElementsAre());
  EXPECT_TRUE(loop_.RunUntil([&] { return !caught.empty(); }, 1000));
  raise(SIGUSR1);
  EXPECT_TRUE(loop_.RunUntil([&] { return caught.size() == 2; }, 1000));
  EXPECT_THAT(caught, ElementsAre(SIGUSR2, SIGUSR1));
}

TEST_F(UvSignalTest, SeveralWatchersAllHear) {
  std::vector<int> caught;
  auto first = Watch({SIGUSR1}, [&caught](int) { caught.push_back(1); });
  auto second = Watch({SIGUSR1}, [&caught](int) { caught.push_back(2); });
  raise(SIGUSR1);
  EXPECT_TRUE(loop_.RunUntil([&] { return caught.size() == 2; }, 1000));
  EXPECT_THAT(caught, UnorderedElementsAre(1, 2));
}

TEST_F(UvSignalTest, MayBeDestroyedInItsCallback) {
  std::unique_ptr<UvSignalWatcher> watcher;
  auto held = std::make_shared<int>(0);
  int calls = 0;
  watcher = Watch({SIGUSR1, SIGUSR2}, [&, held](int) {
    watcher.reset();
    ++calls;
    EXPECT_GT(held.use_count(), 1);
  });
  raise(SIGUSR1);
  raise(SIGUSR2);
  EXPECT_TRUE(loop_.RunUntil([&] { return watcher == nullptr; }, 1000));
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(held.use_count(), 1);
}

TEST_F(UvSignalTest, AnImpossibleSignalIsAnError) {
  EXPECT_FALSE(
      UvSignalWatcher::Create(loop_, {SIGUSR1, 12345}, [](int) {}).ok());
}

TEST_F(UvSignalTest, AfterwardsTheSignalDoesWhatItDid) {
  Watch({SIGUSR1}, [](int) {}).reset();
  EXPECT_EXIT(raise(SIGUSR1), ::testing::KilledBySignal(SIGUSR1), "");
}

}  // namespace
}  // namespace rafthttp::event
