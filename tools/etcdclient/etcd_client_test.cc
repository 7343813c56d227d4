#include "tools/etcdclient/etcd_client.h"

#include <grpc/support/log.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "tools/etcdclient/testing/fake_etcd.h"
#include "tools/etcdclient/testing/test_certificates.h"

namespace rafthttpctl {
namespace {

using rafthttp::MemberId;

// gRPC's codes by number.
constexpr int kFailedPrecondition = 9;
constexpr int kUnavailable = 14;

EtcdClientOptions At(std::vector<std::string> endpoints) {
  EtcdClientOptions options;
  options.endpoints = std::move(endpoints);
  // Nothing here may take so long; what does, fails.
  options.call_timeout = absl::Seconds(20);
  return options;
}

std::unique_ptr<EtcdClient> ClientOf(const EtcdClientOptions& options) {
  auto client = EtcdClient::Create(options);
  EXPECT_TRUE(client.ok()) << client.status();
  return client.ok() ? *std::move(client) : nullptr;
}

class EtcdClientTest : public testing::Test {
 protected:
  EtcdClientTest() {
    gpr_set_log_function([](gpr_log_func_args*) {});
  }
};

TEST_F(EtcdClientTest, CallsAreAnswered) {
  FakeEtcd etcd;
  for (const std::string& endpoint :
       {etcd.endpoint(), absl::StrCat("http://", etcd.endpoint()),
        absl::StrCat("http://", etcd.endpoint(), "/")}) {
    const auto client = ClientOf(At({endpoint}));
    const auto list = client->MemberList();
    ASSERT_TRUE(list.ok()) << list.status();
    EXPECT_EQ(list->header().cluster_id(), FakeEtcd::kClusterId);
    EXPECT_EQ(list->members(0).name(), "m0");
    const auto status = client->Status();
    ASSERT_TRUE(status.ok()) << status.status();
    EXPECT_EQ(status->leader(), FakeEtcd::kMemberId);
    const auto added = client->MemberAddLearner("http://127.0.0.1:1");
    ASSERT_TRUE(added.ok()) << added.status();
    EXPECT_TRUE(added->member().islearner());
    EXPECT_EQ(added->member().peerurls(0), "http://127.0.0.1:1");
    EXPECT_TRUE(client->MemberRemove(MemberId(1)).ok());
  }
}

TEST_F(EtcdClientTest, WhatIsNoEndpointIsRefusedAtOnce) {
  for (const char* text :
       {"", "x", "x:", ":1", "x:0", "x:65536", "x:1x", "x:-1", "::1", "::1:1",
        "[::1:1", "ftp://x:1", "http://", "http://x:1/v3", "a b:1", "u@x:1"}) {
    const auto client = EtcdClient::Create(At({text}));
    EXPECT_TRUE(absl::IsInvalidArgument(client.status())) << text;
    EXPECT_TRUE(absl::StrContains(client.status().message(),
                                  absl::StrCat("\"", text, "\"")))
        << client.status();
  }
  EXPECT_TRUE(absl::IsInvalidArgument(EtcdClient::Create(At({})).status()));
  EXPECT_TRUE(EtcdClient::Create(At({"[::1]:2379", "https://x:1"})).ok());
}

TEST_F(EtcdClientTest, TheNextEndpointIsAskedWhereOneIsDown) {
  FakeEtcd etcd;
  const auto client =
      ClientOf(At({DeadEndpoint(), etcd.endpoint(), DeadEndpoint()}));
  EXPECT_TRUE(client->MemberList().ok());
  EXPECT_EQ(etcd.calls(), 1);
  EXPECT_TRUE(client->StatusOf(1).ok());
  EXPECT_TRUE(absl::IsUnavailable(client->StatusOf(0).status()));
}

TEST_F(EtcdClientTest, TheOneThatAnsweredIsAskedFirstFromThenOn) {
  FakeEtcd leaderless;
  leaderless.set_refusal({kUnavailable, "etcdserver: no leader"});
  FakeEtcd etcd;
  const auto client = ClientOf(At({leaderless.endpoint(), etcd.endpoint()}));
  EXPECT_TRUE(client->MemberList().ok());
  EXPECT_TRUE(client->MemberList().ok());
  EXPECT_EQ(leaderless.calls(), 1);
  EXPECT_EQ(etcd.calls(), 2);
}

TEST_F(EtcdClientTest, EachEndpointIsNamedWithItsCause) {
  const std::string one = DeadEndpoint();
  const std::string other = DeadEndpoint();
  const absl::Status status = ClientOf(At({one, other}))->MemberList().status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), absl::StrCat(one, ": ")));
  EXPECT_TRUE(absl::StrContains(status.message(), absl::StrCat(other, ": ")));
  EXPECT_TRUE(absl::StrContains(status.message(), "Connection refused"));
  EXPECT_EQ(EtcdErrorOf(status), EtcdError::kNone);
}

