#ifndef RAFTHTTP_STREAM_STREAM_HANDLER_H_
#define RAFTHTTP_STREAM_STREAM_HANDLER_H_

#include <memory>
#include <string>
#include <vector>

#include "rafthttp/base/ids.h"
#include "rafthttp/event/byte_stream.h"
#include "rafthttp/handshake/identity.h"
#include "rafthttp/http1/exchange.h"
#include "rafthttp/http1/handler.h"
#include "rafthttp/http1/headers.h"
#include "rafthttp/http1/url.h"
#include "rafthttp/stream/stream_kind.h"

namespace rafthttp {

// Answers GET /raft/stream/KIND/FROM, by which member FROM opens a stream that
// we write. The checks, in this order:
//
//   method          405, with Allow
//   versions        400 if malformed, 412 "incompatible version"
//   cluster         412 "cluster ID mismatch"
//   path            404 "invalid path", "invalid from"
//   FROM removed    410 "removed member": a real etcd ends itself at this, so
//                   it is answered only where IsIdRemoved says so
//   FROM unknown    404 "error sender not found"
//   X-Raft-To       412 "to field mismatch"
//   a body, or HTTP/1.0, in which no such stream can be   400, 505
//   else            200; the connection becomes the stream
//
// All but the 405 carry X-Server-Version and X-Etcd-Cluster-Id: without the
// former, etcd looks at no answer.
//
// Threads: loop-confined. Lifetime: must outlive the server it serves.
class StreamHandler final : public http1::Handler {
 public:
  // Who knows the members.
  class Peers {
   public:
    // Whether the cluster has removed that member for good.
    virtual bool IsIdRemoved(MemberId id) = 0;
    virtual bool IsPeer(MemberId id) = 0;
    // Somebody who is no peer, but shows where it can be reached (X-PeerURLs,
    // which nobody vouches for), would open a stream.
    virtual void OnUnknownSender(MemberId id, std::vector<http1::Url> urls) = 0;
    // Peer `from` has opened a stream. On it, the head of our answer is
    // written, and nothing is read; `unread` is what came behind the request.
    virtual void AttachStream(MemberId from, StreamKind kind,
                              std::unique_ptr<event::ByteStream> stream,
                              std::string unread) = 0;

   protected:
    ~Peers() = default;
  };

  // `own` is who we are. `peers` must outlive the handler.
  StreamHandler(Peers& peers, Identity own);

  void Serve(std::unique_ptr<http1::Exchange> exchange) override;

 private:
  http1::Headers OwnHeaders() const;
  void Open(MemberId from, StreamKind kind, http1::Exchange& exchange);

  Peers& peers_;
  const Identity own_;
};

}  // namespace rafthttp

#endif  // RAFTHTTP_STREAM_STREAM_HANDLER_H_
