#ifndef TOOLS_ETCDCLIENT_TESTING_TEST_CERTIFICATES_H_
#define TOOLS_ETCDCLIENT_TESTING_TEST_CERTIFICATES_H_

#include <memory>
#include <string>

#include "absl/strings/string_view.h"

namespace rafthttpctl {

// A certificate with its key, as PEM texts.
struct TestCertificate {
  std::string cert;
  std::string key;
};

// A certificate authority made for one test, valid for an hour.
class TestAuthority {
 public:
  TestAuthority();
  ~TestAuthority();

  const std::string& cert() const;
  // For 127.0.0.1 and `dns_name`, good for servers and clients.
  TestCertificate Issue(const std::string& dns_name) const;

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

// Writes `text` to a file of the test's own, and returns its path.
std::string WriteTestFile(const std::string& name, absl::string_view text);

}  // namespace rafthttpctl

#endif  // TOOLS_ETCDCLIENT_TESTING_TEST_CERTIFICATES_H_
