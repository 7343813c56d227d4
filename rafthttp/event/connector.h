#ifndef RAFTHTTP_EVENT_CONNECTOR_H_
#define RAFTHTTP_EVENT_CONNECTOR_H_

#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "rafthttp/event/address.h"
#include "rafthttp/event/byte_stream.h"

namespace rafthttp::event {

// Opens outgoing connections.
//
// Threads: loop-confined. Must outlive its attempts.
class Connector {
 public:
  struct Options {
    // Bounds resolving and connecting together, all addresses included.
    absl::Duration timeout = absl::Seconds(5);
    // TCP keep-alive: idle time before the first probe (etcd dials with 30 s).
    absl::Duration keep_alive = absl::Seconds(30);
  };
  // An attempt under way. Destroying it abandons the attempt without a
  // callback.
  class Attempt {
   public:
    virtual ~Attempt() = default;
  };
  using OnConnected =
      absl::AnyInvocable<void(absl::StatusOr<std::unique_ptr<ByteStream>>)>;

  virtual ~Connector() = default;

  // Resolves the host and tries its addresses in turn until one answers.
  // `on_connected` runs exactly once, in a later turn, and may destroy the
  // attempt. If every address fails, the status names each with its cause; its
  // IoCause (io_status.h) is that of the last.
  virtual std::unique_ptr<Attempt> Connect(const Address& address,
                                           const Options& options,
                                           OnConnected on_connected) = 0;
};

}  // namespace rafthttp::event

#endif  // RAFTHTTP_EVENT_CONNECTOR_H_
