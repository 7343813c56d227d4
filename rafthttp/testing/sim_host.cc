#include "rafthttp/testing/sim_host.h"

#include <utility>

namespace rafthttp {

SimHost::SimHost(event::SimLoop& loop, event::MemoryNetwork& network,
                 std::string name)
    : loop_(loop),
      network_(network),
      name_(std::move(name)),
      connector_(network.NewConnector(name_)) {}

Environment SimHost::environment() {
  return {.loop = loop_,
          .connector = *connector_,
          .listen =
              [this](const http1::Url& url,
                     event::Listener::OnAccept on_accept) {
                return network_.Listen(url.address(), std::move(on_accept));
              },
          .wall_clock = [this] { return loop_.Now(); }};
}

}  // namespace rafthttp
