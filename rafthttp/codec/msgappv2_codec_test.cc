#include "rafthttp/codec/msgappv2_codec.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "rafthttp/codec/codec_testing.h"

namespace rafthttp::codec {
namespace {

constexpr MemberId kLocal(0x22);   // Who decodes.
constexpr MemberId kRemote(0x11);  // Who encodes.

raftpb::Message MsgApp(uint64_t term, uint64_t log_term, uint64_t index,
                       uint64_t commit) {
  raftpb::Message message;
  message.set_type(raftpb::MsgApp);
  message.set_from(kRemote.value());
  message.set_to(kLocal.value());
  message.set_term(term);
  message.set_logterm(log_term);
  message.set_index(index);
  message.set_commit(commit);
  return message;
}

void AddEntry(absl::string_view data, raftpb::Message* message) {
  raftpb::Entry* const entry = message->add_entries();
  entry->set_term(message->term());
  entry->set_index(message->index() +
                   static_cast<uint64_t>(message->entries_size()));
  if (!data.empty()) entry->set_data(data.data(), data.size());
}

raftpb::Message With(raftpb::Message message,
                     std::initializer_list<absl::string_view> data) {
  for (absl::string_view one : data) AddEntry(one, &message);
  return message;
}

MsgAppV2Encoder NewEncoder() { return MsgAppV2Encoder(kRemote, kLocal); }
MsgAppV2Decoder NewDecoder() { return MsgAppV2Decoder(kLocal, kRemote); }

std::string Encode(MsgAppV2Encoder& encoder, const raftpb::Message& message) {
  const size_t size = encoder.EncodedSize(message);
  std::string bytes;
  const absl::Status status = encoder.Append(message, &bytes);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(bytes.size(), size);
  return bytes;
}

// A frame that brings a decoder to (term, index).
std::string SetState(uint64_t term, uint64_t index) {
  MsgAppV2Encoder encoder = NewEncoder();
  const raftpb::Message message = MsgApp(term, 1, index, 1);
  return Encode(encoder, message);
}

absl::Status Decode(absl::string_view bytes) {
  MsgAppV2Decoder decoder = NewDecoder();
  RecordingSink sink;
  return DecodeAll(decoder, {bytes}, sink);
}

TEST(MsgAppV2DecoderTest, DecodesGoldenFramesAtEverySplit) {
  // A full message of etcd 3.4 that leads to term 2, index 7.
  const std::string body = FromHex(
      "0803100118022002280130063a0b080010021807220361626340054a0a12080a02280010"
      "00180050005800");
  const std::string stream =
      FromHex("00") + FromHex("02 000000000000002b") + body +
      // Entry 8 with "abc"; a commit; entry 9 without data and entry 10.
      FromHex(
          "01 0000000000000001 000000000000000b 0800100218082203616263 "
          "0000000000000005"
          "01 0000000000000000 0000000000000007"
          "00"
          "01 0000000000000002 0000000000000006 080010021809 "
          "0000000000000008 0800 1002 180a 2200 ffffffffffffffff"
          "00");
  ForEachSplit(stream, [&](absl::Span<const absl::string_view> pieces) {
    MsgAppV2Decoder decoder = NewDecoder();
    RecordingSink sink;
    const absl::Status status = DecodeAll(decoder, pieces, sink);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_EQ(sink.link_heartbeats(), 3);
    const std::vector<raftpb::Message> messages = sink.messages();
    ASSERT_EQ(messages.size(), 4u);
    raftpb::Message full;
    ASSERT_TRUE(full.ParseFromString(body));
    EXPECT_EQ(Canonical(messages[0]), Canonical(full));
    EXPECT_EQ(sink.records()[1].encoded, body);
    EXPECT_EQ(CanonicalValues(messages[1]),
              CanonicalValues(With(MsgApp(2, 2, 7, 5), {"abc"})));
    EXPECT_EQ(CanonicalValues(messages[2]),
              CanonicalValues(MsgApp(2, 2, 8, 7)));
    raftpb::Message last = With(MsgApp(2, 2, 8, ~uint64_t{0}), {"", ""});
    last.mutable_entries(1)->set_data("");  // Empty, and yet there.
    EXPECT_EQ(CanonicalValues(messages[3]), CanonicalValues(last));
    EXPECT_EQ(decoder.state(), (AppendState{.term = 2, .index = 10}));
  });
}

TEST(MsgAppV2DecoderTest, DecodesTheGoldenAppend) {
  // The vector of one entry (term 2, index 7) and commit 5.
  const std::string stream =
      SetState(2, 6) +
      FromHex(
          "01 0000000000000001 000000000000000b 0800100218072203616263 "
          "0000000000000005"
          "00"
          "01 0000000000000000 0000000000000007");
  ForEachSplit(stream, [](absl::Span<const absl::string_view> pieces) {
    MsgAppV2Decoder decoder = NewDecoder();
    RecordingSink sink;
    ASSERT_TRUE(DecodeAll(decoder, pieces, sink).ok());
    EXPECT_EQ(sink.link_heartbeats(), 1);
    ASSERT_EQ(sink.messages().size(), 3u);
    EXPECT_EQ(CanonicalValues(sink.messages()[1]),
              CanonicalValues(With(MsgApp(2, 2, 6, 5), {"abc"})));
    EXPECT_EQ(CanonicalValues(sink.messages()[2]),
              CanonicalValues(MsgApp(2, 2, 7, 7)));
    EXPECT_TRUE(sink.records()[1].encoded.empty());
    EXPECT_EQ(decoder.state(), (AppendState{.term = 2, .index = 7}));
  });
}

TEST(MsgAppV2CodecTest, ComesBackTheSameAtEverySplit) {
  std::vector<raftpb::Message> messages = {
      With(MsgApp(2, 1, 6, 5), {"first of a term"}),
      With(MsgApp(2, 2, 7, 6), {"abc"}),
      MsgApp(2, 2, 8, 8),
      With(MsgApp(2, 2, 8, 8), {"", "x", std::string(200, 'y')}),
      With(MsgApp(2, 2, 5, 8), {"a step back"}),
      With(MsgApp(3, 2, 6, 8), {"next term"}),
      With(MsgApp(3, 3, 7, 8), {"compact"}),
  };
  const std::string kinds = "2111221";
  MsgAppV2Encoder encoder = NewEncoder();
  std::string stream;
  for (size_t i = 0; i < messages.size(); ++i) {
    const std::string frame = Encode(encoder, messages[i]);
    EXPECT_EQ(frame[0], kinds[i] - '0') << i;
    stream += frame;
    if (i % 3 == 0) stream += '\0';
  }
  ForEachSplit(stream, [&](absl::Span<const absl::string_view> pieces) {
    MsgAppV2Decoder decoder = NewDecoder();
    RecordingSink sink;
    const absl::Status status = DecodeAll(decoder, pieces, sink);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_EQ(sink.link_heartbeats(), 3);
    const std::vector<raftpb::Message> decoded = sink.messages();
    ASSERT_EQ(decoded.size(), messages.size());
    for (size_t i = 0; i < messages.size(); ++i) {
      EXPECT_EQ(CanonicalValues(decoded[i]), CanonicalValues(messages[i])) << i;
    }
    EXPECT_EQ(decoder.state(), encoder.state());
  });
}

TEST(MsgAppV2CodecTest, BothBeginAtZero) {
  MsgAppV2Encoder encoder = NewEncoder();
  const std::string frame = Encode(encoder, With(MsgApp(0, 0, 0, 0), {"a"}));
  EXPECT_EQ(frame[0], 1);
  MsgAppV2Decoder decoder = NewDecoder();
  RecordingSink sink;
  ASSERT_TRUE(decoder.Decode(frame, sink).ok());
  EXPECT_EQ(decoder.state(), (AppendState{.term = 0, .index = 1}));
}

TEST(MsgAppV2CodecTest, ANewConnectionBeginsWithAFullMessage) {
  MsgAppV2Encoder first = NewEncoder();
  Encode(first, MsgApp(2, 1, 6, 5));
  EXPECT_EQ(Encode(first, MsgApp(2, 2, 6, 5))[0], 1);
  MsgAppV2Encoder second = NewEncoder();
  EXPECT_EQ(Encode(second, MsgApp(2, 2, 6, 5))[0], 2);
}

TEST(MsgAppV2CodecTest, RulesOfTheState) {
  const struct {
    AppendState state;
    uint64_t term, log_term, index;
    int entries;
    int kind;
    AppendState after;
  } kCases[] = {
      {{2, 6}, 2, 2, 6, 0, 1, {2, 6}}, {{2, 6}, 2, 2, 6, 3, 1, {2, 9}},
      {{2, 6}, 2, 2, 5, 0, 2, {2, 5}}, {{2, 6}, 2, 2, 7, 2, 2, {2, 9}},
      {{2, 6}, 3, 2, 6, 2, 2, {3, 8}}, {{2, 6}, 3, 3, 6, 1, 2, {3, 7}},
      {{2, 6}, 2, 1, 6, 1, 2, {2, 7}},
  };
  for (const auto& test : kCases) {
    MsgAppV2Encoder encoder = NewEncoder();
    std::string stream =
        Encode(encoder, MsgApp(test.state.term, 0, test.state.index, 0));
    ASSERT_EQ(encoder.state(), test.state);
    raftpb::Message message = MsgApp(test.term, test.log_term, test.index, 9);
    for (int i = 0; i < test.entries; ++i) AddEntry("data", &message);
    const std::string frame = Encode(encoder, message);
    EXPECT_EQ(frame[0], test.kind);
    EXPECT_EQ(encoder.state(), test.after);
    // A heartbeat in between changes nothing.
    stream += '\0' + frame;
    MsgAppV2Decoder decoder = NewDecoder();
    RecordingSink sink;
    ASSERT_TRUE(DecodeAll(decoder, {stream}, sink).ok());
    EXPECT_EQ(decoder.state(), test.after);
    EXPECT_EQ(CanonicalValues(sink.messages()[1]), CanonicalValues(message));
  }
}

TEST(MsgAppV2EncoderTest, AnAppendFrameLosesNothing) {
  // What the frame would leave out goes as a full message, though etcd drops
  // it.
  const auto kind_of = [](const raftpb::Message& message) {
    MsgAppV2Encoder encoder = NewEncoder();
    Encode(encoder, MsgApp(2, 1, 6, 5));
    return static_cast<int>(Encode(encoder, message)[0]);
  };
  const raftpb::Message compact = With(MsgApp(2, 2, 6, 5), {"a", "b"});
  EXPECT_EQ(kind_of(compact), 1);
  raftpb::Message message = compact;
  message.mutable_snapshot();  // Always there in messages from etcd 3.4.
  EXPECT_EQ(kind_of(message), 1);
  message = compact;
  message.set_context("context");
  EXPECT_EQ(kind_of(message), 2);
  message = compact;
  message.set_reject(true);
  EXPECT_EQ(kind_of(message), 2);
  message = compact;
  message.set_rejecthint(1);
  EXPECT_EQ(kind_of(message), 2);
  message = compact;
  message.set_from(3);
  EXPECT_EQ(kind_of(message), 2);
  message = compact;
  message.set_to(3);
  EXPECT_EQ(kind_of(message), 2);
  message = compact;
  message.mutable_entries(1)->set_index(9);
  EXPECT_EQ(kind_of(message), 2);
}

TEST(MsgAppV2EncoderTest, CountsNoFurtherThanTheLastIndex) {
  constexpr uint64_t kLast = std::numeric_limits<uint64_t>::max();
  MsgAppV2Encoder encoder = NewEncoder();
  Encode(encoder, MsgApp(2, 1, kLast - 1, 5));
  EXPECT_EQ(Encode(encoder, With(MsgApp(2, 2, kLast - 1, 5), {"last"}))[0], 1);
  raftpb::Message beyond = With(MsgApp(2, 2, kLast, 5), {"beyond"});
  ASSERT_EQ(beyond.entries(0).index(), 0u);
  EXPECT_EQ(Encode(encoder, beyond)[0], 2);
}

TEST(MsgAppV2EncoderTest, RefusesOtherMessages) {
  for (int type = 0; type < 100; ++type) {
    MsgAppV2Encoder encoder = NewEncoder();
    MessageView message;
    message.type = type;
    message.from = 1;
    WireBuffer out;
    const absl::Status status = encoder.AppendView(message, &out);
    if (type == raftpb::MsgApp) {
      EXPECT_TRUE(status.ok());
    } else {
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
      EXPECT_TRUE(out.empty());
    }
  }
}

TEST(MsgAppV2EncoderTest, WritesLinkHeartbeats) {
  MsgAppV2Encoder encoder = NewEncoder();
  WireBuffer out;
  encoder.AppendLinkHeartbeat(&out);
  raftpb::Message heartbeat;
  heartbeat.set_type(raftpb::MsgHeartbeat);
  ASSERT_TRUE(encoder.Append(heartbeat, &out).ok());
  EXPECT_EQ(out.slab(), absl::string_view("\0\0", 2));
}

TEST(MsgAppV2EncoderTest, RefusesWhatNobodyWouldTake) {
  const raftpb::Message first = MsgApp(2, 1, 6, 5);
  const raftpb::Message compact =
      With(MsgApp(2, 2, 6, 5), {"0123456789", "0123456789"});
  const raftpb::Message full =
      With(MsgApp(3, 2, 6, 5), {"0123456789", "0123456789"});
  const struct {
    Limits limits;
    const raftpb::Message* message;
  } kCases[] = {
      {{.entry_bytes_max = 17}, &compact}, {{.append_bytes_max = 68}, &compact},
      {{.entries_max = 1}, &compact},      {{.message_bytes_max = 57}, &full},
      {{.entries_max = 1}, &full},
  };
  for (const auto& test : kCases) {
    MsgAppV2Encoder encoder(kRemote, kLocal, test.limits);
    std::string bytes;
    ASSERT_TRUE(encoder.Append(first, &bytes).ok());
    const AppendState state = encoder.state();
    bytes.clear();
    EXPECT_EQ(encoder.Append(*test.message, &bytes).code(),
              absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(encoder.state(), state);
    EXPECT_TRUE(bytes.empty());
  }
  // One more, and both fit.
  for (const raftpb::Message* message : {&compact, &full}) {
    MsgAppV2Encoder encoder(kRemote, kLocal,
                            {.message_bytes_max = 58,
                             .entry_bytes_max = 18,
                             .append_bytes_max = 69,
                             .entries_max = 2});
    Encode(encoder, first);
    EXPECT_EQ(Encode(encoder, *message).size(), message == &full ? 67u : 69u);
  }
}

TEST(MsgAppV2EncoderTest, RefersToLargeData) {
  MsgAppV2Encoder encoder = NewEncoder();
  Encode(encoder, MsgApp(2, 1, 6, 5));
  const raftpb::Message message =
      With(MsgApp(2, 2, 6, 5),
           {std::string(1 << 20, 'x'), "small", std::string(4096, 'y')});
  WireBuffer out;
  ASSERT_TRUE(encoder.Append(message, &out).ok());
  std::vector<absl::string_view> pieces;
  out.AppendPieces(&pieces);
  ASSERT_EQ(pieces.size(), 5u);
  EXPECT_EQ(pieces[1].data(), message.entries(0).data().data());
  EXPECT_EQ(pieces[3].data(), message.entries(2).data().data());
  EXPECT_LT(out.slab().size(), 100u);

  MsgAppV2Decoder decoder = NewDecoder();
  RecordingSink sink;
  ASSERT_TRUE(decoder.Decode(SetState(2, 6), sink).ok());
  ASSERT_TRUE(DecodeAll(decoder, pieces, sink).ok());
  EXPECT_EQ(CanonicalValues(sink.messages()[1]), CanonicalValues(message));
}

TEST(MsgAppV2DecoderTest, AFullMessageMayBeALinkHeartbeat) {
  // No encoder writes one, but etcd's receiver drops it and so does ours.
  MsgAppV2Decoder decoder = NewDecoder();
  RecordingSink sink;
  ASSERT_TRUE(decoder.Decode(SetState(2, 6), sink).ok());
  ASSERT_TRUE(decoder.Decode(FromHex("02 0000000000000002 0808"), sink).ok());
  EXPECT_EQ(sink.link_heartbeats(), 1);
  EXPECT_EQ(decoder.state(), AppendState());
}

TEST(MsgAppV2DecoderTest, FullMessagesMayHaveAnyTypeAndIds) {
  MsgAppV2Decoder decoder = NewDecoder();
  RecordingSink sink;
  ASSERT_TRUE(decoder
                  .Decode(FromHex("02 000000000000000c 0863 1007 1808 2002 3005"
                                  "6863"),
                          sink)
                  .ok());
  EXPECT_EQ(sink.records()[0].type, 99);
  EXPECT_EQ(sink.records()[0].message.to(), 7u);
  EXPECT_EQ(decoder.state(), (AppendState{.term = 2, .index = 5}));
}

TEST(MsgAppV2DecoderTest, AnUnknownEntryTypeIsNotNormal) {
  MsgAppV2Decoder decoder = NewDecoder();
  RecordingSink sink;
  ASSERT_TRUE(decoder
                  .Decode(FromHex("01 0000000000000001 0000000000000004 "
                                  "08631801 0000000000000000"),
                          sink)
                  .ok());
  ViewStorage storage;
  EXPECT_FALSE(sink.messages()[0].entries(0).has_type());
  EXPECT_EQ(ViewOf(sink.messages()[0], &storage).entries[0].type, 99);
}

TEST(MsgAppV2DecoderTest, RefusesHostileFrames) {
  const struct {
    std::string name;
    std::string stream;
    absl::StatusCode code;
    absl::string_view message;
  } kCases[] = {
      {"kind 3", FromHex("00 00 03"), absl::StatusCode::kDataLoss,
       "msgapp frame at offset 2: no frame begins with byte 3"},
      {"kind 255", FromHex("ff"), absl::StatusCode::kDataLoss,
       "msgapp frame at offset 0: no frame begins with byte 255"},
      {"2^63 entries", FromHex("00 01 8000000000000000"),
       absl::StatusCode::kResourceExhausted,
       "msgapp frame at offset 1: entry count 9223372036854775808 is over the "
       "limit of 1048576"},
      {"2^64-1 entries", FromHex("01 ffffffffffffffff"),
       absl::StatusCode::kResourceExhausted, "entry count"},
      {"2^20+1 entries", FromHex("01 0000000000100001"),
       absl::StatusCode::kResourceExhausted, "entry count 1048577"},
      {"an entry of 2^63 bytes",
       FromHex("01 0000000000000001 8000000000000000"),
       absl::StatusCode::kResourceExhausted,
       "msgapp frame at offset 9: entry length 9223372036854775808 is over the "
       "limit of 536870912"},
      {"an entry of 2^64-8 bytes",
       FromHex("01 0000000000000001 fffffffffffffff8"),
       absl::StatusCode::kResourceExhausted, "entry length"},
      {"an entry of 512 MiB and one",
       FromHex("01 0000000000000001 0000000020000001"),
       absl::StatusCode::kResourceExhausted, "entry length 536870913"},
      {"the second entry too much",
       FromHex("01 0000000000000002 0000000000000002 1801 0000000020000001"),
       absl::StatusCode::kResourceExhausted,
       "msgapp frame at offset 19: entry length 536870913"},
      {"a frame too long in sum",
       FromHex("01 0000000000100000 000000001ff80000"),
       absl::StatusCode::kResourceExhausted, "size of at least 544735"},
      {"a message of 2^63 bytes", FromHex("02 8000000000000000"),
       absl::StatusCode::kResourceExhausted, "length 9223372036854775808"},
      {"a message of 512 MiB and one", FromHex("02 0000000020000001"),
       absl::StatusCode::kResourceExhausted, "length 536870913"},
      {"a gap",
       FromHex("01 0000000000000001 0000000000000002 1802 0000000000000000"),
       absl::StatusCode::kDataLoss,
       "msgapp entry at offset 17: index 2 where 1 is next"},
      {"an index again",
       FromHex("01 0000000000000002 0000000000000002 1801 0000000000000002 "
               "1801 0000000000000000"),
       absl::StatusCode::kDataLoss,
       "msgapp entry at offset 27: index 1 where 2 is next"},
      {"no index",
       FromHex("01 0000000000000001 0000000000000000 0000000000000000"),
       absl::StatusCode::kDataLoss, "index 0 where 1 is next"},
      {"a bad entry",
       FromHex("01 0000000000000001 0000000000000004 1801 2205 "
               "0000000000000000"),
       absl::StatusCode::kDataLoss,
       "bad raftpb.Entry at offset 21: a length beyond the end"},
      {"a bad message", FromHex("00 02 0000000000000002 0880"),
       absl::StatusCode::kDataLoss, "bad raftpb.Message at offset 11"},
      {"entries beyond the last index",
       SetState(1, std::numeric_limits<uint64_t>::max()) +
           FromHex("01 0000000000000001 0000000000000002 1800 "
                   "0000000000000000"),
       absl::StatusCode::kDataLoss,
       "1 entries after index 18446744073709551615"},
  };
  for (const auto& test : kCases) {
    SCOPED_TRACE(test.name);
    ForEachSplit(test.stream, [&](absl::Span<const absl::string_view> pieces) {
      MsgAppV2Decoder decoder = NewDecoder();
      RecordingSink sink;
      const absl::Status status = DecodeAll(decoder, pieces, sink);
      EXPECT_EQ(status.code(), test.code);
      EXPECT_NE(status.message().find(test.message), absl::string_view::npos)
          << status;
      EXPECT_LE(decoder.memory_bytes(), GatherBuffer::kFirstBytes + 1024);
      EXPECT_EQ(decoder.Decode("more", sink), status);
      EXPECT_EQ(decoder.Finish(), status);
    });
  }
}

TEST(MsgAppV2DecoderTest, AllocatesForBytesAndNotForClaims) {
  // The greatest claims that are allowed.
  for (absl::string_view claim :
       {"01 0000000000100000 000000001f000000",
        "01 0000000000000001 0000000020000000", "02 0000000020000000"}) {
    MsgAppV2Decoder decoder = NewDecoder();
    RecordingSink sink;
    ASSERT_TRUE(decoder.Decode(FromHex(claim), sink).ok()) << claim;
    EXPECT_LE(decoder.memory_bytes(), GatherBuffer::kFirstBytes);
    ASSERT_TRUE(decoder.Decode(std::string(100000, 'x'), sink).ok());
    EXPECT_LE(decoder.memory_bytes(), 2 * 100017u);
    EXPECT_EQ(decoder.Finish().code(), absl::StatusCode::kDataLoss);
  }
}

TEST(MsgAppV2DecoderTest, GivesMemoryBackAfterLargeFrames) {
  MsgAppV2Encoder encoder = NewEncoder();
  raftpb::Message message = MsgApp(2, 1, 6, 5);
  for (int i = 0; i < 1000; ++i) AddEntry(std::string(3000, 'x'), &message);
  const std::string stream = Encode(encoder, message);
  MsgAppV2Decoder decoder = NewDecoder();
  RecordingSink sink;
  for (size_t i = 0; i < stream.size(); i += 1000) {
    ASSERT_TRUE(decoder.Decode(stream.substr(i, 1000), sink).ok());
    EXPECT_LE(decoder.memory_bytes(),
              2 * (i + 1000) + GatherBuffer::kFirstBytes);
  }
  EXPECT_EQ(sink.messages()[0].entries_size(), 1000);
  EXPECT_EQ(decoder.memory_bytes(), 0u);
}

TEST(MsgAppV2DecoderTest, FinishTellsHowMuchIsMissing) {
  const std::string frame =
      FromHex("01 0000000000000001 0000000000000004 18012200 0000000000000005");
  for (size_t i = 1; i < frame.size(); ++i) {
    MsgAppV2Decoder decoder = NewDecoder();
    RecordingSink sink;
    ASSERT_TRUE(decoder.Decode(frame.substr(0, i), sink).ok());
    const absl::Status status = decoder.Finish();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    const size_t known = i < 9 ? 9 : i < 17 ? 17 : 29;
    EXPECT_EQ(status.message(),
              absl::StrCat("the stream ended at offset ", i, ", ", i,
                           " bytes into a frame that lacks at least ",
                           known - i, " more"));
  }
  EXPECT_TRUE(Decode(frame).ok());
  EXPECT_TRUE(Decode("").ok());
}

}  // namespace
}  // namespace rafthttp::codec
