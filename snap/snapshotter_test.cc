// What a Snapshotter leaves on the disk, whatever the disk does.
#include "snap/snapshotter.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "snap/snap_file.h"
#include "snap/testing/faulty_file_system.h"

namespace rafthttp::snap {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Fault = FaultyFileSystem::Fault;

raftpb::Snapshot SnapshotOf(uint64_t term, uint64_t index,
                            std::string data = "state") {
  raftpb::Snapshot snapshot;
  snapshot.set_data(std::move(data));
  snapshot.mutable_metadata()->set_term(term);
  snapshot.mutable_metadata()->set_index(index);
  snapshot.mutable_metadata()->mutable_conf_state()->add_voters(1);
  return snapshot;
}

std::vector<std::string> NamesIn(FaultyFileSystem& files) {
  std::vector<std::string> names;
  for (const auto& [name, content] : files.Contents()) names.push_back(name);
  return names;
}

absl::StatusOr<uint64_t> SaveDb(Snapshotter& snapshotter,
                                absl::string_view content, uint64_t index) {
  return snapshotter.SaveDbFrom(
      [&](char* out, size_t size) -> absl::StatusOr<size_t> {
        // In small pieces, so that there are several writes to break.
        size = std::min({size, content.size(), size_t{100}});
        content.copy(out, size);
        content.remove_prefix(size);
        return size;
      },
      index);
}

TEST(SnapshotterTest, SavesAndLoads) {
  FaultyFileSystem files;
  Snapshotter snapshotter(files, "/snap");
  EXPECT_TRUE(absl::IsNotFound(snapshotter.Load().status()));
  ASSERT_TRUE(snapshotter.SaveSnap(SnapshotOf(1, 9)).ok());
  ASSERT_TRUE(snapshotter.SaveSnap(SnapshotOf(2, 3, "newest")).ok());
  ASSERT_TRUE(snapshotter.SaveSnap(SnapshotOf(1, 10)).ok());
  EXPECT_THAT(NamesIn(files),
              ElementsAre("/snap/0000000000000001-0000000000000009.snap",
                          "/snap/0000000000000001-000000000000000a.snap",
                          "/snap/0000000000000002-0000000000000003.snap"));
  const auto newest = snapshotter.Load();
  ASSERT_TRUE(newest.ok()) << newest.status();
  EXPECT_EQ(newest->SerializeAsString(),
            SnapshotOf(2, 3, "newest").SerializeAsString());
  // Of those that the log knows.
  const std::vector<SnapId> among = {{1, 9}, {1, 10}, {7, 7}};
  const auto available = snapshotter.LoadNewestAvailable(among);
  ASSERT_TRUE(available.ok());
  EXPECT_EQ(available->metadata().index(), 10u);
  EXPECT_TRUE(absl::IsNotFound(
      snapshotter.LoadNewestAvailable(std::vector<SnapId>{{1, 8}}).status()));
}

TEST(SnapshotterTest, ASnapshotOfIndexZeroIsNone) {
  FaultyFileSystem files;
  Snapshotter snapshotter(files, "/snap");
  EXPECT_TRUE(snapshotter.SaveSnap(SnapshotOf(1, 0)).ok());
  EXPECT_THAT(NamesIn(files), ElementsAre());
}

TEST(SnapshotterTest, SetsBrokenOnesAside) {
  FaultyFileSystem files;
  Snapshotter snapshotter(files, "/snap");
  const std::string good = EncodeSnapFile(SnapshotOf(1, 1));
  std::string bad = EncodeSnapFile(SnapshotOf(1, 2));
  bad.back() ^= 1;
  files.Put("/snap/0000000000000001-0000000000000001.snap", good);
  files.Put("/snap/0000000000000001-0000000000000002.snap", bad);
  files.Put("/snap/0000000000000001-0000000000000003.snap", "");
  files.Put("/snap/0000000000000001-0000000000000004.snap", "\xff\xff");
  files.Put("/snap/0000000000000009.snap.db", "a database");
  files.Put("/snap/db", "the live one");
  files.Put("/snap/db.tmp.123", "half a defragmentation");
  const auto snapshot = snapshotter.Load();
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(snapshot->metadata().index(), 1u);
  EXPECT_THAT(NamesIn(files),
              ElementsAre("/snap/0000000000000001-0000000000000001.snap",
                          "/snap/0000000000000001-0000000000000002.snap.broken",
                          "/snap/0000000000000001-0000000000000003.snap.broken",
                          "/snap/0000000000000001-0000000000000004.snap.broken",
                          "/snap/0000000000000009.snap.db", "/snap/db"));
}

TEST(SnapshotterTest, KeepsDatabasesByIndex) {
  FaultyFileSystem files;
  Snapshotter snapshotter(files, "/snap");
  const auto missing = snapshotter.DbFilePath(10);
  EXPECT_TRUE(absl::IsNotFound(missing.status()));
  EXPECT_EQ(missing.status().message(), "snap: snapshot file doesn't exist");
  const auto saved = SaveDb(snapshotter, std::string(1000, 'x'), 10);
  ASSERT_TRUE(saved.ok()) << saved.status();
  EXPECT_EQ(*saved, 1000u);
  EXPECT_EQ(*snapshotter.DbFilePath(10), "/snap/000000000000000a.snap.db");
  // The first one of an index stays.
  EXPECT_EQ(*SaveDb(snapshotter, "other", 10), 5u);
  EXPECT_EQ(files.Contents()["/snap/000000000000000a.snap.db"],
            std::string(1000, 'x'));
  ASSERT_TRUE(SaveDb(snapshotter, "", 11).ok());
  ASSERT_TRUE(snapshotter.ReleaseSnapDbs(SnapshotOf(1, 11)).ok());
  EXPECT_THAT(NamesIn(files), ElementsAre("/snap/000000000000000b.snap.db"));
}

TEST(SnapshotterTest, CleansUpWhatACrashLeft) {
  FaultyFileSystem files;
  Snapshotter snapshotter(files, "/snap");
  files.Put("/snap/tmp123", "half");
  files.Put("/snap/db.tmp9", "half");
  files.Put("/snap/db", "live");
  files.Put("/snap/000000000000000a.snap.db", "whole");
  ASSERT_TRUE(snapshotter.CleanUp().ok());
  EXPECT_THAT(NamesIn(files),
              ElementsAre("/snap/000000000000000a.snap.db", "/snap/db"));
}

TEST(DbWriterTest, TheLengthMustBeExact) {
  FaultyFileSystem files;
  for (const uint64_t expected : {9u, 11u}) {
    auto writer = DbWriter::Create(files, "/snap");
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE((*writer)->Append("0123456789").ok());
    const auto path = (*writer)->Finish(1, expected);
    EXPECT_EQ(path.status().code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(path.status().message()), HasSubstr("10 bytes"));
  }
  EXPECT_THAT(NamesIn(files), ElementsAre());
}

TEST(DbWriterTest, AnUnfinishedOneGoes) {
  FaultyFileSystem files;
  {
    auto writer = DbWriter::Create(files, "/snap");
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE((*writer)->Append("half").ok());
    EXPECT_EQ(NamesIn(files).size(), 1u);
  }
  EXPECT_THAT(NamesIn(files), ElementsAre());
}

// A restart after `work` was hit by a fault: nothing that was there before is
// lost, what loads is whole, and nothing is left over.
class DiskFaultTest : public testing::TestWithParam<Fault> {
 protected:
  static constexpr char kOld[] = "/snap/0000000000000001-0000000000000005.snap";
  static constexpr char kOldDb[] = "/snap/0000000000000005.snap.db";

