#ifndef TOOLS_RAFTHTTPCTL_PEER_API_H_
#define TOOLS_RAFTHTTPCTL_PEER_API_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/http1/client.h"
#include "rafthttp/http1/request.h"
#include "rafthttp/http1/url.h"

namespace rafthttpctl {

// What GET /members of a peer port answers.
struct PeerMember {
  rafthttp::MemberId id;
  std::string name;
  std::vector<std::string> peer_urls;
  std::vector<std::string> client_urls;
  bool is_learner = false;
};
struct PeerMembers {
  rafthttp::ClusterId cluster;
  std::vector<PeerMember> members;
};

// What GET /version answers; texts as they are.
struct PeerVersion {
  std::string server;
  std::string cluster;
};

// What GET /raft/probing answers: the peer's clock.
struct PeerProbe {
  absl::Time now;
};

// Reads the three answers.
//   kNotFound  the peer answers 404: it is no etcd, but may be a raft member
//   kDataLoss  it answers something else than etcd does
absl::StatusOr<PeerMembers> ReadMembers(
    const rafthttp::http1::Response& response);
absl::StatusOr<PeerVersion> ReadVersion(
    const rafthttp::http1::Response& response);
absl::StatusOr<PeerProbe> ReadProbe(const rafthttp::http1::Response& response);

// GETs `path` from a peer port. `on_response` runs once, in a later turn;
// destroying the call cancels it.
std::unique_ptr<rafthttp::http1::Client::Call> GetFromPeer(
    rafthttp::http1::Client& client, const rafthttp::http1::Url& url,
    absl::string_view path, absl::Duration timeout,
    absl::AnyInvocable<void(absl::StatusOr<rafthttp::http1::Response>)>
        on_response);

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_PEER_API_H_
