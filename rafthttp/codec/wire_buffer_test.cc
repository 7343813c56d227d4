#include "rafthttp/codec/wire_buffer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

namespace rafthttp::codec {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

void Copy(absl::string_view bytes, WireBuffer* buffer) {
  std::memcpy(buffer->Extend(bytes.size()), bytes.data(), bytes.size());
}

std::vector<absl::string_view> PiecesOf(const WireBuffer& buffer) {
  std::vector<absl::string_view> pieces;
  buffer.AppendPieces(&pieces);
  return pieces;
}

TEST(WireBufferTest, PutsReferencedDataBetweenCopiedBytes) {
  WireBuffer buffer;
  EXPECT_THAT(PiecesOf(buffer), IsEmpty());
  Copy("heads", &buffer);
  const std::string first = "<first>";
  const std::string second = "<second>";
  buffer.Refer(2, first);
  buffer.Refer(2, second);
  Copy("tail", &buffer);
  buffer.Refer(9, first);
  EXPECT_THAT(PiecesOf(buffer),
              ElementsAre("he", first, second, "adstail", first));
  EXPECT_EQ(PiecesOf(buffer)[1].data(), first.data());
  EXPECT_EQ(buffer.size(), 9 + first.size() * 2 + second.size());
  std::string all = "before:";
  buffer.AppendTo(&all);
  EXPECT_EQ(all, "before:he<first><second>adstail<first>");
}

TEST(WireBufferTest, ReferencesSurviveTheSlabsGrowth) {
  WireBuffer buffer;
  const std::string data = "data";
  Copy("a", &buffer);
  buffer.Refer(1, data);
  for (int i = 0; i < 10000; ++i) Copy("0123456789", &buffer);
  EXPECT_EQ(PiecesOf(buffer)[0], "a");
  EXPECT_EQ(PiecesOf(buffer)[1], "data");
  EXPECT_EQ(PiecesOf(buffer)[2].size(), 100000u);
}

TEST(WireBufferTest, ClearKeepsASmallSlab) {
  WireBuffer buffer;
  const std::string data = "data";
  Copy("abc", &buffer);
  buffer.Refer(3, data);
  buffer.Clear();
  EXPECT_TRUE(buffer.empty());
  EXPECT_THAT(PiecesOf(buffer), IsEmpty());
  EXPECT_GT(buffer.slab_capacity(), 0u);
  buffer.Extend(WireBuffer::kKeptBytesMax + 1);
  buffer.Clear();
  EXPECT_EQ(buffer.slab_capacity(), 0u);
  Copy("again", &buffer);
  EXPECT_EQ(buffer.slab(), "again");
}

TEST(WireBufferTest, SaysWhatItRefersTo) {
  EXPECT_FALSE(WireBuffer().refers(WireBuffer::kReferencedBytesMin - 1));
  EXPECT_TRUE(WireBuffer().refers(WireBuffer::kReferencedBytesMin));
  EXPECT_FALSE(WireBuffer(WireBuffer::kCopyAll).refers(size_t{1} << 40));
}

}  // namespace
}  // namespace rafthttp::codec
