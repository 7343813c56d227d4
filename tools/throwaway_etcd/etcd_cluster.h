#ifndef TOOLS_THROWAWAY_ETCD_ETCD_CLUSTER_H_
#define TOOLS_THROWAWAY_ETCD_ETCD_CLUSTER_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tools/throwaway_etcd/child_process.h"
#include "tools/throwaway_etcd/etcd_binary.h"

namespace rafthttpctl {

// A real etcd cluster on free loopback ports, with its data in a fresh
// temporary folder: for the demo and for tests.
//
// Threads: any, one at a time. Calls block.
// Lifetime: the destructor kills the members and removes the folder. Members
//   die with this process, however that ends.
class EtcdCluster {
 public:
  struct Options {
    EtcdBinary binary;
    size_t members = 3;
    std::vector<std::string> extra_flags;  // of every member
    // Peers speak TLS with certificates that etcd makes up; clients do not.
    bool is_peer_tls = false;
    // Until every member is healthy. A race for a port that is lost counts as
    // a part of it.
    absl::Duration start_timeout = absl::Seconds(30);
  };

  // Returns once every member answers that it is healthy, or fails with what
  // the member that was not wrote last.
  static absl::StatusOr<std::unique_ptr<EtcdCluster>> Start(Options options);
  ~EtcdCluster();
  EtcdCluster(const EtcdCluster&) = delete;
  EtcdCluster& operator=(const EtcdCluster&) = delete;

  size_t size() const { return members_.size(); }
  // "127.0.0.1:PORT", where clients connect.
  const std::string& client_endpoint(size_t i) const;
  // All of them, separated by commas, as --endpoints takes them.
  std::string client_endpoints() const;
  // "http://127.0.0.1:PORT", https with is_peer_tls.
  const std::string& peer_url(size_t i) const;
  // "m0" and so on.
  const std::string& name(size_t i) const;

  // Kills (SIGKILL) or stops (SIGTERM) member `i` and waits until it is gone.
  // Nothing happens where it is not running.
  void Kill(size_t i);
  void Stop(size_t i);
  // Starts member `i` again on its data and ports. Where the running members
  // then make a quorum, waits until it is healthy.
  absl::Status Restart(size_t i, absl::Duration timeout = absl::Seconds(30));
  bool IsRunning(size_t i);
  absl::Status WaitUntilHealthy(size_t i, absl::Duration timeout);

  // Its --data-dir.
  std::string data_folder(size_t i) const;
  const std::string& log_path(size_t i) const;
  // What member `i` has logged so far, over all its runs.
  std::string ReadLog(size_t i) const;

 private:
  struct Member;

  explicit EtcdCluster(Options options);
  absl::Status StartOnce(absl::Time deadline);
  absl::Status Spawn(size_t i);
  absl::Status AwaitHealth(size_t i, absl::Time deadline);
  size_t running();

  const Options options_;
  std::string folder_;
  std::vector<std::unique_ptr<Member>> members_;
};

}  // namespace rafthttpctl

#endif  // TOOLS_THROWAWAY_ETCD_ETCD_CLUSTER_H_
