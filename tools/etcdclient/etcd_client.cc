#include "tools/etcdclient/etcd_client.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "tools/etcdpb/rpc.grpc.pb.h"

namespace rafthttpctl {
namespace {

constexpr char kPayload[] = "rafthttpctl.EtcdError";

struct EtcdText {
  absl::string_view text;
  EtcdError error;
};

// etcd tells its errors apart by text alone; nobody else looks at it.
EtcdError ErrorOfText(absl::string_view text) {
  static constexpr EtcdText kTexts[] = {
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
      {"etcdserver: authentication failed, invalid user ID or password",
       EtcdError::kAuth},
      {"etcdserver: user name is empty", EtcdError::kAuth},
      {"etcdserver: permission denied", EtcdError::kAuth},
      {"etcdserver: invalid auth token", EtcdError::kAuth},
  };
  for (const EtcdText& known : kTexts) {
    if (text == known.text) return known.error;
  }
  return EtcdError::kNone;
}

absl::Status StatusFromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  const std::string& text = status.error_message();
  absl::Status result(static_cast<absl::StatusCode>(status.error_code()), text);
  if (const EtcdError error = ErrorOfText(text); error != EtcdError::kNone) {
    result.SetPayload(kPayload,
                      absl::Cord(absl::StrCat(static_cast<int>(error))));
  }
  return result;
}

// The same status with `name` said first.
absl::Status At(absl::string_view name, const absl::Status& status) {
  absl::Status result(status.code(),
                      absl::StrCat(name, ": ", status.message()));
  if (const auto payload = status.GetPayload(kPayload)) {
    result.SetPayload(kPayload, *payload);
  }
  return result;
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return absl::InvalidArgumentError(absl::StrCat("cannot read ", path));
  }
  return std::string((std::istreambuf_iterator<char>(file)),
                     std::istreambuf_iterator<char>());
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> TlsCredentials(
    const EtcdClientOptions& options) {
  // Debian's gRPC looks for roots where Debian has none.
  static constexpr char kSystemRoots[] = "/etc/ssl/certs/ca-certificates.crt";
  std::string roots, cert, key;
  if (!options.cacert_file.empty()) {
    auto text = ReadFile(options.cacert_file);
    if (!text.ok()) return text.status();
    roots = *std::move(text);
  } else if (auto text = ReadFile(kSystemRoots); text.ok()) {
    roots = *std::move(text);
  }
  if (options.cert_file.empty() != options.key_file.empty()) {
    return absl::InvalidArgumentError(
        "a client certificate needs both --cert and --key");
  }
  if (!options.cert_file.empty()) {
    auto cert_text = ReadFile(options.cert_file);
    if (!cert_text.ok()) return cert_text.status();
    auto key_text = ReadFile(options.key_file);
    if (!key_text.ok()) return key_text.status();
    cert = *std::move(cert_text);
    key = *std::move(key_text);
  }
  if (!options.insecure_skip_tls_verify) {
    grpc::SslCredentialsOptions ssl;
    ssl.pem_root_certs = roots;
    ssl.pem_cert_chain = cert;
    ssl.pem_private_key = key;
    return grpc::SslCredentials(ssl);
  }
  grpc::experimental::TlsChannelCredentialsOptions tls;
  tls.set_verify_server_certs(false);
  tls.set_certificate_verifier(
      std::make_shared<grpc::experimental::NoOpCertificateVerifier>());
  tls.set_check_call_host(false);
  if (!cert.empty()) {
    tls.set_certificate_provider(
        std::make_shared<grpc::experimental::StaticDataCertificateProvider>(
            std::vector<grpc::experimental::IdentityKeyCertPair>{{key, cert}}));
    tls.watch_identity_key_cert_pairs();
  }
  return grpc::experimental::TlsCredentials(tls);
}

// Only what did not reach a working member is worth asking another one.
bool IsWorthAnotherEndpoint(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsUnknown(status) || absl::IsUnimplemented(status);
}

absl::Status Cancelled() { return absl::CancelledError("cancelled"); }

}  // namespace

EtcdError EtcdErrorOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kPayload);
  int number = 0;
  if (!payload || !absl::SimpleAtoi(std::string(*payload), &number)) {
    return EtcdError::kNone;
  }
  return static_cast<EtcdError>(number);
}

struct EtcdClient::Endpoint {
  Endpoint(std::string endpoint_name, std::shared_ptr<grpc::Channel> channel)
      : name(std::move(endpoint_name)),
        kv(channel),
        lease(channel),
        cluster(channel),
        maintenance(channel),
        auth(channel) {}

  const std::string name;
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
    const size_t colon = target.rfind(':');
    uint32_t port = 0;
    if (colon == target.npos || colon == 0 ||
        !absl::SimpleAtoi(target.substr(colon + 1), &port) || port == 0 ||
        port > 65535 || target.find_first_of("/?# @") != target.npos) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", name,
                       "\" is not an endpoint: want host:port, optionally with "
                       "http:// or https:// before it"));
    }
    std::shared_ptr<grpc::ChannelCredentials> credentials =
        grpc::InsecureChannelCredentials();
    if (is_https || (has_tls_files && !is_http)) {
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
        name, grpc::CreateCustomChannel(std::string(target), credentials,
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
  const grpc::Status status = Cancellable(
      endpoint,
      [&](Endpoint& to, grpc::ClientContext* context) {
        return to.auth.Authenticate(context, request, &response);
      },
      "");
  // A cluster without auth takes a call with any user, as etcdctl has it.
  if (status.error_message() == "etcdserver: authentication is not enabled") {
    return absl::OkStatus();
  }
  if (!status.ok()) return StatusFromGrpc(status);
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
  return status.ok() ? status : At(endpoint.name, status);
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
  if (failures.size() == 1) return failures.front();
  // What etcd said on one of them says more than that others are down.
  absl::Status result(
      failures.front().code(),
      absl::StrJoin(failures, "; ",
                    [](std::string* out, const absl::Status& s) {
                      out->append(s.message().data(), s.message().size());
                    }));
  for (const absl::Status& failure : failures) {
    if (const auto payload = failure.GetPayload(kPayload)) {
      result.SetPayload(kPayload, *payload);
      break;
    }
  }
  return result;
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
