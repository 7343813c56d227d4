#include "integration/bench/peer/member.h"

#include <utility>

#include "absl/time/clock.h"
#include "rafthttp/base/check.h"

namespace rafthttp::bench {
namespace {

rafthttp::Options TransportOptions(uv_loop_t& loop,
                                   const Member::Options& options) {
  rafthttp::Options result;
  result.id = options.id;
  result.cluster_id = options.cluster;
  if (!options.listen_url.empty()) result.listen_urls = {options.listen_url};
  result.loop = &loop;
  result.delivery = DeliveryMode::kInline;
  return result;
}

}  // namespace

Member::Member(uv_loop_t& loop, Receiver& receiver, Options options)
    : loop_(loop),
      receiver_(receiver),
      id_(options.id),
      snapshotter_(files_, options.snapshot_folder) {
  rafthttp::Options transport = TransportOptions(loop, options);
  transport.raft = this;
  transport.snapshotter = &snapshotter_;
  if (!options.is_plain) transport.views = this;
  if (options.is_verbose) transport.logger = &logger_;
  auto created = Transport::Create(std::move(transport));
  CHECK(created.ok());
  transport_ = *std::move(created);
}

Member::~Member() {
  bool is_stopped = false;
  transport_->Stop([&] { is_stopped = true; });
  while (!is_stopped) uv_run(&loop_, UV_RUN_ONCE);
}

absl::Status Member::Start() { return transport_->Start(); }

std::string Member::url() const { return transport_->listen_urls()[0]; }

bool Member::RunUntil(absl::FunctionRef<bool()> predicate,
                      absl::Duration timeout) {
  // Wakes the loop now and then, so that the time is looked at.
  uv_timer_t tick;
  uv_timer_init(&loop_, &tick);
  uv_timer_start(
      &tick, [](uv_timer_t*) {}, 2, 2);
  const absl::Time end = absl::Now() + timeout;
  bool holds = predicate();
  while (!holds && absl::Now() < end) {
    uv_run(&loop_, UV_RUN_ONCE);
    holds = predicate();
  }
  bool is_closed = false;
  tick.data = &is_closed;
  uv_close(reinterpret_cast<uv_handle_t*>(&tick), [](uv_handle_t* handle) {
    *static_cast<bool*>(handle->data) = true;
  });
  while (!is_closed) uv_run(&loop_, UV_RUN_NOWAIT);
  return holds;
}

void Member::RunFor(absl::Duration duration) {
  RunUntil([] { return false; }, duration);
}

LedgerReport Member::ReadLedger() {
  LedgerReport report;
  bool is_read = false;
  transport_->ReadLedger([&](LedgerReport read) {
    report = std::move(read);
    is_read = true;
  });
  while (!is_read) uv_run(&loop_, UV_RUN_ONCE);
  return report;
}

absl::Status Member::Process(std::stop_token, raftpb::Message&& message) {
  receiver_.OnMessage(codec::ViewOf(message, &storage_));
  receiver_.OnMessagesEnd();
  return absl::OkStatus();
}

}  // namespace rafthttp::bench
