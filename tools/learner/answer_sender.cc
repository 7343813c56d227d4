#include "tools/learner/answer_sender.h"

#include <string>
#include <utility>

#include "rafthttp/codec/message_view.h"
#include "rafthttp/codec/message_writer.h"
#include "rafthttp/handshake/answer.h"

namespace rafthttpctl {

using rafthttp::http1::Request;
using rafthttp::http1::Response;
using rafthttp::http1::Url;

AnswerSender::AnswerSender(rafthttp::http1::Client& client,
                           rafthttp::UrlPicker& urls,
                           rafthttp::Identity identity)
    : client_(client), urls_(urls), identity_(std::move(identity)) {}

void AnswerSender::Send(raftpb::Message answer) {
  Lane& lane = answer.type() == raftpb::MsgAppResp ? appends_ : heartbeats_;
  lane.next = std::move(answer);
  if (!lane.call) Post(lane);
}

void AnswerSender::Post(Lane& lane) {
  const Url url = urls_.Pick();
  Request request;
  request.method = "POST";
  request.url = url.WithTarget("/raft");
  rafthttp::AddIdentity(identity_, request.headers);
  request.headers.Add("Content-Type", "application/protobuf");
  rafthttp::codec::ViewStorage storage;
  rafthttp::codec::AppendEncoded(rafthttp::codec::ViewOf(*lane.next, &storage),
                                 &request.body);
  lane.next.reset();
  lane.call = client_.Fetch(
      std::move(request), {},
      [this, &lane, url](const absl::StatusOr<Response>& response) {
        OnAnswered(lane, url, response);
      });
}

void AnswerSender::OnAnswered(Lane& lane, const Url& url,
                              const absl::StatusOr<Response>& response) {
  lane.call.reset();
  const bool is_ok =
      response.ok() &&
      rafthttp::ReadPostAnswer(response->head.status, response->body) ==
          rafthttp::Answer::kOk;
  if (!is_ok) urls_.ReportUnreachable(url);
  if (lane.next) Post(lane);
}

}  // namespace rafthttpctl