// MemberAdd goes by what the asked member is connected to; another may be
// connected to all.
TEST_F(EtcdClientTest, AnUnhealthyAnswerIsWorthAnotherEndpoint) {
  FakeEtcd unhealthy;
  unhealthy.set_refusal({kUnavailable, "etcdserver: unhealthy cluster"});
  FakeEtcd healthy;
  EXPECT_TRUE(ClientOf(At({unhealthy.endpoint(), healthy.endpoint()}))
                  ->MemberAddLearner("http://127.0.0.1:1")
                  .ok());
  // It says more than that others are down, wherever it stands.
  const absl::Status status =
      ClientOf(At({DeadEndpoint(), unhealthy.endpoint()}))
          ->MemberAddLearner("http://127.0.0.1:1")
          .status();
  EXPECT_EQ(EtcdErrorOf(status), EtcdError::kUnhealthyCluster) << status;
}

TEST_F(EtcdClientTest, WhatEtcdRefusesIsFinal) {
  FakeEtcd first;
  first.set_refusal(
      {kFailedPrecondition, "etcdserver: too many learner members in cluster"});
  FakeEtcd second;
  const absl::Status status =
      ClientOf(At({first.endpoint(), second.endpoint()}))
          ->MemberAddLearner("http://127.0.0.1:1")
          .status();
  EXPECT_EQ(EtcdErrorOf(status), EtcdError::kTooManyLearners) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), first.endpoint()));
  EXPECT_EQ(second.calls(), 0);
}

TEST_F(EtcdClientTest, ATokenIsFetchedOnceAndRenewedWhenItIsRefused) {
  FakeEtcd etcd;
  etcd.RequireToken("root", "secret");
  EtcdClientOptions options = At({etcd.endpoint()});
  options.user = "root";
  options.password = "secret";
  const auto client = ClientOf(options);
  ASSERT_TRUE(client->MemberList().ok());
  ASSERT_TRUE(client->MemberList().ok());
  EXPECT_EQ(etcd.authentications(), 1);
  etcd.RequireToken("root", "secret");
  ASSERT_TRUE(client->MemberList().ok());
  EXPECT_EQ(etcd.authentications(), 2);
}

TEST_F(EtcdClientTest, AWrongPasswordAndNoUserAreUnauthenticated) {
  FakeEtcd etcd;
  etcd.RequireToken("root", "secret");
  EtcdClientOptions options = At({etcd.endpoint()});
  const absl::Status nobody = ClientOf(options)->MemberList().status();
  EXPECT_TRUE(absl::IsUnauthenticated(nobody)) << nobody;
  EXPECT_EQ(EtcdErrorOf(nobody), EtcdError::kAuth);
  options.user = "root";
  options.password = "wrong";
  const absl::Status wrong = ClientOf(options)->MemberList().status();
  EXPECT_TRUE(absl::IsUnauthenticated(wrong)) << wrong;
  EXPECT_TRUE(absl::StrContains(wrong.message(), etcd.endpoint()));
}

TEST_F(EtcdClientTest, AUserDoesNoHarmWithoutAuth) {
  FakeEtcd etcd;
  EtcdClientOptions options = At({etcd.endpoint()});
  options.user = "root";
  EXPECT_TRUE(ClientOf(options)->MemberList().ok());
}

TEST_F(EtcdClientTest, ASilentEndpointIsGivenUp) {
  FakeEtcd stuck;
  stuck.set_is_stuck(true);
  EtcdClientOptions options = At({stuck.endpoint()});
  options.call_timeout = absl::Milliseconds(50);
  const absl::Status status = ClientOf(options)->MemberList().status();
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), stuck.endpoint()));
}

TEST_F(EtcdClientTest, CancelEndsACallUnderWayAndLaterOnesUntilResume) {
  FakeEtcd etcd;
  etcd.set_is_stuck(true);
  EtcdClientOptions options = At({etcd.endpoint(), etcd.endpoint()});
  // Nothing else ends the call.
  options.call_timeout = absl::Hours(1);
  const auto client = ClientOf(options);
  std::thread canceller([&] {
    etcd.AwaitCall();
    client->Cancel();
  });
  EXPECT_TRUE(absl::IsCancelled(client->MemberList().status()));
  canceller.join();
  EXPECT_TRUE(absl::IsCancelled(client->MemberList().status()));
  EXPECT_TRUE(absl::IsCancelled(client->StatusOf(0).status()));
  EXPECT_EQ(etcd.calls(), 1);
  etcd.set_is_stuck(false);
  client->Resume();
  EXPECT_TRUE(client->MemberList().ok());
}

