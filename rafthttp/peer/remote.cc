#include "rafthttp/peer/remote.h"

#include <utility>

#include "rafthttp/base/lane.h"
#include "rafthttp/base/tally.h"

namespace rafthttp {
namespace {

Tally TallyOf(int32_t type, size_t size_bytes) {
  Tally tally;
  tally.Add(type, size_bytes);
  return tally;
}

Pipeline::Options PipelineOptions(MemberId member,
                                  const Peer::Options& options) {
  Pipeline::Options result;
  result.peer = member;
  result.identity = options.identity;
  result.queue_bytes_max = options.queue_bytes_max;
  return result;
}

}  // namespace

Remote::Remote(const PeerEnvironment& environment,
               std::shared_ptr<Mailbox> mailbox, std::vector<http1::Url> urls,
               const Peer::Options& options)
    : env_(environment),
      mailbox_(std::move(mailbox)),
      metrics_(env_.metrics == nullptr
                   ? std::make_unique<PeerMetrics>()
                   : env_.metrics->AddPeer(mailbox_->member())),
      status_(options.identity.self, *mailbox_, env_.logger, *metrics_),
      urls_(std::move(urls)),
      pipeline_(env_.loop, env_.client, urls_, *this,
                PipelineOptions(mailbox_->member(), options)) {}

Remote::~Remote() { mailbox_->SetReceiver(nullptr); }

void Remote::Start() { mailbox_->SetReceiver(this); }

void Remote::Stop(DropReason reason) {
  mailbox_->SetReceiver(nullptr);
  mailbox_->Close(reason);
  pipeline_.Stop(reason);
}

void Remote::OnMail() {
  mailbox_->Take(&mail_);
  for (codec::OutgoingMessage& message : mail_.messages) {
    const int32_t type = message.type();
    const size_t size_bytes = message.size_bytes();
    ledger_.Take(Lane::kPipeline, type);
    if (!pipeline_.Append(std::move(message)).ok()) {
      CountDropped(type, size_bytes, DropReason::kQueueFull);
    }
  }
  mail_.messages.clear();
}

void Remote::CountDropped(int32_t type, size_t size_bytes, DropReason reason) {
  const Tally tally = TallyOf(type, size_bytes);
  ledger_.Drop(Lane::kPipeline, tally, reason);
  mailbox_->Release(tally);
  metrics_->Dropped(Lane::kPipeline, reason, 1);
  metrics_->SendFailed(1);
}

void Remote::OnPosted(Pipeline&, int32_t type, size_t size_bytes,
                      absl::Duration) {
  const Tally tally = TallyOf(type, size_bytes);
  ledger_.Write(Lane::kPipeline, tally);
  mailbox_->Release(tally);
  metrics_->Sent(Lane::kPipeline, 1, size_bytes);
  status_.Activate(env_.wall_clock());
}

void Remote::OnPostFailed(Pipeline&, int32_t type, size_t size_bytes,
                          DropReason reason, Answer,
                          const absl::Status& status) {
  CountDropped(type, size_bytes, reason);
  if (reason != DropReason::kPostFailed) return;
  status_.Deactivate("write", "pipeline",
                     absl::StatusCodeToString(status.code()), status.message());
}

LedgerReport Remote::Report() const {
  LedgerReport report;
  ledger_.AppendTo(&report);
  report.queued = pipeline_.queued_messages();
  report.queued_bytes = pipeline_.queued_bytes();
  mailbox_->AppendTo(&report);
  return report;
}

}  // namespace rafthttp
