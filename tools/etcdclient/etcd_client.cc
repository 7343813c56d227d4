#include "tools/etcdclient/etcd_client.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "rafthttp/event/address.h"
#include "tools/etcdclient/tls_files.h"
#include "tools/etcdpb/rpc.grpc.pb.h"

namespace rafthttpctl {
namespace {

absl::Status StatusFromGrpc(const grpc::Status& status) {
  return EtcdStatus(static_cast<absl::StatusCode>(status.error_code()),
                    status.error_message());
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> TlsCredentials(
    const EtcdClientOptions& options) {
  const auto texts =
      ReadTlsFiles(options.cacert_file, options.cert_file, options.key_file);
  if (!texts.ok()) return texts.status();
  if (!options.insecure_skip_tls_verify) {
    grpc::SslCredentialsOptions ssl;
    ssl.pem_root_certs = texts->roots;
    ssl.pem_cert_chain = texts->cert;
    ssl.pem_private_key = texts->key;
    return grpc::SslCredentials(ssl);
  }
  grpc::experimental::TlsChannelCredentialsOptions tls;
  tls.set_verify_server_certs(false);
  tls.set_certificate_verifier(
      std::make_shared<grpc::experimental::NoOpCertificateVerifier>());
  tls.set_check_call_host(false);
  if (!texts->cert.empty()) {
    tls.set_certificate_provider(
        std::make_shared<grpc::experimental::StaticDataCertificateProvider>(
            std::vector<grpc::experimental::IdentityKeyCertPair>{
                {texts->key, texts->cert}}));
    tls.watch_identity_key_cert_pairs();
  }
  return grpc::experimental::TlsCredentials(tls);
}

// Only what did not reach a working member is worth asking another one.
bool IsWorthAnotherEndpoint(const absl::Status& status) {
  return EtcdErrorOf(status) == EtcdError::kTls ||
         absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsUnknown(status) || absl::IsUnimplemented(status);
}

absl::Status Cancelled() { return absl::CancelledError("cancelled"); }

}  // namespace

struct EtcdClient::Endpoint {
  Endpoint(std::string endpoint_name, bool is_over_tls,
           std::shared_ptr<grpc::Channel> channel)
      : name(std::move(endpoint_name)),
        uses_tls(is_over_tls),
        kv(channel),
        lease(channel),
        cluster(channel),
        maintenance(channel),
        auth(channel) {}

  const std::string name;
  const bool uses_tls;
  etcdserverpb::KV::Stub kv;
  etcdserverpb::Lease::Stub lease;
  etcdserverpb::Cluster::Stub cluster;
  etcdserverpb::Maintenance::Stub maintenance;
  etcdserverpb::Auth::Stub auth;

  rafthttp::Mutex mutex;
  std::string token ABSL_GUARDED_BY(mutex);
};

EtcdClient::EtcdClient() = default;
EtcdClient::~EtcdClient() = default;

absl::StatusOr<std::unique_ptr<EtcdClient>> EtcdClient::Create(
    const EtcdClientOptions& options) {
  if (options.endpoints.empty()) {
    return absl::InvalidArgumentError("no endpoint was given");
  }
  std::unique_ptr<EtcdClient> client(new EtcdClient);
  client->options_ = options;
  const bool has_tls_files = !options.cacert_file.empty() ||
                             !options.cert_file.empty() ||
                             !options.key_file.empty();
  for (const std::string& name : options.endpoints) {
    absl::string_view target = name;
    const bool is_https = absl::ConsumePrefix(&target, "https://");
    const bool is_http = !is_https && absl::ConsumePrefix(&target, "http://");
    absl::ConsumeSuffix(&target, "/");
    const auto address = rafthttp::event::ParseHostPort(target);
    if (!address.ok() || address->port == 0 ||
        target.find_first_of("/?#@ ") != target.npos) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", name,
                       "\" is not an endpoint: want host:port, optionally with "
                       "http:// or https:// before it"));
    }
    const bool uses_tls = is_https || (has_tls_files && !is_http);
    std::shared_ptr<grpc::ChannelCredentials> credentials =
        grpc::InsecureChannelCredentials();
    if (uses_tls) {
      auto tls = TlsCredentials(options);
      if (!tls.ok()) return tls.status();
      credentials = *std::move(tls);
    }
    grpc::ChannelArguments arguments;
    // A member that restarts is found again within a second.
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1000);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    if (!options.tls_server_name.empty()) {
      arguments.SetSslTargetNameOverride(options.tls_server_name);
    }
    client->names_.push_back(name);
    client->endpoints_.push_back(std::make_unique<Endpoint>(
        name, uses_tls,
        grpc::CreateCustomChannel(std::string(target), credentials,
                                  arguments)));
  }
  return client;
}