class EtcdClientTlsTest : public EtcdClientTest {
 protected:
  std::string CaFile() { return WriteTestFile("ca.pem", authority_.cert()); }

  const TestAuthority authority_;
};

TEST_F(EtcdClientTlsTest, HttpsOrACaMeansTls) {
  FakeEtcd etcd({.certificate = authority_.Issue("etcd.test")});
  EtcdClientOptions options = At({etcd.endpoint()});
  options.cacert_file = CaFile();
  EXPECT_TRUE(ClientOf(options)->MemberList().ok());
  options.endpoints = {absl::StrCat("https://", etcd.endpoint())};
  EXPECT_TRUE(ClientOf(options)->MemberList().ok());
  options.tls_server_name = "etcd.test";
  EXPECT_TRUE(ClientOf(options)->MemberList().ok());
  options = At({absl::StrCat("https://", etcd.endpoint())});
  options.insecure_skip_tls_verify = true;
  EXPECT_TRUE(ClientOf(options)->MemberList().ok());
}

TEST_F(EtcdClientTlsTest, WhatIsNotTrustedIsATlsError) {
  FakeEtcd etcd({.certificate = authority_.Issue("etcd.test")});
  EtcdClientOptions options = At({etcd.endpoint()});
  options.cacert_file = WriteTestFile("other_ca.pem", TestAuthority().cert());
  const absl::Status not_trusted = ClientOf(options)->MemberList().status();
  EXPECT_EQ(EtcdErrorOf(not_trusted), EtcdError::kTls) << not_trusted;
  EXPECT_TRUE(absl::IsUnauthenticated(not_trusted)) << not_trusted;
  EXPECT_TRUE(absl::StrContains(not_trusted.message(), "--cacert"))
      << not_trusted;

  options.cacert_file = CaFile();
  options.tls_server_name = "other.test";
  const absl::Status other_name = ClientOf(options)->MemberList().status();
  EXPECT_EQ(EtcdErrorOf(other_name), EtcdError::kTls) << other_name;
  EXPECT_TRUE(absl::StrContains(other_name.message(), "--tls-server-name"))
      << other_name;

  // Another endpoint may have a better certificate.
  FakeEtcd plain;
  options.endpoints.push_back(absl::StrCat("http://", plain.endpoint()));
  EXPECT_TRUE(ClientOf(options)->MemberList().ok());
}

TEST_F(EtcdClientTlsTest, AClientCertificateIsShown) {
  FakeEtcd etcd({.certificate = authority_.Issue("etcd.test"),
                 .client_roots = authority_.cert()});
  const TestCertificate client = authority_.Issue("client.test");
  EtcdClientOptions options = At({etcd.endpoint()});
  options.cacert_file = CaFile();
  EXPECT_FALSE(ClientOf(options)->MemberList().ok());
  options.cert_file = WriteTestFile("cert.pem", client.cert);
  options.key_file = WriteTestFile("key.pem", client.key);
  EXPECT_TRUE(ClientOf(options)->MemberList().ok());
  options.insecure_skip_tls_verify = true;
  EXPECT_TRUE(ClientOf(options)->MemberList().ok());
}

TEST_F(EtcdClientTlsTest, PlainAndTlsThatMeetSaySo) {
  FakeEtcd tls({.certificate = authority_.Issue("etcd.test")});
  const absl::Status plain_to_tls =
      ClientOf(At({tls.endpoint()}))->MemberList().status();
  EXPECT_TRUE(absl::IsUnavailable(plain_to_tls)) << plain_to_tls;
  FakeEtcd plain;
  EtcdClientOptions options = At({absl::StrCat("https://", plain.endpoint())});
  options.cacert_file = CaFile();
  const absl::Status tls_to_plain = ClientOf(options)->MemberList().status();
  EXPECT_FALSE(tls_to_plain.ok());
  EXPECT_TRUE(absl::StrContains(tls_to_plain.message(), "speak TLS?"))
      << tls_to_plain;
}

TEST_F(EtcdClientTlsTest, FilesThatCannotBeUsedAreRefusedAtOnce) {
  EtcdClientOptions options = At({"https://x:1"});
  options.cacert_file = WriteTestFile("garbage.pem", "garbage");
  EXPECT_TRUE(absl::IsInvalidArgument(EtcdClient::Create(options).status()));
}

}  // namespace
}  // namespace rafthttpctl
