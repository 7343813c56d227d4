#include "rafthttp/handshake/identity.h"

namespace rafthttp {

void AddIdentity(const Identity& identity, http1::Headers& headers) {
  headers.Add(kServerFromHeader, identity.self.ToHex());
  headers.Add(kServerVersionHeader, identity.version.ToString());
  headers.Add(kMinClusterVersionHeader, kMinClusterVersion.ToString());
  headers.Add(kClusterIdHeader, identity.cluster.ToHex());
  if (!identity.peer_urls.empty()) {
    headers.Add(kPeerUrlsHeader, identity.peer_urls);
  }
}

}  // namespace rafthttp
