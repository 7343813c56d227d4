#ifndef RAFTHTTP_HANDSHAKE_ANSWER_H_
#define RAFTHTTP_HANDSHAKE_ANSWER_H_

#include <cstddef>

#include "absl/strings/string_view.h"

namespace rafthttp {

// What a member's HTTP answer to a raft request means. The wire says it partly
// by status, partly by the text of a 412; this is the only place that reads
// that text.
enum class Answer {
  kOk,
  // 404: we are not among its members, or no longer, or not yet.
  kNotFound,
  // 410 on a stream, 403 on a POST: the cluster has removed us for good. etcd
  // shuts itself down on this answer.
  kMemberRemoved,
  kVersionIncompatible,
  kClusterMismatch,
  // The addressee is another member than X-Raft-To says.
  kToMismatch,
  kUnexpected,
};

// Bodies longer than this mean nothing to us.
inline constexpr size_t kAnswerBodyBytesMax = 1024;

// `status` and body of the answer to GET /raft/stream/...
Answer ReadStreamAnswer(int status, absl::string_view body);

// The same for POST /raft and POST /raft/snapshot, where only 204 is success.
Answer ReadPostAnswer(int status, absl::string_view body);

}  // namespace rafthttp

#endif  // RAFTHTTP_HANDSHAKE_ANSWER_H_
