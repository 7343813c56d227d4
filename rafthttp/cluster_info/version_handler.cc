#include "rafthttp/cluster_info/version_handler.h"

#include <utility>

#include "nlohmann/json.hpp"
#include "rafthttp/cluster_info/go_text.h"
#include "rafthttp/http1/headers.h"

namespace rafthttp {

void VersionHandler::Serve(std::unique_ptr<http1::Exchange> exchange) {
  const ClusterVersions versions = info_.Versions();
  nlohmann::ordered_json json;
  json["etcdserver"] = versions.server.ToString();
  json["etcdcluster"] =
      versions.cluster ? versions.cluster->ToString() : "not_decided";
  if (versions.storage) json["storage"] = *versions.storage;
  http1::Headers headers = {{"Content-Type", "application/json"}};
  // Without a line feed, as etcd has it.
  exchange->Respond(200, std::move(headers), GoText(json)).IgnoreError();
}

}  // namespace rafthttp
