#ifndef TOOLS_RAFTHTTPCTL_ETCD_DEMO_H_
#define TOOLS_RAFTHTTPCTL_ETCD_DEMO_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "rafthttp/event/event_loop.h"
#include "tools/etcdclient/etcd_client.h"
#include "tools/etcdclient/worker.h"
#include "tools/rafthttpctl/learner_tail.h"
#include "tools/rafthttpctl/tail_session.h"
#include "tools/rafthttpctl/tail_source.h"
#include "tools/throwaway_etcd/etcd_binary.h"
#include "tools/throwaway_etcd/etcd_cluster.h"

namespace rafthttpctl {

// The source behind `demo --etcd`: starts a throwaway etcd, takes a learner's
// seat in it, writes keys of several kinds, and stops both after a while.
//
// Place: a TailSession runs it, as it runs a tail's source.
// Lifetime: the destructor ends the etcd and removes its data.
class EtcdDemo final : public TailSource {
 public:
  struct Options {
    EtcdBinary binary;
    size_t members = 1;
    // Of writing, once the seat is taken.
    absl::Duration duration = absl::Seconds(5);
    double writes_per_second = 5;
  };

  // `session` must outlive the source.
  EtcdDemo(TailSession& session, Options options);
  ~EtcdDemo() override;

  void Start(absl::AnyInvocable<void(ExitCode)> on_end) override;
  void Stop(absl::AnyInvocable<void(ExitCode)> on_stopped) override;
  void set_is_paused(bool is_paused) override;
  ExitCode PatienceLost() const override;

 private:
  using Cluster = absl::StatusOr<std::unique_ptr<EtcdCluster>>;

  void OnStarted(Cluster cluster);
  void OnFollowing();
  void WriteNext();
  void End(ExitCode code);
  // Ends the etcd; it is gone when the program is.
  void StopCluster();

  TailSession& session_;
  const Options options_;
  absl::AnyInvocable<void(ExitCode)> on_end_;
  absl::AnyInvocable<void(ExitCode)> on_stopped_;
  ExitCode end_code_ = ExitCode::kDone;
  bool is_stopping_ = false;

  std::unique_ptr<EtcdCluster> cluster_;
  std::unique_ptr<EtcdClient> seat_client_;
  std::unique_ptr<EtcdClient> write_client_;
  std::optional<LearnerTail> tail_;
  uint64_t writes_ = 0;
  std::unique_ptr<rafthttp::event::Timer> write_timer_;
  std::unique_ptr<rafthttp::event::Timer> end_timer_;
  std::unique_ptr<Worker::Handle> call_;
  Worker worker_;
};

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_ETCD_DEMO_H_