void EtcdClient::Cancel() {
  rafthttp::MutexLock lock(mutex_);
  is_cancelled_ = true;
  for (grpc::ClientContext* context : contexts_) context->TryCancel();
}

void EtcdClient::Resume() {
  rafthttp::MutexLock lock(mutex_);
  is_cancelled_ = false;
}

grpc::Status EtcdClient::Cancellable(
    Endpoint& endpoint,
    absl::FunctionRef<grpc::Status(Endpoint&, grpc::ClientContext*)> call,
    absl::string_view token) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       absl::ToChronoNanoseconds(options_.call_timeout));
  if (!token.empty()) context.AddMetadata("token", std::string(token));
  {
    rafthttp::MutexLock lock(mutex_);
    if (is_cancelled_) {
      return grpc::Status(grpc::StatusCode::CANCELLED, "cancelled");
    }
    contexts_.insert(&context);
  }
  grpc::Status status = call(endpoint, &context);
  rafthttp::MutexLock lock(mutex_);
  contexts_.erase(&context);
  return status;
}

absl::Status EtcdClient::Authenticate(Endpoint& endpoint) {
  etcdserverpb::AuthenticateRequest request;
  request.set_name(options_.user);
  request.set_password(options_.password);
  etcdserverpb::AuthenticateResponse response;
  const absl::Status status = StatusFromGrpc(Cancellable(
      endpoint,
      [&](Endpoint& to, grpc::ClientContext* context) {
        return to.auth.Authenticate(context, request, &response);
      },
      ""));
  // A cluster without auth takes a call with any user, as etcdctl has it.
  if (EtcdErrorOf(status) == EtcdError::kAuthDisabled) return absl::OkStatus();
  if (!status.ok()) return status;
  rafthttp::MutexLock lock(endpoint.mutex);
  endpoint.token = response.token();
  return absl::OkStatus();
}

absl::Status EtcdClient::CallOn(
    Endpoint& endpoint,
    absl::FunctionRef<grpc::Status(Endpoint&, grpc::ClientContext*)> call) {
  absl::Status status;
  // A token lives for minutes; one that is refused is renewed once.
  for (int attempt = 0; attempt < 2; ++attempt) {
    std::string token;
    {
      rafthttp::MutexLock lock(endpoint.mutex);
      token = endpoint.token;
    }
    if (!options_.user.empty() && (token.empty() || attempt > 0)) {
      status = Authenticate(endpoint);
      if (!status.ok()) break;
      rafthttp::MutexLock lock(endpoint.mutex);
      token = endpoint.token;
    }
    status = StatusFromGrpc(Cancellable(endpoint, call, token));
    if (!absl::IsUnauthenticated(status) || options_.user.empty()) break;
  }
  if (status.ok()) return status;
  const ConnectionKind kind = {.uses_tls = endpoint.uses_tls,
                               .has_certificate = !options_.cert_file.empty()};
  return AtEndpoint(endpoint.name, status, kind);
}

absl::Status EtcdClient::Run(
    absl::FunctionRef<grpc::Status(Endpoint&, grpc::ClientContext*)> call) {
  const size_t first = preferred_;
  std::vector<absl::Status> failures;
  for (size_t i = 0; i < endpoints_.size(); ++i) {
    const size_t index = (first + i) % endpoints_.size();
    absl::Status status = CallOn(*endpoints_[index], call);
    if (status.ok()) {
      preferred_ = index;
      return status;
    }
    if (absl::IsCancelled(status)) return Cancelled();
    if (!IsWorthAnotherEndpoint(status)) return status;
    failures.push_back(std::move(status));
  }
  // What etcd or TLS said on one of them says more than that others are down.
  const auto telling = std::find_if(
      failures.begin(), failures.end(), [](const absl::Status& failure) {
        return EtcdErrorOf(failure) != EtcdError::kNone;
      });
  return WithText(
      telling == failures.end() ? failures.front() : *telling,
      absl::StrJoin(failures, "; ",
                    [](std::string* out, const absl::Status& failure) {
                      absl::StrAppend(out, failure.message());
                    }));
}

