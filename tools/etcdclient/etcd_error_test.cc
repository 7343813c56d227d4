#include "tools/etcdclient/etcd_error.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace rafthttpctl {
namespace {

using absl::StatusCode;

// Codes and texts as etcd 3.4.23 and gRPC 1.51 have them.
TEST(EtcdErrorTest, IsToldByTheText) {
  struct Case {
    StatusCode code;
    const char* text;
    EtcdError error;
    StatusCode expected;
  };
  const Case cases[] = {
      {StatusCode::kUnavailable, "etcdserver: unhealthy cluster",
       EtcdError::kUnhealthyCluster, StatusCode::kUnavailable},
      {StatusCode::kFailedPrecondition,
       "etcdserver: re-configuration failed due to not enough started members",
       EtcdError::kUnhealthyCluster, StatusCode::kFailedPrecondition},
      {StatusCode::kFailedPrecondition,
       "etcdserver: too many learner members in cluster",
       EtcdError::kTooManyLearners, StatusCode::kFailedPrecondition},
      {StatusCode::kFailedPrecondition, "etcdserver: Peer URLs already exists",
       EtcdError::kPeerUrlsExist, StatusCode::kFailedPrecondition},
      {StatusCode::kFailedPrecondition, "etcdserver: member ID already exist",
       EtcdError::kMemberIdExists, StatusCode::kFailedPrecondition},
      {StatusCode::kNotFound, "etcdserver: member not found",
       EtcdError::kMemberNotFound, StatusCode::kNotFound},
      {StatusCode::kFailedPrecondition,
       "etcdserver: can only promote a learner member which is in sync with "
       "leader",
       EtcdError::kNotReadyLearner, StatusCode::kFailedPrecondition},
      {StatusCode::kFailedPrecondition,
       "etcdserver: authentication is not enabled", EtcdError::kAuthDisabled,
       StatusCode::kFailedPrecondition},
      // etcd has a malformed request's code for these.
      {StatusCode::kInvalidArgument,
       "etcdserver: authentication failed, invalid user ID or password",
       EtcdError::kAuth, StatusCode::kUnauthenticated},
      {StatusCode::kInvalidArgument, "etcdserver: user name is empty",
       EtcdError::kAuth, StatusCode::kUnauthenticated},
      {StatusCode::kUnauthenticated, "etcdserver: invalid auth token",
       EtcdError::kAuth, StatusCode::kUnauthenticated},
      {StatusCode::kPermissionDenied, "etcdserver: permission denied",
       EtcdError::kAuth, StatusCode::kPermissionDenied},
      {StatusCode::kUnavailable,
       "failed to connect to all addresses; last error: UNKNOWN: "
       "ipv4:127.0.0.1:2379: Ssl handshake failed: SSL_ERROR_SSL: "
       "error:0A000086:SSL routines::certificate verify failed",
       EtcdError::kTls, StatusCode::kUnauthenticated},
      {StatusCode::kUnavailable,
       "failed to connect to all addresses; last error: UNKNOWN: "
       "ipv4:127.0.0.1:2379: Peer name localhost is not in peer certificate",
       EtcdError::kTls, StatusCode::kUnauthenticated},
      {StatusCode::kUnavailable, "etcdserver: unhealthy cluster?",
       EtcdError::kNone, StatusCode::kUnavailable},
      {StatusCode::kUnavailable, "", EtcdError::kNone,
       StatusCode::kUnavailable},
  };
  for (const Case& c : cases) {
    const absl::Status status = EtcdStatus(c.code, c.text);
    EXPECT_EQ(EtcdErrorOf(status), c.error) << c.text;
    EXPECT_EQ(status.code(), c.expected) << c.text;
    EXPECT_EQ(status.message(), c.text);
    const absl::Status other = WithText(status, "other");
    EXPECT_EQ(EtcdErrorOf(other), c.error);
    EXPECT_EQ(other.code(), c.expected);
    EXPECT_EQ(other.message(), "other");
  }
}

TEST(EtcdErrorTest, StatusesOfOthersHaveNone) {
  EXPECT_TRUE(EtcdStatus(StatusCode::kOk, "").ok());
  EXPECT_EQ(EtcdErrorOf(absl::OkStatus()), EtcdError::kNone);
  EXPECT_EQ(
      EtcdErrorOf(absl::UnavailableError("etcdserver: unhealthy cluster")),
      EtcdError::kNone);
}

TEST(AtEndpointTest, KeepsTheCauseAndSaysWhatToTry) {
  const auto at = [](absl::string_view endpoint, absl::string_view text,
                     ConnectionKind kind) {
    return std::string(
        AtEndpoint(endpoint, absl::UnavailableError(text), kind).message());
  };
  const ConnectionKind plain;
  const ConnectionKind tls = {.uses_tls = true};
  const ConnectionKind mutual = {.uses_tls = true, .has_certificate = true};
  EXPECT_EQ(at("1.2.3.4:5",
               "failed to connect to all addresses; last error: UNKNOWN: "
               "ipv4:1.2.3.4:5: Failed to connect to remote host: Connection "
               "refused",
               plain),
            "1.2.3.4:5: Failed to connect to remote host: Connection refused");
  // Of a name, the address is worth knowing.
  EXPECT_EQ(at("host:5",
               "failed to connect to all addresses; last error: UNAVAILABLE: "
               "ipv4:1.2.3.4:5: Socket closed",
               plain),
            "host:5: 1.2.3.4:5: Socket closed; a TLS port hangs up so: is it "
            "https://?");
  EXPECT_EQ(at("https://1.2.3.4:5",
               "last error: UNAVAILABLE: ipv4:1.2.3.4:5: Socket closed", tls),
            "https://1.2.3.4:5: Socket closed; does this endpoint speak TLS?");
  EXPECT_EQ(at("a:1", "Endpoint read failed", tls),
            "a:1: Endpoint read failed; does it want --cert and --key?");
  EXPECT_EQ(at("a:1", "Endpoint read failed", mutual),
            "a:1: Endpoint read failed; does it trust the CA of --cert?");
  EXPECT_EQ(at("a:1", "Endpoint read failed", plain),
            "a:1: Endpoint read failed");
  EXPECT_EQ(at("a:1", "etcdserver: no leader", plain),
            "a:1: etcdserver: no leader");
  EXPECT_EQ(at("a:1", "", plain), "a:1: ");
}

TEST(AtEndpointTest, TheMarkStays) {
  const absl::Status status = AtEndpoint(
      "a:1", EtcdStatus(StatusCode::kNotFound, "etcdserver: member not found"),
      {});
  EXPECT_EQ(EtcdErrorOf(status), EtcdError::kMemberNotFound);
  EXPECT_TRUE(absl::IsNotFound(status));
}

}  // namespace
}  // namespace rafthttpctl
