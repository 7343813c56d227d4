#include "rafthttp/stream/stream_handler.h"

#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/strip.h"
#include "rafthttp/handshake/request_check.h"
#include "rafthttp/http1/framing.h"
#include "rafthttp/http1/head.h"

namespace rafthttp {
namespace {

// What the directory part of the path stands for.
std::optional<StreamKind> KindOf(absl::string_view directory) {
  if (!absl::ConsumePrefix(&directory, "/raft/stream/")) return std::nullopt;
  for (const StreamKind kind : {StreamKind::kMessage, StreamKind::kMsgApp}) {
    if (directory == StreamKindName(kind)) return kind;
  }
  return std::nullopt;
}

// As Go's path.Dir and path.Base take "/raft/stream/msgapp/1" apart.
absl::string_view DirectoryOf(absl::string_view path) {
  return path.substr(0, path.rfind('/'));
}
absl::string_view NameOf(absl::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

bool HasBody(const http1::Framing& framing) {
  return framing.kind == http1::Framing::Kind::kChunked ||
         framing.content_length > 0;
}

}  // namespace

StreamHandler::StreamHandler(Peers& peers, Identity own)
    : peers_(peers), own_(std::move(own)) {}

http1::Headers StreamHandler::OwnHeaders() const {
  return {{kServerVersionHeader, own_.version.ToString()},
          {kClusterIdHeader, own_.cluster.ToHex()}};
}

void StreamHandler::Serve(std::unique_ptr<http1::Exchange> exchange) {
  const http1::RequestHead& head = exchange->head();
  if (head.method != "GET") {
    exchange->RespondText(405, "Method Not Allowed", {{"Allow", "GET"}});
    return;
  }
  RequestCheck check = CheckRequest(head, own_);
  switch (check.verdict) {
    case RequestCheck::Verdict::kOk:
      break;
    case RequestCheck::Verdict::kMalformedVersion: {
      http1::Headers headers = OwnHeaders();
      headers.Add("Connection", "close");
      exchange->RespondText(400, "malformed version", std::move(headers));
      return;
    }
    case RequestCheck::Verdict::kVersionIncompatible:
      exchange->RespondText(412, "incompatible version", OwnHeaders());
      return;
    case RequestCheck::Verdict::kClusterMismatch:
      exchange->RespondText(412, "cluster ID mismatch", OwnHeaders());
      return;
  }
  const std::optional<StreamKind> kind = KindOf(DirectoryOf(exchange->path()));
  if (!kind.has_value()) {
    exchange->RespondText(404, "invalid path", OwnHeaders());
    return;
  }
  const absl::StatusOr<MemberId> from =
      MemberId::FromHex(NameOf(exchange->path()));
  if (!from.ok()) {
    exchange->RespondText(404, "invalid from", OwnHeaders());
    return;
  }
  if (peers_.IsIdRemoved(*from)) {
    exchange->RespondText(410, "removed member", OwnHeaders());
    return;
  }
  if (!peers_.IsPeer(*from)) {
    if (!check.peer_urls.empty() && !from->is_zero()) {
      peers_.OnUnknownSender(*from, std::move(check.peer_urls));
    }
    exchange->RespondText(404, "error sender not found", OwnHeaders());
    return;
  }
  if (head.headers.Get(kRaftToHeader).value_or("") != own_.self.ToHex()) {
    exchange->RespondText(412, "to field mismatch", OwnHeaders());
    return;
  }
  if (HasBody(head.framing)) {
    exchange->RespondText(400, "unexpected body", OwnHeaders());
    return;
  }
  if (head.minor_version == 0) {
    exchange->RespondText(505, "HTTP/1.1 required", OwnHeaders());
    return;
  }
  Open(*from, *kind, *exchange);
}

void StreamHandler::Open(MemberId from, StreamKind kind,
                         http1::Exchange& exchange) {
  absl::StatusOr<http1::TakenStream> taken =
      exchange.TakeOver(200, OwnHeaders());
  // The peer has gone, and dials again if it wants to.
  if (!taken.ok()) return;
  peers_.AttachStream(from, kind, std::move(taken->stream),
                      std::move(taken->unread));
}

}  // namespace rafthttp
