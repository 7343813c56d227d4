#include "rafthttp/http1/url.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace rafthttp::http1 {
namespace {

void ExpectPeerUrlError(const std::string& text, absl::string_view why) {
  const auto url = ParsePeerUrl(text);
  ASSERT_FALSE(url.ok()) << text;
  EXPECT_EQ(url.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StrContains(url.status().message(), why)) << url.status();
  EXPECT_FALSE(absl::StrContains(url.status().message(), "\n"));
  EXPECT_LT(url.status().message().size(), 700u);
}

TEST(UrlTest, Parts) {
  const auto url = ParseUrl("HTTPS://etcd-1.example.com:2380/a/b?c=d");
  ASSERT_TRUE(url.ok()) << url.status();
  EXPECT_EQ(url->scheme, Url::Scheme::kHttps);
  EXPECT_EQ(url->host, "etcd-1.example.com");
  EXPECT_EQ(url->port, 2380);
  EXPECT_EQ(url->target, "/a/b?c=d");
  EXPECT_EQ(url->Authority(), "etcd-1.example.com:2380");
  EXPECT_EQ(url->ToString(), "https://etcd-1.example.com:2380/a/b?c=d");
  EXPECT_EQ(url->WithTarget("/x").ToString(),
            "https://etcd-1.example.com:2380/x");
}

TEST(UrlTest, DefaultPortsAndTargets) {
  EXPECT_EQ(ParseUrl("http://h")->port, 80);
  EXPECT_EQ(ParseUrl("https://h/")->port, 443);
  EXPECT_EQ(ParseUrl("http://h?x")->target, "/?x");
  EXPECT_EQ(ParseUrl("http://h")->target, "");
}

TEST(UrlTest, Ipv6AndZones) {
  EXPECT_EQ(ParseUrl("http://[::1]:80")->host, "::1");
  for (const char* text :
       {"http://[fe80::1%25eth0]:2380", "http://[fe80::1%eth0]:2380"}) {
    const auto url = ParseUrl(text);
    ASSERT_TRUE(url.ok()) << url.status();
    EXPECT_EQ(url->host, "fe80::1%eth0");
    EXPECT_EQ(url->Authority(), "[fe80::1]:2380");
    EXPECT_EQ(url->ToString(), "http://[fe80::1%25eth0]:2380");
    EXPECT_EQ(url->address().host, "fe80::1%eth0");
  }
}

TEST(UrlTest, PeerUrlsAsEtcdAcceptsThem) {
  EXPECT_EQ(ParsePeerUrl(" http://127.0.0.1:2380\n")->ToString(),
            "http://127.0.0.1:2380");
  EXPECT_EQ(ParsePeerUrl("https://a.b:1")->scheme, Url::Scheme::kHttps);
  const auto socket = ParsePeerUrl("unix:///run/etcd.sock");
  ASSERT_TRUE(socket.ok()) << socket.status();
  EXPECT_EQ(socket->scheme, Url::Scheme::kUnix);
  EXPECT_EQ(socket->host, "/run/etcd.sock");
  EXPECT_EQ(socket->address().unix_path, "/run/etcd.sock");
  EXPECT_EQ(socket->WithTarget("/raft").Authority(), "localhost");
  EXPECT_EQ(socket->ToString(), "unix:///run/etcd.sock");
  EXPECT_EQ(ParsePeerUrl("unix://localhost:2380")->host, "localhost:2380");
}

TEST(UrlTest, PeerUrlsThatEtcdWouldRefuse) {
  ExpectPeerUrlError("http://a:2380/", "ends in \"/\"");
  ExpectPeerUrlError("http://a:2380/raft", "has a path");
  ExpectPeerUrlError("http://a:2380?x", "has a path");
  ExpectPeerUrlError("http://a", "has no port");
  ExpectPeerUrlError("http://[::1]", "has no port");
  ExpectPeerUrlError("http://:2380", "has no host");
  ExpectPeerUrlError("http://", "has no host");
  ExpectPeerUrlError("a:2380", "has no scheme");
  ExpectPeerUrlError("", "is not a URL");
  ExpectPeerUrlError("ftp://a:1", "has a scheme other than");
  ExpectPeerUrlError("unix://", "names no socket file");
}

TEST(UrlTest, MalformedUrls) {
  ExpectPeerUrlError("http://a:0", "port that is not a number");
  ExpectPeerUrlError("http://a:65536", "port that is not a number");
  ExpectPeerUrlError("http://a:", "port that is not a number");
  ExpectPeerUrlError("http://a:+1", "port that is not a number");
  ExpectPeerUrlError("http://a:http", "port that is not a number");
  ExpectPeerUrlError("http://::1:2380", "without brackets");
  ExpectPeerUrlError("http://[::1:2380", "has no \"]\"");
  ExpectPeerUrlError("http://[::1]2380", "other than a port");
  ExpectPeerUrlError("http://[1.2.3.4]:1", "no IPv6 address");
  ExpectPeerUrlError("http://[]:1", "no IPv6 address");
  ExpectPeerUrlError("http://[fe80::1%]:1", "malformed IPv6 zone");
  ExpectPeerUrlError("http://[fe80::1%a%b]:1", "malformed IPv6 zone");
  ExpectPeerUrlError("http://u:p@a:1", "has a user name");
  ExpectPeerUrlError("http://a:1#f", "has a fragment");
  ExpectPeerUrlError("http://a b:1", "blanks");
  ExpectPeerUrlError("http://a\r\nX: y:1", "blanks");
  ExpectPeerUrlError("http://\xc3\xa4:1", "blanks or characters");
  ExpectPeerUrlError("http://a%41:1", "malformed host");
  ExpectPeerUrlError("http://" + std::string(300, 'a') + ":1",
                     "malformed host");
  ExpectPeerUrlError("http://" + std::string(3000, 'a'), "too long");
}

TEST(UrlTest, AreComparedAsValues) {
  EXPECT_EQ(*ParseUrl("http://a:1/x"), *ParseUrl("HTTP://a:1/x"));
  EXPECT_NE(*ParseUrl("http://a:1"), *ParseUrl("https://a:1"));
}

}  // namespace
}  // namespace rafthttp::http1
