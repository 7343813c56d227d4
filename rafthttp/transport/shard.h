#ifndef RAFTHTTP_TRANSPORT_SHARD_H_
#define RAFTHTTP_TRANSPORT_SHARD_H_

#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "rafthttp/base/drop_reason.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/base/ledger.h"
#include "rafthttp/delivery/strand_pool.h"
#include "rafthttp/event/connector.h"
#include "rafthttp/event/event_loop.h"
#include "rafthttp/http1/client.h"
#include "rafthttp/http1/url.h"
#include "rafthttp/peer/mailbox.h"
#include "rafthttp/peer/peer.h"
#include "rafthttp/peer/remote.h"
#include "rafthttp/transport/options.h"

namespace rafthttp {

// The peers and remotes that live on one loop.
//
// Place: Transport has one per loop, and decides who lives where. Threads:
// loop-confined. Lifetime: destroy it outside of its peers' callbacks.
class Shard {
 public:
  // `loop` and `connector`, and what `options` points to, must outlive the
  // shard; the pools may be null.
  Shard(event::EventLoop& loop, event::Connector& connector,
        const Options& options, std::vector<http1::Url> advertised_urls,
        StrandPool* pool, StrandPool* disk_pool, std::stop_token stop,
        std::function<absl::Time()> wall_clock);
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  // Begins to exchange messages with the mailbox's member, which must not be
  // here yet.
  void AddPeer(std::shared_ptr<Mailbox> mailbox, std::vector<http1::Url> urls);
  void AddRemote(std::shared_ptr<Mailbox> mailbox,
                 std::vector<http1::Url> urls);
  // Ends it, and returns its last books; those of nobody are empty.
  LedgerReport RemovePeer(MemberId id);
  void UpdatePeer(MemberId id, std::vector<http1::Url> urls);
  void SetPaused(MemberId id, bool is_paused);

  // Null if there is none, or it has not been added yet.
  Peer* FindPeer(MemberId id);

  LedgerReport Report(MemberId id) const;
  LedgerReport ReportAll() const;

  // Stops and forgets all of them, whose messages are dropped as kStopped, and
  // returns the last books of each.
  std::map<MemberId, LedgerReport> Stop();

 private:
  http1::Client client_;
  http1::Client fresh_client_;
  const PeerEnvironment environment_;
  Peer::Options peer_options_;
  std::map<MemberId, std::unique_ptr<Peer>> peers_;
  std::map<MemberId, std::unique_ptr<Remote>> remotes_;
};

}  // namespace rafthttp

#endif  // RAFTHTTP_TRANSPORT_SHARD_H_
