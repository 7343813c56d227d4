#include "snap/snap_file.h"

#include <string>

#include "absl/strings/escaping.h"
#include "gtest/gtest.h"
#include "snap/crc.h"
#include "snap/names.h"

namespace rafthttp::snap {
namespace {

TEST(Crc32cTest, IsTheStandardOne) {
  EXPECT_EQ(ExtendCrc32c(0, ""), 0u);
  EXPECT_EQ(ExtendCrc32c(0, "123456789"), 0xe3069283u);
  EXPECT_EQ(ExtendCrc32c(ExtendCrc32c(0, "1234"), "56789"), 0xe3069283u);
  // RFC 3720, B.4.
  EXPECT_EQ(ExtendCrc32c(0, std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(ExtendCrc32c(0, std::string(32, '\xff')), 0x62a8ab43u);
}

TEST(Crc64Test, IsTheStandardOne) {
  EXPECT_EQ(ExtendCrc64(0, ""), 0u);
  EXPECT_EQ(ExtendCrc64(0, "123456789"), 0x995dc9bbdf1939fau);
  EXPECT_EQ(ExtendCrc64(ExtendCrc64(0, "1234"), "56789"), 0x995dc9bbdf1939fau);
}

TEST(NamesTest, AreEtcds) {
  EXPECT_EQ(SnapName({1, 0xabc}), "0000000000000001-0000000000000abc.snap");
  EXPECT_EQ(DbName(~uint64_t{0}), "ffffffffffffffff.snap.db");
  EXPECT_EQ(ParseSnapName("0000000000000001-0000000000000abc.snap"),
            (SnapId{1, 0xabc}));
  EXPECT_EQ(ParseDbName("ffffffffffffffff.snap.db"), ~uint64_t{0});
  for (const char* name :
       {"", "db", "1-2.snap", "0000000000000001-0000000000000ABC.snap",
        "0000000000000001-0000000000000abc.snap.broken",
        "../0000000000000001-0000000000000abc.snap",
        "0000000000000001-0000000000000abc.snap/..", "ffffffffffffffff.snap.db",
        "0000000000000001/0000000000000abc.snap"}) {
    EXPECT_FALSE(ParseSnapName(name).has_value()) << name;
  }
  for (const char* name : {"", "db", "f.snap.db", "fffffffffffffffff.snap.db",
                           "ffffffffffffffff.snap", "../../ffffffffff.snap.db",
                           "FFFFFFFFFFFFFFFF.snap.db"}) {
    EXPECT_FALSE(ParseDbName(name).has_value()) << name;
  }
}

TEST(SnapFileTest, IsEtcdsFormat) {
  raftpb::Snapshot snapshot;
  snapshot.set_data("hi");
  const std::string bytes = EncodeSnapFile(snapshot);
  EXPECT_EQ(absl::BytesToHexString(bytes.substr(0, 1)), "08");
  const auto decoded = DecodeSnapFile(bytes);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->data(), "hi");
}

TEST(SnapFileTest, SaysWhatIsWrong) {
  raftpb::Snapshot snapshot;
  snapshot.set_data("some data");
  const std::string bytes = EncodeSnapFile(snapshot);
  EXPECT_EQ(DecodeSnapFile("").status().message(), "snap: empty snapshot");
  EXPECT_EQ(DecodeSnapFile(absl::HexStringToBytes("0801")).status().message(),
            "snap: empty snapshot");
  // Cut anywhere, or with any bit turned, it never loads as something else.
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(DecodeSnapFile(bytes.substr(0, size)).ok()) << size;
  }
  size_t mismatches = 0;
  for (size_t i = 0; i < bytes.size() * 8; ++i) {
    std::string turned = bytes;
    turned[i / 8] = static_cast<char>(turned[i / 8] ^ (1 << (i % 8)));
    const auto decoded = DecodeSnapFile(turned);
    // A 32-bit varint has three bits that mean nothing.
    if (decoded.ok()) {
      EXPECT_EQ(decoded->data(), "some data") << "bit " << i;
    }
    if (decoded.status().message() == "snap: crc mismatch") ++mismatches;
  }
  EXPECT_GT(mismatches, bytes.size() * 4);
}

}  // namespace
}  // namespace rafthttp::snap
