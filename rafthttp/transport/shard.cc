#include "rafthttp/transport/shard.h"

#include <utility>

#include "absl/strings/str_join.h"
#include "rafthttp/base/check.h"

namespace rafthttp {
namespace {

http1::Client::Options KeepingClient(const Options& options) {
  http1::Client::Options result;
  result.connect_timeout = options.dial_timeout;
  // The pipeline's four, all of which may wait for their answers, and the
  // prober's.
  result.connections_per_host_max = 5;
  return result;
}

http1::Client::Options FreshClient(const Options& options) {
  http1::Client::Options result = KeepingClient(options);
  result.idle_timeout = absl::ZeroDuration();
  return result;
}

Peer::Options PeerOptions(const Options& options,
                          const std::vector<http1::Url>& advertised_urls) {
  Peer::Options result;
  result.identity.self = options.id;
  result.identity.cluster = options.cluster_id;
  result.identity.version = options.version;
  result.identity.peer_urls = absl::StrJoin(
      advertised_urls, ",",
      [](std::string* out, const auto& url) { out->append(url.ToString()); });
  result.dial_timeout = options.dial_timeout;
  result.dial_retries_per_second = options.dial_retries_per_second;
  result.limits = options.limits;
  result.queue_messages_max = options.queue_messages_max;
  result.queue_bytes_max = options.queue_bytes_max;
  result.snapshot_bytes_per_second_max = options.snapshot_bytes_per_second_max;
  return result;
}

}  // namespace

Shard::Shard(event::EventLoop& loop, event::Connector& connector,
             const Options& options, std::vector<http1::Url> advertised_urls,
             StrandPool* pool, StrandPool* disk_pool, std::stop_token stop,
             std::function<absl::Time()> wall_clock)
    : client_(loop, connector, KeepingClient(options)),
      fresh_client_(loop, connector, FreshClient(options)),
      environment_{.loop = loop,
                   .connector = connector,
                   .client = client_,
                   .fresh_client = fresh_client_,
                   .raft = *options.raft,
                   .pool = pool,
                   .disk_pool = disk_pool,
                   .views = options.views,
                   .stop = std::move(stop),
                   .wall_clock = std::move(wall_clock),
                   .logger = options.logger,
                   .server_stats = options.server_stats,
                   .leader_stats = options.leader_stats,
                   .metrics = options.metrics,
                   .on_error = options.on_error},
      peer_options_(PeerOptions(options, advertised_urls)) {}

Shard::~Shard() = default;

void Shard::AddPeer(std::shared_ptr<Mailbox> mailbox,
                    std::vector<http1::Url> urls) {
  const MemberId id = mailbox->member();
  auto peer = std::make_unique<Peer>(environment_, std::move(mailbox),
                                     std::move(urls), peer_options_);
  const auto [place, is_new] = peers_.emplace(id, std::move(peer));
  CHECK(is_new);
  place->second->Start();
}

void Shard::AddRemote(std::shared_ptr<Mailbox> mailbox,
                      std::vector<http1::Url> urls) {
  const MemberId id = mailbox->member();
  auto remote = std::make_unique<Remote>(environment_, std::move(mailbox),
                                         std::move(urls), peer_options_);
  const auto [place, is_new] = remotes_.emplace(id, std::move(remote));
  CHECK(is_new);
  place->second->Start();
}

LedgerReport Shard::RemovePeer(MemberId id) {
  const auto found = peers_.find(id);
  if (found == peers_.end()) return {};
  found->second->Stop(DropReason::kPeerRemoved);
  const LedgerReport report = found->second->Report();
  peers_.erase(found);
  if (environment_.leader_stats != nullptr) {
    environment_.leader_stats->Remove(id);
  }
  return report;
}

void Shard::UpdatePeer(MemberId id, std::vector<http1::Url> urls) {
  if (Peer* const peer = FindPeer(id)) peer->UpdateUrls(std::move(urls));
}

void Shard::SetPaused(MemberId id, bool is_paused) {
  if (Peer* const peer = FindPeer(id)) peer->set_is_paused(is_paused);
}

Peer* Shard::FindPeer(MemberId id) {
  const auto found = peers_.find(id);
  return found == peers_.end() ? nullptr : found->second.get();
}

LedgerReport Shard::Report(MemberId id) const {
  if (const auto peer = peers_.find(id); peer != peers_.end()) {
    return peer->second->Report();
  }
  const auto remote = remotes_.find(id);
  return remote == remotes_.end() ? LedgerReport() : remote->second->Report();
}

LedgerReport Shard::ReportAll() const {
  LedgerReport sum;
  for (const auto& [id, peer] : peers_) sum.Add(peer->Report());
  for (const auto& [id, remote] : remotes_) sum.Add(remote->Report());
  return sum;
}

std::map<MemberId, LedgerReport> Shard::Stop() {
  std::map<MemberId, LedgerReport> reports;
  for (const auto& [id, peer] : peers_) {
    peer->Stop(DropReason::kStopped);
    reports[id] = peer->Report();
  }
  for (const auto& [id, remote] : remotes_) {
    remote->Stop(DropReason::kStopped);
    reports[id] = remote->Report();
  }
  peers_.clear();
  remotes_.clear();
  return reports;
}

}  // namespace rafthttp
