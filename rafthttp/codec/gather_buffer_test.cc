#include "rafthttp/codec/gather_buffer.h"

#include <gtest/gtest.h>

#include <string>

namespace rafthttp::codec {
namespace {

TEST(GatherBufferTest, KeepsWhatWasAppended) {
  GatherBuffer buffer;
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.capacity(), 0u);
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    const std::string piece(static_cast<size_t>(i % 50),
                            static_cast<char>('a' + i % 26));
    buffer.Append(piece);
    expected += piece;
  }
  EXPECT_EQ(buffer.view(), expected);
  buffer.FinishFrame();
  EXPECT_TRUE(buffer.empty());
}

TEST(GatherBufferTest, GrowsWithTheBytesThatCame) {
  GatherBuffer buffer;
  const std::string piece(1000, 'x');
  for (size_t total = 1000; total < 10'000'000; total += 1000) {
    buffer.Append(piece);
    EXPECT_LE(buffer.capacity(),
              std::max(GatherBuffer::kFirstBytes, total * 2));
  }
}

TEST(GatherBufferTest, KeepsNoLargeCapacity) {
  GatherBuffer buffer;
  buffer.Append(std::string(GatherBuffer::kKeptBytesMax + 1, 'x'));
  buffer.FinishFrame();
  EXPECT_EQ(buffer.capacity(), 0u);
}

TEST(GatherBufferTest, KeepsCapacityWhileItIsUsed) {
  GatherBuffer buffer;
  const std::string large(1 << 20, 'x');
  buffer.Append(large);
  const char* const data = buffer.view().data();
  for (int i = 0; i < 100; ++i) {
    buffer.FinishFrame();
    // Small frames in between, fewer than say that it is idle.
    for (int j = 1; j < GatherBuffer::kIdleFrames; ++j) buffer.FinishFrame();
    EXPECT_GE(buffer.capacity(), large.size());
    buffer.Append(large);
    EXPECT_EQ(buffer.view().data(), data);
  }
}

TEST(GatherBufferTest, GivesMemoryBackWhenIdle) {
  GatherBuffer buffer;
  buffer.Append(std::string(1 << 20, 'x'));
  buffer.FinishFrame();
  for (int i = 1; i < GatherBuffer::kIdleFrames; ++i) buffer.FinishFrame();
  EXPECT_GE(buffer.capacity(), size_t{1} << 20);
  buffer.Append("small");
  buffer.FinishFrame();
  EXPECT_EQ(buffer.capacity(), 0u);
  buffer.Append("and again");
  EXPECT_EQ(buffer.view(), "and again");
}

}  // namespace
}  // namespace rafthttp::codec
