#include "tools/rafthttpctl/listen_source.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "rafthttp/cluster_info/members_handler.h"
#include "rafthttp/event/uv_listener.h"
#include "rafthttp/handshake/identity.h"
#include "tools/rafthttpctl/diagnostics.h"
#include "tools/rafthttpctl/file_digest.h"
#include "tools/rafthttpctl/record.h"

namespace rafthttpctl {

using rafthttp::ClusterId;
using rafthttp::Lane;
using rafthttp::MemberId;
using rafthttp::StreamEnd;
using rafthttp::Version;

namespace {

// Empty if it is not there.
absl::string_view Header(const rafthttp::http1::RequestHead& head,
                         absl::string_view name) {
  return head.headers.Get(name).value_or("");
}

}  // namespace

// Lets the source look at a request, and hands it on.
class ListenSource::Front final : public rafthttp::http1::Handler {
 public:
  using Handlers = std::function<rafthttp::http1::Handler*()>;
  // `handler` may answer null: 404.
  Front(std::function<void(const rafthttp::http1::RequestHead&)> look,
        Handlers handler)
      : look_(std::move(look)), handler_(std::move(handler)) {}

  void Serve(std::unique_ptr<rafthttp::http1::Exchange> exchange) override {
    look_(exchange->head());
    rafthttp::http1::Handler* const handler = handler_();
    if (handler == nullptr) {
      return exchange->RespondText(404, "404 page not found");
    }
    handler->Serve(std::move(exchange));
  }

 private:
  const std::function<void(const rafthttp::http1::RequestHead&)> look_;
  const Handlers handler_;
};

// Tells of the streams that the transport opens and loses.
class ListenSource::StreamMetrics final : public rafthttp::PeerMetrics {
 public:
  StreamMetrics(ListenSource& source, MemberId peer)
      : source_(source), peer_(peer) {}
  void StreamOpened(Lane stream, StreamEnd end) override {
    source_.ShowStream("stream_opened", peer_, stream, end, "");
  }
  void StreamClosed(Lane stream, StreamEnd end,
                    absl::string_view reason) override {
    source_.ShowStream("stream_closed", peer_, stream, end, reason);
  }

 private:
  ListenSource& source_;
  const MemberId peer_;
};

class ListenSource::Posts final : public rafthttp::PipelineHandler::Receiver {
 public:
  explicit Posts(ListenSource& source) : source_(source) {}
  void OnSender(MemberId, std::vector<rafthttp::http1::Url>) override {}
  void Receive(raftpb::Message message, size_t body_bytes,
               absl::AnyInvocable<void(absl::Status)> on_processed) override {
    source_.TakePost("pipeline", message, body_bytes, std::move(on_processed));
  }
  void OnReceiveFailed(MemberId from,
                       absl::string_view remote_address) override {
    nlohmann::ordered_json event = EventRecord("dropped", absl::Now());
    event["reason"] = "unreadable";
    event["stream"] = "pipeline";
    if (!from.is_zero()) event["from"] = from.ToHex();
    event["remote"] = std::string(remote_address);
    source_.session_.printer().PrintEvent(event);
  }

