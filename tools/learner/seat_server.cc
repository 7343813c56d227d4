#include "tools/learner/seat_server.h"

#include "rafthttp/cluster_info/members_handler.h"
#include "rafthttp/cluster_info/version_handler.h"
#include "rafthttp/event/uv_listener.h"
#include "rafthttp/handshake/identity.h"

namespace rafthttpctl {

using rafthttp::Lane;
using rafthttp::MemberId;
using rafthttp::StreamKind;
using rafthttp::http1::Handler;

class SeatServer::Door final : public Handler {
 public:
  explicit Door(const std::unique_ptr<Handler>& behind) : behind_(behind) {}
  void Serve(std::unique_ptr<rafthttp::http1::Exchange> exchange) override {
    if (behind_ == nullptr) {
      return exchange->RespondText(404, "404 page not found");
    }
    behind_->Serve(std::move(exchange));
  }

 private:
  const std::unique_ptr<Handler>& behind_;
};

class SeatServer::Posts final : public rafthttp::PipelineHandler::Receiver {
 public:
  explicit Posts(SeatServer& server) : server_(server) {}
  void OnSender(MemberId, std::vector<rafthttp::http1::Url>) override {}
  void Receive(raftpb::Message message, size_t body_bytes,
               absl::AnyInvocable<void(absl::Status)> on_processed) override {
    server_.TakePost(Lane::kPipeline, std::move(message), body_bytes,
                     std::move(on_processed));
  }
  void OnReceiveFailed(MemberId, absl::string_view) override {}

 private:
  SeatServer& server_;
};

class SeatServer::Snapshots final : public rafthttp::SnapshotHandler::Receiver {
 public:
  explicit Snapshots(SeatServer& server) : server_(server) {}
  void OnSender(MemberId, std::vector<rafthttp::http1::Url>) override {}
  void OnSnapshotBegan(MemberId) override {}
  void Receive(raftpb::Message message, size_t body_bytes,
               absl::AnyInvocable<void(absl::Status)> on_processed) override {
    server_.TakePost(Lane::kSnapshot, std::move(message), body_bytes,
                     std::move(on_processed));
  }
  void OnSnapshotEnded(
      const rafthttp::SnapshotHandler::Received& received) override {
    if (!received.status.ok()) server_.events_.OnSnapshotFailed(received);
  }

 private:
  SeatServer& server_;
};

SeatServer::SeatServer(rafthttp::event::UvLoop& loop,
                       rafthttp::snap::Snapshotter& snapshotter, Events& events)
    : loop_(loop),
      snapshotter_(snapshotter),
      events_(events),
      disk_pool_({.threads_max = 8}),
      posts_(std::make_unique<Posts>(*this)),
      snapshots_(std::make_unique<Snapshots>(*this)),
      probing_handler_([] { return absl::Now(); }),
      server_(
          loop, mux_, {}, [] { return absl::Now(); }, nullptr),
      self_(std::make_shared<SeatServer*>(this)) {
  const auto add = [this](const char* path, std::set<std::string> methods,
                          const std::unique_ptr<Handler>& behind) {
    doors_.push_back(std::make_unique<Door>(behind));
    mux_.Add(path, std::move(methods), *doors_.back());
  };
  add("/raft", {"POST"}, pipeline_handler_);
  add("/raft/snapshot", {}, snapshot_handler_);
  add("/raft/stream/", {"GET"}, stream_handler_);
  add("/version", {"GET"}, version_handler_);
  add("/members", {"GET"}, members_handler_);
  mux_.Add("/raft/probing", {}, probing_handler_);
}

SeatServer::~SeatServer() { *self_ = nullptr; }

absl::StatusOr<std::string> SeatServer::Listen(
    const rafthttp::http1::Url& url) {
  auto listener = rafthttp::event::UvListener::Listen(
      loop_, url.address(), {},
      [this](std::unique_ptr<rafthttp::event::ByteStream> stream) {
        server_.Accept(std::move(stream));
      });
  if (!listener.ok()) return listener.status();
  listener_ = *std::move(listener);
  rafthttp::http1::Url bound = url;
  bound.port = listener_->port();
  return bound.ToString();
}

void SeatServer::Seated(const Ticket& ticket, const std::string& url) {
  ticket_ = ticket;
  own_url_ = url;
  writers_.clear();
  rafthttp::Identity identity;
  identity.self = ticket.self;
  identity.cluster = ticket.cluster;
  identity.version = ticket.version;
  auto& info = static_cast<rafthttp::ClusterInfo&>(*this);
  version_handler_ = std::make_unique<rafthttp::VersionHandler>(info);
  members_handler_ =
      std::make_unique<rafthttp::MembersHandler>(info, ticket.cluster);
  pipeline_handler_ = std::make_unique<rafthttp::PipelineHandler>(
      *posts_,
      rafthttp::PipelineHandler::Options{.identity = identity, .limits = {}});
  snapshot_handler_ = std::make_unique<rafthttp::SnapshotHandler>(
      loop_, &disk_pool_, snapshotter_, *snapshots_,
      rafthttp::SnapshotHandler::Options{.identity = identity, .limits = {}});
  stream_handler_ = std::make_unique<rafthttp::StreamHandler>(
      static_cast<rafthttp::StreamHandler::Peers&>(*this), identity);
}

rafthttp::ClusterVersions SeatServer::Versions() {
  rafthttp::ClusterVersions versions;
  versions.server = ticket_->version;
  versions.cluster =
      rafthttp::Version{ticket_->version.major, ticket_->version.minor, 0};
  return versions;
}

std::vector<rafthttp::ClusterMember> SeatServer::Members() {
  std::vector<rafthttp::ClusterMember> members;
  for (const ClusterMember& member : ticket_->members) {
    members.push_back({.id = member.id,
                       .peer_urls = member.peer_urls,
                       .is_learner = member.is_learner,
                       .name = member.name,
                       .client_urls = {}});
  }
  members.push_back({.id = ticket_->self,
                     .peer_urls = {own_url_},
                     .is_learner = true,
                     .name = "",
                     .client_urls = {}});
  return members;
}

void SeatServer::AttachStream(
    MemberId from, StreamKind kind,
    std::unique_ptr<rafthttp::event::ByteStream> stream, std::string) {
  // In a turn of its own, as the handler may not be done with it.
  loop_.Post([self = self_, from, kind, stream = std::move(stream)]() mutable {
    if (*self == nullptr) return;
    SeatServer& server = **self;
    std::unique_ptr<rafthttp::StreamWriter>& writer =
        server.writers_[{from, kind}];
    if (writer == nullptr) {
      rafthttp::StreamWriter::Options options;
      options.kind = kind;
      options.self = server.ticket_->self;
      options.peer = from;
      writer = std::make_unique<rafthttp::StreamWriter>(
          server.loop_, static_cast<rafthttp::StreamWriter::Events&>(server),
          options);
    }
    writer->Attach(std::move(stream));
  });
}

void SeatServer::TakePost(Lane lane, raftpb::Message message, size_t bytes,
                          absl::AnyInvocable<void(absl::Status)> on_processed) {
  loop_.Post([self = self_, lane, bytes, message = std::move(message),
              on_processed = std::move(on_processed)]() mutable {
    if (*self == nullptr) return;
    // The answer first: what the message leads to may come back at once.
    on_processed(absl::OkStatus());
    (*self)->events_.OnPosted(lane, std::move(message), bytes);
  });
}

}  // namespace rafthttpctl