  template <typename Work, typename Check>
  void BreakEachChange(Work work, Check check) {
    for (uint64_t seed = 1; seed <= 8; ++seed) {
      for (uint64_t number = 1;; ++number) {
        FaultyFileSystem files(seed);
        files.Put(kOld, EncodeSnapFile(SnapshotOf(1, 5, "old")));
        files.Put(kOldDb, "old database");
        files.BreakChange(number, GetParam());
        Snapshotter snapshotter(files, "/snap");
        const absl::Status status = work(snapshotter);
        const bool was_broken = files.changes() >= number;
        EXPECT_TRUE(was_broken || status.ok()) << status;
        files.Restart();
        ASSERT_TRUE(snapshotter.CleanUp().ok());
        const auto loaded = snapshotter.Load();
        ASSERT_TRUE(loaded.ok()) << loaded.status();
        for (const auto& [name, content] : files.Contents()) {
          EXPECT_FALSE(absl::StrContains(name, "tmp")) << name;
          EXPECT_FALSE(absl::EndsWith(name, ".broken")) << name;
        }
        EXPECT_EQ(files.Contents()[kOldDb], "old database");
        check(files, snapshotter, *loaded, status.ok());
        if (!was_broken) break;
      }
    }
  }
};

TEST_P(DiskFaultTest, ASnapIsTheOldOneOrTheNewOne) {
  BreakEachChange(
      [](Snapshotter& snapshotter) {
        return snapshotter.SaveSnap(SnapshotOf(1, 6, "new"));
      },
      [](FaultyFileSystem&, Snapshotter&, const raftpb::Snapshot& loaded,
         bool was_saved) {
        const bool is_new = loaded.metadata().index() == 6;
        EXPECT_EQ(loaded.data(), is_new ? "new" : "old");
        EXPECT_TRUE(is_new || !was_saved) << "it was said to be saved";
      });
}

TEST_P(DiskFaultTest, ADatabaseIsThereWholeOrNotAtAll) {
  const std::string content(450, 'd');
  BreakEachChange(
      [&](Snapshotter& snapshotter) {
        return SaveDb(snapshotter, content, 6).status();
      },
      [&](FaultyFileSystem& files, Snapshotter& snapshotter,
          const raftpb::Snapshot&, bool was_saved) {
        const auto path = snapshotter.DbFilePath(6);
        EXPECT_TRUE(path.ok() || !was_saved) << "it was said to be saved";
        if (path.ok()) {
          EXPECT_EQ(files.Contents()[*path], content);
        }
      });
}

INSTANTIATE_TEST_SUITE_P(Faults, DiskFaultTest,
                         testing::Values(Fault::kError, Fault::kDiskFull,
                                         Fault::kPowerLoss));

}  // namespace
}  // namespace rafthttp::snap
