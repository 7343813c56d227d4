#ifndef TOOLS_ETCDCLIENT_TESTING_FAKE_ETCD_H_
#define TOOLS_ETCDCLIENT_TESTING_FAKE_ETCD_H_

#include <cstdint>
#include <memory>
#include <string>

#include "tools/etcdclient/testing/test_certificates.h"

namespace rafthttpctl {

// An etcd client port on loopback with one member, whose answers a test
// decides.
//
// Threads: the setters before the first call, the rest any.
class FakeEtcd {
 public:
  struct Options {
    // TLS if it has a certificate; clients must show one if there are roots.
    TestCertificate certificate = {};
    std::string client_roots = {};
  };
  // What MemberList, MemberAdd, MemberRemove and Status answer: a gRPC code
  // with etcd's text, or OK.
  struct Refusal {
    int code = 0;
    std::string text;
  };

  explicit FakeEtcd(Options options);
  FakeEtcd() : FakeEtcd(Options()) {}
  ~FakeEtcd();

  // "127.0.0.1:PORT".
  const std::string& endpoint() const { return endpoint_; }

  void set_refusal(Refusal refusal);
  // From now on calls want a token, which these two get. An earlier token is
  // not taken any more.
  void RequireToken(const std::string& user, const std::string& password);
  // Calls wait until the client gives up.
  void set_is_stuck(bool is_stuck);

  int calls() const;
  int authentications() const;
  // Waits until a call has come.
  void AwaitCall();

  static constexpr uint64_t kClusterId = 0x15f22ffeda2243cf;
  static constexpr uint64_t kMemberId = 0xcaf0000000000001;

 private:
  class Services;

  std::unique_ptr<Services> services_;
  std::string endpoint_;
};

// An endpoint on which nothing listens.
std::string DeadEndpoint();

}  // namespace rafthttpctl

#endif  // TOOLS_ETCDCLIENT_TESTING_FAKE_ETCD_H_
