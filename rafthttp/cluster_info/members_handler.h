#ifndef RAFTHTTP_CLUSTER_INFO_MEMBERS_HANDLER_H_
#define RAFTHTTP_CLUSTER_INFO_MEMBERS_HANDLER_H_

#include <memory>

#include "rafthttp/base/ids.h"
#include "rafthttp/cluster_info/cluster_info.h"
#include "rafthttp/http1/exchange.h"
#include "rafthttp/http1/handler.h"

namespace rafthttp {

// Answers GET /members, for which members that join ask once.
//
// Threads: loop-confined.
class MembersHandler final : public http1::Handler {
 public:
  // `info` must outlive the handler.
  MembersHandler(ClusterInfo& info, ClusterId cluster)
      : info_(info), cluster_(cluster) {}

  void Serve(std::unique_ptr<http1::Exchange> exchange) override;

 private:
  ClusterInfo& info_;
  const ClusterId cluster_;
};

}  // namespace rafthttp

#endif  // RAFTHTTP_CLUSTER_INFO_MEMBERS_HANDLER_H_
