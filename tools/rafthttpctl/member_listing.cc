#include "tools/rafthttpctl/member_listing.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "nlohmann/json.hpp"
#include "rafthttp/event/uv_connector.h"
#include "rafthttp/event/uv_loop.h"
#include "rafthttp/http1/client.h"
#include "tools/etcdclient/worker.h"
#include "tools/etcdpb/terminal_text.h"
#include "tools/rafthttpctl/record.h"

namespace rafthttpctl {

using rafthttp::ClusterId;
using rafthttp::MemberId;

namespace {

constexpr size_t kColumnWidthMax = 200;

absl::StatusOr<MemberListing> ReadListing(
    const rafthttp::http1::Url& url, const rafthttp::http1::Response& answer) {
  auto members = ReadMembers(answer);
  if (members.ok()) return MemberListing{*std::move(members), MemberId()};
  // To find no member is another thing than to find no list.
  return absl::Status(
      absl::IsNotFound(members.status()) ? absl::StatusCode::kFailedPrecondition
                                         : members.status().code(),
      absl::StrCat(url.ToString(), "/members: ", members.status().message()));
}

absl::StatusOr<MemberListing> AskEtcd(EtcdClient& client) {
  const auto list = client.MemberList();
  if (!list.ok()) return list.status();
  const auto status = client.Status();
  MemberListing listing;
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

std::string Joined(const std::vector<std::string>& urls) {
  return absl::StrJoin(urls, ",", [](std::string* out, const std::string& url) {
    absl::StrAppend(out, MaybeQuoted(url, kColumnWidthMax));
  });
}

}  // namespace

absl::StatusOr<MemberListing> ListByPeer(const rafthttp::http1::Url& url,
                                         absl::Duration timeout) {
  rafthttp::event::UvLoop loop;
  rafthttp::event::UvConnector connector(loop);
  rafthttp::http1::Client client(loop, connector, {.connect_timeout = timeout});
  absl::StatusOr<MemberListing> listing;
  const auto call = GetFromPeer(
      client, url, "/members", timeout,
      [&](absl::StatusOr<rafthttp::http1::Response> response) {
        listing = response.ok()
                      ? ReadListing(url, *response)
                      : absl::StatusOr<MemberListing>(response.status());
        loop.Stop();
      });
  loop.Run();
  return listing;
}

absl::StatusOr<MemberListing> ListByEtcd(
    const EtcdClientOptions& etcd, std::optional<absl::Duration> timeout) {
  const auto client = EtcdClient::Create(etcd);
  if (!client.ok()) return client.status();
  rafthttp::event::UvLoop loop;
  Worker worker(loop);
  absl::StatusOr<MemberListing> listing;
  bool is_late = false;
  const auto call = worker.Run<absl::StatusOr<MemberListing>>(
      [&] { return AskEtcd(**client); },
      [&](absl::StatusOr<MemberListing> answer) {
        listing = std::move(answer);
        loop.Stop();
      });
  const auto timer = loop.NewTimer([&] {
    is_late = true;
    (*client)->Cancel();
  });
  if (timeout) timer->Start(*timeout);
  loop.Run();
  if (is_late && !listing.ok()) {
    return absl::DeadlineExceededError(
        absl::StrCat(absl::StrJoin(etcd.endpoints, ","), ": no answer within ",
                     absl::FormatDuration(*timeout)));
  }
  return listing;
}

std::string MemberListingJson(const MemberListing& listing) {
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
  return absl::StrCat(ToLine(json), "\n");
}

std::string MemberListingText(const MemberListing& listing) {
  std::vector<std::vector<std::string>> rows = {
      {"ID", "NAME", "ROLE", "PEER URLS", "CLIENT URLS"}};
  for (const PeerMember& member : listing.members.members) {
    std::string role = member.is_learner             ? "learner"
                       : member.id == listing.leader ? "leader"
                                                     : "voter";
    if (member.name.empty()) role += ", unstarted";
    rows.push_back(
        {member.id.ToHex(),
         member.name.empty() ? "" : MaybeQuoted(member.name, kColumnWidthMax),
         std::move(role), Joined(member.peer_urls),
         Joined(member.client_urls)});
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

}  // namespace rafthttpctl
