#ifndef TOOLS_ETCDCLIENT_ETCD_CLIENT_H_
#define TOOLS_ETCDCLIENT_ETCD_CLIENT_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/base/mutex.h"
#include "tools/etcdclient/etcd_error.h"
#include "tools/etcdpb/rpc.pb.h"

namespace grpc {
class ClientContext;
class Status;
}  // namespace grpc

namespace rafthttpctl {

// Where to find a cluster's client API, and how to be let in.
struct EtcdClientOptions {
  // "host:port", "http://host:port" or "https://host:port". TLS is used for
  // https, and for all where a TLS file is given, as etcdctl does.
  std::vector<std::string> endpoints;
  std::string cacert_file;
  std::string cert_file;
  std::string key_file;
  bool insecure_skip_tls_verify = false;
  std::string tls_server_name;
  std::string user;
  std::string password;
  // Of one call to one endpoint, connecting included.
  absl::Duration call_timeout = absl::Seconds(5);
};

// Calls of etcd's client API, each tried on the endpoints in turn until one
// answers. What etcd itself refuses is final; what failed on the way is tried
// on the next endpoint, and the error then names each endpoint with its cause.
//   kUnavailable, kDeadlineExceeded  no endpoint answered
//   kUnauthenticated                 EtcdError::kTls, or kAuth but for
//   kPermissionDenied                what this user may not do
//   kCancelled                       Cancel was called
//   others                           as etcd has them
//
// Threads: thread-safe. Calls block; Cancel aborts those under way, and makes
//   later ones fail at once, until Resume.
class EtcdClient {
 public:
  // kInvalidArgument for an endpoint that cannot be one or a TLS file that
  // cannot be read.
  static absl::StatusOr<std::unique_ptr<EtcdClient>> Create(
      const EtcdClientOptions& options);
  ~EtcdClient();

  absl::StatusOr<etcdserverpb::MemberListResponse> MemberList();
  absl::StatusOr<etcdserverpb::MemberAddResponse> MemberAddLearner(
      absl::string_view peer_url);
  absl::StatusOr<etcdserverpb::MemberRemoveResponse> MemberRemove(
      rafthttp::MemberId id);
  absl::StatusOr<etcdserverpb::MemberPromoteResponse> MemberPromote(
      rafthttp::MemberId id);
  absl::StatusOr<etcdserverpb::StatusResponse> Status();
  // Of that very endpoint, an index below endpoints().size().
  absl::StatusOr<etcdserverpb::StatusResponse> StatusOf(size_t endpoint);

  absl::StatusOr<etcdserverpb::PutResponse> Put(
      const etcdserverpb::PutRequest& request);
  absl::StatusOr<etcdserverpb::DeleteRangeResponse> DeleteRange(
      const etcdserverpb::DeleteRangeRequest& request);
  absl::StatusOr<etcdserverpb::TxnResponse> Txn(
      const etcdserverpb::TxnRequest& request);
  absl::StatusOr<etcdserverpb::LeaseGrantResponse> LeaseGrant(
      const etcdserverpb::LeaseGrantRequest& request);
  absl::StatusOr<etcdserverpb::LeaseRevokeResponse> LeaseRevoke(
      const etcdserverpb::LeaseRevokeRequest& request);

  void Cancel();
  void Resume();

  // As given.
  const EtcdClientOptions& options() const { return options_; }
  const std::vector<std::string>& endpoints() const { return names_; }

 private:
  struct Endpoint;

  EtcdClient();
  absl::Status Authenticate(Endpoint& endpoint);
  // Runs `call` on `endpoint` with a context that carries deadline and token.
  absl::Status CallOn(
      Endpoint& endpoint,
      absl::FunctionRef<grpc::Status(Endpoint&, grpc::ClientContext*)> call);
  absl::Status Run(
      absl::FunctionRef<grpc::Status(Endpoint&, grpc::ClientContext*)> call);
  grpc::Status Cancellable(
      Endpoint& endpoint,
      absl::FunctionRef<grpc::Status(Endpoint&, grpc::ClientContext*)> call,
      absl::string_view token);
  template <typename Response, typename Method>
  absl::StatusOr<Response> Answer(Method method);

  EtcdClientOptions options_;
  std::vector<std::string> names_;
  std::vector<std::unique_ptr<Endpoint>> endpoints_;
  // The one that answered last is asked first.
  std::atomic<size_t> preferred_ = 0;

  rafthttp::Mutex mutex_;
  bool is_cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  std::set<grpc::ClientContext*> contexts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace rafthttpctl

#endif  // TOOLS_ETCDCLIENT_ETCD_CLIENT_H_
