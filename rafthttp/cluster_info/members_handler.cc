#include "rafthttp/cluster_info/members_handler.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "rafthttp/cluster_info/go_text.h"
#include "rafthttp/handshake/identity.h"
#include "rafthttp/http1/headers.h"

namespace rafthttp {

void MembersHandler::Serve(std::unique_ptr<http1::Exchange> exchange) {
  std::vector<ClusterMember> members = info_.Members();
  std::sort(members.begin(), members.end(),
            [](const ClusterMember& a, const ClusterMember& b) {
              return a.id < b.id;
            });
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const ClusterMember& member : members) {
    nlohmann::ordered_json entry;
    entry["id"] = member.id.value();
    entry["peerURLs"] = member.peer_urls;
    if (member.is_learner) entry["isLearner"] = true;
    if (!member.name.empty()) entry["name"] = member.name;
    if (!member.client_urls.empty()) entry["clientURLs"] = member.client_urls;
    json.push_back(std::move(entry));
  }
  http1::Headers headers = {{"Content-Type", "application/json"},
                            {kClusterIdHeader, cluster_.ToHex()}};
  exchange->Respond(200, std::move(headers), absl::StrCat(GoText(json), "\n"))
      .IgnoreError();
}

}  // namespace rafthttp
