#include "rafthttp/transport/raft_server.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "rafthttp/cluster_info/members_handler.h"
#include "rafthttp/cluster_info/version_handler.h"

namespace rafthttp {
namespace {

// A flood of connections is told of now and then, with its size.
constexpr absl::Duration kRefusalLogInterval = absl::Seconds(10);

}  // namespace

RaftServer::RaftServer(const Environment& environment, const Options& options,
                       Identity identity, StrandPool* pool,
                       StrandPool* disk_pool, std::stop_token stop,
                       Directory& directory)
    : environment_(environment),
      options_(options),
      identity_(std::move(identity)),
      directory_(directory),
      strangers_(environment.loop, *options.raft, pool, std::move(stop), *this,
                 {.peer = MemberId(),
                  .queue_messages_max = options.queue_messages_max,
                  .queue_bytes_max = options.queue_bytes_max}),
      stream_handler_(*this, identity_),
      pipeline_handler_(static_cast<PipelineHandler::Receiver&>(*this),
                        {.identity = identity_, .limits = options.limits}),
      probing_handler_(environment.wall_clock),
      server_(environment.loop, mux_, options.server, environment.wall_clock,
              this) {
  mux_.Add("/raft", {"POST"}, pipeline_handler_);
  mux_.Add("/raft/stream/", {"GET"}, stream_handler_);
  mux_.Add("/raft/probing", {}, probing_handler_);
  if (options.snapshotter != nullptr) {
    snapshot_handler_ = std::make_unique<SnapshotHandler>(
        environment.loop, disk_pool, *options.snapshotter,
        static_cast<SnapshotHandler::Receiver&>(*this),
        SnapshotHandler::Options{
            .identity = identity_,
            .limits = options.limits,
            .receives_max = options.snapshot_receives_max});
    mux_.Add("/raft/snapshot", {}, *snapshot_handler_);
  }
  if (options.cluster_info == nullptr) return;
  version_handler_ = std::make_unique<VersionHandler>(*options.cluster_info);
  members_handler_ = std::make_unique<MembersHandler>(*options.cluster_info,
                                                      identity_.cluster);
  mux_.Add("/version", {"GET"}, *version_handler_);
  mux_.Add("/members", {"GET"}, *members_handler_);
}

RaftServer::~RaftServer() = default;

absl::Status RaftServer::Listen(const std::vector<http1::Url>& urls) {
  for (const http1::Url& url : urls) {
    absl::StatusOr<std::unique_ptr<event::Listener>> listener =
        environment_.listen(url,
                            [this](std::unique_ptr<event::ByteStream> stream) {
                              server_.Accept(std::move(stream));
                            });
    if (!listener.ok()) {
      listeners_.clear();
      bound_urls_.clear();
      return absl::Status(listener.status().code(),
                          absl::StrCat("listen on ", url.ToString(), ": ",
                                       listener.status().message()));
    }
    http1::Url bound = url;
    if (url.port == 0 && url.scheme == http1::Url::Scheme::kHttp) {
      bound.port = (*listener)->port();
    }
    bound_urls_.push_back(bound.ToString());
    listeners_.push_back(*std::move(listener));
  }
  return absl::OkStatus();
}

bool RaftServer::IsIdRemoved(MemberId id) {
  return options_.raft->IsIdRemoved(id);
}

bool RaftServer::IsPeer(MemberId id) { return directory_.IsPeer(id); }

void RaftServer::AttachStream(MemberId from, StreamKind kind,
                              std::unique_ptr<event::ByteStream> stream,
                              std::string) {
  directory_.AttachStream(from, kind, std::move(stream));
}

void RaftServer::OnUnknownSender(MemberId id, std::vector<http1::Url> urls) {
  directory_.OnSender(id, std::move(urls));
}

void RaftServer::OnSender(MemberId from, std::vector<http1::Url> urls) {
  directory_.OnSender(from, std::move(urls));
}

void RaftServer::Receive(raftpb::Message message, size_t body_bytes,
                         absl::AnyInvocable<void(absl::Status)> on_processed) {
  if (directory_.Receive(message, body_bytes, on_processed)) return;
  if (options_.metrics != nullptr) {
    options_.metrics->StrangerReceived(1, body_bytes);
  }
  strangers_.Deliver(std::move(message), std::move(on_processed));
}

void RaftServer::OnReceiveFailed(MemberId from,
                                 absl::string_view remote_address) {
  Log(Severity::kWarning, absl::StrCat("a message posted from ", remote_address,
                                       " could not be read"));
  if (directory_.ReceiveFailed(from)) return;
  if (options_.metrics != nullptr) options_.metrics->StrangerReceiveFailed();
}

void RaftServer::OnSnapshotBegan(MemberId from) {
  directory_.SnapshotBegan(from);
}

void RaftServer::OnSnapshotEnded(const SnapshotHandler::Received& received) {
  const bool is_ok = received.status.ok();
  const std::string sender =
      absl::StrCat(received.from.ToHex(), " at ", received.remote_address);
  if (is_ok) {
    Log(Severity::kInfo,
        absl::StrCat("received the snapshot of index ", received.index,
                     " from ", sender, ": ", received.database_bytes,
                     " bytes in ", absl::FormatDuration(received.took)));
  } else {
    Log(Severity::kWarning,
        absl::StrCat("a snapshot from ", sender, " failed after ",
                     received.database_bytes,
                     " bytes: ", received.status.message()));
  }
  if (directory_.SnapshotEnded(received.from, is_ok, received.took)) return;
  if (!is_ok && options_.metrics != nullptr) {
    options_.metrics->StrangerSnapshotReceiveFailed();
  }
}

void RaftServer::OnProcessFailed(uint64_t messages,
                                 const absl::Status& status) {
  Log(Severity::kWarning,
      absl::StrCat(
          "Raft refused ", messages,
          " messages of unknown senders, the last with: ", status.ToString()));
}

void RaftServer::OnConnectionOpened() {
  if (options_.metrics != nullptr) options_.metrics->ConnectionOpened();
}

void RaftServer::OnConnectionClosed(absl::string_view peer_address,
                                    const absl::Status& status) {
  if (options_.metrics != nullptr) options_.metrics->ConnectionClosed();
  if (status.ok()) return;
  Log(Severity::kDebug,
      absl::StrCat("connection from ", peer_address, ": ", status.message()));
}

void RaftServer::OnConnectionRefused(absl::string_view peer_address,
                                     absl::string_view reason) {
  if (options_.metrics != nullptr) options_.metrics->ConnectionRefused(reason);
  ++refused_;
  const absl::Time now = environment_.loop.Now();
  if (now - refusal_logged_at_ < kRefusalLogInterval) return;
  refusal_logged_at_ = now;
  Log(Severity::kWarning,
      absl::StrCat("too many connections: ", std::exchange(refused_, 0),
                   " had to go, the last from ", peer_address, " (", reason,
                   ")"));
}

void RaftServer::Log(Severity severity, absl::string_view text) const {
  if (options_.logger == nullptr) return;
  options_.logger->Log(severity,
                       absl::StrCat(identity_.self.ToHex(), ": ", text));
}

}  // namespace rafthttp
