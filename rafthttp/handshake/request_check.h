#ifndef RAFTHTTP_HANDSHAKE_REQUEST_CHECK_H_
#define RAFTHTTP_HANDSHAKE_REQUEST_CHECK_H_

#include <optional>
#include <vector>

#include "rafthttp/base/ids.h"
#include "rafthttp/handshake/identity.h"
#include "rafthttp/http1/head.h"
#include "rafthttp/http1/url.h"

namespace rafthttp {

// What the checks that all raft requests have in common came to.
struct RequestCheck {
  enum class Verdict {
    kOk,
    // etcd closes the connection without an answer; we say 400 before.
    kMalformedVersion,
    kVersionIncompatible,  // 412 "incompatible version"
    kClusterMismatch,      // 412 "cluster ID mismatch"
  };
  Verdict verdict = Verdict::kOk;
  // X-Server-From: who says that it sends. Unset without it, or if it is no
  // member's ID. Not authenticated, as is nothing here.
  std::optional<MemberId> from;
  // X-PeerURLs: where the sender says that it can be reached. Empty without it,
  // or if any of them is not valid.
  std::vector<http1::Url> peer_urls;
};

// Compares the head with `own`, which is who we are. A missing or empty version
// counts as etcd 2.0's; the cluster's ID is compared as text, as etcd does.
RequestCheck CheckRequest(const http1::RequestHead& head, const Identity& own);

}  // namespace rafthttp

#endif  // RAFTHTTP_HANDSHAKE_REQUEST_CHECK_H_
