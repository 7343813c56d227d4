#include "rafthttp/codec/message_view.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "rafthttp/codec/codec_testing.h"

namespace rafthttp::codec {
namespace {

struct Parsed {
  std::vector<EntryView> entries;
  MessageView view;
  absl::Status status;
};

Parsed Parse(absl::string_view bytes, Limits limits = {}) {
  Parsed parsed;
  parsed.status = ParseMessage(bytes, limits, /*base_offset=*/1000,
                               &parsed.entries, &parsed.view);
  return parsed;
}

std::string Repeat(absl::string_view bytes, size_t count) {
  std::string repeated;
  for (size_t i = 0; i < count; ++i) absl::StrAppend(&repeated, bytes);
  return repeated;
}

// The golden vectors of etcd 3.4, 3.6 and by hand.
constexpr absl::string_view kMessages[] = {
    "",
    "08081000180020002800300040004a0a12080a0228001000180050005800",
    "0808100018002000280030004000500058006800",
    "0803100118022002280130063a0b080010021807220361626340054a0a12080a0228001000"
    "180050005800",
    "0803100118022002280130063a0b08001002180722036162634005500058006800",
    "08041001180220032802300640004a0a12080a0228001000180050015804",
    "0804100118022003280230064000500158046800",
    "080910011802200228003000400050005800620800000000000000096800",
    // MsgSnap: data "hi", voters 1 and 2, learner 3.
    "080710011802 4a14 0a026869 120e0a080801080210032800100a1802",
    // The same IDs, packed.
    "0807 4a0c 120a 0a08 0a020102 12020304",
    // A response within, and one within that.
    "0803 7202 0804 7206 0806 7202 0807",
    // Unknown fields of every wire type, groups within groups.
    "0803 7801 7901020304 05060708 7a03616263 7d01020304",
    "0803 7b 7b 0803 7c 7c 4005",
    // A type and an entry's type that raftpb does not know.
    "0863 3a02 0863",
    "08ffffffffffffffffff01",
    // The last of two counts.
    "1001 1002 0803 0804",
};

TEST(MessageViewTest, AgreesWithProtobuf) {
  for (absl::string_view hex : kMessages) {
    SCOPED_TRACE(hex);
    EXPECT_TRUE(Parse(FromHex(hex)).status.ok());
    EXPECT_EQ(CompareWithProtobuf(FromHex(hex)), "");
  }
}

TEST(MessageViewTest, AgreesWithProtobufWhenCutOrChanged) {
  for (absl::string_view hex : kMessages) {
    const std::string bytes = FromHex(hex);
    for (size_t i = 0; i < bytes.size(); ++i) {
      EXPECT_EQ(CompareWithProtobuf(bytes.substr(0, i)), "") << hex << " " << i;
      for (int value = 0; value < 256; ++value) {
        std::string changed = bytes;
        changed[i] = static_cast<char>(value);
        EXPECT_EQ(CompareWithProtobuf(changed), "")
            << hex << " " << i << " " << value;
      }
    }
  }
}

TEST(MessageViewTest, ShowsEveryField) {
  const std::string bytes = FromHex(
      "0803 1001 1802 2003 2804 3005 3a0b 0801 1002 1807 2203616263 3a00 4006 "
      "4a00 5001 5807 6203787978 6809");
  const Parsed parsed = Parse(bytes);
  ASSERT_TRUE(parsed.status.ok()) << parsed.status;
  const MessageView& view = parsed.view;
  EXPECT_EQ(view.type, 3);
  EXPECT_EQ(view.to, 1u);
  EXPECT_EQ(view.from, 2u);
  EXPECT_EQ(view.term, 3u);
  EXPECT_EQ(view.log_term, 4u);
  EXPECT_EQ(view.index, 5u);
  EXPECT_EQ(view.commit, 6u);
  EXPECT_TRUE(view.reject);
  EXPECT_EQ(view.reject_hint, 7u);
  EXPECT_EQ(view.context, "xyx");
  EXPECT_EQ(view.vote, 9u);
  EXPECT_TRUE(view.has(MessageView::kSnapshot));
  EXPECT_FALSE(view.has(MessageView::kResponses));
  EXPECT_EQ(view.encoded, bytes);
  ASSERT_EQ(view.entries.size(), 2u);
  EXPECT_EQ(view.entries[0].type, 1);
  EXPECT_EQ(view.entries[0].term, 2u);
  EXPECT_EQ(view.entries[0].index, 7u);
  EXPECT_EQ(view.entries[0].data, "abc");
  // Data is where it was, not copied.
  EXPECT_GE(view.entries[0].data.data(), bytes.data());
  EXPECT_LT(view.entries[0].data.data(), bytes.data() + bytes.size());
}

TEST(MessageViewTest, AnUnknownTypeIsNotTypeZero) {
  for (absl::string_view hex : {"0863", "0803 0863"}) {
    const std::string bytes = FromHex(hex);
    const Parsed parsed = Parse(bytes);
    ASSERT_TRUE(parsed.status.ok());
    EXPECT_EQ(parsed.view.type, 99);
    raftpb::Message message;
    parsed.view.CopyTo(&message);
    EXPECT_FALSE(message.has_type());
    ViewStorage storage;
    EXPECT_EQ(ViewOf(message, &storage).type, 99);
  }
}

TEST(MessageViewTest, CopyToReplacesWhatWasThere) {
  raftpb::Message message;
  message.ParseFromString(
      FromHex("0807 3a020863 4a060a026869 1200 620178 6809"));
  const std::string bytes = FromHex("0803 3a021807");
  Parse(bytes).view.CopyTo(&message);
  // Parsed was a temporary, but the entries are copied before it goes.
  EXPECT_EQ(absl::string_view(Canonical(message)), bytes);
}

TEST(MessageViewTest, LinkHeartbeatsAreKnownByTypeAndIds) {
  EXPECT_TRUE(Parse(FromHex("0808")).view.is_link_heartbeat());
  EXPECT_TRUE(Parse(FromHex("080810001800")).view.is_link_heartbeat());
  EXPECT_FALSE(Parse(FromHex("08081001")).view.is_link_heartbeat());
  EXPECT_FALSE(Parse(FromHex("08081801")).view.is_link_heartbeat());
  EXPECT_FALSE(Parse(FromHex("0803")).view.is_link_heartbeat());
  EXPECT_TRUE(LinkHeartbeat().is_link_heartbeat());
}

TEST(MessageViewTest, RefusesMalformedBytes) {
  const struct {
    absl::string_view hex;
    absl::string_view error;
  } kCases[] = {
      {"08", "offset 1001: a varint that is cut short or too long"},
      {"08ffffffffffffffffffff01",
       "offset 1001: a varint that is cut short or too long"},
      {"0001", "offset 1001: a field number out of range"},
      {"888080808001", "offset 1000: a varint that is cut short or too long"},
      {"f8ffffff7f01", "offset 1005: a field number out of range"},
      {"3a7f08", "offset 1002: a length beyond the end"},
      {"3affffffff0f", "offset 1006: a length beyond the end"},
      {"3affffffffffffffffff01",
       "offset 1001: a varint that is cut short or too long"},
      {"0803 3a020904", "offset 1004: a known field with a foreign wire type"},
      {"0803 3d01020304",
       "offset 1002: a known field with a foreign wire type"},
      {"4a021208", "offset 1004: a length beyond the end"},
      {"4a04 1202 0a01", "offset 1006: a length beyond the end"},
      {"4a06 1204 0a02 2d00",
       "offset 1006: a known field with a foreign wire type"},
      {"4a07 1205 0a03 0a0180",
       "offset 1008: a varint that is cut short or too long"},
      {"4a00 4a00", "offset 1002: a second snapshot"},
      {"7202 0880", "offset 1003: a varint that is cut short or too long"},
      {"790102", "offset 1001: a fixed-size field beyond the end"},
      {"7b", "offset 1001: a varint that is cut short or too long"},
      {"7b 8401", "offset 1003: the end of another group"},
      {"7c", "offset 1001: an unknown wire type, or the end of no group"},
      {"7f", "offset 1001: an unknown wire type, or the end of no group"},
  };
  for (const auto& test : kCases) {
    SCOPED_TRACE(test.hex);
    const absl::Status status = Parse(FromHex(test.hex)).status;
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_NE(status.message().find(test.error), absl::string_view::npos)
        << status;
  }
}

TEST(MessageViewTest, RefusesToNestDeep) {
  std::string nested;
  for (int i = 0; i < 20; ++i) {
    nested = absl::StrCat(
        "\x72", std::string(1, static_cast<char>(nested.size())), nested);
  }
  EXPECT_EQ(Parse(nested).status.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Parse(Repeat("\x7b", 20) + Repeat("\x7c", 20)).status.code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(Parse(Repeat("\x7b", 1000000)).status.code(),
            absl::StatusCode::kDataLoss);
}

TEST(MessageViewTest, LimitsWhatFewBytesCouldBlowUp) {
  const std::string entries = Repeat(FromHex("3a00"), 5);
  EXPECT_TRUE(Parse(entries, {.entries_max = 5}).status.ok());
  EXPECT_EQ(Parse(entries, {.entries_max = 4}).status.code(),
            absl::StatusCode::kResourceExhausted);
  // A hundred thousand empty responses, packed member IDs, unknown fields.
  EXPECT_EQ(Parse(Repeat(FromHex("7200"), 100000)).status.code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Parse(FromHex("4aac8d06 12a88d06 0aa48d06 0aa08d06") +
                  std::string(100000, 1))
                .status.code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Parse(FromHex("4ac09a0c") + Repeat(FromHex("7800"), 100000))
                .status.code(),
            absl::StatusCode::kResourceExhausted);
  // A view does not keep them, so outside of a snapshot they cost nothing.
  EXPECT_TRUE(Parse(Repeat(FromHex("7800"), 100000)).status.ok());
}

TEST(MessageViewTest, TrimEntriesKeepsOnlySmallVectors) {
  std::vector<EntryView> entries(64);
  TrimEntries(&entries);
  EXPECT_GE(entries.capacity(), 64u);
  entries.resize(100000);
  TrimEntries(&entries);
  EXPECT_EQ(entries.capacity(), 0u);
}

TEST(ParseEntryTest, ParsesOne) {
  const std::string bytes = FromHex("0800100218072203616263");
  EntryView entry;
  ASSERT_TRUE(ParseEntry(bytes, 0, &entry).ok());
  raftpb::Entry copied;
  copied.set_data("gone");
  entry.CopyTo(&copied);
  EXPECT_EQ(copied.SerializeAsString(), bytes);
  EXPECT_EQ(ParseEntry(bytes.substr(0, 10), 7, &entry).message(),
            "bad raftpb.Entry at offset 15: a length beyond the end");
}

}  // namespace
}  // namespace rafthttp::codec
