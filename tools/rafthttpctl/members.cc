#include "tools/rafthttpctl/members.h"

#include <unistd.h>

#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "rafthttp/http1/url.h"
#include "tools/rafthttpctl/diagnostics.h"
#include "tools/rafthttpctl/member_listing.h"
#include "tools/rafthttpctl/output.h"

namespace rafthttpctl {

namespace {

ExitCode RunMembers(const CommonOptions& common, const std::string& url_text) {
  absl::StatusOr<MemberListing> listing;
  if (url_text.empty() == common.endpoints.empty()) {
    return Fail(ExitCode::kUsage,
                "members wants a peer URL or --endpoints, one of both");
  }
  if (!common.endpoints.empty()) {
    listing = ListByEtcd(EtcdOptions(common), common.timeout);
  } else {
    const auto url = rafthttp::http1::ParsePeerUrl(url_text);
    if (!url.ok()) return Fail(url.status());
    if (url->scheme == rafthttp::http1::Url::Scheme::kHttps) {
      return FailForTlsPeer(url_text);
    }
    listing = ListByPeer(*url, common.timeout.value_or(common.dial_timeout));
  }
  if (!listing.ok()) return Fail(listing.status());
  const std::string text = common.write_out == WriteOut::kJson
                               ? MemberListingJson(*listing)
                               : MemberListingText(*listing);
  const absl::Status written = WriteAll(STDOUT_FILENO, text);
  // A closed pipe is no error.
  if (!written.ok() && !absl::IsCancelled(written)) return Fail(written);
  return ExitCode::kDone;
}

}  // namespace

void AddMembers(CLI::App& app, const CommonOptions& common, RunVerb& run) {
  CLI::App* verb = app.add_subcommand(
      "members", "list a cluster's members, with cluster ID and learners");
  verb->fallthrough();
  auto url = std::make_shared<std::string>();
  verb->add_option("URL", *url,
                   "a member's peer URL, such as http://host:2380");
  verb->footer(
      "Examples:\n"
      "  rafthttpctl members http://127.0.0.1:2380\n"
      "  rafthttpctl members --endpoints 127.0.0.1:2379   also tells who "
      "leads\n"
      "\nCommon flags: rafthttpctl --help");
  verb->callback([&common, &run, url] {
    run = [&common, url] { return RunMembers(common, *url); };
  });
}

}  // namespace rafthttpctl
