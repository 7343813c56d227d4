#ifndef TOOLS_ETCDCLIENT_ETCD_ERROR_H_
#define TOOLS_ETCDCLIENT_ETCD_ERROR_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace rafthttpctl {

// What etcd answered, or why it could not be asked, where an absl::StatusCode
// is too coarse to act on.
enum class EtcdError {
  kNone,              // OK, or nothing of the following
  kUnhealthyCluster,  // a voter is not connected, or only for a moment
  kTooManyLearners,   // the cluster has as many as it allows (one, by default)
  kPeerUrlsExist,     // another member has that peer URL
  kMemberIdExists,    // the same URL was added within the same second
  kMemberNotFound,
  kNotReadyLearner,  // promotion before it has caught up
  kAuthDisabled,     // a token is asked for where none is needed
  kAuth,             // user, password, or permission
  kTls,              // no connection, since certificates were not accepted
};
EtcdError EtcdErrorOf(const absl::Status& status);

// The status for what a call to etcd came to: gRPC's code and text, marked for
// EtcdErrorOf. Where etcd's code misleads, it is replaced: what is kAuth or
// kTls is kUnauthenticated or kPermissionDenied.
absl::Status EtcdStatus(absl::StatusCode code, absl::string_view text);

// `status`, its mark kept, with another text.
absl::Status WithText(const absl::Status& status, absl::string_view text);

// How a connection was tried.
struct ConnectionKind {
  bool uses_tls = false;
  bool has_certificate = false;
};

// What a call to `endpoint` came to, in words: "endpoint: cause; what to try".
// Of gRPC's account of a failed connection only what a person can use is kept.
absl::Status AtEndpoint(absl::string_view endpoint, const absl::Status& status,
                        ConnectionKind kind);

}  // namespace rafthttpctl

#endif  // TOOLS_ETCDCLIENT_ETCD_ERROR_H_
