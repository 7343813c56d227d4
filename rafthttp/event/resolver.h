#ifndef RAFTHTTP_EVENT_RESOLVER_H_
#define RAFTHTTP_EVENT_RESOLVER_H_

#include <memory>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "rafthttp/event/address.h"
#include "rafthttp/event/socket_address.h"

namespace rafthttp::event {

// Finds the addresses of host names.
//
// Threads: loop-confined. Must outlive its lookups.
class Resolver {
 public:
  // A lookup under way. Destroying it abandons the lookup without a callback.
  class Lookup {
   public:
    virtual ~Lookup() = default;
  };
  // At least one address, best first; or why there is none.
  using OnResolved =
      absl::AnyInvocable<void(absl::StatusOr<std::vector<SocketAddress>>)>;

  virtual ~Resolver() = default;

  // `on_resolved` runs exactly once, in a later turn, and may destroy the
  // lookup.
  virtual std::unique_ptr<Lookup> Resolve(const Address& address,
                                          OnResolved on_resolved) = 0;
};

}  // namespace rafthttp::event

#endif  // RAFTHTTP_EVENT_RESOLVER_H_
