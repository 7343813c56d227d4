// Values that etcd's own raftpb encoded (testdata/gen/main.go), and a few
// golden ones of other versions, against our raft.proto.
#include "raftpb/go_vectors.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "raftpb/field_dump.h"
#include "raftpb/message_type.h"
#include "raftpb/raft.pb.h"

namespace raftpb {
namespace {

using google::protobuf::Descriptor;
using nlohmann::json;

// An empty message of the kind, or null if raftpb has none.
std::unique_ptr<google::protobuf::Message> New(const std::string& kind) {
  const Descriptor* const descriptor =
      Message::descriptor()->file()->FindMessageTypeByName(kind);
  if (descriptor == nullptr) return nullptr;
  return std::unique_ptr<google::protobuf::Message>(
      google::protobuf::MessageFactory::generated_factory()
          ->GetPrototype(descriptor)
          ->New());
}

std::string KindOf(const GoVector& vector) {
  return vector.kind == "Joint" ? "ConfChangeV2" : vector.kind;
}

// Whether an enum has a number that raft.proto has no name for: these are
// written at the end and not in their place.
bool HasNameless(const google::protobuf::Message& message) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  if (!reflection.GetUnknownFields(message).empty()) return true;
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const google::protobuf::FieldDescriptor* field : fields) {
    if (field->message_type() == nullptr) continue;
    if (!field->is_repeated()) {
      if (HasNameless(reflection.GetMessage(message, field))) return true;
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
      if (HasNameless(reflection.GetRepeatedMessage(message, field, i))) {
        return true;
      }
    }
  }
  return false;
}

TEST(GoVectorsTest, EveryKindAndTypeIsThere) {
  std::map<std::string, int> kinds;
  std::map<int, int> types;
  for (const GoVector& vector : ReadGoVectors()) {
    ++kinds[vector.kind];
    if (vector.kind == "Message") ++types[vector.fields["type"].get<int>()];
  }
  for (const char* const kind :
       {"Message", "Entry", "ConfState", "SnapshotMetadata", "Snapshot",
        "HardState", "ConfChange", "ConfChangeV2", "Joint"}) {
    EXPECT_GE(kinds[kind], 12) << kind;
  }
  for (int type = MsgHup; type <= MsgPreVoteResp; ++type) {
    EXPECT_GE(types[type], 9) << MessageTypeName(type);
  }
}

TEST(GoVectorsTest, DecodeToTheSameFields) {
  for (const GoVector& vector : ReadGoVectors()) {
    if (vector.kind == "Joint") continue;
    SCOPED_TRACE(vector.name);
    const std::unique_ptr<google::protobuf::Message> message = New(vector.kind);
    ASSERT_NE(message, nullptr) << vector.kind;
    ASSERT_TRUE(message->ParseFromString(vector.bytes));
    EXPECT_EQ(DumpFields(*message), vector.fields);
  }
}

TEST(GoVectorsTest, EncodeAgainWithoutLoss) {
  int nameless = 0;
  for (const GoVector& vector : ReadGoVectors()) {
    SCOPED_TRACE(vector.name);
    const std::unique_ptr<google::protobuf::Message> message =
        New(KindOf(vector));
    ASSERT_NE(message, nullptr) << vector.kind;
    ASSERT_TRUE(message->ParseFromString(vector.bytes));
    const std::string again = message->SerializeAsString();
    const std::unique_ptr<google::protobuf::Message> decoded =
        New(KindOf(vector));
    ASSERT_TRUE(decoded->ParseFromString(again));
    EXPECT_EQ(DumpFields(*decoded), DumpFields(*message));
    if (HasNameless(*message)) {
      EXPECT_EQ(again.size(), vector.bytes.size());
      ++nameless;
    } else {
      EXPECT_EQ(absl::BytesToHexString(again),
                absl::BytesToHexString(vector.bytes));
    }
  }
  EXPECT_GT(nameless, 9);
}

// A message vector is named after its type: by name where 3.4 has one.
TEST(GoVectorsTest, TypesHaveTheSameNames) {
  for (const GoVector& vector : ReadGoVectors()) {
    if (vector.kind != "Message") continue;
    Message message;
    ASSERT_TRUE(message.ParseFromString(vector.bytes));
    const int type = TypeNumber(message);
    const bool is_named = type >= MsgHup && type <= MsgPreVoteResp;
    EXPECT_EQ(vector.name.substr(0, vector.name.find('/')),
              is_named ? MessageTypeName(type) : absl::StrCat(type));
  }
}

TEST(GoVectorsTest, NoCutDecodesToTheWhole) {
  for (const GoVector& vector : ReadGoVectors()) {
    if (vector.kind == "Joint" || vector.bytes.size() > 200) continue;
    SCOPED_TRACE(vector.name);
    for (size_t size = 0; size < vector.bytes.size(); ++size) {
      const std::unique_ptr<google::protobuf::Message> message =
          New(vector.kind);
      if (message->ParseFromString(vector.bytes.substr(0, size))) {
        ASSERT_NE(DumpFields(*message), vector.fields) << size;
      }
    }
  }
}

struct Golden {
  const char* what;
  const char* kind;
  const char* hex;
  const char* fields;
};

