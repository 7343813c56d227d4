#include "tools/rafthttpctl/snap_decode.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rafthttpctl {
namespace {

using ::testing::HasSubstr;

raftpb::Snapshot SnapshotOf(std::string data) {
  raftpb::Snapshot snapshot;
  snapshot.set_data(std::move(data));
  raftpb::SnapshotMetadata& metadata = *snapshot.mutable_metadata();
  metadata.set_index(5612);
  metadata.set_term(2);
  metadata.mutable_conf_state()->add_voters(0x8e9e05c52164694d);
  metadata.mutable_conf_state()->add_learners(0xab);
  return snapshot;
}

TEST(SnapDecodeTest, ShowsEtcdsMembership) {
  // As etcd's v2 store writes it, cut down to what is looked at.
  const auto record = SnapFileRecord(SnapshotOf(
      R"({"Root":{"Path":"/","Children":{"0":{"Children":{"members":{)"
      R"("Children":{"8e9e05c52164694d":{"Children":{"attributes":{"Value":)"
      R"("{\"name\":\"n1\",\"clientURLs\":[\"http://a:1\"]}"},)"
      R"("raftAttributes":{"Value":"{\"peerURLs\":[\"http://a:2\"]}"}}},)"
      R"("ab":{"Children":{"raftAttributes":{"Value":)"
      R"("{\"peerURLs\":[\"http://b:2\"],\"isLearner\":true}"}}}}},)"
      R"("version":{"Value":"3.4.0"}}},"1":{}}}})"));
  EXPECT_EQ(record["snapshot"]["index"], 5612);
  EXPECT_EQ(record["snapshot"]["confState"]["voters"][0], "8e9e05c52164694d");
  EXPECT_EQ(record["clusterVersion"], "3.4.0");
  ASSERT_EQ(record["members"].size(), 2u);
  EXPECT_EQ(record["members"][0]["name"], "n1");
  EXPECT_EQ(record["members"][0]["peerURLs"][0], "http://a:2");
  EXPECT_EQ(record["members"][0]["isLearner"], false);
  EXPECT_EQ(record["members"][1]["id"], "ab");
  EXPECT_EQ(record["members"][1]["isLearner"], true);
  const std::string text = SnapFileText(record);
  EXPECT_THAT(text, HasSubstr("index 5612  term 2"));
  EXPECT_THAT(text, HasSubstr("http://b:2"));
  EXPECT_THAT(text, HasSubstr("learner\n"));
}

TEST(SnapDecodeTest, OtherDataIsLeftAlone) {
  for (
      const char* data :
      {"", "\xff", "{}", "[1]", R"({"Root":3})", R"({"Root":{"Children":[]}})",
       R"({"Root":{"Children":{"0":{"Children":{"members":{"Children":7}}}}}})",
       R"({"Root":{"Children":{"0":{"Children":{"members":{"Children":)"
       R"({"x":{"Children":{"raftAttributes":{"Value":"nonsense"}}}}}}}}}})"}) {
    const auto record = SnapFileRecord(SnapshotOf(data));
    EXPECT_EQ(record["snapshot"]["term"], 2) << data;
    EXPECT_FALSE(SnapFileText(record).empty());
  }
}

TEST(SnapDecodeTest, KnowsItsFilesByName) {
  EXPECT_TRUE(IsSnapFileName("a/0000000000000002-00000000000015ec.snap"));
  EXPECT_TRUE(IsSnapFileName("x.snap.broken"));
  EXPECT_FALSE(IsSnapFileName("00000000000015ec.snap.db"));
  EXPECT_FALSE(IsSnapFileName(""));
}

}  // namespace
}  // namespace rafthttpctl
