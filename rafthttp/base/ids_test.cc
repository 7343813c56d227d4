#include "rafthttp/base/ids.h"

#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>

#include "absl/hash/hash_testing.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace rafthttp {
namespace {

static_assert(!std::is_same_v<MemberId, ClusterId>);
static_assert(!std::is_convertible_v<MemberId, ClusterId>);
static_assert(!std::is_convertible_v<uint64_t, MemberId>);

constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();

TEST(IdTest, DefaultIsZero) {
  EXPECT_TRUE(MemberId().is_zero());
  EXPECT_EQ(MemberId().value(), 0u);
  EXPECT_FALSE(MemberId(1).is_zero());
}

TEST(IdTest, ToHexHasNoPrefixNoLeadingZerosAndLowerCase) {
  EXPECT_EQ(MemberId(0).ToHex(), "0");
  EXPECT_EQ(MemberId(0x8e9e05c52164694d).ToHex(), "8e9e05c52164694d");
  EXPECT_EQ(MemberId(0x0abc).ToHex(), "abc");
  EXPECT_EQ(ClusterId(kMax).ToHex(), "ffffffffffffffff");
}

TEST(IdTest, FromHexReadsEitherCaseAndLeadingZeros) {
  for (absl::string_view text :
       {"8e9e05c52164694d", "8E9E05C52164694D", "8e9E05c52164694D"}) {
    absl::StatusOr<MemberId> id = MemberId::FromHex(text);
    ASSERT_TRUE(id.ok()) << id.status();
    EXPECT_EQ(*id, MemberId(0x8e9e05c52164694d));
  }
  EXPECT_EQ(*MemberId::FromHex("0000000000000001"), MemberId(1));
  EXPECT_EQ(*ClusterId::FromHex("ffffffffffffffff"), ClusterId(kMax));
  EXPECT_EQ(*ClusterId::FromHex("0"), ClusterId(0));
}

TEST(IdTest, FromHexRefusesWhatIsNotHexAndNamesIt) {
  for (absl::string_view text :
       {"", "0x1", "+1", "-1", " 1", "1 ", "g", "1_0", "00000000000000001"}) {
    absl::StatusOr<MemberId> id = MemberId::FromHex(text);
    ASSERT_FALSE(id.ok()) << text;
    EXPECT_EQ(id.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_NE(id.status().message().find("\"" + std::string(text) + "\""),
              absl::string_view::npos)
        << id.status();
  }
}

TEST(IdTest, FromHexRefusesAnEmbeddedNul) {
  EXPECT_FALSE(MemberId::FromHex(absl::string_view("1\0", 2)).ok());
}

TEST(IdTest, OrdersByValue) {
  EXPECT_LT(MemberId(1), MemberId(2));
  EXPECT_LT(MemberId(2), MemberId(kMax));
  EXPECT_EQ(MemberId(7), MemberId(7));
}

TEST(IdTest, HashesConsistently) {
  EXPECT_TRUE(absl::VerifyTypeImplementsAbslHashCorrectly(
      {MemberId(0), MemberId(1), MemberId(kMax)}));
}

}  // namespace
}  // namespace rafthttp