template <typename Response, typename Method>
absl::StatusOr<Response> EtcdClient::Answer(Method method) {
  Response response;
  const absl::Status status =
      Run([&](Endpoint& endpoint, grpc::ClientContext* context) {
        return method(endpoint, context, &response);
      });
  if (!status.ok()) return status;
  return response;
}

absl::StatusOr<etcdserverpb::MemberListResponse> EtcdClient::MemberList() {
  return Answer<etcdserverpb::MemberListResponse>(
      [&](Endpoint& to, grpc::ClientContext* context, auto* response) {
        return to.cluster.MemberList(context, {}, response);
      });
}

absl::StatusOr<etcdserverpb::MemberAddResponse> EtcdClient::MemberAddLearner(
    absl::string_view peer_url) {
  etcdserverpb::MemberAddRequest request;
  request.add_peerurls(std::string(peer_url));
  request.set_islearner(true);
  return Answer<etcdserverpb::MemberAddResponse>(
      [&](Endpoint& to, grpc::ClientContext* context, auto* response) {
        return to.cluster.MemberAdd(context, request, response);
      });
}

absl::StatusOr<etcdserverpb::MemberRemoveResponse> EtcdClient::MemberRemove(
    rafthttp::MemberId id) {
  etcdserverpb::MemberRemoveRequest request;
  request.set_id(id.value());
  return Answer<etcdserverpb::MemberRemoveResponse>(
      [&](Endpoint& to, grpc::ClientContext* context, auto* response) {
        return to.cluster.MemberRemove(context, request, response);
      });
}

absl::StatusOr<etcdserverpb::MemberPromoteResponse> EtcdClient::MemberPromote(
    rafthttp::MemberId id) {
  etcdserverpb::MemberPromoteRequest request;
  request.set_id(id.value());
  return Answer<etcdserverpb::MemberPromoteResponse>(
      [&](Endpoint& to, grpc::ClientContext* context, auto* response) {
        return to.cluster.MemberPromote(context, request, response);
      });
}

absl::StatusOr<etcdserverpb::StatusResponse> EtcdClient::Status() {
  return Answer<etcdserverpb::StatusResponse>(
      [&](Endpoint& to, grpc::ClientContext* context, auto* response) {
        return to.maintenance.Status(context, {}, response);
      });
}

absl::StatusOr<etcdserverpb::StatusResponse> EtcdClient::StatusOf(
    size_t endpoint) {
  etcdserverpb::StatusResponse response;
  const absl::Status status = CallOn(
      *endpoints_[endpoint], [&](Endpoint& to, grpc::ClientContext* context) {
        return to.maintenance.Status(context, {}, &response);
      });
  if (!status.ok()) return status;
  return response;
}

absl::StatusOr<etcdserverpb::PutResponse> EtcdClient::Put(
    const etcdserverpb::PutRequest& request) {
  return Answer<etcdserverpb::PutResponse>(
      [&](Endpoint& to, grpc::ClientContext* context, auto* response) {
        return to.kv.Put(context, request, response);
      });
}

absl::StatusOr<etcdserverpb::DeleteRangeResponse> EtcdClient::DeleteRange(
    const etcdserverpb::DeleteRangeRequest& request) {
  return Answer<etcdserverpb::DeleteRangeResponse>(
      [&](Endpoint& to, grpc::ClientContext* context, auto* response) {
        return to.kv.DeleteRange(context, request, response);
      });
}

absl::StatusOr<etcdserverpb::TxnResponse> EtcdClient::Txn(
    const etcdserverpb::TxnRequest& request) {
  return Answer<etcdserverpb::TxnResponse>(
      [&](Endpoint& to, grpc::ClientContext* context, auto* response) {
        return to.kv.Txn(context, request, response);
      });
}

absl::StatusOr<etcdserverpb::LeaseGrantResponse> EtcdClient::LeaseGrant(
    const etcdserverpb::LeaseGrantRequest& request) {
  return Answer<etcdserverpb::LeaseGrantResponse>(
      [&](Endpoint& to, grpc::ClientContext* context, auto* response) {
        return to.lease.LeaseGrant(context, request, response);
      });
}

absl::StatusOr<etcdserverpb::LeaseRevokeResponse> EtcdClient::LeaseRevoke(
    const etcdserverpb::LeaseRevokeRequest& request) {
  return Answer<etcdserverpb::LeaseRevokeResponse>(
      [&](Endpoint& to, grpc::ClientContext* context, auto* response) {
        return to.lease.LeaseRevoke(context, request, response);
      });
}

}  // namespace rafthttpctl