// Bytes of etcd 3.4 to 3.6, and the same values in the other ways to write
// them.
constexpr Golden kGolden[] = {
    {"link heartbeat, 3.4", "Message",
     "08081000180020002800300040004a0a12080a0228001000180050005800",
     R"({"type":8,"to":0,"from":0,"term":0,"logTerm":0,"index":0,"commit":0,
         "snapshot":{"metadata":{"conf_state":{"auto_leave":false},"index":0,
         "term":0}},"reject":false,"rejectHint":0})"},
    {"link heartbeat, 3.6", "Message",
     "0808100018002000280030004000500058006800",
     R"({"type":8,"to":0,"from":0,"term":0,"logTerm":0,"index":0,"commit":0,
         "reject":false,"rejectHint":0,"vote":0})"},
    {"link heartbeat, 3.7", "Message", "0808", R"({"type":8})"},
    {"entry", "Entry", "0800100218072203616263",
     R"({"Type":0,"Term":2,"Index":7,"Data":"616263"})"},
    {"entry without data", "Entry", "080010021807",
     R"({"Type":0,"Term":2,"Index":7})"},
    {"entry with empty data", "Entry", "0800100218072200",
     R"({"Type":0,"Term":2,"Index":7,"Data":""})"},
    {"MsgApp, 3.4", "Message",
     "0803100118022002280130063a0b080010021807220361626340054a0a12080a02280010"
     "00180050005800",
     R"({"type":3,"to":1,"from":2,"term":2,"logTerm":1,"index":6,"entries":
         [{"Type":0,"Term":2,"Index":7,"Data":"616263"}],"commit":5,
         "snapshot":{"metadata":{"conf_state":{"auto_leave":false},"index":0,
         "term":0}},"reject":false,"rejectHint":0})"},
    {"MsgApp, 3.6", "Message",
     "0803100118022002280130063a0b08001002180722036162634005500058006800",
     R"({"type":3,"to":1,"from":2,"term":2,"logTerm":1,"index":6,"entries":
         [{"Type":0,"Term":2,"Index":7,"Data":"616263"}],"commit":5,
         "reject":false,"rejectHint":0,"vote":0})"},
    {"MsgAppResp, 3.4", "Message",
     "08041001180220032802300640004a0a12080a0228001000180050015804",
     R"({"type":4,"to":1,"from":2,"term":3,"logTerm":2,"index":6,"commit":0,
         "snapshot":{"metadata":{"conf_state":{"auto_leave":false},"index":0,
         "term":0}},"reject":true,"rejectHint":4})"},
    {"MsgAppResp, 3.6", "Message", "0804100118022003280230064000500158046800",
     R"({"type":4,"to":1,"from":2,"term":3,"logTerm":2,"index":6,"commit":0,
         "reject":true,"rejectHint":4,"vote":0})"},
    {"MsgHeartbeatResp, 3.6", "Message",
     "080910011802200228003000400050005800620800000000000000096800",
     R"({"type":9,"to":1,"from":2,"term":2,"logTerm":0,"index":0,"commit":0,
         "reject":false,"rejectHint":0,"context":"0000000000000009",
         "vote":0})"},
    {"ConfChange", "ConfChange", "08101003180522027b7d",
     R"({"id":16,"type":3,"node_id":5,"context":"7b7d"})"},
    {"ConfChangeV2", "ConfChangeV2", "08011204080010051a0178",
     R"({"transition":1,"changes":[{"type":0,"node_id":5}],"context":"78"})"},
    {"Snapshot", "Snapshot", "0a026869120e0a080801080210032800100a1802",
     R"({"data":"6869","metadata":{"conf_state":{"voters":[1,2],"learners":[3],
         "auto_leave":false},"index":10,"term":2}})"},
};

TEST(GoldenTest, DecodeToTheFieldsAndBack) {
  for (const Golden& golden : kGolden) {
    SCOPED_TRACE(golden.what);
    const std::unique_ptr<google::protobuf::Message> message = New(golden.kind);
    ASSERT_NE(message, nullptr);
    ASSERT_TRUE(message->ParseFromString(absl::HexStringToBytes(golden.hex)));
    const json fields = json::parse(golden.fields, nullptr,
                                    /*allow_exceptions=*/false);
    ASSERT_FALSE(fields.is_discarded());
    EXPECT_EQ(DumpFields(*message), fields);
    EXPECT_EQ(absl::BytesToHexString(message->SerializeAsString()), golden.hex);
  }
}

TEST(GoldenTest, PackedNumbersAreReadToo) {
  ConfState state;
  ASSERT_TRUE(state.ParseFromString(absl::HexStringToBytes("0a020102120103")));
  EXPECT_EQ(DumpFields(state), (json{{"voters", {1, 2}}, {"learners", {3}}}));
}

TEST(GoldenTest, ResponsesOf36AreRead) {
  Message message;
  ASSERT_TRUE(message.ParseFromString(
      absl::HexStringToBytes("0813720408041001720208146807")));
  EXPECT_EQ(DumpFields(message),
            json::parse(R"({"type":19,"vote":7,
                            "responses":[{"type":4,"to":1},{"type":20}]})",
                        nullptr, /*allow_exceptions=*/false));
}

}  // namespace
}  // namespace raftpb
