#ifndef RAFTHTTP_CLUSTER_INFO_VERSION_HANDLER_H_
#define RAFTHTTP_CLUSTER_INFO_VERSION_HANDLER_H_

#include <memory>

#include "rafthttp/cluster_info/cluster_info.h"
#include "rafthttp/http1/exchange.h"
#include "rafthttp/http1/handler.h"

namespace rafthttp {

// Answers GET /version, for which every leader asks each member.
//
// Threads: loop-confined.
class VersionHandler final : public http1::Handler {
 public:
  // `info` must outlive the handler.
  explicit VersionHandler(ClusterInfo& info) : info_(info) {}

  void Serve(std::unique_ptr<http1::Exchange> exchange) override;

 private:
  ClusterInfo& info_;
};

}  // namespace rafthttp

#endif  // RAFTHTTP_CLUSTER_INFO_VERSION_HANDLER_H_
