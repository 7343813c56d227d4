#include "tools/etcdclient/worker.h"

#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rafthttp/event/uv_loop.h"

namespace rafthttpctl {
namespace {

using ::testing::ElementsAre;

constexpr int kTurnsMax = 1000;

class WorkerTest : public testing::Test {
 protected:
  rafthttp::event::UvLoop loop_;
};

TEST_F(WorkerTest, CallsRunElsewhereInOrderAndAnswerOnTheLoop) {
  Worker worker(loop_);
  const std::thread::id here = std::this_thread::get_id();
  std::vector<int> answers;
  std::vector<std::unique_ptr<Worker::Handle>> handles;
  for (int i = 0; i < 3; ++i) {
    handles.push_back(worker.Run<int>(
        [i, here] {
          EXPECT_NE(std::this_thread::get_id(), here);
          return i;
        },
        [&answers, here](int answer) {
          EXPECT_EQ(std::this_thread::get_id(), here);
          answers.push_back(answer);
        }));
  }
  EXPECT_TRUE(answers.empty());
  EXPECT_TRUE(loop_.RunUntil([&] { return answers.size() == 3; }, kTurnsMax));
  EXPECT_THAT(answers, ElementsAre(0, 1, 2));
}

TEST_F(WorkerTest, DroppingTheHandleDropsTheAnswerNotTheCall) {
  Worker worker(loop_);
  bool was_told = false;
  auto dropped = worker.Run<std::string>([] { return std::string("x"); },
                                         [&](std::string) { was_told = true; });
  dropped.reset();
  bool is_next_done = false;
  const auto next = worker.Run<bool>([] { return true; },
                                     [&](bool done) { is_next_done = done; });
  EXPECT_TRUE(loop_.RunUntil([&] { return is_next_done; }, kTurnsMax));
  EXPECT_FALSE(was_told);
}

TEST_F(WorkerTest, TheHandleMayGoInsideItsOwnAnswer) {
  Worker worker(loop_);
  std::unique_ptr<Worker::Handle> handle;
  bool is_done = false;
  handle = worker.Run<int>([] { return 1; },
                           [&](int) {
                             handle.reset();
                             is_done = true;
                           });
  EXPECT_TRUE(loop_.RunUntil([&] { return is_done; }, kTurnsMax));
}

// Keeps a promise when it is destroyed.
class Keeper {
 public:
  explicit Keeper(std::promise<void>& promise) : promise_(&promise) {}
  Keeper(Keeper&& other) noexcept
      : promise_(std::exchange(other.promise_, nullptr)) {}
  ~Keeper() {
    if (promise_ != nullptr) promise_->set_value();
  }

 private:
  std::promise<void>* promise_;
};

// A registrar is destroyed so, while etcd has not answered yet.
TEST_F(WorkerTest, DestroyedDropsWhatWaitsAndThenWaitsForTheCallUnderWay) {
  std::promise<void> begun;
  std::promise<void> dropped;
  std::future<void> drop = dropped.get_future();
  bool was_second_run = false;
  bool was_told = false;
  auto worker = std::make_unique<Worker>(loop_);
  const auto first = worker->Run<int>(
      [&] {
        begun.set_value();
        // So it ends only once the second is dropped.
        drop.wait();
        return 1;
      },
      [&](int) { was_told = true; });
  const auto second = worker->Run<int>(
      [&was_second_run, keeper = Keeper(dropped)] {
        was_second_run = true;
        return 2;
      },
      [&](int) { was_told = true; });
  begun.get_future().wait();
  worker.reset();
  EXPECT_FALSE(was_second_run);
  EXPECT_FALSE(was_told);
}

}  // namespace
}  // namespace rafthttpctl
