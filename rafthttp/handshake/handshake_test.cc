#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rafthttp/handshake/answer.h"
#include "rafthttp/handshake/identity.h"
#include "rafthttp/handshake/url_picker.h"
#include "rafthttp/handshake/version.h"

namespace rafthttp {
namespace {

TEST(VersionTest, ReadsFullSemanticVersionsOnly) {
  for (const char* text : {"3.4.23", "3.5.0-rc.1", "3.6.0+build.7", "0.0.0",
                           "3.6.0-alpha.0+g1a2b", "10.20.30"}) {
    EXPECT_TRUE(Version::Parse(text).ok()) << text;
  }
  for (const char* text :
       {"", "3", "3.4", "v3.4.0", "3.4.", ".4.0", "3.4.x", "3.4.0.1", "3.4.-1",
        "3.4.0-", "3.4.0+", "3.4.0-a..b", " 3.4.0", "3.4.0 ", "3.4.+0",
        "3.4.99999999999", "not_decided", "3.4.0-\n"}) {
    EXPECT_FALSE(Version::Parse(text).ok()) << text;
  }
  EXPECT_EQ(Version::Parse("3.5.0-rc.1")->ToString(), "3.5.0");
}

TEST(VersionTest, ComparesNoFinerThanMinor) {
  EXPECT_TRUE(CompareMinor({3, 4, 1}, {3, 4, 9}) == 0);
  EXPECT_TRUE(CompareMinor({3, 4, 9}, {3, 5, 0}) < 0);
  EXPECT_TRUE(CompareMinor({4, 0, 0}, {3, 9, 9}) > 0);
}

TEST(VersionTest, AcceptsAnyPairOfThreePointX) {
  EXPECT_TRUE(IsCompatible({3, 0, 0}, {3, 0, 0}, {3, 6, 0}));
  EXPECT_TRUE(IsCompatible({3, 7, 1}, {3, 0, 0}, {3, 4, 0}));
  EXPECT_FALSE(IsCompatible(kVersionIfMissing, kVersionIfMissing, {3, 4, 0}));
  EXPECT_FALSE(IsCompatible({4, 1, 0}, {4, 0, 0}, {3, 4, 0}));
}

TEST(VersionTest, StreamsAreThereFromTwoPointOne) {
  EXPECT_FALSE(SupportsStreams(kVersionIfMissing));
  EXPECT_TRUE(SupportsStreams({2, 1, 0}));
  EXPECT_TRUE(SupportsStreams({3, 8, 0}));
}

TEST(IdentityTest, WritesEtcdsHeaders) {
  http1::Headers headers;
  AddIdentity({MemberId(0xab), ClusterId(0x1000), {3, 4, 23}, ""}, headers);
  EXPECT_EQ(headers.Get("x-server-from"), "ab");
  EXPECT_EQ(headers.Get("x-server-version"), "3.4.23");
  EXPECT_EQ(headers.Get("x-min-cluster-version"), "3.0.0");
  EXPECT_EQ(headers.Get("x-etcd-cluster-id"), "1000");
  EXPECT_FALSE(headers.Get("x-peerurls"));

  http1::Headers with_urls;
  AddIdentity({MemberId(1), ClusterId(2), {3, 4, 0}, "http://a:1,http://b:2"},
              with_urls);
  EXPECT_EQ(with_urls.Get("x-peerurls"), "http://a:1,http://b:2");
}

TEST(AnswerTest, TellsTheKindsOfPreconditionApart) {
  EXPECT_EQ(ReadStreamAnswer(412, "incompatible version\n"),
            Answer::kVersionIncompatible);
  EXPECT_EQ(ReadStreamAnswer(412, "cluster ID mismatch\n"),
            Answer::kClusterMismatch);
  EXPECT_EQ(ReadStreamAnswer(412, "to field mismatch\n"), Answer::kToMismatch);
  // Only one newline is Go's.
  EXPECT_EQ(ReadStreamAnswer(412, "cluster ID mismatch\n\n"),
            Answer::kUnexpected);
  EXPECT_EQ(ReadStreamAnswer(412, ""), Answer::kUnexpected);
}

TEST(AnswerTest, StreamAndPostDisagreeAboutSuccessAndRemoval) {
  EXPECT_EQ(ReadStreamAnswer(200, ""), Answer::kOk);
  EXPECT_EQ(ReadStreamAnswer(204, ""), Answer::kUnexpected);
  EXPECT_EQ(ReadStreamAnswer(410, "removed member\n"), Answer::kMemberRemoved);
  EXPECT_EQ(ReadStreamAnswer(403, ""), Answer::kUnexpected);
  EXPECT_EQ(ReadStreamAnswer(404, "error sender not found\n"),
            Answer::kNotFound);

  EXPECT_EQ(ReadPostAnswer(204, ""), Answer::kOk);
  EXPECT_EQ(ReadPostAnswer(200, ""), Answer::kUnexpected);
  EXPECT_EQ(ReadPostAnswer(403, ""), Answer::kMemberRemoved);
  EXPECT_EQ(ReadPostAnswer(410, ""), Answer::kUnexpected);
  EXPECT_EQ(ReadPostAnswer(412, "cluster ID mismatch\n"),
            Answer::kClusterMismatch);
  EXPECT_EQ(ReadPostAnswer(500, "error processing raft message\n"),
            Answer::kUnexpected);
}

TEST(UrlPickerTest, MovesOnOnlyFromTheOneThatIsPicked) {
  const http1::Url a = *http1::ParsePeerUrl("http://a:1");
  const http1::Url b = *http1::ParsePeerUrl("http://b:1");
  UrlPicker picker({b, a});
  EXPECT_EQ(picker.Pick().ToString(), "http://a:1");
  picker.ReportUnreachable(b);
  EXPECT_EQ(picker.Pick().ToString(), "http://a:1");
  picker.ReportUnreachable(a);
  EXPECT_EQ(picker.Pick().ToString(), "http://b:1");
  picker.ReportUnreachable(b);
  EXPECT_EQ(picker.Pick().ToString(), "http://a:1");
  picker.ReportUnreachable(a);
  picker.Update({a});
  EXPECT_EQ(picker.Pick().ToString(), "http://a:1");
}

}  // namespace
}  // namespace rafthttp
