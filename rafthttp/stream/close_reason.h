#ifndef RAFTHTTP_STREAM_CLOSE_REASON_H_
#define RAFTHTTP_STREAM_CLOSE_REASON_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "rafthttp/handshake/answer.h"

namespace rafthttp {

// Why a stream is not open: because it ended, or because dialling it failed.
enum class CloseReason {
  // The peer ended it properly: it stops, or another connection took our place.
  kPeerEof,
  // The connection was cut.
  kReset,
  // Nothing came for the read timeout, not even a link heartbeat.
  kReadTimeout,
  // The peer wrote what is not a valid frame.
  kBadFrame,

  // Dialling: no connection.
  kNotResolved,
  kRefused,
  kUnreachable,
  kDialTimeout,
  // Dialling: no HTTP answer to the request, or none that makes sense.
  kNotHttp,

  // Dialling: the peer declined.
  kNotFound,         // it does not know us as a member, perhaps not yet
  kMemberRemoved,    // the cluster has removed us; etcd shuts down on this
  kClusterMismatch,  // it is in another cluster
  kToMismatch,       // it is another member than we think
  kVersion,          // its version or ours is not fit for the other
  kUnexpectedStatus,
};

// "peer_eof", "cluster_mismatch": the names that users see and match on.
absl::string_view CloseReasonName(CloseReason reason);

// Whether trying again may help without anybody changing the configuration.
bool IsTransient(CloseReason reason);

// The reason for an error of a connection, by its event::IoCause.
// `while_dialling` makes a timeout kDialTimeout rather than kReadTimeout.
CloseReason CloseReasonOfIo(const absl::Status& status, bool while_dialling);

// The reason for an answer other than Answer::kOk.
CloseReason CloseReasonOfAnswer(Answer answer);

}  // namespace rafthttp

#endif  // RAFTHTTP_STREAM_CLOSE_REASON_H_
