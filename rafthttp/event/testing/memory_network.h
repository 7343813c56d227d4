#ifndef RAFTHTTP_EVENT_TESTING_MEMORY_NETWORK_H_
#define RAFTHTTP_EVENT_TESTING_MEMORY_NETWORK_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "rafthttp/event/address.h"
#include "rafthttp/event/byte_stream.h"
#include "rafthttp/event/connector.h"
#include "rafthttp/event/event_loop.h"
#include "rafthttp/event/listener.h"
#include "rafthttp/event/testing/faults.h"

namespace rafthttp::event {

// A network in memory whose hosts are names: listeners, connectors and streams
// which behave as TCP does, and as badly as they are told to.
//
// As in TCP: a writer gets ahead of its reader by a bounded amount and then has
// to wait; closing a stream that still has bytes to be read resets the peer,
// otherwise the peer reads to the end first; who writes to a closed peer
// succeeds once and is then reset.
//
// Threads: loop-confined. On a SimLoop every run is the same.
// Lifetime: must outlive its listeners, connectors and streams.
class MemoryNetwork {
 public:
  // `loop` must outlive the network.
  explicit MemoryNetwork(EventLoop& loop);
  ~MemoryNetwork();
  MemoryNetwork(const MemoryNetwork&) = delete;
  MemoryNetwork& operator=(const MemoryNetwork&) = delete;

  // Accepts connections to `address`; port 0 takes a free one. kUnavailable if
  // somebody listens there already.
  absl::StatusOr<std::unique_ptr<Listener>> Listen(
      const Address& address, Listener::OnAccept on_accept);

  // Connects from `host`, which matters to Partition and local_address only.
  std::unique_ptr<Connector> NewConnector(std::string host = "client");

  // Two ends of a connection between "client" (first) and "server", without a
  // listener: `to_second` is what befalls the first's writes.
  std::pair<std::unique_ptr<ByteStream>, std::unique_ptr<ByteStream>> NewPair(
      LinkFaults to_second = {}, LinkFaults to_first = {});

  // What happens to later attempts to connect to an address.
  enum class Answer {
    kListener,  // as listeners are: accepted if there is one, refused if not
    kRefused,
    kUnreachable,
    kNever,        // silence, until the attempt times out
    kNotResolved,  // the name has no address
  };
  void SetAnswer(const Address& address, Answer answer);

  // Asked for the faults of each direction of each later connection made by a
  // connector: first the one towards the listener, then the one back.
  using FaultSource = std::function<LinkFaults()>;
  void SetFaultSource(FaultSource source);

  // From now on nothing passes between the two hosts, in either direction:
  // connections stall, attempts to connect hear nothing. Heal undoes it, and
  // what was in flight arrives.
  void Partition(absl::string_view a, absl::string_view b);
  void Heal(absl::string_view a, absl::string_view b);
  // Resets the connections that there are between the two hosts.
  void ResetConnections(absl::string_view a, absl::string_view b);

  // Sums over all streams there ever were: bytes taken from their writers.
  uint64_t bytes_written() const { return bytes_written_; }
  // Connection ends not destroyed yet.
  size_t open_streams() const { return streams_.size(); }
  // Attempts to connect, whatever became of them.
  size_t attempts_begun() const { return attempts_begun_; }

 private:
  class MemoryAttempt;
  class MemoryConnector;
  class MemoryListener;
  class MemoryStream;
  using HostPair = std::pair<std::string, std::string>;  // in order

  static HostPair Between(absl::string_view a, absl::string_view b);
  bool IsPartitioned(absl::string_view a, absl::string_view b) const;
  Answer AnswerOf(const Address& address) const;
  std::pair<std::unique_ptr<MemoryStream>, std::unique_ptr<MemoryStream>> Pair(
      const std::string& client_host, const Address& server,
      LinkFaults to_server, LinkFaults to_client);

  EventLoop& loop_;
  std::map<Address, MemoryListener*> listeners_;
  std::map<Address, Answer> answers_;
  std::set<HostPair> partitions_;
  FaultSource fault_source_;
  // By order of making, so that what is done to all is done in that order.
  std::map<uint64_t, MemoryStream*> streams_;
  uint64_t next_stream_ = 0;
  uint16_t next_port_ = 40000;  // for clients, and listeners on port 0
  uint64_t bytes_written_ = 0;
  size_t attempts_begun_ = 0;
};

}  // namespace rafthttp::event

#endif  // RAFTHTTP_EVENT_TESTING_MEMORY_NETWORK_H_
