#include "rafthttp/snapshot/snapshot_frames.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rafthttp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Event = SnapshotFrameDecoder::Event;

std::string Framed(absl::string_view data) {
  return absl::StrCat(SnapshotFrameHead(data), data);
}

// All frames' data, and "end" or an error behind.
std::vector<std::string> Decode(absl::string_view bytes, size_t piece) {
  SnapshotFrameDecoder decoder;
  std::vector<std::string> events;
  while (!bytes.empty()) {
    absl::string_view part = bytes.substr(0, piece);
    bytes.remove_prefix(part.size());
    for (;;) {
      const absl::StatusOr<Event> event = decoder.Next(part);
      if (!event.ok()) {
        events.emplace_back(event.status().message());
        return events;
      }
      if (*event == Event::kNeedMore) break;
      events.push_back(*event == Event::kEnd
                           ? absl::StrCat("end ", decoder.digest())
                           : decoder.TakeData());
    }
  }
  return events;
}

TEST(SnapshotFramesTest, TheBytesOnTheWire) {
  EXPECT_EQ(Framed("123456789"), absl::string_view("\0\0\0\x09\xe3\x06\x92\x83"
                                                   "123456789",
                                                   17));
  const std::string end = SnapshotEndFrame(0x995dc9bbdf1939faull);
  EXPECT_EQ(end.substr(0, 4), absl::string_view("\0\0\0\0", 4));
  EXPECT_EQ(end.substr(8), "\x99\x5d\xc9\xbb\xdf\x19\x39\xfa");
}

TEST(SnapshotFramesTest, CutAnywhere) {
  const std::string whole(kSnapshotFrameBytes, 'x');
  const std::string bytes =
      absl::StrCat(Framed(whole), Framed("rest"), SnapshotEndFrame(7));
  for (const size_t piece : {size_t{1}, size_t{7}, size_t{65536}, bytes.size()})
    EXPECT_THAT(Decode(bytes, piece), ElementsAre(whole, "rest", "end 7"));
}

TEST(SnapshotFramesTest, EveryFlippedBitIsNoticed) {
  const std::string bytes = absl::StrCat(Framed("some data"), Framed("x"));
  const std::string first = absl::StrCat(Framed("some data"));
  const std::string end = SnapshotEndFrame(7);
  const std::string all = absl::StrCat(first, end);
  for (size_t bit = 0; bit < all.size() * 8; ++bit) {
    std::string flipped = all;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    EXPECT_THAT(Decode(flipped, all.size()),
                testing::Not(ElementsAre("some data", "end 7")))
        << bit;
  }
}

TEST(SnapshotFramesTest, WhatNoFramesAre) {
  EXPECT_THAT(Decode(absl::string_view("\0\x10\0\x01zzzz", 8), 8),
              ElementsAre(HasSubstr("a frame of 1048577 bytes")));
  EXPECT_THAT(Decode(absl::StrCat(Framed("a"), Framed("b")), 100),
              ElementsAre("a", HasSubstr("behind a short one")));
  EXPECT_THAT(Decode(absl::StrCat(SnapshotEndFrame(1), "x"), 100),
              ElementsAre("end 1", HasSubstr("bytes behind the end frame")));
}

}  // namespace
}  // namespace rafthttp
