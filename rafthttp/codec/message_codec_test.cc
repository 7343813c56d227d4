#include "rafthttp/codec/message_codec.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "rafthttp/codec/codec_testing.h"

namespace rafthttp::codec {
namespace {

// Bodies as etcd 3.4 and 3.6 write them.
constexpr absl::string_view kHeartbeat34 =
    "08081000180020002800300040004a0a12080a0228001000180050005800";
constexpr absl::string_view kHeartbeat36 =
    "0808100018002000280030004000500058006800";
constexpr absl::string_view kBodies[] = {
    "0803100118022002280130063a0b080010021807220361626340054a0a12080a0228001000"
    "180050005800",
    "0803100118022002280130063a0b08001002180722036162634005500058006800",
    "08041001180220032802300640004a0a12080a0228001000180050015804",
    "0804100118022003280230064000500158046800",
    "080910011802200228003000400050005800620800000000000000096800",
};

std::string Frame(absl::string_view hex) {
  const std::string body = FromHex(hex);
  std::string frame(7, '\0');
  frame += static_cast<char>(body.size());
  return frame + body;
}

std::string Encode(const raftpb::Message& message) {
  MessageEncoder encoder;
  std::string bytes;
  const absl::Status status = encoder.Append(message, &bytes);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(bytes.size(), encoder.EncodedSize(message));
  return bytes;
}

TEST(MessageDecoderTest, DecodesGoldenFramesAtEverySplit) {
  std::string stream = Frame(kHeartbeat34);
  for (absl::string_view body : kBodies) stream += Frame(body);
  stream += Frame(kHeartbeat36);
  ForEachSplit(stream, [](absl::Span<const absl::string_view> pieces) {
    MessageDecoder decoder;
    RecordingSink sink;
    ASSERT_TRUE(DecodeAll(decoder, pieces, sink).ok());
    EXPECT_EQ(sink.link_heartbeats(), 2);
    ASSERT_EQ(sink.records().size(), 7u);
    EXPECT_TRUE(sink.records()[0].is_link_heartbeat);
    EXPECT_EQ(sink.records()[0].encoded, FromHex(kHeartbeat34));
    for (size_t i = 0; i < 5; ++i) {
      raftpb::Message expected;
      ASSERT_TRUE(expected.ParseFromString(FromHex(kBodies[i])));
      EXPECT_EQ(Canonical(sink.messages()[i]), Canonical(expected));
      EXPECT_EQ(sink.records()[i + 1].encoded, FromHex(kBodies[i]));
    }
  });
}

TEST(MessageDecoderTest, DecodesAnEmptyMessage) {
  MessageDecoder decoder;
  RecordingSink sink;
  ASSERT_TRUE(DecodeAll(decoder, {std::string(8, '\0')}, sink).ok());
  EXPECT_EQ(sink.messages().size(), 1u);
}

TEST(MessageDecoderTest, DeliversWhatCameBeforeAnError) {
  const std::string stream =
      Frame(kBodies[0]) + Frame("08ff") + Frame(kBodies[1]);
  ForEachSplit(stream, [](absl::Span<const absl::string_view> pieces) {
    MessageDecoder decoder;
    RecordingSink sink;
    const absl::Status status = DecodeAll(decoder, pieces, sink);
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_EQ(status.message(),
              "bad raftpb.Message at offset 60: a varint that is cut short or "
              "too long");
    EXPECT_EQ(sink.messages().size(), 1u);
    // And again.
    EXPECT_EQ(decoder.Decode("more", sink), status);
    EXPECT_EQ(decoder.Finish(), status);
  });
}

TEST(MessageDecoderTest, RefusesLongClaims) {
  const std::string claims[] = {
      FromHex("0000000020000001"),  // 512 MiB and one.
      FromHex("8000000000000000"), FromHex("ffffffffffffffff")};
  for (const std::string& claim : claims) {
    ForEachSplit(claim, [](absl::Span<const absl::string_view> pieces) {
      MessageDecoder decoder;
      RecordingSink sink;
      EXPECT_EQ(DecodeAll(decoder, pieces, sink).code(),
                absl::StatusCode::kResourceExhausted);
      EXPECT_LE(decoder.memory_bytes(), GatherBuffer::kFirstBytes);
    });
  }
}

TEST(MessageDecoderTest, AllocatesForBytesAndNotForClaims) {
  MessageDecoder decoder;
  RecordingSink sink;
  std::string begin = FromHex("0000000020000000");  // 512 MiB: allowed.
  ASSERT_TRUE(decoder.Decode(begin + std::string(10, 'x'), sink).ok());
  EXPECT_LE(decoder.memory_bytes(), GatherBuffer::kFirstBytes);
  ASSERT_TRUE(decoder.Decode(std::string(100000, 'x'), sink).ok());
  EXPECT_LE(decoder.memory_bytes(), 2 * 100018u);
  EXPECT_EQ(decoder.Finish().message(),
            "the stream ended at offset 100018, 100018 bytes into a frame that "
            "lacks at least 536770902 more");
}

TEST(MessageDecoderTest, AFrameInOnePieceIsNotGathered) {
  MessageDecoder decoder;
  RecordingSink sink;
  raftpb::Message message;
  message.add_entries()->set_data(std::string(1 << 20, 'x'));
  ASSERT_TRUE(decoder.Decode(Encode(message), sink).ok());
  EXPECT_LT(decoder.memory_bytes(), 1024u);
}

TEST(MessageDecoderTest, ManyEntriesLeaveNoMemory) {
  MessageDecoder decoder;
  RecordingSink sink;
  raftpb::Message message;
  for (int i = 0; i < 100000; ++i) message.add_entries();
  const std::string frame = Encode(message);
  ASSERT_TRUE(decoder.Decode(frame.substr(0, 99), sink).ok());
  ASSERT_TRUE(decoder.Decode(frame.substr(99), sink).ok());
  EXPECT_EQ(sink.messages()[0].entries_size(), 100000);
  EXPECT_LE(decoder.memory_bytes(), GatherBuffer::kKeptBytesMax);
  for (int i = 0; i < GatherBuffer::kIdleFrames; ++i) {
    ASSERT_TRUE(decoder.Decode(Frame(kHeartbeat34), sink).ok());
  }
  EXPECT_EQ(decoder.memory_bytes(), 0u);
}

TEST(MessageDecoderTest, FinishTellsHowMuchIsMissing) {
  const std::string frame = Frame(kHeartbeat36);
  for (size_t i = 1; i < frame.size(); ++i) {
    MessageDecoder decoder;
    RecordingSink sink;
    ASSERT_TRUE(decoder.Decode(frame + frame.substr(0, i), sink).ok());
    const absl::Status status = decoder.Finish();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_EQ(status.message(),
              absl::StrCat("the stream ended at offset ", 28 + i, ", ", i,
                           " bytes into a frame that lacks at least ",
                           (i < 8 ? 8 : 28) - i, " more"));
  }
}

TEST(MessageEncoderTest, WritesEveryKindOfMessageBack) {
  for (absl::string_view body : kBodies) {
    raftpb::Message message;
    ASSERT_TRUE(message.ParseFromString(FromHex(body)));
    MessageDecoder decoder;
    RecordingSink sink;
    ASSERT_TRUE(DecodeAll(decoder, {Encode(message)}, sink).ok());
    EXPECT_EQ(CanonicalValues(sink.messages()[0]), CanonicalValues(message));
  }
}

TEST(MessageEncoderTest, WritesAsEtcd36ButTheVote) {
  raftpb::Message message;
  ASSERT_TRUE(message.ParseFromString(FromHex(kBodies[1])));
  EXPECT_EQ(Encode(message),
            Frame("0803100118022002280130063a0b080010021807220361626340055000"
                  "5800"));
  message.set_vote(5);
  EXPECT_EQ(Encode(message),
            Frame("0803100118022002280130063a0b080010021807220361626340055000"
                  "58006805"));
}

TEST(MessageEncoderTest, WritesASnapshotOnlyInMsgSnap) {
  raftpb::Message message;
  message.mutable_snapshot()->set_data("hi");
  message.set_type(raftpb::MsgSnap);
  EXPECT_EQ(Encode(message), Frame("0807 1000 1800 2000 2800 3000 4000 "
                                   "4a040a026869 5000 5800"));
  message.set_type(raftpb::MsgApp);
  EXPECT_EQ(Encode(message),
            Frame("0803 1000 1800 2000 2800 3000 4000 5000 5800"));
}

TEST(MessageEncoderTest, WritesLinkHeartbeats) {
  MessageEncoder encoder;
  WireBuffer out;
  encoder.AppendLinkHeartbeat(&out);
  EXPECT_EQ(out.slab(), Frame("080810001800200028003000400050005800"));
}

TEST(MessageEncoderTest, KeepsUnknownTypes) {
  raftpb::Message message;
  ASSERT_TRUE(message.ParseFromString(FromHex("0863 3a020863")));
  MessageDecoder decoder;
  RecordingSink sink;
  ASSERT_TRUE(DecodeAll(decoder, {Encode(message)}, sink).ok());
  EXPECT_EQ(sink.records()[0].type, 99);
}

TEST(MessageEncoderTest, NeverWritesUnknownFields) {
  raftpb::Message message;
  // Field 2 as bytes: protobuf calls it unknown, and etcd would choke on it.
  ASSERT_TRUE(message.ParseFromString(FromHex("0803 1203616263")));
  EXPECT_EQ(Encode(message),
            Frame("0803 1000 1800 2000 2800 3000 4000 5000 5800"));
}

TEST(MessageEncoderTest, RefusesWhatNobodyWouldTake) {
  MessageEncoder encoder({.message_bytes_max = 40, .entries_max = 3});
  std::string bytes;
  raftpb::Message message;
  message.set_context(std::string(40, 'x'));
  EXPECT_EQ(encoder.Append(message, &bytes).code(),
            absl::StatusCode::kResourceExhausted);
  message.Clear();
  for (int i = 0; i < 4; ++i) message.add_entries();
  EXPECT_EQ(encoder.Append(message, &bytes).code(),
            absl::StatusCode::kResourceExhausted);
  message.Clear();
  message.add_responses();
  EXPECT_EQ(encoder.Append(message, &bytes).code(),
            absl::StatusCode::kInvalidArgument);
  MessageView view;
  view.type = raftpb::MsgSnap;
  view.snapshot = "garbage";
  WireBuffer out;
  EXPECT_EQ(encoder.AppendView(view, &out).code(),
            absl::StatusCode::kInvalidArgument);
  message.Clear();
  message.mutable_snapshot()
      ->mutable_unknown_fields()
      ->AddLengthDelimited(2)
      ->append("x");
  message.set_type(raftpb::MsgSnap);
  EXPECT_EQ(encoder.Append(message, &bytes).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(out.empty());
  EXPECT_TRUE(bytes.empty());
}

TEST(MessageEncoderTest, RefersToLargeData) {
  raftpb::Message message;
  message.set_type(raftpb::MsgProp);
  message.add_entries()->set_data(std::string(4096, 'x'));
  message.add_entries()->set_data(std::string(4095, 'y'));
  message.add_entries()->set_data(std::string(10000, 'z'));
  message.set_context(std::string(5000, 'c'));
  MessageEncoder encoder;
  WireBuffer out;
  ASSERT_TRUE(encoder.Append(message, &out).ok());
  std::vector<absl::string_view> pieces;
  out.AppendPieces(&pieces);
  ASSERT_EQ(pieces.size(), 6u);
  EXPECT_EQ(pieces[1].data(), message.entries(0).data().data());
  EXPECT_EQ(pieces[3].data(), message.entries(2).data().data());
  EXPECT_EQ(pieces[5].data(), message.context().data());

  WireBuffer copied(WireBuffer::kCopyAll);
  ASSERT_TRUE(encoder.Append(message, &copied).ok());
  std::string in_pieces;
  out.AppendTo(&in_pieces);
  EXPECT_EQ(in_pieces, copied.slab());
  EXPECT_EQ(in_pieces.size(), out.size());
}

}  // namespace
}  // namespace rafthttp::codec
