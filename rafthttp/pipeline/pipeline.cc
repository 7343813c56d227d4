// The happy path: Append queues, Dispatch posts while there are fewer than
// posts_max under way, a 204 comes back, and the next one is posted.
//
// Ways to fail, all of which lose the one message and go on with the next:
// - The queue is full: Append says so.
// - No connection, no answer within the timeout, or one other than 204: the
//   peer's next URL is picked for the posts that follow.
#include "rafthttp/pipeline/pipeline.h"

#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "rafthttp/base/check.h"
#include "rafthttp/codec/message_writer.h"

namespace rafthttp {
namespace {

absl::Status DeclinedError(const http1::Url& url,
                           const http1::Response& response) {
  std::string text = absl::StrCat("POST ", url.ToString(), ": answered ",
                                  response.head.status);
  if (!response.body.empty()) {
    absl::StrAppend(&text, ": ",
                    absl::CHexEscape(absl::StripAsciiWhitespace(
                        absl::string_view(response.body).substr(0, 200))));
  }
  return absl::FailedPreconditionError(text);
}

}  // namespace

Pipeline::Pipeline(event::EventLoop& loop, http1::Client& client,
                   UrlPicker& urls, Events& events, Options options)
    : loop_(loop),
      client_(client),
      urls_(urls),
      events_(events),
      options_(std::move(options)) {}

Pipeline::~Pipeline() = default;

absl::Status Pipeline::Append(codec::OutgoingMessage message) {
  CHECK(loop_.IsCurrent());
  const size_t bytes = message.size_bytes();
  const bool is_crowded =
      !queue_.empty() && queue_bytes_ + bytes > options_.queue_bytes_max;
  if (queue_.size() >= options_.queue_messages_max || is_crowded) {
    return absl::ResourceExhaustedError("the pipeline's queue is full");
  }
  queue_bytes_ += bytes;
  queue_.push_back({std::move(message), loop_.Now()});
  Dispatch();
  return absl::OkStatus();
}

void Pipeline::Dispatch() {
  while (!queue_.empty() && posts_.size() < options_.posts_max) {
    const codec::OutgoingMessage message = std::move(queue_.front().message);
    const absl::Time queued_at = queue_.front().at;
    queue_.pop_front();
    queue_bytes_ -= message.size_bytes();
    posts_bytes_ += message.size_bytes();

    http1::Request request;
    request.method = "POST";
    request.url = urls_.Pick().WithTarget("/raft");
    AddIdentity(options_.identity, request.headers);
    request.headers.Add("Content-Type", "application/protobuf");
    codec::AppendEncoded(message.View(&storage_), &request.body);

    const auto post =
        posts_.insert(posts_.end(), Post{.type = message.type(),
                                         .size_bytes = message.size_bytes(),
                                         .queued_at = queued_at,
                                         .begun_at = loop_.Now(),
                                         .url = urls_.Pick(),
                                         .call = nullptr});
    post->call =
        client_.Fetch(std::move(request), {.timeout = options_.timeout},
                      [this, post](absl::StatusOr<http1::Response> response) {
                        OnResponse(post, std::move(response));
                      });
  }
}

void Pipeline::OnResponse(std::list<Post>::iterator post,
                          absl::StatusOr<http1::Response> response) {
  const Post done = std::move(*post);
  posts_.erase(post);
  posts_bytes_ -= done.size_bytes;
  Answer answer = Answer::kUnexpected;
  absl::Status status = response.status();
  if (response.ok()) {
    answer = ReadPostAnswer(response->head.status, response->body);
    if (answer != Answer::kOk) status = DeclinedError(done.url, *response);
  }
  if (!status.ok()) urls_.ReportUnreachable(done.url);
  Dispatch();
  // Last, as it may destroy us.
  if (status.ok()) {
    events_.OnPosted(*this, done.type, done.size_bytes,
                     loop_.Now() - done.begun_at);
  } else {
    events_.OnPostFailed(*this, done.type, done.size_bytes,
                         DropReason::kPostFailed, answer, status);
  }
}

void Pipeline::Stop(DropReason reason) {
  CHECK(loop_.IsCurrent());
  const std::list<Post> posts = std::exchange(posts_, {});
  const std::deque<Queued> queue = std::exchange(queue_, {});
  posts_bytes_ = queue_bytes_ = 0;
  const absl::Status status = absl::CancelledError("the pipeline stopped");
  const DestructionWatch watch(life_);
  for (const Post& post : posts) {
    events_.OnPostFailed(*this, post.type, post.size_bytes, reason,
                         Answer::kUnexpected, status);
    if (watch.is_over()) return;
  }
  for (const Queued& queued : queue) {
    events_.OnPostFailed(*this, queued.message.type(),
                         queued.message.size_bytes(), reason,
                         Answer::kUnexpected, status);
    if (watch.is_over()) return;
  }
}

size_t Pipeline::queued_messages() const {
  return queue_.size() + posts_.size();
}

size_t Pipeline::queued_bytes() const { return queue_bytes_ + posts_bytes_; }

absl::Time Pipeline::oldest_at() const {
  if (!posts_.empty()) return posts_.front().queued_at;
  return queue_.empty() ? absl::InfiniteFuture() : queue_.front().at;
}

}  // namespace rafthttp
