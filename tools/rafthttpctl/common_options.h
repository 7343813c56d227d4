#ifndef TOOLS_RAFTHTTPCTL_COMMON_OPTIONS_H_
#define TOOLS_RAFTHTTPCTL_COMMON_OPTIONS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "rafthttp/base/ids.h"
#include "tools/etcdclient/etcd_client.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace rafthttpctl {

enum class WriteOut { kText, kJson };

// The flags that all verbs share.
struct CommonOptions {
  WriteOut write_out = WriteOut::kText;
  bool uses_color = false;
  std::vector<std::string> endpoints;
  std::string cacert_file;
  std::string cert_file;
  std::string key_file;
  bool insecure_skip_tls_verify = false;
  std::string tls_server_name;
  std::string user;  // NAME[:PASSWORD]
  std::optional<rafthttp::ClusterId> cluster_id;
  std::optional<rafthttp::MemberId> id;
  std::optional<absl::Duration> timeout;
  absl::Duration dial_timeout = absl::Seconds(10);
  bool debug = false;
};

// Adds them to `app`, which is the program's own, so that they may stand before
// or after the verb. `options` must outlive parsing.
void AddCommonFlags(CLI::App& app, CommonOptions& options);

// Flags whose value is an ID, or a duration such as 5s, 500ms or 1m30s.
CLI::Option* AddIdFlag(CLI::App& app, const std::string& name,
                       std::optional<rafthttp::MemberId>& id,
                       const std::string& description);
CLI::Option* AddDurationFlag(CLI::App& app, const std::string& name,
                             std::optional<absl::Duration>& duration,
                             const std::string& description);

// Asks on the terminal for the password that --user left out, as etcdctl does.
// Does nothing where there is no user, or no endpoint to show it to.
absl::Status CompleteUser(CommonOptions& options);

// How to reach --endpoints.
EtcdClientOptions EtcdOptions(const CommonOptions& options);

}  // namespace rafthttpctl

#endif  // TOOLS_RAFTHTTPCTL_COMMON_OPTIONS_H_
