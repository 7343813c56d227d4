#include "tools/rafthttpctl/common_options.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tools/rafthttpctl/password_prompt.h"

namespace rafthttpctl {
namespace {

constexpr char kGroup[] = "Common flags";

// CLI11 reports what a callback throws as a usage error of that flag.
[[noreturn]] void Refuse(const std::string& name, absl::string_view why) {
  throw CLI::ValidationError(name, std::string(why));
}

absl::Duration ParseDuration(const std::string& name, const std::string& text) {
  absl::Duration duration;
  if (!absl::ParseDuration(text, &duration) ||
      duration < absl::ZeroDuration()) {
    Refuse(name, absl::StrCat("\"", text,
                              "\" is not a duration: want 5s, 500ms, 1m30s"));
  }
  return duration;
}

template <typename Id>
Id ParseId(const std::string& name, const std::string& text) {
  const absl::StatusOr<Id> id = Id::FromHex(text);
  if (!id.ok()) Refuse(name, id.status().message());
  return *id;
}

bool WantsColor(const std::string& choice) {
  if (choice == "always") return true;
  if (choice == "never") return false;
  const char* no_color = std::getenv("NO_COLOR");
  if (no_color != nullptr && *no_color != '\0') return false;
  const char* terminal = std::getenv("TERM");
  return isatty(STDOUT_FILENO) != 0 && terminal != nullptr &&
         std::string(terminal) != "dumb";
}

}  // namespace

CLI::Option* AddIdFlag(CLI::App& app, const std::string& name,
                       std::optional<rafthttp::MemberId>& id,
                       const std::string& description) {
  return app
      .add_option_function<std::string>(
          name,
          [name, &id](const std::string& text) {
            id = ParseId<rafthttp::MemberId>(name, text);
          },
          description)
      ->type_name("HEX");
}

CLI::Option* AddDurationFlag(CLI::App& app, const std::string& name,
                             std::optional<absl::Duration>& duration,
                             const std::string& description) {
  return app
      .add_option_function<std::string>(
          name,
          [name, &duration](const std::string& text) {
            duration = ParseDuration(name, text);
          },
          description)
      ->type_name("D");
}

void AddCommonFlags(CLI::App& app, CommonOptions& options) {
  options.write_out =
      isatty(STDOUT_FILENO) != 0 ? WriteOut::kText : WriteOut::kJson;
  options.uses_color = WantsColor("auto");
  app.add_option_function<std::string>(
         "-w,--write-out",
         [&options](const std::string& text) {
           if (text != "text" && text != "json") {
             Refuse("--write-out",
                    absl::StrCat("\"", text, "\": want text or json"));
           }
           options.write_out =
               text == "text" ? WriteOut::kText : WriteOut::kJson;
         },
         "text (the default on a terminal) or json, one object a line")
      ->type_name("text|json")
      ->envname("RAFTHTTPCTL_WRITE_OUT")
      ->group(kGroup);
  app.add_option("--endpoints", options.endpoints,
                 "etcd client endpoints, where members and cluster ID are "
                 "looked up")
      ->delimiter(',')
      // What follows is the verb's.
      ->allow_extra_args(false)
      ->type_name("HOST:PORT,...")
      ->group(kGroup);
  app.add_option("--cacert", options.cacert_file,
                 "verify certificates by this CA bundle")
      ->type_name("FILE")
      ->group(kGroup);
  app.add_option("--cert", options.cert_file, "client certificate")
      ->type_name("FILE")
      ->group(kGroup);
  app.add_option("--key", options.key_file, "its key")
      ->type_name("FILE")
      ->group(kGroup);
  app.add_flag("--insecure-skip-tls-verify", options.insecure_skip_tls_verify,
               "do not verify certificates")
      ->group(kGroup);
  app.add_option("--tls-server-name", options.tls_server_name,
                 "the name that certificates must have")
      ->type_name("NAME")
      ->group(kGroup);
  app.add_option("--user", options.user, "for clusters with auth")
      ->type_name("NAME[:PASSWORD]")
      ->group(kGroup);
  app.add_option_function<std::string>(
         "--cluster-id",
         [&options](const std::string& text) {
           options.cluster_id =
               ParseId<rafthttp::ClusterId>("--cluster-id", text);
         },
         "the cluster's ID (default: asked of the peer)")
      ->type_name("HEX")
      ->group(kGroup);
  AddIdFlag(app, "--id", options.id, "the member ID that we present")
      ->group(kGroup);
  AddDurationFlag(app, "--timeout", options.timeout,
                  "bound on the whole command")
      ->group(kGroup);
  app.add_option_function<std::string>(
         "--dial-timeout",
         [&options](const std::string& text) {
           options.dial_timeout = ParseDuration("--dial-timeout", text);
         },
         "bound on one connection (default 10s)")
      ->type_name("D")
      ->group(kGroup);
  app.add_option_function<std::string>(
         "--color",
         [&options](const std::string& choice) {
           if (choice != "auto" && choice != "always" && choice != "never") {
             Refuse("--color", "want auto, always or never");
           }
           options.uses_color = WantsColor(choice);
         },
         "auto, always or never; NO_COLOR is honoured")
      ->type_name("WHEN")
      ->group(kGroup);
  app.add_flag("--debug", options.debug, "let gRPC log to stderr")
      ->group(kGroup);
}

absl::Status CompleteUser(CommonOptions& options) {
  if (options.user.empty() || options.endpoints.empty() ||
      absl::StrContains(options.user, ':')) {
    return absl::OkStatus();
  }
  const absl::StatusOr<std::string> password =
      AskPassword(absl::StrCat("Password of ", options.user, ": "));
  if (!password.ok()) {
    return absl::Status(
        password.status().code(),
        absl::StrCat("--user ", options.user, ": ", password.status().message(),
                     "; want NAME:PASSWORD"));
  }
  absl::StrAppend(&options.user, ":", *password);
  return absl::OkStatus();
}

EtcdClientOptions EtcdOptions(const CommonOptions& options) {
  EtcdClientOptions etcd;
  etcd.endpoints = options.endpoints;
  etcd.cacert_file = options.cacert_file;
  etcd.cert_file = options.cert_file;
  etcd.key_file = options.key_file;
  etcd.insecure_skip_tls_verify = options.insecure_skip_tls_verify;
  etcd.tls_server_name = options.tls_server_name;
  const size_t colon = options.user.find(':');
  etcd.user = options.user.substr(0, colon);
  if (colon != std::string::npos) {
    etcd.password = options.user.substr(colon + 1);
  }
  etcd.call_timeout = std::min(options.dial_timeout, absl::Seconds(5));
  return etcd;
}

}  // namespace rafthttpctl
