#ifndef RAFTHTTP_EVENT_UV_CONNECTOR_H_
#define RAFTHTTP_EVENT_UV_CONNECTOR_H_

#include <memory>

#include "rafthttp/event/connector.h"
#include "rafthttp/event/resolver.h"
#include "rafthttp/event/uv_loop.h"
#include "rafthttp/event/uv_resolver.h"

namespace rafthttp::event {

// Opens TCP connections to IPv4 and IPv6 literals, with zone or without, and to
// host names. Each address in turn gets an equal share of the time that is
// left, so that one which never answers does not keep us from the next.
//
// Threads: loop-confined. Must outlive its attempts.
class UvConnector final : public Connector {
 public:
  // `loop` must outlive the connector.
  explicit UvConnector(UvLoop& loop);
  // With names looked up by `resolver`, which must outlive the connector.
  UvConnector(UvLoop& loop, Resolver& resolver);

  std::unique_ptr<Attempt> Connect(const Address& address,
                                   const Options& options,
                                   OnConnected on_connected) override;

 private:
  class UvAttempt;

  UvLoop& loop_;
  UvResolver system_resolver_;
  Resolver& resolver_;
};

}  // namespace rafthttp::event

#endif  // RAFTHTTP_EVENT_UV_CONNECTOR_H_
