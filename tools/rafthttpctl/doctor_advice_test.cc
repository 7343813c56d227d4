#include "tools/rafthttpctl/doctor_advice.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rafthttpctl {
namespace {

using rafthttp::ClusterId;
using rafthttp::MemberId;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string UrlOf(uint64_t id) {
  return absl::StrCat("http://10.0.0.", id, ":2380");
}

PeerMembers ListOf(uint64_t count) {
  PeerMembers list;
  list.cluster = ClusterId(0xc);
  for (uint64_t id = 1; id <= count; ++id) {
    list.members.push_back({.id = MemberId(id),
                            .name = absl::StrCat("n", id),
                            .peer_urls = {UrlOf(id)},
                            .client_urls = {}});
  }
  return list;
}

std::vector<DoctorLook> Healthy(uint64_t count) {
  std::vector<DoctorLook> looks;
  for (uint64_t id = 1; id <= count; ++id) {
    DoctorLook look;
    look.url = UrlOf(id);
    look.listed_for = MemberId(id);
    look.members = ListOf(count);
    look.version = PeerVersion{"3.4.23", "3.4.0"};
    look.round_trip = absl::Milliseconds(2);
    looks.push_back(look);
  }
  return looks;
}

std::vector<std::string> CodesOf(const std::vector<DoctorLook>& looks) {
  std::vector<std::string> codes;
  for (const Advice& advice : Advise(looks)) codes.push_back(advice.code);
  return codes;
}

void TakeDown(DoctorLook& look) {
  look.unreachable = "connection refused";
  look.members.reset();
  look.version.reset();
  look.round_trip.reset();
}

TEST(DoctorAdviceTest, AHealthyClusterNeedsNone) {
  const auto looks = Healthy(3);
  EXPECT_THAT(CodesOf(looks), IsEmpty());
  EXPECT_EQ(ExitCodeOf(looks, Advise(looks)), ExitCode::kDone);
}

TEST(DoctorAdviceTest, CountsWhatAQuorumHasLeft) {
  auto looks = Healthy(3);
  TakeDown(looks[2]);
  auto advice = Advise(looks);
  EXPECT_THAT(CodesOf(looks), Contains("unreachable"));
  EXPECT_THAT(CodesOf(looks), Contains("quorum_margin"));
  EXPECT_THAT(advice[0].text, HasSubstr("3 (n3)"));
  EXPECT_THAT(advice[1].text, HasSubstr("1 of 3 voters"));
  EXPECT_THAT(advice[1].text, HasSubstr("one more"));
  EXPECT_EQ(ExitCodeOf(looks, advice), ExitCode::kCheckFailed);
  TakeDown(looks[1]);
  EXPECT_THAT(CodesOf(looks), Contains("no_quorum"));
  TakeDown(looks[0]);
  EXPECT_EQ(ExitCodeOf(looks, Advise(looks)), ExitCode::kUnreachable);

  looks = Healthy(5);
  TakeDown(looks[4]);
  advice = Advise(looks);
  EXPECT_THAT(advice[1].text, HasSubstr("room for 1 more"));
}

TEST(DoctorAdviceTest, NamesOtherClusters) {
  auto looks = Healthy(3);
  looks[1].members->cluster = ClusterId(0xd);
  EXPECT_THAT(CodesOf(looks), Contains("other_cluster"));
  EXPECT_EQ(ExitCodeOf(looks, Advise(looks)), ExitCode::kIdentityMismatch);
}

TEST(DoctorAdviceTest, ComparesLists) {
  auto looks = Healthy(3);
  EXPECT_EQ(DoAgree(looks[0], looks[1]), true);
  looks[1].members->members.pop_back();
  EXPECT_EQ(DoAgree(looks[0], looks[1]), false);
  EXPECT_THAT(CodesOf(looks), Contains("lists_differ"));
  looks = Healthy(3);
  looks[0].listed_for = MemberId();
  EXPECT_THAT(CodesOf(looks), Contains("not_listed"));
}

TEST(DoctorAdviceTest, LooksAtUrls) {
  auto looks = Healthy(2);
  const auto set_url = [&](const char* url) {
    for (DoctorLook& look : looks) look.members->members[0].peer_urls = {url};
  };
  set_url("http://0.0.0.0:2380");
  EXPECT_THAT(CodesOf(looks), Contains("unspecified_url"));
  set_url("http://127.0.0.1:2380");
  EXPECT_THAT(CodesOf(looks), Contains("loopback_url"));
  set_url("http://10.0.0.2:2380");
  EXPECT_THAT(CodesOf(looks), Contains("shared_url"));
  set_url("nonsense");
  EXPECT_THAT(CodesOf(looks), Contains("bad_url"));
  // A cluster that lives on one host may use it.
  looks = Healthy(1);
  set_url("http://127.0.0.1:2380");
  EXPECT_THAT(CodesOf(looks), Not(Contains("loopback_url")));
}

TEST(DoctorAdviceTest, ComparesClocksToWithinTheirErrors) {
  auto looks = Healthy(3);
  looks[0].clock_offset = absl::Seconds(-3);
  const auto clock = ClockBetween(looks[0], looks[1]);
  ASSERT_TRUE(clock.has_value());
  EXPECT_EQ(clock->difference, absl::Seconds(3));
  EXPECT_EQ(clock->error, absl::Milliseconds(2));
  auto advice = Advise(looks);
  ASSERT_FALSE(advice.empty());
  EXPECT_EQ(advice[0].code, "clock");
  EXPECT_THAT(advice[0].text, HasSubstr("http://10.0.0.1:2380 is 3s behind"));
  EXPECT_EQ(ExitCodeOf(looks, advice), ExitCode::kDone) << "a warning";
  looks[0].round_trip = absl::Seconds(5);
  EXPECT_THAT(CodesOf(looks), Not(Contains("clock"))) << "it may be nothing";
  EXPECT_THAT(CodesOf(looks), Contains("slow"));
}

TEST(DoctorAdviceTest, SaysWhatIsSpecial) {
  auto looks = Healthy(3);
  looks[1].version->server = "3.5.16";
  EXPECT_THAT(CodesOf(looks), Contains("versions"));
  looks[1].version->server = "3.4.9";
  EXPECT_THAT(CodesOf(looks), Not(Contains("versions")));
  for (DoctorLook& look : looks) look.members->members[2].is_learner = true;
  EXPECT_THAT(CodesOf(looks), Contains("learner"));
  EXPECT_THAT(CodesOf(looks), Contains("even"));
  EXPECT_THAT(CodesOf(Healthy(1)), Contains("single"));
  looks = Healthy(3);
  looks[0].problems = {"/raft/probing: answered with 404"};
  EXPECT_THAT(CodesOf(looks), Contains("dial"));
}

}  // namespace
}  // namespace rafthttpctl
