#include "tools/rafthttpctl/stream_preflight.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rafthttp/handshake/version.h"
#include "tools/rafthttpctl/peer_api.h"

namespace rafthttpctl {

using rafthttp::http1::Url;

StreamPreflight::StreamPreflight(rafthttp::http1::Client& client,
                                 Options options)
    : client_(client), options_(std::move(options)) {
  cleared_.identity.self = options_.id;
}

void StreamPreflight::Start(absl::AnyInvocable<void(Result)> on_result) {
  on_result_ = std::move(on_result);
  call_ = GetFromPeer(client_, options_.url, "/members", options_.timeout,
                      [this](const absl::StatusOr<Response>& response) {
                        OnMembers(response);
                      });
}

void StreamPreflight::Refuse(ExitCode code, std::string why) {
  call_.reset();
  std::exchange(on_result_, nullptr)(Refused{code, std::move(why)});
}

void StreamPreflight::OnMembers(const absl::StatusOr<Response>& response) {
  if (!response.ok()) {
    Refuse(ExitCodeOf(response.status()),
           std::string(response.status().message()));
    return;
  }
  const std::string url = options_.url.ToString();
  const absl::StatusOr<PeerMembers> members = ReadMembers(*response);
  // A member that is no etcd answers 404, and may serve streams all the same.
  if (!members.ok() && !absl::IsNotFound(members.status())) {
    Refuse(ExitCode::kUnreachable,
           absl::StrCat(url, "/members: ", members.status().message()));
    return;
  }
  if (options_.cluster) {
    cleared_.identity.cluster = *options_.cluster;
  } else if (members.ok()) {
    cleared_.identity.cluster = members->cluster;
  } else {
    Refuse(ExitCode::kUsage,
           absl::StrCat(url,
                        " does not tell its cluster (404 to /members): "
                        "say it by --cluster-id"));
    return;
  }
  const PeerMember* self = nullptr;
  const PeerMember* at_url = nullptr;
  if (members.ok()) {
    for (const PeerMember& member : members->members) {
      if (member.id == options_.id) self = &member;
      if (std::find(member.peer_urls.begin(), member.peer_urls.end(), url) !=
          member.peer_urls.end()) {
        at_url = &member;
      }
      cleared_.addressees.push_back(member.id);
    }
  }
  if (at_url != nullptr) cleared_.addressees = {at_url->id};
  if (options_.peer) cleared_.addressees = {*options_.peer};
  if (cleared_.addressees.empty()) {
    Refuse(ExitCode::kUsage,
           absl::StrCat("who is at ", url, " is not known: say it by --peer"));
    return;
  }
  if (!options_.steals && members.ok()) {
    if (self == nullptr) {
      Refuse(
          ExitCode::kIdentityMismatch,
          absl::StrCat("cluster ", members->cluster.ToHex(), " has no member ",
                       options_.id.ToHex(), "; --steal asks all the same"));
      return;
    }
    for (const std::string& text : self->peer_urls) {
      auto peer_url = rafthttp::http1::ParsePeerUrl(text);
      if (peer_url.ok() && peer_url->scheme == Url::Scheme::kHttp) {
        probe_urls_.push_back(*std::move(peer_url));
      } else {
        opaque_url_ = text;
      }
    }
  }
  call_ = GetFromPeer(
      client_, options_.url, "/version", options_.timeout,
      [this](const absl::StatusOr<Response>& answer) { OnVersion(answer); });
}

void StreamPreflight::OnVersion(const absl::StatusOr<Response>& response) {
  if (!response.ok()) {
    Refuse(ExitCodeOf(response.status()),
           std::string(response.status().message()));
    return;
  }
  if (const auto version = ReadVersion(*response); version.ok()) {
    cleared_.identity.version = rafthttp::Version::Parse(version->server)
                                    .value_or(rafthttp::kVersionByDefault);
  }
  ProbeNext();
}

void StreamPreflight::ProbeNext() {
  if (probe_urls_.empty()) {
    Clear();
    return;
  }
  const Url url = probe_urls_.back();
  probe_urls_.pop_back();
  call_ = GetFromPeer(
      client_, url, "/raft/probing",
      std::min(options_.timeout, absl::Seconds(2)),
      [this, url](const absl::StatusOr<Response>& response) {
        if (!response.ok()) {
          ProbeNext();
          return;
        }
        Refuse(ExitCode::kCheckFailed,
               absl::StrCat("member ", options_.id.ToHex(), " is up at ",
                            url.ToString(),
                            ", and would lose its stream until it dials again; "
                            "--steal takes it all the same, tail --learner "
                            "disturbs nobody"));
      });
}

void StreamPreflight::Clear() {
  if (!opaque_url_.empty()) {
    Refuse(ExitCode::kTlsOrAuth,
           absl::StrCat("whether member ", options_.id.ToHex(), " is up at ",
                        opaque_url_,
                        " cannot be told, since this build speaks no TLS to "
                        "peers; --steal takes its stream all the same"));
    return;
  }
  call_.reset();
  std::exchange(on_result_, nullptr)(std::move(cleared_));
}

}  // namespace rafthttpctl
