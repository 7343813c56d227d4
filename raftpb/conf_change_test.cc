#include "raftpb/conf_change.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"
#include "raftpb/field_dump.h"
#include "raftpb/go_vectors.h"

namespace raftpb {
namespace {

using absl::HexStringToBytes;

Entry EntryOfBytes(EntryType type, absl::string_view hex) {
  Entry entry;
  entry.set_type(type);
  entry.set_data(HexStringToBytes(hex));
  return entry;
}

ConfChangeV2 V2(absl::string_view hex) {
  ConfChangeV2 change;
  EXPECT_TRUE(change.ParseFromString(HexStringToBytes(hex)));
  return change;
}

TEST(ConfChangeFromEntryTest, ReadsTheOlderForm) {
  const absl::StatusOr<ConfChangeV2> change = ConfChangeFromEntry(
      EntryOfBytes(EntryConfChange, "08101003180522027b7d"));
  ASSERT_TRUE(change.ok()) << change.status();
  EXPECT_EQ(change->transition(), ConfChangeTransitionAuto);
  ASSERT_EQ(change->changes_size(), 1);
  EXPECT_EQ(change->changes(0).type(), ConfChangeAddLearnerNode);
  EXPECT_EQ(change->changes(0).node_id(), 5u);
  EXPECT_EQ(change->context(), "{}");
}

TEST(ConfChangeFromEntryTest, ReadsTheNewerForm) {
  const absl::StatusOr<ConfChangeV2> change = ConfChangeFromEntry(
      EntryOfBytes(EntryConfChangeV2, "08011204080010051a0178"));
  ASSERT_TRUE(change.ok()) << change.status();
  EXPECT_EQ(change->transition(), ConfChangeTransitionJointImplicit);
  ASSERT_EQ(change->changes_size(), 1);
  EXPECT_EQ(change->changes(0).type(), ConfChangeAddNode);
  EXPECT_EQ(change->changes(0).node_id(), 5u);
  EXPECT_EQ(change->context(), "x");
}

TEST(ConfChangeFromEntryTest, NothingIsTheOrderToLeave) {
  for (const Entry& entry : {LeaveJointEntry(), EntryOf(ConfChangeV2()),
                             EntryOfBytes(EntryConfChangeV2, ""),
                             EntryOfBytes(EntryConfChangeV2, "0800")}) {
    const absl::StatusOr<ConfChangeV2> change = ConfChangeFromEntry(entry);
    ASSERT_TRUE(change.ok()) << change.status();
    EXPECT_TRUE(IsLeaveJoint(*change));
  }
}

TEST(ConfChangeFromEntryTest, TheOlderFormWithoutDataAddsNodeZero) {
  const absl::StatusOr<ConfChangeV2> change =
      ConfChangeFromEntry(EntryOfBytes(EntryConfChange, ""));
  ASSERT_TRUE(change.ok()) << change.status();
  EXPECT_EQ(change->changes_size(), 1);
  EXPECT_FALSE(change->has_context());
  EXPECT_FALSE(IsLeaveJoint(*change));
}

TEST(ConfChangeFromEntryTest, RefusesGarbage) {
  // A varint without end, a length beyond the end, a group's end, a lone tag.
  for (const absl::string_view hex : {"08ff", "2205", "0c", "08"}) {
    EXPECT_EQ(
        ConfChangeFromEntry(EntryOfBytes(EntryConfChange, hex)).status().code(),
        absl::StatusCode::kDataLoss)
        << hex;
  }
  for (const absl::string_view hex : {"08ff", "1a05", "0c", "120208", "08"}) {
    EXPECT_EQ(ConfChangeFromEntry(EntryOfBytes(EntryConfChangeV2, hex))
                  .status()
                  .code(),
              absl::StatusCode::kDataLoss)
        << hex;
  }
}

TEST(ConfChangeFromEntryTest, RefusesEachCutButThoseBetweenFields) {
  const std::string whole = HexStringToBytes("08011204080010051a0178");
  std::vector<size_t> taken;
  for (size_t size = 0; size <= whole.size(); ++size) {
    Entry entry;
    entry.set_type(EntryConfChangeV2);
    entry.set_data(whole.substr(0, size));
    if (ConfChangeFromEntry(entry).ok()) taken.push_back(size);
  }
  EXPECT_EQ(taken, (std::vector<size_t>{0, 2, 8, 11}));
}

TEST(ConfChangeFromEntryTest, RefusesOtherEntries) {
  EXPECT_EQ(
      ConfChangeFromEntry(EntryOfBytes(EntryNormal, "0800")).status().code(),
      absl::StatusCode::kFailedPrecondition);
  // Of a type without a name, which type() takes for EntryNormal.
  Entry nameless;
  ASSERT_TRUE(nameless.ParseFromString("\x08\x03"));
  EXPECT_EQ(ConfChangeFromEntry(nameless).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(ConfChangeTest, ATypeWithoutANameIsNotAddNode) {
  ConfChange change;
  ASSERT_TRUE(change.ParseFromString(HexStringToBytes("080010041805")));
  EXPECT_EQ(change.type(), ConfChangeAddNode);  // The trap.
  const ConfChangeV2 v2 = AsV2(change);
  EXPECT_EQ(ChangeTypeNumber(v2.changes(0)), 4);
  EXPECT_EQ(v2.changes(0).node_id(), 5u);
  // Nor does it become one on its way through an entry.
  const absl::StatusOr<ConfChangeV2> again = ConfChangeFromEntry(EntryOf(v2));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(ChangeTypeNumber(again->changes(0)), 4);
  const absl::StatusOr<ConfChangeV2> older =
      ConfChangeFromEntry(EntryOf(change));
  ASSERT_TRUE(older.ok()) << older.status();
  EXPECT_EQ(ChangeTypeNumber(older->changes(0)), 4);
}

TEST(EntryOfTest, FormsKeepTheirTypes) {
  ConfChange older;
  older.set_id(16);
  older.set_type(ConfChangeAddLearnerNode);
  older.set_node_id(5);
  older.set_context("{}");
  EXPECT_EQ(EntryOf(older).type(), EntryConfChange);
  EXPECT_EQ(EntryOf(older).data(), HexStringToBytes("08101003180522027b7d"));
  EXPECT_EQ(EntryOf(AsV2(older)).type(), EntryConfChangeV2);
  EXPECT_EQ(EntryOf(AsV2(older)).data(),
            HexStringToBytes("08001204080310051a027b7d"));
  EXPECT_EQ(LeaveJointEntry().type(), EntryConfChangeV2);
  EXPECT_FALSE(LeaveJointEntry().has_data());
}

TEST(EntryOfTest, WritesZeros) {
  EXPECT_EQ(EntryOf(ConfChange()).data(), HexStringToBytes("080010001800"));
  EXPECT_EQ(EntryOf(ConfChangeV2()).data(), HexStringToBytes("0800"));
  ConfChangeV2 change;
  change.add_changes();
  EXPECT_EQ(EntryOf(change).data(), HexStringToBytes("0800120408001000"));
}

TEST(JointTest, ATransitionWithoutANameIsJointAndNeverLeft) {
  const ConfChangeV2 change = V2("0803120408001005");
  EXPECT_TRUE(EntersJoint(change));
  EXPECT_FALSE(LeavesJointByItself(change));
  EXPECT_FALSE(IsLeaveJoint(V2("0803")));
}

// etcd's own answers.
TEST(GoVectorsTest, JointRules) {
  int changes = 0;
  for (const GoVector& vector : ReadGoVectors()) {
    if (vector.kind != "Joint") continue;
    SCOPED_TRACE(vector.name);
    ConfChangeV2 change;
    ASSERT_TRUE(change.ParseFromString(vector.bytes));
    EXPECT_EQ(EntersJoint(change), vector.fields["enterJoint"]);
    EXPECT_EQ(LeavesJointByItself(change), vector.fields["autoLeave"]);
    EXPECT_EQ(IsLeaveJoint(change), vector.fields["leaveJoint"]);
    ++changes;
  }
  EXPECT_EQ(changes, 27);
}

// Whether all types have names. Those without go to another place in protobuf's
// bytes than in Go's.
bool AllNamed(const ConfChangeV2& change) {
  for (const ConfChangeSingle& single : change.changes()) {
    if (!ConfChangeType_IsValid(ChangeTypeNumber(single))) return false;
  }
  return true;
}

// The fields as etcd has them, where no transition is Auto.
nlohmann::json ValuesOf(const ConfChangeV2& change) {
  nlohmann::json fields = DumpFields(change);
  fields.emplace("transition", ConfChangeTransitionAuto);
  return fields;
}

// Each change is followed by what etcd makes of it.
TEST(GoVectorsTest, ProposedAndAsV2) {
  int as_v2 = 0;
  int proposed = 0;
  int same_bytes = 0;
  Entry ours;
  ConfChangeV2 expected;
  for (const GoVector& vector : ReadGoVectors()) {
    SCOPED_TRACE(vector.name);
    if (absl::EndsWith(vector.name, "/asV2")) {
      ++as_v2;
      EXPECT_EQ(ValuesOf(expected), vector.fields);
    } else if (absl::EndsWith(vector.name, "/proposed")) {
      ++proposed;
      Entry theirs;
      ASSERT_TRUE(theirs.ParseFromString(vector.bytes));
      EXPECT_EQ(ours.type(), theirs.type());
      for (const Entry& entry : {ours, theirs}) {
        const absl::StatusOr<ConfChangeV2> change = ConfChangeFromEntry(entry);
        ASSERT_TRUE(change.ok()) << change.status();
        EXPECT_EQ(ValuesOf(*change), ValuesOf(expected));
      }
      if (AllNamed(expected)) {
        ++same_bytes;
        EXPECT_EQ(ours.data(), theirs.data());
      }
    } else if (vector.kind == "ConfChange") {
      ConfChange change;
      ASSERT_TRUE(change.ParseFromString(vector.bytes));
      ours = EntryOf(change);
      expected = AsV2(change);
    } else if (vector.kind == "ConfChangeV2") {
      ASSERT_TRUE(expected.ParseFromString(vector.bytes));
      ours = EntryOf(expected);
    }
  }
  EXPECT_EQ(as_v2, 14);
  EXPECT_EQ(proposed, 14 + 27);
  EXPECT_EQ(same_bytes, proposed - 2);
}

}  // namespace
}  // namespace raftpb
