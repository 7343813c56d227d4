#ifndef TOOLS_LEARNER_ANSWER_SENDER_H_
#define TOOLS_LEARNER_ANSWER_SENDER_H_

#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "rafthttp/handshake/identity.h"
#include "rafthttp/handshake/url_picker.h"
#include "rafthttp/http1/client.h"
#include "raftpb/raft.pb.h"

namespace rafthttpctl {

// Posts a learner's answers to one member.
//
// Only the newest of a kind matters to a leader: an acknowledgement of an index
// says all that earlier ones said. So while a POST is under way, the next
// answer of its kind waits, and a newer one takes its place; however fast the
// leader sends, there are two POSTs at a time and two messages in memory. One
// that fails is not tried again: the leader's next heartbeat brings the next
// answer.
//
// Threads: loop-confined. Lifetime: destroying it cancels what is under way.
class AnswerSender {
 public:
  // `client` and `urls` must outlive the sender.
  AnswerSender(rafthttp::http1::Client& client, rafthttp::UrlPicker& urls,
               rafthttp::Identity identity);

  // `answer` is a MsgAppResp or a MsgHeartbeatResp.
  void Send(raftpb::Message answer);

 private:
  struct Lane {
    std::optional<raftpb::Message> next;
    // Set while a POST is under way.
    std::unique_ptr<rafthttp::http1::Client::Call> call;
  };

  void Post(Lane& lane);
  void OnAnswered(Lane& lane, const rafthttp::http1::Url& url,
                  const absl::StatusOr<rafthttp::http1::Response>& response);

  rafthttp::http1::Client& client_;
  rafthttp::UrlPicker& urls_;
  const rafthttp::Identity identity_;
  Lane appends_;
  Lane heartbeats_;
};

}  // namespace rafthttpctl

#endif  // TOOLS_LEARNER_ANSWER_SENDER_H_
