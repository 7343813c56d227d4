#ifndef RAFTHTTP_PIPELINE_PIPELINE_H_
#define RAFTHTTP_PIPELINE_PIPELINE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "rafthttp/base/destruction_watch.h"
#include "rafthttp/base/drop_reason.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/codec/message_view.h"
#include "rafthttp/codec/outgoing_message.h"
#include "rafthttp/event/event_loop.h"
#include "rafthttp/handshake/answer.h"
#include "rafthttp/handshake/identity.h"
#include "rafthttp/handshake/url_picker.h"
#include "rafthttp/http1/client.h"
#include "rafthttp/http1/request.h"
#include "rafthttp/http1/url.h"

namespace rafthttp {

// Sends messages to one member, one POST /raft each, over a few connections:
// order is not kept. Serves what has no stream yet, and members that are not
// peers (remotes).
//
// Only 204 means that the member's raft has the message. A message whose POST
// fails is not sent again: raft sees to that.
//
// Threads: loop-confined.
// Lifetime: destroy it at any moment, even inside its own callbacks; nothing is
//   reported then: Stop first where it matters.
// Bounds: queue_messages_max and queue_bytes_max wait, posts_max are under way.
class Pipeline {
 public:
  struct Options {
    MemberId peer;
    Identity identity;
    // As etcd: 4 workers, 64 that wait.
    size_t posts_max = 4;
    size_t queue_messages_max = 64;
    size_t queue_bytes_max = 64 << 20;
    // For one answer. etcd has no such limit, and a POST that is never answered
    // blocks one of its workers for good. A MsgProp may rightly take long,
    // while the other side has no leader.
    absl::Duration timeout = absl::Seconds(60);
  };

  // Who owns the pipeline. Each callback may destroy it.
  class Events {
   public:
    virtual void OnPosted(Pipeline& pipeline, int32_t type, size_t size_bytes,
                          absl::Duration round_trip) = 0;
    // Not answered with 204. `answer` is what the answer meant, kUnexpected
    // where there was none; kMemberRemoved means that the cluster has removed
    // us.
    virtual void OnPostFailed(Pipeline& pipeline, int32_t type,
                              size_t size_bytes, DropReason reason,
                              Answer answer, const absl::Status& status) = 0;

   protected:
    ~Events() = default;
  };

  // `loop`, `client`, `urls` and `events` must outlive the pipeline.
  Pipeline(event::EventLoop& loop, http1::Client& client, UrlPicker& urls,
           Events& events, Options options);
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  // Queues `message`, or returns kResourceExhausted if the queue is full; one
  // message may exceed queue_bytes_max when nothing else waits. What comes of
  // it is told in a later turn.
  absl::Status Append(codec::OutgoingMessage message);

  // Cancels what is under way and drops what waits, both reported as `reason`.
  // Append may follow.
  void Stop(DropReason reason);

  // Those under way included.
  size_t queued_messages() const;
  size_t queued_bytes() const;
  // When the oldest of them was appended; InfiniteFuture if there is none.
  absl::Time oldest_at() const;

 private:
  struct Queued {
    codec::OutgoingMessage message;
    absl::Time at;
  };
  // A POST under way.
  struct Post {
    int32_t type;
    size_t size_bytes;
    absl::Time queued_at;
    absl::Time begun_at;
    http1::Url url;
    std::unique_ptr<http1::Client::Call> call;
  };

  // Begins to post what waits, as far as posts_max allows.
  void Dispatch();
  void OnResponse(std::list<Post>::iterator post,
                  absl::StatusOr<http1::Response> response);

  event::EventLoop& loop_;
  http1::Client& client_;
  UrlPicker& urls_;
  Events& events_;
  const Options options_;

  std::deque<Queued> queue_;
  size_t queue_bytes_ = 0;
  std::list<Post> posts_;
  size_t posts_bytes_ = 0;
  codec::ViewStorage storage_;
  WatchedLife life_;
};

}  // namespace rafthttp

#endif  // RAFTHTTP_PIPELINE_PIPELINE_H_
