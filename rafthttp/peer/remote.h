#ifndef RAFTHTTP_PEER_REMOTE_H_
#define RAFTHTTP_PEER_REMOTE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "rafthttp/base/drop_reason.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/base/ledger.h"
#include "rafthttp/handshake/answer.h"
#include "rafthttp/handshake/url_picker.h"
#include "rafthttp/http1/url.h"
#include "rafthttp/peer/mailbox.h"
#include "rafthttp/peer/peer.h"
#include "rafthttp/peer/peer_status.h"
#include "rafthttp/pipeline/pipeline.h"
#include "rafthttp/stats/metrics_recorder.h"

namespace rafthttp {

// A member that we only send to, by POST: one that a newcomer was told of
// before its log says so, or a sender that we do not know and that has shown
// where it can be reached. What cannot be sent is dropped and counted; Raft is
// not told.
//
// Place: the transport's shard owns one per remote. Threads, lifetime: as Peer.
class Remote final : private Pipeline::Events, private Mailbox::Receiver {
 public:
  // `urls` must not be empty.
  Remote(const PeerEnvironment& environment, std::shared_ptr<Mailbox> mailbox,
         std::vector<http1::Url> urls, const Peer::Options& options);
  ~Remote();
  Remote(const Remote&) = delete;
  Remote& operator=(const Remote&) = delete;

  void Start();
  void Stop(DropReason reason);
  LedgerReport Report() const;

  MemberId id() const { return mailbox_->member(); }
  Mailbox& mailbox() { return *mailbox_; }

 private:
  // Mailbox::Receiver:
  void OnMail() override;
  // Pipeline::Events:
  void OnPosted(Pipeline& pipeline, int32_t type, size_t size_bytes,
                absl::Duration round_trip) override;
  void OnPostFailed(Pipeline& pipeline, int32_t type, size_t size_bytes,
                    DropReason reason, Answer answer,
                    const absl::Status& status) override;

  void CountDropped(int32_t type, size_t size_bytes, DropReason reason);

  const PeerEnvironment& env_;
  const std::shared_ptr<Mailbox> mailbox_;
  const std::unique_ptr<PeerMetrics> metrics_;
  PeerStatus status_;
  UrlPicker urls_;
  Ledger ledger_;
  Mailbox::Mail mail_;
  Pipeline pipeline_;
};

}  // namespace rafthttp

#endif  // RAFTHTTP_PEER_REMOTE_H_
