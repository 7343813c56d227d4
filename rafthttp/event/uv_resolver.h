#ifndef RAFTHTTP_EVENT_UV_RESOLVER_H_
#define RAFTHTTP_EVENT_UV_RESOLVER_H_

#include <memory>

#include "rafthttp/event/resolver.h"
#include "rafthttp/event/uv_loop.h"

namespace rafthttp::event {

// Asks the system, by getaddrinfo on libuv's thread pool.
//
// Bounds: the pool has four threads for the whole process (libuv's
//   UV_THREADPOOL_SIZE); lookups beyond wait their turn. One that has begun
//   goes on in its thread after it was abandoned.
class UvResolver final : public Resolver {
 public:
  // `loop` must outlive the resolver.
  explicit UvResolver(UvLoop& loop) : loop_(loop) {}

  std::unique_ptr<Lookup> Resolve(const Address& address,
                                  OnResolved on_resolved) override;

 private:
  class UvLookup;

  UvLoop& loop_;
};

}  // namespace rafthttp::event

#endif  // RAFTHTTP_EVENT_UV_RESOLVER_H_
