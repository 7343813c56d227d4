#include "tools/etcdclient/etcd_error.h"

#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"

namespace rafthttpctl {
namespace {

constexpr char kPayload[] = "rafthttpctl.EtcdError";

// etcd tells its errors apart by text alone, and gRPC's own, of a connection
// that did not come about, are all of one code. Nobody else looks at texts.
EtcdError ErrorOfText(absl::string_view text) {
  struct Known {
    absl::string_view text;
    EtcdError error;
  };
  static constexpr Known kEtcds[] = {
      {"etcdserver: unhealthy cluster", EtcdError::kUnhealthyCluster},
      {"etcdserver: re-configuration failed due to not enough started members",
       EtcdError::kUnhealthyCluster},
      {"etcdserver: too many learner members in cluster",
       EtcdError::kTooManyLearners},
      {"etcdserver: Peer URLs already exists", EtcdError::kPeerUrlsExist},
      {"etcdserver: member ID already exist", EtcdError::kMemberIdExists},
      {"etcdserver: member not found", EtcdError::kMemberNotFound},
      {"etcdserver: can only promote a learner member which is in sync with "
       "leader",
       EtcdError::kNotReadyLearner},
      {"etcdserver: authentication is not enabled", EtcdError::kAuthDisabled},
      {"etcdserver: authentication failed, invalid user ID or password",
       EtcdError::kAuth},
      {"etcdserver: user name is empty", EtcdError::kAuth},
      {"etcdserver: permission denied", EtcdError::kAuth},
      {"etcdserver: invalid auth token", EtcdError::kAuth},
      {"etcdserver: revision of auth store is old", EtcdError::kAuth},
  };
  for (const Known& known : kEtcds) {
    if (text == known.text) return known.error;
  }
  for (absl::string_view handshake :
       {"Ssl handshake failed", "is not in peer certificate"}) {
    if (absl::StrContains(text, handshake)) return EtcdError::kTls;
  }
  return EtcdError::kNone;
}

// Without what gRPC wraps around the cause: "failed to connect to all
// addresses; last error: UNKNOWN: ipv4:1.2.3.4:5: Connection refused".
absl::string_view CauseIn(absl::string_view text) {
  constexpr absl::string_view kLastError = "last error: ";
  const size_t at = text.find(kLastError);
  if (at == text.npos) return text;
  text.remove_prefix(at + kLastError.size());
  if (!absl::ConsumePrefix(&text, "UNKNOWN: ")) {
    absl::ConsumePrefix(&text, "UNAVAILABLE: ");
  }
  if (!absl::ConsumePrefix(&text, "ipv4:")) {
    absl::ConsumePrefix(&text, "ipv6:");
  }
  return text;
}

// What to try about `cause`; empty where nobody knows.
absl::string_view AdviceFor(absl::string_view cause, ConnectionKind kind) {
  struct Known {
    absl::string_view text;
    absl::string_view advice;
  };
  static constexpr absl::string_view kNoTls = "does this endpoint speak TLS?";
  static constexpr Known kOverTls[] = {
      {"is not in peer certificate", "--tls-server-name says which to want"},
      {"wrong version number", kNoTls},
      {"Ssl handshake failed", "is --cacert the CA of this cluster?"},
      {"Socket closed", kNoTls},
  };
  static constexpr absl::string_view kNoClientPort =
      "is this etcd's client port?";
  static constexpr Known kInPlain[] = {
      {"Socket closed", "a TLS port hangs up so: is it https://?"},
      {"Failed parsing HTTP/2", kNoClientPort},
      {"Received http2 header with status", kNoClientPort},
  };
  // The handshake was fine, but then the server looked at our certificate.
  if (kind.uses_tls && absl::StrContains(cause, "Endpoint read failed")) {
    return kind.has_certificate ? "does it trust the CA of --cert?"
                                : "does it want --cert and --key?";
  }
  for (const Known& known : kind.uses_tls ? absl::MakeConstSpan(kOverTls)
                                          : absl::MakeConstSpan(kInPlain)) {
    if (absl::StrContains(cause, known.text)) return known.advice;
  }
  return "";
}

}  // namespace

EtcdError EtcdErrorOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kPayload);
  int number = 0;
  if (!payload || !absl::SimpleAtoi(std::string(*payload), &number)) {
    return EtcdError::kNone;
  }
  return static_cast<EtcdError>(number);
}

absl::Status EtcdStatus(absl::StatusCode code, absl::string_view text) {
  if (code == absl::StatusCode::kOk) return absl::OkStatus();
  const EtcdError error = ErrorOfText(text);
  const bool is_refusal = error == EtcdError::kAuth || error == EtcdError::kTls;
  if (is_refusal && code != absl::StatusCode::kPermissionDenied) {
    code = absl::StatusCode::kUnauthenticated;
  }
  absl::Status status(code, text);
  if (error != EtcdError::kNone) {
    status.SetPayload(kPayload,
                      absl::Cord(absl::StrCat(static_cast<int>(error))));
  }
  return status;
}

absl::Status WithText(const absl::Status& status, absl::string_view text) {
  absl::Status result(status.code(), text);
  if (const auto payload = status.GetPayload(kPayload)) {
    result.SetPayload(kPayload, *payload);
  }
  return result;
}

absl::Status AtEndpoint(absl::string_view endpoint, const absl::Status& status,
                        ConnectionKind kind) {
  const absl::string_view cause = CauseIn(status.message());
  // "https://1.2.3.4:5: 1.2.3.4:5: Connection refused" says it twice.
  const absl::string_view address = cause.substr(0, cause.find(": "));
  const bool is_named = absl::EndsWith(endpoint, address) && !address.empty();
  const absl::string_view advice = AdviceFor(cause, kind);
  return WithText(
      status, absl::StrCat(endpoint, ": ",
                           is_named ? absl::StripPrefix(
                                          cause.substr(address.size()), ": ")
                                    : cause,
                           advice.empty() ? "" : "; ", advice));
}

}  // namespace rafthttpctl
