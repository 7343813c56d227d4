#ifndef RAFTHTTP_TESTING_SIM_HOST_H_
#define RAFTHTTP_TESTING_SIM_HOST_H_

#include <memory>
#include <string>

#include "rafthttp/event/connector.h"
#include "rafthttp/event/testing/memory_network.h"
#include "rafthttp/event/testing/sim_loop.h"
#include "rafthttp/transport/environment.h"

namespace rafthttp {

// One host of a simulated network, for a Transport to run on: a whole cluster
// runs in one thread, in virtual time, and the same way each time.
//
//   event::SimLoop loop;
//   event::MemoryNetwork network(loop);
//   SimHost host(loop, network, "a");
//   auto transport = Transport::Create(host.environment(), {
//       .listen_urls = {"http://a:2380"}, .delivery = DeliveryMode::kInline...});
//   loop.RunFor(absl::Minutes(5));
//
// Threads: as SimLoop. Lifetime: outlives the transports that run on it.
class SimHost {
 public:
  // `loop` and `network` must outlive the host. `name` is what URLs name, and
  // what MemoryNetwork's partitions are about.
  SimHost(event::SimLoop& loop, event::MemoryNetwork& network,
          std::string name);

  Environment environment();
  const std::string& name() const { return name_; }

 private:
  event::SimLoop& loop_;
  event::MemoryNetwork& network_;
  const std::string name_;
  const std::unique_ptr<event::Connector> connector_;
};

}  // namespace rafthttp

#endif  // RAFTHTTP_TESTING_SIM_HOST_H_
