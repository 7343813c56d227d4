#ifndef RAFTHTTP_TRANSPORT_ENVIRONMENT_H_
#define RAFTHTTP_TRANSPORT_ENVIRONMENT_H_

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "rafthttp/event/connector.h"
#include "rafthttp/event/event_loop.h"
#include "rafthttp/event/listener.h"
#include "rafthttp/http1/url.h"

namespace rafthttp {

// What a Transport runs on: one loop, and a network.
//
// A simulated one makes a whole cluster run in one thread in virtual time.
// There, deliver inline: strands have threads of their own.
struct Environment {
  event::EventLoop& loop;
  event::Connector& connector;
  std::function<absl::StatusOr<std::unique_ptr<event::Listener>>(
      const http1::Url&, event::Listener::OnAccept)>
      listen;
  // The time as people know it; null: absl::Now().
  std::function<absl::Time()> wall_clock;
};

}  // namespace rafthttp

#endif  // RAFTHTTP_TRANSPORT_ENVIRONMENT_H_
