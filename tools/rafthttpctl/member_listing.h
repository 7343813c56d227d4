#ifndef TOOLS_RAFTHTTPCTL_MEMBER_LISTING_H_
#define TOOLS_RAFTHTTPCTL_MEMBER_LISTING_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/http1/url.h"
#include "tools/etcdclient/etcd_client.h"
#include "tools/rafthttpctl/peer_api.h"

namespace rafthttpctl {

// Who is in a cluster.
struct MemberListing {
  PeerMembers members;
  // Zero where it is not known: only etcd's client API tells.
  rafthttp::MemberId leader;
};

// Both block, for no longer than `timeout`; their errors name who was asked.

// Asks the peer port at `url`.
absl::StatusOr<MemberListing> ListByPeer(const rafthttp::http1::Url& url,
                                         absl::Duration timeout);
// Asks etcd's client API. Without a leader if nobody knows one.
absl::StatusOr<MemberListing> ListByEtcd(const EtcdClientOptions& etcd,
                                         std::optional<absl::Duration> timeout);

// One object, and a table. Both end with a line feed, and are safe for a
// terminal: names and URLs are whatever somebody told the cluster.
std::string MemberListingJson(const MemberListing& listing);
std::string MemberListingText(const MemberListing& listing);

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_MEMBER_LISTING_H_
