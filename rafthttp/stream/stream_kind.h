#ifndef RAFTHTTP_STREAM_STREAM_KIND_H_
#define RAFTHTTP_STREAM_STREAM_KIND_H_

#include "absl/strings/string_view.h"

namespace rafthttp {

// The two streams that each member dials at each other member.
enum class StreamKind {
  kMessage,  // every message but MsgApp, in order
  kMsgApp,   // MsgApp only, in the compact form
};

// "message" or "msgapp", as in the path /raft/stream/KIND/FROM.
inline absl::string_view StreamKindName(StreamKind kind) {
  return kind == StreamKind::kMessage ? "message" : "msgapp";
}

}  // namespace rafthttp

#endif  // RAFTHTTP_STREAM_STREAM_KIND_H_
