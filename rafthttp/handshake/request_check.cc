#include "rafthttp/handshake/request_check.h"

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "rafthttp/handshake/version.h"

namespace rafthttp {
namespace {

// Nothing if the header is malformed.
std::optional<Version> VersionIn(const http1::Headers& headers,
                                 absl::string_view name) {
  const absl::string_view text = headers.Get(name).value_or("");
  if (text.empty()) return kVersionIfMissing;
  const absl::StatusOr<Version> version = Version::Parse(text);
  if (!version.ok()) return std::nullopt;
  return *version;
}

std::optional<MemberId> SenderIn(const http1::Headers& headers) {
  const absl::StatusOr<MemberId> from =
      MemberId::FromHex(headers.Get(kServerFromHeader).value_or(""));
  if (!from.ok() || from->is_zero()) return std::nullopt;
  return *from;
}

std::vector<http1::Url> PeerUrlsIn(const http1::Headers& headers) {
  const absl::string_view text = headers.Get(kPeerUrlsHeader).value_or("");
  if (text.empty()) return {};
  std::vector<http1::Url> urls;
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    absl::StatusOr<http1::Url> url = http1::ParsePeerUrl(part);
    if (!url.ok()) return {};
    urls.push_back(*std::move(url));
  }
  return urls;
}

}  // namespace

RequestCheck CheckRequest(const http1::RequestHead& head, const Identity& own) {
  RequestCheck check;
  const std::optional<Version> server =
      VersionIn(head.headers, kServerVersionHeader);
  const std::optional<Version> min_cluster =
      VersionIn(head.headers, kMinClusterVersionHeader);
  if (!server.has_value() || !min_cluster.has_value()) {
    check.verdict = RequestCheck::Verdict::kMalformedVersion;
  } else if (!IsCompatible(*server, *min_cluster, own.version)) {
    check.verdict = RequestCheck::Verdict::kVersionIncompatible;
  } else if (head.headers.Get(kClusterIdHeader).value_or("") !=
             own.cluster.ToHex()) {
    check.verdict = RequestCheck::Verdict::kClusterMismatch;
  }
  check.from = SenderIn(head.headers);
  check.peer_urls = PeerUrlsIn(head.headers);
  return check;
}

}  // namespace rafthttp
