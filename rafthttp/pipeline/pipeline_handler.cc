#include "rafthttp/pipeline/pipeline_handler.h"

#include <utility>

#include "rafthttp/base/http_answer.h"
#include "rafthttp/handshake/request_check.h"
#include "rafthttp/http1/headers.h"
#include "rafthttp/http1/http_error.h"

namespace rafthttp {

PipelineHandler::PipelineHandler(Receiver& receiver, Options options)
    : receiver_(receiver),
      options_(std::move(options)),
      self_(std::make_shared<PipelineHandler*>(this)) {}

PipelineHandler::~PipelineHandler() { *self_ = nullptr; }

http1::Headers PipelineHandler::OwnHeaders() const {
  return {{kClusterIdHeader, options_.identity.cluster.ToHex()}};
}

void PipelineHandler::Serve(std::unique_ptr<http1::Exchange> exchange) {
  RequestCheck check = CheckRequest(exchange->head(), options_.identity);
  switch (check.verdict) {
    case RequestCheck::Verdict::kMalformedVersion:
      exchange->RespondText(400, "malformed version", OwnHeaders());
      return;
    case RequestCheck::Verdict::kVersionIncompatible:
      exchange->RespondText(412, "incompatible version", OwnHeaders());
      return;
    case RequestCheck::Verdict::kClusterMismatch:
      exchange->RespondText(412, "cluster ID mismatch", OwnHeaders());
      return;
    case RequestCheck::Verdict::kOk:
      break;
  }
  if (check.from && !check.peer_urls.empty()) {
    receiver_.OnSender(*check.from, std::move(check.peer_urls));
  }
  const uint64_t id = next_request_++;
  http1::Exchange& request = *exchange;
  requests_.emplace(
      id, Request{std::move(exchange), check.from.value_or(MemberId())});
  request.ReadBody(options_.limits.message_bytes_max,
                   [this, id](absl::StatusOr<std::string> body) {
                     OnBody(id, std::move(body));
                   });
}

void PipelineHandler::OnBody(uint64_t id, absl::StatusOr<std::string> body) {
  if (http1::HttpErrorOf(body.status()) == http1::HttpError::kTooLarge) {
    // etcd would read on for ever. Whatever it is, it is nothing that a stream
    // would have taken, and this tells more than "error reading".
    return Refuse(id, 413, "raft message too large");
  }
  if (!body.ok()) return Refuse(id, 400, "error reading raft message");
  codec::MessageView view;
  if (!codec::ParseMessage(*body, options_.limits, 0, &entries_, &view).ok()) {
    return Refuse(id, 400, "error unmarshalling raft message");
  }
  raftpb::Message message;
  view.CopyTo(&message);
  codec::TrimEntries(&entries_);
  requests_.at(id).exchange->NotifyGone([this, id] { requests_.erase(id); });
  receiver_.Receive(std::move(message), body->size(),
                    [self = self_, id](const absl::Status& status) {
                      if (*self != nullptr) (*self)->OnProcessed(id, status);
                    });
}

void PipelineHandler::Refuse(uint64_t id, int status, absl::string_view text) {
  const auto found = requests_.find(id);
  const Request request = std::move(found->second);
  requests_.erase(found);
  request.exchange->RespondText(status, text, OwnHeaders());
  receiver_.OnReceiveFailed(request.from, request.exchange->peer_address());
}

void PipelineHandler::OnProcessed(uint64_t id, const absl::Status& status) {
  const auto found = requests_.find(id);
  if (found == requests_.end()) return;  // the sender has hung up
  http1::Exchange& exchange = *found->second.exchange;
  if (status.ok()) {
    exchange.Respond(204, OwnHeaders(), "").IgnoreError();
  } else if (const auto answer = HttpAnswerOf(status)) {
    http1::Headers headers = OwnHeaders();
    headers.Add("Content-Type", answer->content_type);
    exchange.Respond(answer->status, std::move(headers), answer->body)
        .IgnoreError();
  } else {
    // Whole, where etcd cuts the connection in the middle: the sender's outcome
    // is the same, and its connection lives on.
    exchange.RespondText(500, "error processing raft message", OwnHeaders());
  }
  requests_.erase(found);
}

}  // namespace rafthttp
