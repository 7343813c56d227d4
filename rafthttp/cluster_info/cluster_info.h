#ifndef RAFTHTTP_CLUSTER_INFO_CLUSTER_INFO_H_
#define RAFTHTTP_CLUSTER_INFO_CLUSTER_INFO_H_

#include <optional>
#include <string>
#include <vector>

#include "rafthttp/base/ids.h"
#include "rafthttp/handshake/version.h"

namespace rafthttp {

// One member of the cluster, as GET /members tells of it.
struct ClusterMember {
  MemberId id;
  std::vector<std::string> peer_urls;
  bool is_learner = false;
  // Empty until the member has published them.
  std::string name;
  std::vector<std::string> client_urls;
};

// What GET /version says.
struct ClusterVersions {
  // Our own software's. Whoever leads asks for it every 4 s, and cannot raise
  // the cluster's version above it.
  Version server = kVersionByDefault;
  // nullopt until the cluster has decided on one.
  std::optional<Version> cluster;
  // Of the files on disk, since etcd 3.6: "3.6.0", or "unknown". nullopt leaves
  // it out, as older ones do.
  std::optional<std::string> storage;
};

// What the embedder knows about its cluster, for members that join, and for the
// leader.
//
// Threads: called on the transport's first loop; must not block.
class ClusterInfo {
 public:
  virtual ClusterVersions Versions() = 0;
  // All of them, ourselves included, in any order: who bootstraps by our answer
  // takes it for the whole cluster.
  virtual std::vector<ClusterMember> Members() = 0;

 protected:
  ~ClusterInfo() = default;
};

}  // namespace rafthttp

#endif  // RAFTHTTP_CLUSTER_INFO_CLUSTER_INFO_H_
