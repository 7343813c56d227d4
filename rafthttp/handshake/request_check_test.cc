#include "rafthttp/handshake/request_check.h"

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rafthttp {
namespace {

using Verdict = RequestCheck::Verdict;

const Identity kOwn = {.self = MemberId(0x2a7),
                       .cluster = ClusterId(0xab),
                       .version = {3, 4, 23},
                       .peer_urls = ""};

// What etcd 3.4 sends.
http1::RequestHead Head() {
  http1::RequestHead head;
  head.method = "GET";
  head.headers = {{"X-Server-From", "cb4"},
                  {"X-Server-Version", "3.4.23"},
                  {"X-Min-Cluster-Version", "3.0.0"},
                  {"X-Etcd-Cluster-Id", "ab"},
                  {"X-Peerurls", "http://a:1,http://b:2"}};
  return head;
}

RequestCheck CheckWith(absl::string_view name, absl::string_view value) {
  http1::RequestHead head = Head();
  head.headers.Set(name, value);
  return CheckRequest(head, kOwn);
}

RequestCheck CheckWithout(absl::string_view name) {
  http1::RequestHead head = Head();
  head.headers.Remove(name);
  return CheckRequest(head, kOwn);
}

TEST(RequestCheckTest, TakesWhatEtcdSends) {
  const RequestCheck check = CheckRequest(Head(), kOwn);
  EXPECT_EQ(check.verdict, Verdict::kOk);
  EXPECT_EQ(check.from, MemberId(0xcb4));
  ASSERT_EQ(check.peer_urls.size(), 2u);
  EXPECT_EQ(check.peer_urls[1].ToString(), "http://b:2");
}

TEST(RequestCheckTest, VersionsAreComparedByMinor) {
  for (const char* version : {"3.0.0", "3.4.99", "3.9.0", "4.1.0-rc.1+x"}) {
    EXPECT_EQ(CheckWith("x-server-version", version).verdict, Verdict::kOk)
        << version;
  }
  EXPECT_EQ(CheckWith("X-Server-Version", "2.9.9").verdict,
            Verdict::kVersionIncompatible);
  EXPECT_EQ(CheckWith("X-Min-Cluster-Version", "3.4.99").verdict, Verdict::kOk);
  EXPECT_EQ(CheckWith("X-Min-Cluster-Version", "3.5.0").verdict,
            Verdict::kVersionIncompatible);
}

// etcd takes who says nothing for a 2.0.
TEST(RequestCheckTest, AMissingOrEmptyVersionIsAnOldOne) {
  EXPECT_EQ(CheckWithout("X-Server-Version").verdict,
            Verdict::kVersionIncompatible);
  EXPECT_EQ(CheckWith("X-Server-Version", "").verdict,
            Verdict::kVersionIncompatible);
  EXPECT_EQ(CheckWithout("X-Min-Cluster-Version").verdict, Verdict::kOk);
  EXPECT_EQ(CheckWith("X-Min-Cluster-Version", "").verdict, Verdict::kOk);
}

TEST(RequestCheckTest, MalformedVersionsComeBeforeAllElse) {
  for (const char* version : {"3.4", "v3.4.0", "3.4.x", "3.4.0.0", "1"}) {
    SCOPED_TRACE(version);
    EXPECT_EQ(CheckWith("X-Server-Version", version).verdict,
              Verdict::kMalformedVersion);
    http1::RequestHead head;
    head.headers.Add("X-Min-Cluster-Version", version);
    EXPECT_EQ(CheckRequest(head, kOwn).verdict, Verdict::kMalformedVersion);
  }
}

TEST(RequestCheckTest, ClustersAreComparedAsText) {
  for (const char* cluster : {"", "AB", "00ab", "0xab", "ab ", "abc"}) {
    EXPECT_EQ(CheckWith("X-Etcd-Cluster-ID", cluster).verdict,
              Verdict::kClusterMismatch)
        << cluster;
  }
  EXPECT_EQ(CheckWithout("X-Etcd-Cluster-ID").verdict,
            Verdict::kClusterMismatch);
  // Of two wrongs, the version is named.
  http1::RequestHead head = Head();
  head.headers.Remove("X-Server-Version");
  head.headers.Remove("X-Etcd-Cluster-ID");
  EXPECT_EQ(CheckRequest(head, kOwn).verdict, Verdict::kVersionIncompatible);
}

TEST(RequestCheckTest, TheSenderIsKnownOnlyByAMembersId) {
  EXPECT_EQ(CheckWith("X-Server-From", "00CB4").from, MemberId(0xcb4));
  for (const char* from : {"", "0", "xyz", "-1", "11112222333344445"}) {
    const RequestCheck check = CheckWith("X-Server-From", from);
    EXPECT_EQ(check.verdict, Verdict::kOk) << from;
    EXPECT_EQ(check.from, std::nullopt) << from;
  }
  EXPECT_EQ(CheckWithout("X-Server-From").from, std::nullopt);
}

// etcd closes the connection on these. They make no request wrong, but nobody
// is to be dialled there.
TEST(RequestCheckTest, PeerUrlsAreAllValidOrNotThere) {
  for (const char* urls : {"", "http://a:1,", "http://a:1/", "a:1", "ftp://a:1",
                           "http://a:1,http://b"}) {
    const RequestCheck check = CheckWith("X-PeerURLs", urls);
    EXPECT_EQ(check.verdict, Verdict::kOk) << urls;
    EXPECT_THAT(check.peer_urls, ::testing::IsEmpty()) << urls;
  }
  EXPECT_EQ(CheckWith("X-PeerURLs", "https://[::1]:1").peer_urls.size(), 1u);
  EXPECT_THAT(CheckWithout("X-PeerURLs").peer_urls, ::testing::IsEmpty());
}

}  // namespace
}  // namespace rafthttp
