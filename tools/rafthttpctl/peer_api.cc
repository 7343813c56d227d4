#include "tools/rafthttpctl/peer_api.h"

#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "rafthttp/handshake/identity.h"
#include "rafthttp/http1/http_error.h"

namespace rafthttpctl {

using nlohmann::json;
using rafthttp::ClusterId;
using rafthttp::MemberId;
using rafthttp::http1::Response;

namespace {

absl::StatusOr<json> ReadJson(const Response& response) {
  if (response.head.status == 404) {
    return absl::NotFoundError("the peer answered 404");
  }
  if (response.head.status != 200) {
    return absl::DataLossError(
        absl::StrCat("the peer answered ", response.head.status));
  }
  json parsed = json::parse(response.body, nullptr, /*allow_exceptions=*/false);
  if (parsed.is_discarded()) {
    return absl::DataLossError("the peer answered 200 with what is no JSON");
  }
  return parsed;
}

absl::Status NotEtcds(absl::string_view what) {
  return absl::DataLossError(
      absl::StrCat("the peer's JSON is not etcd's: ", what));
}

std::string TextOf(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>()
                                                     : std::string();
}

std::vector<std::string> TextsOf(const json& object, const char* name) {
  std::vector<std::string> texts;
  const auto found = object.find(name);
  if (found == object.end() || !found->is_array()) return texts;
  for (const json& text : *found) {
    if (text.is_string()) texts.push_back(text.get<std::string>());
  }
  return texts;
}

// `status`, with a word on what may be behind it.
absl::Status WithHint(const absl::Status& status) {
  absl::string_view hint;
  switch (rafthttp::http1::HttpErrorOf(status)) {
    case rafthttp::http1::HttpError::kLooksLikeTls:
      hint = "; is its URL https?";
      break;
    case rafthttp::http1::HttpError::kNoAnswer:
      hint = "; a TLS port hangs up so on a plain request: is its URL https?";
      break;
    default:
      return status;
  }
  absl::Status hinted(status.code(), absl::StrCat(status.message(), hint));
  status.ForEachPayload(
      [&hinted](absl::string_view type, const absl::Cord& payload) {
        hinted.SetPayload(type, payload);
      });
  return hinted;
}

}  // namespace

absl::StatusOr<PeerMembers> ReadMembers(const Response& response) {
  const absl::StatusOr<json> parsed = ReadJson(response);
  if (!parsed.ok()) return parsed.status();
  if (!parsed->is_array()) return NotEtcds("no list of members");
  PeerMembers result;
  const auto cluster = response.head.headers.Get(rafthttp::kClusterIdHeader);
  const auto cluster_id = ClusterId::FromHex(cluster.value_or(""));
  if (!cluster_id.ok()) return NotEtcds("no cluster ID");
  result.cluster = *cluster_id;
  for (const json& element : *parsed) {
    if (!element.is_object()) return NotEtcds("a member that is no object");
    const auto id = element.find("id");
    // Member IDs are plain numbers here, above 2^53 as often as not.
    if (id == element.end() || !id->is_number_unsigned()) {
      return NotEtcds("a member without ID");
    }
    PeerMember member;
    member.id = MemberId(id->get<uint64_t>());
    member.name = TextOf(element, "name");
    member.peer_urls = TextsOf(element, "peerURLs");
    member.client_urls = TextsOf(element, "clientURLs");
    const auto learner = element.find("isLearner");
    member.is_learner = learner != element.end() && learner->is_boolean() &&
                        learner->get<bool>();
    result.members.push_back(std::move(member));
  }
  return result;
}

absl::StatusOr<PeerVersion> ReadVersion(const Response& response) {
  const absl::StatusOr<json> parsed = ReadJson(response);
  if (!parsed.ok()) return parsed.status();
  if (!parsed->is_object()) return NotEtcds("no versions");
  return PeerVersion{.server = TextOf(*parsed, "etcdserver"),
                     .cluster = TextOf(*parsed, "etcdcluster")};
}

absl::StatusOr<PeerProbe> ReadProbe(const Response& response) {
  const absl::StatusOr<json> parsed = ReadJson(response);
  if (!parsed.ok()) return parsed.status();
  if (!parsed->is_object()) return NotEtcds("no probe");
  const auto ok = parsed->find("OK");
  if (ok == parsed->end() || !ok->is_boolean() || !ok->get<bool>()) {
    return NotEtcds("a probe that is not OK");
  }
  PeerProbe probe;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, TextOf(*parsed, "Now"), &probe.now,
                       &error)) {
    return NotEtcds("a clock that cannot be read");
  }
  return probe;
}

std::unique_ptr<rafthttp::http1::Client::Call> GetFromPeer(
    rafthttp::http1::Client& client, const rafthttp::http1::Url& url,
    absl::string_view path, absl::Duration timeout,
    absl::AnyInvocable<void(absl::StatusOr<Response>)> on_response) {
  rafthttp::http1::Request request;
  request.url = url.WithTarget(path);
  return client.Fetch(std::move(request), {.timeout = timeout},
                      [on_response = std::move(on_response)](
                          absl::StatusOr<Response> response) mutable {
                        if (!response.ok())
                          response = WithHint(response.status());
                        on_response(std::move(response));
                      });
}

}  // namespace rafthttpctl
