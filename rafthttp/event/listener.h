#ifndef RAFTHTTP_EVENT_LISTENER_H_
#define RAFTHTTP_EVENT_LISTENER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "rafthttp/event/byte_stream.h"

namespace rafthttp::event {

// Accepts incoming connections until destroyed; those it accepted live on.
//
// Threads: loop-confined.
class Listener {
 public:
  using OnAccept = absl::AnyInvocable<void(std::unique_ptr<ByteStream>)>;

  virtual ~Listener() = default;

  // The port that is bound, also when port 0 was asked for.
  virtual uint16_t port() const = 0;
  // As in ByteStream::local_address.
  virtual std::string address() const = 0;
};

}  // namespace rafthttp::event

#endif  // RAFTHTTP_EVENT_LISTENER_H_
