// Both codecs against streams that etcd 3.4's own rafthttp wrote; see
// testdata/gen/main.go.
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "rafthttp/codec/codec_testing.h"
#include "rafthttp/codec/message_codec.h"
#include "rafthttp/codec/msgappv2_codec.h"

namespace rafthttp::codec {
namespace {

constexpr MemberId kWriter(0x11);
constexpr MemberId kReader(0x22);

struct GoStream {
  std::string kind;
  std::vector<raftpb::Message> messages;
  std::string bytes;
};

std::vector<GoStream> ReadGoStreams() {
  std::vector<GoStream> streams;
  std::ifstream file("rafthttp/codec/testdata/go_streams.txt");
  std::string word, value;
  while (file >> word) {
    if (word == "#") {
      std::getline(file, value);
      continue;
    }
    file >> value;
    if (word == "stream") {
      streams.push_back({.kind = value, .messages = {}, .bytes = {}});
    } else if (word == "message") {
      raftpb::Message message;
      EXPECT_TRUE(message.ParseFromString(FromHex(value)));
      streams.back().messages.push_back(std::move(message));
    } else if (word == "bytes") {
      streams.back().bytes = FromHex(value);
    }
  }
  return streams;
}

std::unique_ptr<FrameDecoder> NewDecoder(const GoStream& stream) {
  if (stream.kind == "message") return std::make_unique<MessageDecoder>();
  return std::make_unique<MsgAppV2Decoder>(kReader, kWriter);
}

std::unique_ptr<FrameEncoder> NewEncoder(const GoStream& stream) {
  if (stream.kind == "message") return std::make_unique<MessageEncoder>();
  return std::make_unique<MsgAppV2Encoder>(kWriter, kReader);
}

// The frames that Go wrote, link heartbeats left out.
std::vector<std::string> FramesOf(const GoStream& stream) {
  std::vector<std::string> frames;
  const std::unique_ptr<FrameDecoder> decoder = NewDecoder(stream);
  RecordingSink sink;
  size_t begin = 0;
  size_t records = 0;
  for (size_t i = 0; i < stream.bytes.size(); ++i) {
    EXPECT_TRUE(
        decoder->Decode(absl::string_view(stream.bytes).substr(i, 1), sink)
            .ok());
    if (sink.records().size() == records) continue;
    if (!sink.records().back().is_link_heartbeat) {
      frames.push_back(stream.bytes.substr(begin, i + 1 - begin));
    }
    begin = i + 1;
    ++records;
  }
  return frames;
}

TEST(GoStreamsTest, ThereAreThree) {
  const std::vector<GoStream> streams = ReadGoStreams();
  ASSERT_EQ(streams.size(), 3u);
  EXPECT_EQ(streams[0].kind, "message");
  EXPECT_EQ(streams[0].messages.size(), 15u);
  EXPECT_EQ(streams[1].kind, "msgapp");
  EXPECT_EQ(streams[1].messages.size(), 13u);
  EXPECT_EQ(streams[2].kind, "msgapp");
  EXPECT_EQ(streams[2].messages.size(), 2u);
}

TEST(GoStreamsTest, DecodeAtEverySplit) {
  for (const GoStream& stream : ReadGoStreams()) {
    int splits = 0;
    ForEachSplit(stream.bytes, [&](absl::Span<const absl::string_view> pieces) {
      ++splits;
      const std::unique_ptr<FrameDecoder> decoder = NewDecoder(stream);
      RecordingSink sink;
      const absl::Status status = DecodeAll(*decoder, pieces, sink);
      ASSERT_TRUE(status.ok()) << status;
      EXPECT_GE(sink.link_heartbeats(), 1);
      const std::vector<raftpb::Message> decoded = sink.messages();
      ASSERT_EQ(decoded.size(), stream.messages.size());
      for (size_t i = 0; i < decoded.size(); ++i) {
        ASSERT_EQ(CanonicalValues(decoded[i]),
                  CanonicalValues(stream.messages[i]))
            << stream.kind << " " << i;
      }
    });
    EXPECT_GT(splits, 100);
  }
}

TEST(GoStreamsTest, OursAreTheSame) {
  for (const GoStream& stream : ReadGoStreams()) {
    const std::vector<std::string> frames = FramesOf(stream);
    ASSERT_EQ(frames.size(), stream.messages.size());
    const std::unique_ptr<FrameEncoder> encoder = NewEncoder(stream);
    const std::unique_ptr<FrameDecoder> decoder = NewDecoder(stream);
    RecordingSink sink;
    for (size_t i = 0; i < frames.size(); ++i) {
      SCOPED_TRACE(stream.kind + " " + std::to_string(i));
      std::string ours;
      ASSERT_TRUE(encoder->Append(stream.messages[i], &ours).ok());
      if (stream.kind == "msgapp") {
        EXPECT_EQ(ours[0], frames[i][0]);
        // Only in full messages do versions of etcd differ, by empty fields.
        if (ours[0] == 1) {
          EXPECT_EQ(ours, frames[i]);
        }
      }
      ASSERT_TRUE(decoder->Decode(ours, sink).ok());
      EXPECT_EQ(CanonicalValues(sink.messages().back()),
                CanonicalValues(stream.messages[i]));
    }
  }
}

}  // namespace
}  // namespace rafthttp::codec