 private:
  ListenSource& source_;
};

class ListenSource::Snapshots final
    : public rafthttp::SnapshotHandler::Receiver {
 public:
  explicit Snapshots(ListenSource& source) : source_(source) {}
  void OnSender(MemberId, std::vector<rafthttp::http1::Url>) override {}
  void OnSnapshotBegan(MemberId) override {}
  void Receive(raftpb::Message message, size_t body_bytes,
               absl::AnyInvocable<void(absl::Status)> on_processed) override {
    source_.TakeSnapshot(std::move(message), body_bytes,
                         std::move(on_processed));
  }
  void OnSnapshotEnded(
      const rafthttp::SnapshotHandler::Received& received) override {
    if (!received.status.ok()) source_.OnSnapshotFailed(received);
  }

 private:
  ListenSource& source_;
};

ListenSource::ListenSource(TailSession& session, Options options)
    : session_(session),
      options_(std::move(options)),
      end_timer_(session.loop().NewTimer([this] {
        if (on_end_) std::exchange(on_end_, nullptr)(end_code_);
      })),
      probing_handler_([] { return absl::Now(); }),
      version_handler_(static_cast<rafthttp::ClusterInfo&>(*this)),
      posts_(std::make_unique<Posts>(*this)),
      snapshots_(std::make_unique<Snapshots>(*this)),
      self_(std::make_shared<ListenSource*>(this)) {}

ListenSource::~ListenSource() { *self_ = nullptr; }

void ListenSource::Start(absl::AnyInvocable<void(ExitCode)> on_end) {
  on_end_ = std::move(on_end);
  disk_pool_ = std::make_unique<rafthttp::StrandPool>(
      rafthttp::StrandPool::Options{.threads_max = 16});
  digests_ = disk_pool_->NewStrand();
  if (!options_.folder.empty()) {
    snapshotter_ =
        std::make_unique<rafthttp::snap::Snapshotter>(files_, options_.folder);
    const absl::Status status = snapshotter_->CleanUp();
    if (!status.ok()) return End(Fail(ExitCode::kUsage, status.message()));
  }
  const auto route =
      [this](const char* path, std::set<std::string> methods,
             std::function<void(const rafthttp::http1::RequestHead&)> look,
             Front::Handlers handler) {
        fronts_.push_back(
            std::make_unique<Front>(std::move(look), std::move(handler)));
        mux_.Add(path, std::move(methods), *fronts_.back());
      };
  const auto adopt = [this](const auto& head) { Adopt(head); };
  route("/raft", {"POST"}, adopt, [this] { return pipeline_handler_.get(); });
  route("/raft/snapshot", {}, adopt,
        [this] { return snapshot_handler_.get(); });
  route(
      "/raft/stream/", {"GET"}, [this](const auto& head) { AdoptPeer(head); },
      [this] {
        return transport_ == nullptr ? nullptr : &transport_->Handler();
      });
  mux_.Add("/raft/probing", {}, probing_handler_);
  mux_.Add("/version", {"GET"}, version_handler_);
  route(
      "/members", {"GET"}, [](const auto&) {},
      [this] { return members_handler_.get(); });
  server_ = std::make_unique<rafthttp::http1::Server>(
      session_.loop(), mux_, rafthttp::http1::Server::Options(),
      [] { return absl::Now(); }, nullptr);
  auto listener = rafthttp::event::UvListener::Listen(
      session_.loop(), options_.address.address(), {},
      [this](std::unique_ptr<rafthttp::event::ByteStream> stream) {
        server_->Accept(std::move(stream));
      });
  if (!listener.ok()) {
    return End(Fail(ExitCode::kUnreachable, listener.status().message()));
  }
  listener_ = *std::move(listener);
  rafthttp::http1::Url bound = options_.address;
  if (bound.scheme == rafthttp::http1::Url::Scheme::kHttp) {
    bound.port = listener_->port();
  }
  nlohmann::ordered_json event = EventRecord("listening", absl::Now());
  event["url"] = bound.ToString();
  session_.printer().PrintEvent(event);
  if (options_.cluster) Adopt(rafthttp::http1::RequestHead());
  if (options_.id && options_.cluster) {
    const absl::Status status = StartTransport(*options_.id);
    if (!status.ok()) End(Fail(status));
  }
}

void ListenSource::End(ExitCode code) {
  end_code_ = code;
  end_timer_->Start(absl::ZeroDuration());
}

void ListenSource::Stop(absl::AnyInvocable<void(ExitCode)> on_stopped) {
  on_end_ = nullptr;
  end_timer_->Cancel();
  set_is_paused(false);
  listener_.reset();
  server_.reset();
  snapshot_handler_.reset();
  digests_.reset();
  on_stopped_ = std::move(on_stopped);
  end_timer_ = session_.loop().NewTimer([this] {
    disk_pool_.reset();  // waits for what it runs
    std::exchange(on_stopped_, nullptr)(end_code_);
  });
  if (transport_ == nullptr) {
    end_timer_->Start(absl::ZeroDuration());
  } else {
    transport_->Stop([this] { end_timer_->Start(absl::ZeroDuration()); });
  }
}

void ListenSource::set_is_paused(bool is_paused) {
  {
    rafthttp::MutexLock lock(mutex_);
    is_paused_ = is_paused;
    changed_.NotifyAll();
  }
  if (is_paused) return;
  for (auto& on_processed : std::exchange(waiting_, {})) {
    on_processed(absl::OkStatus());
  }
}

// Who we are.

rafthttp::ClusterVersions ListenSource::Versions() {
  rafthttp::ClusterVersions versions;
  versions.server = options_.version.value_or(rafthttp::kVersionByDefault);
  versions.cluster = Version{versions.server.major, versions.server.minor, 0};
  return versions;
}

void ListenSource::Adopt(const rafthttp::http1::RequestHead& head) {
  if (pipeline_handler_ != nullptr) return;
  if (!options_.cluster) {
    const auto cluster =
        ClusterId::FromHex(Header(head, rafthttp::kClusterIdHeader));
    if (!cluster.ok() || cluster->is_zero()) return;
    options_.cluster = *cluster;
  }
  if (!options_.version) {
    const auto version =
        Version::Parse(Header(head, rafthttp::kServerVersionHeader));
    if (version.ok()) options_.version = *version;
  }
  nlohmann::ordered_json event = EventRecord("identity", absl::Now());
  event["clusterId"] = options_.cluster->ToHex();
  if (options_.id) event["id"] = options_.id->ToHex();
  event["version"] = Versions().server.ToString();
  session_.printer().PrintEvent(event);
  rafthttp::Identity identity;
  identity.self = options_.id.value_or(MemberId());
  identity.cluster = *options_.cluster;
  identity.version = Versions().server;
  pipeline_handler_ = std::make_unique<rafthttp::PipelineHandler>(
      *posts_,
      rafthttp::PipelineHandler::Options{.identity = identity, .limits = {}});
  if (!options_.members.empty()) {
    members_handler_ = std::make_unique<rafthttp::MembersHandler>(
        static_cast<rafthttp::ClusterInfo&>(*this), identity.cluster);
  }
  if (snapshotter_ == nullptr) return;
  snapshot_handler_ = std::make_unique<rafthttp::SnapshotHandler>(
      session_.loop(), disk_pool_.get(), *snapshotter_, *snapshots_,
      rafthttp::SnapshotHandler::Options{.identity = identity, .limits = {}});
}

void ListenSource::AdoptPeer(const rafthttp::http1::RequestHead& head) {
  Adopt(head);
  if (pipeline_handler_ == nullptr) return;
  if (transport_ == nullptr) {
    const auto to = MemberId::FromHex(Header(head, rafthttp::kRaftToHeader));
    if (!options_.id && (!to.ok() || to->is_zero())) return;
    if (!options_.id) options_.id = *to;
    const absl::Status status = StartTransport(*options_.id);
    if (!status.ok()) return End(Fail(status));
  }
  const auto from =
      MemberId::FromHex(Header(head, rafthttp::kServerFromHeader));
  if (!from.ok() || from->is_zero()) return;
  const std::string urls(Header(head, rafthttp::kPeerUrlsHeader));
  if (urls.empty()) return;
  // It is there already, or its URLs are not valid: then it is told 404.
  transport_->AddPeer(*from, absl::StrSplit(urls, ',')).IgnoreError();
}

absl::Status ListenSource::StartTransport(MemberId id) {
  rafthttp::Options options;
  options.id = id;
  options.cluster_id = *options_.cluster;
  options.raft = this;
  options.loop = session_.loop().uv();
  options.version = Versions().server;
  options.metrics = this;
  if (!options_.advertised_url.empty()) {
    options.advertised_urls = {options_.advertised_url};
  }
  auto transport = rafthttp::Transport::Create(std::move(options));
  if (!transport.ok()) return transport.status();
  transport_ = *std::move(transport);
  if (absl::Status status = transport_->Start(); !status.ok()) return status;
  for (const auto& [peer, urls] : options_.peers) {
    if (peer == id) continue;
    absl::Status status = transport_->AddPeer(peer, urls);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

// What comes.

absl::Status ListenSource::Process(std::stop_token stop,
                                   raftpb::Message&& message) {
  {
    const std::stop_callback wake(stop, [this] {
      rafthttp::MutexLock lock(mutex_);
      changed_.NotifyAll();
    });
    rafthttp::MutexLock lock(mutex_);
    while (is_paused_ && !stop.stop_requested()) changed_.Wait(mutex_);
  }
  session_.loop().Post([self = self_, message = std::move(message)] {
    if (*self == nullptr) return;
    // Each stream carries its own kind of message, while both are open.
    (*self)->Show(message.type() == raftpb::MsgApp ? "msgapp" : "message",
                  message, message.ByteSizeLong());
  });
  return absl::OkStatus();
}

void ListenSource::TakePost(
    absl::string_view stream, const raftpb::Message& message, size_t body_bytes,
    absl::AnyInvocable<void(absl::Status)> on_processed) {
  Show(stream, message, body_bytes);
  // Its answer comes in a turn of its own.
  session_.loop().Post(
      [self = self_, on_processed = std::move(on_processed)]() mutable {
        if (*self == nullptr) return;
        ListenSource& source = **self;
        {
          rafthttp::MutexLock lock(source.mutex_);
          if (source.is_paused_) {
            source.waiting_.push_back(std::move(on_processed));
            return;
          }
        }
        on_processed(absl::OkStatus());
      });
}

void ListenSource::OnSnapshotFailed(
    const rafthttp::SnapshotHandler::Received& received) {
  if (session_.is_done()) return;
  nlohmann::ordered_json event = EventRecord("dropped", absl::Now());
  event["reason"] = "snapshot_failed";
  event["stream"] = "snapshot";
  event["from"] = received.from.ToHex();
  event["bytes"] = JsonNumber(received.database_bytes);
  event["error"] = std::string(received.status.message());
  session_.printer().PrintEvent(event);
}

void ListenSource::TakeSnapshot(
    raftpb::Message message, size_t body_bytes,
    absl::AnyInvocable<void(absl::Status)> on_processed) {
  const uint64_t index = message.snapshot().metadata().index();
  digests_->Run([this, self = self_, &loop = session_.loop(), index, body_bytes,
                 message = std::move(message),
                 on_processed = std::move(on_processed)]() mutable {
    absl::StatusOr<std::string> path = snapshotter_->DbFilePath(index);
    absl::StatusOr<std::string> sha256 =
        path.ok() ? Sha256Of(files_, *path) : path.status();
    loop.Post([self, body_bytes, path = std::move(path),
               sha256 = std::move(sha256), message = std::move(message),
               on_processed = std::move(on_processed)]() mutable {
      if (*self == nullptr) return;
      ListenSource& source = **self;
      nlohmann::ordered_json event =
          EventRecord("snapshot_received", absl::Now());
      event["from"] = MemberId(message.from()).ToHex();
      event["index"] = JsonNumber(message.snapshot().metadata().index());
      event["bytes"] = JsonNumber(body_bytes - message.ByteSizeLong());
      if (path.ok()) event["path"] = *path;
      if (sha256.ok()) {
        event["sha256"] = *sha256;
      } else {
        event["error"] = std::string(sha256.status().message());
      }
      if (!source.session_.is_done())
        source.session_.printer().PrintEvent(event);
      source.TakePost("snapshot", message, body_bytes, std::move(on_processed));
    });
  });
}

void ListenSource::Show(absl::string_view stream,
                        const raftpb::Message& message, size_t bytes) {
  if (session_.is_done()) return;
  std::string raw;
  if (options_.wants_raw) raw = message.SerializeAsString();
  RecordInput input;
  input.time = absl::Now();
  input.source = "listen";
  input.stream = std::string(stream);
  input.bytes = bytes;
  input.raw = raw;
  input.message = &message;
  session_.printer().PrintMessage(input);
  session_.AfterRecord();
}

std::unique_ptr<rafthttp::PeerMetrics> ListenSource::AddPeer(MemberId peer) {
  return std::make_unique<StreamMetrics>(*this, peer);
}

void ListenSource::ShowStream(absl::string_view name, MemberId peer, Lane lane,
                              StreamEnd end, absl::string_view reason) {
  if (session_.is_done()) return;
  nlohmann::ordered_json event = EventRecord(name, absl::Now());
  event["stream"] = std::string(LaneName(lane));
  event["member"] = peer.ToHex();
  event["end"] = end == StreamEnd::kDialled ? "dialled" : "accepted";
  if (!reason.empty()) event["reason"] = std::string(reason);
  session_.printer().PrintEvent(event);
}

}  // namespace rafthttpctl
