#include "rafthttp/peer/peer_status.h"

#include <string>

#include "absl/strings/str_cat.h"

namespace rafthttp {

PeerStatus::PeerStatus(MemberId self, Mailbox& mailbox, Logger* logger,
                       PeerMetrics& metrics)
    : self_(self), mailbox_(mailbox), logger_(logger), metrics_(metrics) {}

void PeerStatus::Activate(absl::Time wall_now) {
  if (is_active_) return;
  is_active_ = true;
  mailbox_.set_active_since(wall_now);
  metrics_.SetActive(true);
  if (logger_ != nullptr) {
    std::string line = absl::StrCat(
        self_.ToHex(), ": peer ", mailbox_.member().ToHex(), " became active");
    if (failures_ > 1) {
      absl::StrAppend(&line, " after ", failures_, " failures");
    }
    logger_->Log(Severity::kInfo, line);
  }
  failures_ = 0;
  logged_.clear();
}

void PeerStatus::Deactivate(absl::string_view action, absl::string_view source,
                            absl::string_view reason, absl::string_view text) {
  ++failures_;
  if (is_active_) {
    is_active_ = false;
    mailbox_.set_active_since(absl::InfinitePast());
    metrics_.SetActive(false);
  }
  // One that was never active is told of, too. There are few reasons.
  if (!logged_.insert(absl::StrCat(source, "/", reason)).second) return;
  if (logger_ == nullptr) return;
  logger_->Log(Severity::kWarning,
               absl::StrCat(self_.ToHex(), ": failed to ", action, " ",
                            mailbox_.member().ToHex(), " on ", source, " (",
                            text, "); peer is inactive"));
}

}  // namespace rafthttp
