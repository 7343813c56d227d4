#include "tools/rafthttpctl/members.h"

#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "nlohmann/json.hpp"
#include "rafthttp/event/uv_connector.h"
#include "rafthttp/event/uv_loop.h"
#include "rafthttp/http1/client.h"
#include "rafthttp/http1/url.h"
#include "tools/etcdclient/etcd_client.h"
#include "tools/rafthttpctl/diagnostics.h"
#include "tools/rafthttpctl/output.h"
#include "tools/rafthttpctl/peer_api.h"

namespace rafthttpctl {

using rafthttp::ClusterId;
using rafthttp::MemberId;

namespace {

struct Listing {
  PeerMembers members;
  // Known only where etcd's client API was asked.
  MemberId leader;
};

absl::StatusOr<Listing> AskPeer(const rafthttp::http1::Url& url,
                                absl::Duration timeout) {
  rafthttp::event::UvLoop loop;
  rafthttp::event::UvConnector connector(loop);
  rafthttp::http1::Client client(loop, connector, {.connect_timeout = timeout});
  absl::StatusOr<Listing> listing;
  const auto call = GetFromPeer(
      client, url, "/members", timeout,
      [&](absl::StatusOr<rafthttp::http1::Response> response) {
        if (response.ok()) {
          const auto members = ReadMembers(*response);
          if (members.ok()) {
            listing = Listing{*members, MemberId()};
          } else {
            listing = absl::Status(absl::IsNotFound(members.status())
                                       ? absl::StatusCode::kFailedPrecondition
                                       : members.status().code(),
                                   absl::StrCat(url.ToString(), "/members: ",
                                                members.status().message()));
          }
        } else {
          listing = response.status();
        }
        loop.Stop();
      });
  loop.Run();
  return listing;
}

absl::StatusOr<Listing> AskEtcd(const CommonOptions& common) {
  const auto client = EtcdClient::Create(EtcdOptions(common));
  if (!client.ok()) return client.status();
  const auto list = (*client)->MemberList();
  if (!list.ok()) return list.status();
  const auto status = (*client)->Status();
  Listing listing;
  if (status.ok()) listing.leader = MemberId(status->leader());
  listing.members.cluster = ClusterId(list->header().cluster_id());
  for (const etcdserverpb::Member& member : list->members()) {
    listing.members.members.push_back(
        {.id = MemberId(member.id()),
         .name = member.name(),
         .peer_urls = {member.peerurls().begin(), member.peerurls().end()},
         .client_urls = {member.clienturls().begin(),
                         member.clienturls().end()},
         .is_learner = member.islearner()});
  }
  return listing;
}

std::string JsonOf(const Listing& listing) {
  nlohmann::ordered_json json;
  json["v"] = 1;
  json["clusterId"] = listing.members.cluster.ToHex();
  if (!listing.leader.is_zero()) json["leader"] = listing.leader.ToHex();
  json["members"] = nlohmann::ordered_json::array();
  for (const PeerMember& member : listing.members.members) {
    nlohmann::ordered_json element;
    element["id"] = member.id.ToHex();
    element["name"] = member.name;
    element["peerURLs"] = member.peer_urls;
    element["clientURLs"] = member.client_urls;
    element["isLearner"] = member.is_learner;
    if (!listing.leader.is_zero()) {
      element["isLeader"] = member.id == listing.leader;
    }
    json["members"].push_back(std::move(element));
  }
  return absl::StrCat(
      json.dump(-1, ' ', false,
                nlohmann::ordered_json::error_handler_t::replace),
      "\n");
}

std::string TextOf(const Listing& listing) {
  std::vector<std::vector<std::string>> rows = {
      {"ID", "NAME", "ROLE", "PEER URLS", "CLIENT URLS"}};
  for (const PeerMember& member : listing.members.members) {
    std::string role = member.is_learner             ? "learner"
                       : member.id == listing.leader ? "leader"
                                                     : "voter";
    if (member.name.empty()) role += ", unstarted";
    rows.push_back({member.id.ToHex(), member.name, std::move(role),
                    absl::StrJoin(member.peer_urls, ","),
                    absl::StrJoin(member.client_urls, ",")});
  }
  std::vector<size_t> widths(rows[0].size());
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  std::string text =
      absl::StrCat("cluster ", listing.members.cluster.ToHex(), "\n");
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      absl::StrAppend(&line, row[i],
                      std::string(widths[i] - row[i].size() + 2, ' '));
    }
    absl::StrAppend(&text, absl::StripTrailingAsciiWhitespace(line), "\n");
  }
  return text;
}

ExitCode RunMembers(const CommonOptions& common, const std::string& url_text) {
  absl::StatusOr<Listing> listing;
  if (url_text.empty() == common.endpoints.empty()) {
    return Fail(ExitCode::kUsage,
                "members wants a peer URL or --endpoints, one of both");
  }
  if (!common.endpoints.empty()) {
    listing = AskEtcd(common);
  } else {
    const auto url = rafthttp::http1::ParsePeerUrl(url_text);
    if (!url.ok()) return Fail(url.status());
    if (url->scheme == rafthttp::http1::Url::Scheme::kHttps) {
      return FailForTlsPeer(url_text);
    }
    listing = AskPeer(*url, common.timeout.value_or(common.dial_timeout));
  }
  if (!listing.ok()) return Fail(listing.status());
  const std::string text =
      common.write_out == WriteOut::kJson ? JsonOf(*listing) : TextOf(*listing);
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
