#include "tools/etcdclient/testing/fake_etcd.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rafthttp/base/check.h"
#include "tools/etcdpb/rpc.grpc.pb.h"

namespace rafthttpctl {

class FakeEtcd::Services final : public etcdserverpb::Cluster::Service,
                                 public etcdserverpb::Maintenance::Service,
                                 public etcdserverpb::Auth::Service {
 public:
  ~Services() override {
    // Calls that are stuck are not waited for.
    server->Shutdown(std::chrono::system_clock::now());
    server->Wait();
  }

  grpc::Status MemberList(grpc::ServerContext* context,
                          const etcdserverpb::MemberListRequest*,
                          etcdserverpb::MemberListResponse* response) override {
    const grpc::Status status = Admit(context);
    if (!status.ok()) return status;
    response->mutable_header()->set_cluster_id(kClusterId);
    etcdserverpb::Member* const member = response->add_members();
    member->set_id(kMemberId);
    member->set_name("m0");
    member->add_peerurls("http://127.0.0.1:1");
    return status;
  }

  grpc::Status MemberAdd(grpc::ServerContext* context,
                         const etcdserverpb::MemberAddRequest* request,
                         etcdserverpb::MemberAddResponse* response) override {
    const grpc::Status status = Admit(context);
    if (!status.ok()) return status;
    *response->mutable_member()->mutable_peerurls() = request->peerurls();
    response->mutable_member()->set_islearner(request->islearner());
    return status;
  }

  grpc::Status MemberRemove(grpc::ServerContext* context,
                            const etcdserverpb::MemberRemoveRequest*,
                            etcdserverpb::MemberRemoveResponse*) override {
    return Admit(context);
  }

  grpc::Status Status(grpc::ServerContext* context,
                      const etcdserverpb::StatusRequest*,
                      etcdserverpb::StatusResponse* response) override {
    const grpc::Status status = Admit(context);
    if (!status.ok()) return status;
    response->set_leader(kMemberId);
    response->set_version("3.4.23");
    return status;
  }

  grpc::Status Authenticate(
      grpc::ServerContext*, const etcdserverpb::AuthenticateRequest* request,
      etcdserverpb::AuthenticateResponse* response) override {
    const std::lock_guard<std::mutex> lock(mutex);
    ++authentications;
    if (token.empty()) {
      return grpc::Status(grpc::StatusCode::FAILED_PRECONDITION,
                          "etcdserver: authentication is not enabled");
    }
    if (request->name() != user || request->password() != password) {
      // etcd's own code for it.
      return grpc::Status(
          grpc::StatusCode::INVALID_ARGUMENT,
          "etcdserver: authentication failed, invalid user ID or password");
    }
    response->set_token(token);
    return grpc::Status::OK;
  }

  std::mutex mutex;
  std::condition_variable called;
  // Guarded by mutex:
  Refusal refusal;
  std::string user;
  std::string password;
  std::string token;  // empty for none
  bool is_stuck = false;
  int calls = 0;
  int authentications = 0;

  std::unique_ptr<grpc::Server> server;

 private:
  grpc::Status Admit(grpc::ServerContext* context) {
    std::unique_lock<std::mutex> lock(mutex);
    ++calls;
    called.notify_all();
    while (is_stuck && !context->IsCancelled()) {
      // gRPC's blocking server tells of a cancellation only if asked.
      called.wait_for(lock, std::chrono::milliseconds(5));
    }
    const auto& metadata = context->client_metadata();
    const auto shown = metadata.find("token");
    if (!token.empty() &&
        (shown == metadata.end() ||
         std::string(shown->second.data(), shown->second.size()) != token)) {
      return shown == metadata.end()
                 ? grpc::Status(grpc::StatusCode::INVALID_ARGUMENT,
                                "etcdserver: user name is empty")
                 : grpc::Status(grpc::StatusCode::UNAUTHENTICATED,
                                "etcdserver: invalid auth token");
    }
    return grpc::Status(static_cast<grpc::StatusCode>(refusal.code),
                        refusal.text);
  }
};

FakeEtcd::FakeEtcd(Options options) : services_(std::make_unique<Services>()) {
  std::shared_ptr<grpc::ServerCredentials> credentials =
      grpc::InsecureServerCredentials();
  if (!options.certificate.cert.empty()) {
    grpc::SslServerCredentialsOptions ssl(
        options.client_roots.empty()
            ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
            : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    ssl.pem_root_certs = options.client_roots;
    ssl.pem_key_cert_pairs.push_back(
        {options.certificate.key, options.certificate.cert});
    credentials = grpc::SslServerCredentials(ssl);
  }
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", credentials, &port);
  builder.RegisterService(
      static_cast<etcdserverpb::Cluster::Service*>(services_.get()));
  builder.RegisterService(
      static_cast<etcdserverpb::Maintenance::Service*>(services_.get()));
  builder.RegisterService(
      static_cast<etcdserverpb::Auth::Service*>(services_.get()));
  services_->server = builder.BuildAndStart();
  CHECK(services_->server != nullptr);
  endpoint_ = absl::StrCat("127.0.0.1:", port);
}

FakeEtcd::~FakeEtcd() = default;

void FakeEtcd::set_refusal(Refusal refusal) {
  const std::lock_guard<std::mutex> lock(services_->mutex);
  services_->refusal = std::move(refusal);
}

void FakeEtcd::RequireToken(const std::string& user,
                            const std::string& password) {
  const std::lock_guard<std::mutex> lock(services_->mutex);
  services_->user = user;
  services_->password = password;
  services_->token += "t";
}

void FakeEtcd::set_is_stuck(bool is_stuck) {
  const std::lock_guard<std::mutex> lock(services_->mutex);
  services_->is_stuck = is_stuck;
}

int FakeEtcd::calls() const {
  const std::lock_guard<std::mutex> lock(services_->mutex);
  return services_->calls;
}

int FakeEtcd::authentications() const {
  const std::lock_guard<std::mutex> lock(services_->mutex);
  return services_->authentications;
}

void FakeEtcd::AwaitCall() {
  std::unique_lock<std::mutex> lock(services_->mutex);
  services_->called.wait(lock, [this] { return services_->calls > 0; });
}

std::string DeadEndpoint() {
  // Its port is free again once it is gone.
  return FakeEtcd().endpoint();
}

}  // namespace rafthttpctl
