#ifndef INTEGRATION_GO_PEER_GO_MEMBER_H_
#define INTEGRATION_GO_PEER_GO_MEMBER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "integration/child.h"
#include "nlohmann/json.hpp"
#include "rafthttp/event/uv_connector.h"
#include "rafthttp/event/uv_loop.h"
#include "rafthttp/http1/client.h"

namespace rafthttp::integration {

// A member on etcd's own rafthttp, in a process of its own (main.go).
//
// Threads: one. Lifetime: the destructor kills it.
class GoMember {
 public:
  // Whether there is a Go to test with; says why not. Without one a test is to
  // be skipped, unless $CI is set, when that is a failure.
  static bool IsThere();

  // `listen` is "http://127.0.0.1:0" or where an earlier one was.
  // `folder` is where it keeps snapshots.
  GoMember(uint64_t id, uint64_t cluster_id,
           const std::string& listen = "http://127.0.0.1:0",
           const std::string& folder = "");

  const std::string& url() const { return url_; }
  // Does what main.go's command says; a failure of the test where that fails.
  nlohmann::json Do(const nlohmann::json& command);
  // Without a goodbye.
  void Kill();

 private:
  std::unique_ptr<Child> process_;
  std::string url_;
  std::string control_;
  event::UvLoop loop_;
  event::UvConnector connector_;
  std::unique_ptr<http1::Client> client_;
};

}  // namespace rafthttp::integration

#endif  // INTEGRATION_GO_PEER_GO_MEMBER_H_
