#ifndef RAFTHTTP_HANDSHAKE_IDENTITY_H_
#define RAFTHTTP_HANDSHAKE_IDENTITY_H_

#include <string>

#include "absl/strings/string_view.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/handshake/version.h"
#include "rafthttp/http1/headers.h"

namespace rafthttp {

// Names of the headers by which members know each other. HTTP compares them
// without regard to case; these are Go's canonical forms, which etcd writes.
inline constexpr char kServerFromHeader[] = "X-Server-From";
inline constexpr char kServerVersionHeader[] = "X-Server-Version";
inline constexpr char kMinClusterVersionHeader[] = "X-Min-Cluster-Version";
inline constexpr char kClusterIdHeader[] = "X-Etcd-Cluster-Id";
inline constexpr char kRaftToHeader[] = "X-Raft-To";
inline constexpr char kPeerUrlsHeader[] = "X-Peerurls";

// Who we say we are on every raft request.
struct Identity {
  MemberId self;
  ClusterId cluster;
  Version version = kVersionByDefault;
  // Where others reach us, comma-joined; empty leaves the header out. Sending
  // it to a member that does not know us makes etcd keep a remote until it
  // restarts, so tools leave it empty.
  std::string peer_urls;
};

// Adds what POST /raft, POST /raft/snapshot and the stream GETs share.
void AddIdentity(const Identity& identity, http1::Headers& headers);

}  // namespace rafthttp

#endif  // RAFTHTTP_HANDSHAKE_IDENTITY_H_
