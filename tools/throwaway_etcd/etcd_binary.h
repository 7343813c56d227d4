#ifndef TOOLS_THROWAWAY_ETCD_ETCD_BINARY_H_
#define TOOLS_THROWAWAY_ETCD_ETCD_BINARY_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rafthttpctl {

// An etcd that can be run here.
struct EtcdBinary {
  std::string etcd;     // an absolute path
  std::string etcdctl;  // beside it; empty where there is none
  std::string version;  // "3.4.23", as the program itself says

  // Whether `version` is `major`.`minor` or later.
  bool IsAtLeast(int major, int minor) const;
};

// The etcd at `path`, the program itself or a folder that holds it.
//   kNotFound         there is none
//   kUnavailable      it does not run here
absl::StatusOr<EtcdBinary> EtcdAt(absl::string_view path);

// The first of: $RAFTHTTP_ETCD (the program or its folder), PATH, the newest in
// the cache folder that bazelw fills. kNotFound says where was looked; an
// $RAFTHTTP_ETCD that is set but holds none is an error, not a reason to go on.
absl::StatusOr<EtcdBinary> FindEtcd();

// FindEtcd's, then each other version in the cache folder, the oldest first.
std::vector<EtcdBinary> FindAllEtcds();

// ${XDG_CACHE_HOME:-~/.cache}/rafthttp/etcd, which holds a folder a version.
std::string EtcdCacheFolder();

}  // namespace rafthttpctl

#endif  // TOOLS_THROWAWAY_ETCD_ETCD_BINARY_H_
