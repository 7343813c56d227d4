#include "rafthttp/base/destruction_watch.h"

#include <memory>

#include "gtest/gtest.h"

namespace rafthttp {
namespace {

TEST(DestructionWatchTest, SeesTheEnd) {
  auto life = std::make_unique<WatchedLife>();
  const DestructionWatch watch(*life);
  EXPECT_FALSE(watch.is_over());
  life.reset();
  EXPECT_TRUE(watch.is_over());
}

TEST(DestructionWatchTest, Nests) {
  auto life = std::make_unique<WatchedLife>();
  const DestructionWatch outer(*life);
  { const DestructionWatch inner(*life); }
  {
    const DestructionWatch inner(*life);
    life.reset();
    EXPECT_TRUE(inner.is_over());
  }
  EXPECT_TRUE(outer.is_over());
}

TEST(DestructionWatchTest, AnEndIsForThoseWhoWatch) {
  WatchedLife life;
  const DestructionWatch before(life);
  life.End();
  const DestructionWatch after(life);
  EXPECT_TRUE(before.is_over());
  EXPECT_FALSE(after.is_over());
}

}  // namespace
}  // namespace rafthttp
