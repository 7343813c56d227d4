#ifndef RAFTHTTP_BASE_HTTP_ANSWER_H_
#define RAFTHTTP_BASE_HTTP_ANSWER_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace rafthttp {

// An HTTP answer that travels inside an error of Raft::Process, for a message
// that came by POST (etcd's writerToResponse). For messages that came by stream
// it means nothing.
//
// Careful: an etcd that is answered 403 to POST /raft takes it that the cluster
// has removed it, and shuts down.
struct HttpAnswer {
  int status = 500;  // 400 to 599
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

// `status`, which must not be OK, with `answer` inside.
absl::Status WithHttpAnswer(absl::Status status, const HttpAnswer& answer);

// The answer inside, if there is one.
std::optional<HttpAnswer> HttpAnswerOf(const absl::Status& status);

}  // namespace rafthttp

#endif  // RAFTHTTP_BASE_HTTP_ANSWER_H_
