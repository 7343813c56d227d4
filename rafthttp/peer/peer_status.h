#ifndef RAFTHTTP_PEER_PEER_STATUS_H_
#define RAFTHTTP_PEER_PEER_STATUS_H_

#include <cstdint>
#include <set>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/base/logger.h"
#include "rafthttp/peer/mailbox.h"
#include "rafthttp/stats/metrics_recorder.h"

namespace rafthttp {

// Whether a peer is active, as etcd tells it: any success on any of its ways
// makes it active, any failure inactive, whatever the others do. Each change is
// logged once; repeated failures in between are only counted.
//
// Threads: loop-confined; Mailbox::active_since is for all.
class PeerStatus {
 public:
  // All must outlive the status; `logger` may be null.
  PeerStatus(MemberId self, Mailbox& mailbox, Logger* logger,
             PeerMetrics& metrics);

  // `wall_now` is the time as people know it.
  void Activate(absl::Time wall_now);
  // "failed to `action` `peer` on `source` (`text`)": "dial", "stream
  // Message"... What is logged once is each source and `reason`.
  void Deactivate(absl::string_view action, absl::string_view source,
                  absl::string_view reason, absl::string_view text);

  bool is_active() const { return is_active_; }
  // Failures since it became inactive, the first included.
  uint64_t failures() const { return failures_; }

 private:
  const MemberId self_;
  Mailbox& mailbox_;
  Logger* const logger_;
  PeerMetrics& metrics_;
  bool is_active_ = false;
  // Sources and reasons, since it was last active.
  std::set<std::string> logged_;
  uint64_t failures_ = 0;
};

}  // namespace rafthttp

#endif  // RAFTHTTP_PEER_PEER_STATUS_H_
