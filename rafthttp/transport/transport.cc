// How a transport lives:
//
//   Create: loops run, nothing is heard or dialled      kCreated
//   Start:  we listen, peers dial                       kRunning
//   Stop:   1. nothing more is taken (kStopping), and each Process that runs
//              is asked to return
//           2. each shard stops on its loop: streams end, books are closed
//           3. the pools are idle: no Process runs, no file is open
//           4. the loops end, and their handles are closed (kStopped)
//
// The loops outlive the pool's work, which posts its outcomes to them.
//
// Work posted to a loop holds Impl, so that it may run at any time. Impl is
// held by the Transport as well, and by Stop until it has reported: it outlives
// its threads, whose last act is to report.
#include "rafthttp/transport/transport.h"

#include <algorithm>
#include <functional>
#include <map>
#include <stop_token>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "rafthttp/base/check.h"
#include "rafthttp/base/mutex.h"
#include "rafthttp/delivery/strand_pool.h"
#include "rafthttp/event/uv_connector.h"
#include "rafthttp/event/uv_listener.h"
#include "rafthttp/event/uv_stream.h"
#include "rafthttp/peer/mailbox.h"
#include "rafthttp/transport/loop_thread.h"
#include "rafthttp/transport/raft_server.h"
#include "rafthttp/transport/shard.h"
#include "rafthttp/transport/uv_after_close.h"

namespace rafthttp {
namespace {

absl::StatusOr<std::vector<http1::Url>> ParseUrls(
    const std::vector<std::string>& texts, absl::string_view what) {
  std::vector<http1::Url> urls;
  for (const std::string& text : texts) {
    absl::StatusOr<http1::Url> url = http1::ParsePeerUrl(text);
    if (!url.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(what, ": ", url.status().message()));
    }
    urls.push_back(*std::move(url));
  }
  return urls;
}

// As peer URLs, but for port 0, which takes a free one.
absl::StatusOr<std::vector<http1::Url>> ParseListenUrls(
    const std::vector<std::string>& texts) {
  std::vector<http1::Url> urls;
  for (absl::string_view text : texts) {
    const bool any_port = absl::ConsumeSuffix(&text, ":0");
    absl::StatusOr<http1::Url> url = http1::ParsePeerUrl(
        any_port ? absl::StrCat(text, ":1") : std::string(text));
    if (!url.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("Options::listen_urls: ", url.status().message()));
    }
    if (url->scheme != http1::Url::Scheme::kHttp &&
        url->scheme != http1::Url::Scheme::kUnix) {
      return absl::UnimplementedError(absl::StrCat(
          "Options::listen_urls: only http:// and unix:// can be listened on, "
          "not ",
          text));
    }
    if (any_port) url->port = 0;
    urls.push_back(*std::move(url));
  }
  return urls;
}

absl::Status CheckOptions(const Options& options) {
  const auto refuse = [](absl::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat("Options::", why));
  };
  if (options.id.is_zero()) return refuse("id must not be 0");
  if (options.cluster_id.is_zero()) return refuse("cluster_id must not be 0");
  if (options.raft == nullptr) return refuse("raft is needed");
  if (options.loop_threads < 1) return refuse("loop_threads must be positive");
  if (options.loop != nullptr && options.loop_threads != 1) {
    return refuse("loop_threads means nothing on an embedder's loop");
  }
  if (options.dial_timeout <= absl::ZeroDuration()) {
    return refuse("dial_timeout must be positive");
  }
  if (!(options.dial_retries_per_second > 0)) {
    return refuse("dial_retries_per_second must be positive");
  }
  if (options.delivery == DeliveryMode::kStrands &&
      options.delivery_threads_max < 1) {
    return refuse("delivery_threads_max must be positive");
  }
  if (options.delivery == DeliveryMode::kStrands && options.views != nullptr) {
    return refuse("views needs inline delivery");
  }
  if (options.queue_messages_max < 1) {
    return refuse("queue_messages_max must be positive");
  }
  return absl::OkStatus();
}

StrandPool::Options DiskPoolOptions() {
  StrandPool::Options options;
  // Each snapshot on its way holds one.
  options.threads_max = 64;
  return options;
}

Environment UvEnvironment(event::UvLoop& loop, event::Connector& connector) {
  return {
      .loop = loop,
      .connector = connector,
      .listen =
          [&loop](const http1::Url& url, event::Listener::OnAccept on_accept) {
            return event::UvListener::Listen(loop, url.address(),
                                             event::UvListener::Options(),
                                             std::move(on_accept));
          },
      .wall_clock = [] { return absl::Now(); }};
}

}  // namespace

class Transport::Impl final : public std::enable_shared_from_this<Impl>,
                              private RaftServer::Directory {
 public:
  Impl(Options options, std::vector<http1::Url> listen_urls,
       std::vector<http1::Url> advertised_urls)
      : options_(std::move(options)),
        listen_urls_(std::move(listen_urls)),
        advertised_urls_(std::move(advertised_urls)),
        process_budget_(std::make_shared<Mailbox::ProcessBudget>(
            options_.process_bytes_max)) {
    if (options_.delivery == DeliveryMode::kStrands) {
      pool_ = std::make_unique<StrandPool>(
          StrandPool::Options{.threads_max = options_.delivery_threads_max});
    }
  }

  // One of these, once, after construction.
  void RunOnThreads();
  void RunOnEmbeddersLoop();
  void RunIn(Environment environment);

  bool has_embedders_loop() const { return options_.loop != nullptr; }
  http1::Mux& mux() { return server_->mux(); }
  http1::Handler& handler() { return server_->handler(); }
  absl::Status Start();
  std::vector<std::string> listen_urls() const;

  SendResult Send(size_t count, absl::FunctionRef<uint64_t(size_t)> to,
                  absl::FunctionRef<codec::OutgoingMessage(size_t)> take);
  absl::Status SendSnapshot(snap::SnapshotMessage message);
  absl::Status AddPeer(MemberId id, const std::vector<std::string>& texts);
  absl::Status AddRemote(MemberId id, const std::vector<std::string>& texts);
  absl::Status RemovePeer(MemberId id);
  void RemoveAllPeers();
  absl::Status UpdatePeer(MemberId id, const std::vector<std::string>& texts);
  std::optional<absl::Time> ActiveSince(MemberId id) const;
  size_t ActivePeers() const;
  void ReadLedger(std::optional<MemberId> id,
                  absl::AnyInvocable<void(LedgerReport)> on_report);
  void SetPaused(std::optional<MemberId> id, bool is_paused);

  void Stop(absl::AnyInvocable<void()> on_stopped);
  absl::Status StopAndWait();
  // The destructor of Transport.
  void Abandon();

 private:
  enum class State { kCreated, kRunning, kStopping, kStopped };
  // A loop, and the peers on it.
  struct Place {
    std::unique_ptr<LoopThread> thread;  // null on a loop that is not ours
    event::EventLoop* loop = nullptr;
    std::unique_ptr<Shard> shard;  // gone once stopped
  };
  struct Member {
    std::shared_ptr<Mailbox> mailbox;
    size_t place = 0;
  };
  using Members = absl::flat_hash_map<MemberId, Member>;

  // RaftServer::Directory, on the first loop:
  bool IsPeer(MemberId id) override;
  void AttachStream(MemberId from, StreamKind kind,
                    std::unique_ptr<event::ByteStream> stream) override;
  bool Receive(raftpb::Message& message, size_t body_bytes,
               absl::AnyInvocable<void(absl::Status)>& on_processed) override;
  bool ReceiveFailed(MemberId from) override;
  bool SnapshotBegan(MemberId from) override;
  bool SnapshotEnded(MemberId from, bool is_ok, absl::Duration took) override;
  void OnSender(MemberId from, std::vector<http1::Url> urls) override;

  void BuildShard(size_t place, const Environment& environment);
  void BuildServer(const Environment& environment);
  // Posts `work` to the loop of that peer; false if there is none.
  bool PostToPeer(MemberId id, absl::AnyInvocable<void(Peer&)> work);
  // Runs `work` on that loop and waits for it; at once if this is its thread.
  void RunOn(event::EventLoop& loop, absl::FunctionRef<void()> work);
  const Member* FindMember(MemberId id) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Posts `work` to the loop of that place; not once we are stopping.
  void PostToShard(size_t place, absl::AnyInvocable<void(Shard&)> work)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status AddMember(Members& members, MemberId id,
                         std::vector<http1::Url> urls, bool is_remote)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // The steps of Stop.
  void StopShard(size_t place);
  void OnShardsStopped();
  void OnDeliveryIdle();
  void OnPoolIdle();
  void OnLoopEnded();
  void EndForeignLoop();
  void ReportStopped();

  const Options options_;
  const std::vector<http1::Url> listen_urls_;
  const std::vector<http1::Url> advertised_urls_;
  const std::shared_ptr<Mailbox::ProcessBudget> process_budget_;
  std::stop_source stop_;
  std::unique_ptr<StrandPool> pool_;  // null: inline delivery
  // Reads and writes snapshots; null on a simulated loop.
  std::unique_ptr<StrandPool> disk_pool_;
  std::vector<Place> places_;
  // On a loop that is not ours: what was made for it.
  std::unique_ptr<event::UvLoop> embedded_loop_;
  std::unique_ptr<event::UvConnector> embedded_connector_;
  std::optional<Environment> first_;  // what places_[0] runs on
  std::unique_ptr<RaftServer> server_;

  mutable Mutex mutex_;
  Condition changed_;
  State state_ ABSL_GUARDED_BY(mutex_) = State::kCreated;
  Members peers_ ABSL_GUARDED_BY(mutex_);
  Members remotes_ ABSL_GUARDED_BY(mutex_);
  size_t next_place_ ABSL_GUARDED_BY(mutex_) = 0;
  bool is_paused_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<absl::AnyInvocable<void()>> on_stopped_ ABSL_GUARDED_BY(mutex_);
  size_t places_to_stop_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t loops_to_end_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::string> bound_urls_ ABSL_GUARDED_BY(mutex_);
  bool is_pool_idle_ ABSL_GUARDED_BY(mutex_) = false;
  // The last books of those that are gone.
  LedgerReport removed_report_ ABSL_GUARDED_BY(mutex_);
  std::map<MemberId, LedgerReport> stopped_reports_ ABSL_GUARDED_BY(mutex_);
  // Stop holds us until it has reported.
  std::shared_ptr<Impl> self_ ABSL_GUARDED_BY(mutex_);
};

// How it begins.

void Transport::Impl::BuildShard(size_t place, const Environment& environment) {
  places_[place].shard = std::make_unique<Shard>(
      environment.loop, environment.connector, options_, advertised_urls_,
      pool_.get(), disk_pool_.get(), stop_.get_token(), environment.wall_clock);
}

void Transport::Impl::BuildServer(const Environment& environment) {
  Identity identity;
  identity.self = options_.id;
  identity.cluster = options_.cluster_id;
  identity.version = options_.version;
  server_ = std::make_unique<RaftServer>(
      environment, options_, identity, pool_.get(), disk_pool_.get(),
      stop_.get_token(), static_cast<Directory&>(*this));
}

void Transport::Impl::RunOnThreads() {
  disk_pool_ = std::make_unique<StrandPool>(DiskPoolOptions());
  places_.resize(static_cast<size_t>(options_.loop_threads));
  for (size_t i = 0; i < places_.size(); ++i) {
    Place& place = places_[i];
    place.thread = std::make_unique<LoopThread>([this] { OnLoopEnded(); });
    event::UvLoop& loop = place.thread->loop();
    place.loop = &loop;
    RunOn(loop, [&] {
      const Environment environment =
          UvEnvironment(loop, place.thread->connector());
      BuildShard(i, environment);
      if (i > 0) return;
      first_.emplace(environment);
      BuildServer(*first_);
    });
  }
}

void Transport::Impl::RunOnEmbeddersLoop() {
  disk_pool_ = std::make_unique<StrandPool>(DiskPoolOptions());
  embedded_loop_ = std::make_unique<event::UvLoop>(*options_.loop);
  embedded_connector_ = std::make_unique<event::UvConnector>(*embedded_loop_);
  RunIn(UvEnvironment(*embedded_loop_, *embedded_connector_));
}

void Transport::Impl::RunIn(Environment environment) {
  if (!environment.wall_clock) {
    environment.wall_clock = [] { return absl::Now(); };
  }
  places_.resize(1);
  places_[0].loop = &environment.loop;
  first_.emplace(std::move(environment));
  BuildShard(0, *first_);
  BuildServer(*first_);
}

void Transport::Impl::RunOn(event::EventLoop& loop,
                            absl::FunctionRef<void()> work) {
  if (loop.IsCurrent()) return work();
  Mutex mutex;
  Condition is_done_changed;
  bool is_done = false;
  loop.Post([&] {
    work();
    MutexLock lock(mutex);
    is_done = true;
    is_done_changed.NotifyOne();
  });
  MutexLock lock(mutex);
  while (!is_done) is_done_changed.Wait(mutex);
}

absl::Status Transport::Impl::Start() {
  {
    MutexLock lock(mutex_);
    if (state_ != State::kCreated) {
      return absl::FailedPreconditionError(
          state_ == State::kRunning ? "started already" : "stopped");
    }
  }
  absl::Status status;
  std::vector<std::string> bound_urls;
  RunOn(*places_[0].loop, [&] {
    status = server_->Listen(listen_urls_);
    bound_urls = server_->listen_urls();
  });
  if (!status.ok()) return status;
  MutexLock lock(mutex_);
  bound_urls_ = std::move(bound_urls);
  if (state_ == State::kCreated) state_ = State::kRunning;
  return absl::OkStatus();
}

std::vector<std::string> Transport::Impl::listen_urls() const {
  MutexLock lock(mutex_);
  return bound_urls_;
}

// What goes out.

const Transport::Impl::Member* Transport::Impl::FindMember(MemberId id) const {
  auto found = peers_.find(id);
  if (found != peers_.end()) return &found->second;
  found = remotes_.find(id);
  return found != remotes_.end() ? &found->second : nullptr;
}

SendResult Transport::Impl::Send(
    size_t count, absl::FunctionRef<uint64_t(size_t)> to,
    absl::FunctionRef<codec::OutgoingMessage(size_t)> take) {
  SendResult result;
  size_t begin = 0;
  while (begin < count) {
    const uint64_t receiver = to(begin);
    size_t end = begin + 1;
    while (end < count && to(end) == receiver) ++end;
    const size_t messages = end - begin;
    std::shared_ptr<Mailbox> mailbox;
    if (receiver != 0) {
      MutexLock lock(mutex_);
      const Member* const member = FindMember(MemberId(receiver));
      if (member != nullptr) mailbox = member->mailbox;
    }
    std::optional<Mailbox::PutResult> put;
    if (mailbox != nullptr) {
      size_t next = begin;
      put = mailbox->Put(messages, [&] { return take(next++); });
    }
    if (put) {
      result.queued += put->queued;
      result.dropped += put->dropped;
    } else {
      (receiver == 0 ? result.skipped : result.unknown_peer) += messages;
    }
    begin = end;
  }
  return result;
}

absl::Status Transport::Impl::SendSnapshot(snap::SnapshotMessage message) {
  const MemberId to(message.message().to());
  absl::Status status;
  {
    MutexLock lock(mutex_);
    const auto found = peers_.find(to);
    if (state_ != State::kRunning) {
      status = absl::FailedPreconditionError("SendSnapshot: not running");
    } else if (found == peers_.end()) {
      status = absl::NotFoundError(
          absl::StrCat("member not found: no peer ", to.ToHex()));
    } else {
      PostToShard(found->second.place,
                  [to, message = std::move(message)](Shard& shard) mutable {
                    if (Peer* const peer = shard.FindPeer(to)) {
                      peer->SendSnapshot(std::move(message));
                    }
                  });
      return absl::OkStatus();
    }
  }
  message.Close(status);
  return status;
}

// Who there is.

void Transport::Impl::PostToShard(size_t place,
                                  absl::AnyInvocable<void(Shard&)> work) {
  if (state_ != State::kRunning) return;
  Place& where = places_[place];
  where.loop->Post(
      [self = shared_from_this(), &where, work = std::move(work)]() mutable {
        // Gone, if it has been stopped since.
        if (where.shard != nullptr) work(*where.shard);
      });
}

absl::Status Transport::Impl::AddMember(Members& members, MemberId id,
                                        std::vector<http1::Url> urls,
                                        bool is_remote) {
  Member member;
  member.place = next_place_++ % places_.size();
  Mailbox::Options mailbox;
  mailbox.member = id;
  mailbox.messages_max = options_.queue_messages_max;
  mailbox.bytes_max = options_.queue_bytes_max;
  mailbox.message_bytes_max = options_.limits.message_bytes_max;
  member.mailbox = std::make_shared<Mailbox>(
      *places_[member.place].loop, std::move(mailbox), process_budget_);
  if (!is_remote) member.mailbox->set_is_paused(is_paused_);
  PostToShard(member.place,
              [mailbox = member.mailbox, urls = std::move(urls), is_remote,
               is_paused = is_paused_](Shard& shard) mutable {
                const MemberId member_id = mailbox->member();
                if (is_remote) {
                  shard.AddRemote(std::move(mailbox), std::move(urls));
                } else {
                  shard.AddPeer(std::move(mailbox), std::move(urls));
                  shard.SetPaused(member_id, is_paused);
                }
              });
  members.emplace(id, std::move(member));
  return absl::OkStatus();
}

absl::Status Transport::Impl::AddPeer(MemberId id,
                                      const std::vector<std::string>& texts) {
  absl::StatusOr<std::vector<http1::Url>> urls = ParseUrls(texts, "AddPeer");
  if (!urls.ok()) return urls.status();
  if (urls->empty()) return absl::InvalidArgumentError("AddPeer: no URLs");
  if (id.is_zero()) return absl::InvalidArgumentError("AddPeer: ID 0");
  MutexLock lock(mutex_);
  if (state_ != State::kRunning) {
    return absl::FailedPreconditionError("AddPeer: not running");
  }
  if (peers_.contains(id)) return absl::OkStatus();
  return AddMember(peers_, id, *std::move(urls), /*is_remote=*/false);
}

absl::Status Transport::Impl::AddRemote(MemberId id,
                                        const std::vector<std::string>& texts) {
  absl::StatusOr<std::vector<http1::Url>> urls = ParseUrls(texts, "AddRemote");
  if (!urls.ok()) return urls.status();
  if (urls->empty()) return absl::InvalidArgumentError("AddRemote: no URLs");
  if (id.is_zero()) return absl::InvalidArgumentError("AddRemote: ID 0");
  MutexLock lock(mutex_);
  if (state_ != State::kRunning) {
    return absl::FailedPreconditionError("AddRemote: not running");
  }
  if (FindMember(id) != nullptr) return absl::OkStatus();
  return AddMember(remotes_, id, *std::move(urls), /*is_remote=*/true);
}

absl::Status Transport::Impl::RemovePeer(MemberId id) {
  MutexLock lock(mutex_);
  const auto found = peers_.find(id);
  if (found == peers_.end()) {
    return absl::NotFoundError(absl::StrCat("no peer ", id.ToHex()));
  }
  PostToShard(found->second.place, [this, id](Shard& shard) {
    const LedgerReport report = shard.RemovePeer(id);
    MutexLock report_lock(mutex_);
    removed_report_.Add(report);
  });
  peers_.erase(found);
  return absl::OkStatus();
}

void Transport::Impl::RemoveAllPeers() {
  std::vector<MemberId> ids;
  {
    MutexLock lock(mutex_);
    for (const auto& [id, member] : peers_) ids.push_back(id);
  }
  // Another may remove them at the same time: all the same.
  for (const MemberId id : ids) RemovePeer(id).IgnoreError();
}

absl::Status Transport::Impl::UpdatePeer(
    MemberId id, const std::vector<std::string>& texts) {
  absl::StatusOr<std::vector<http1::Url>> urls = ParseUrls(texts, "UpdatePeer");
  if (!urls.ok()) return urls.status();
  if (urls->empty()) return absl::InvalidArgumentError("UpdatePeer: no URLs");
  MutexLock lock(mutex_);
  const auto found = peers_.find(id);
  if (found == peers_.end()) {
    return absl::NotFoundError(absl::StrCat("no peer ", id.ToHex()));
  }
  PostToShard(found->second.place,
              [id, urls = *std::move(urls)](Shard& shard) mutable {
                shard.UpdatePeer(id, std::move(urls));
              });
  return absl::OkStatus();
}

std::optional<absl::Time> Transport::Impl::ActiveSince(MemberId id) const {
  MutexLock lock(mutex_);
  const auto found = peers_.find(id);
  if (found == peers_.end()) return std::nullopt;
  const absl::Time since = found->second.mailbox->active_since();
  if (since == absl::InfinitePast()) return std::nullopt;
  return since;
}

size_t Transport::Impl::ActivePeers() const {
  MutexLock lock(mutex_);
  size_t active = 0;
  for (const auto& [id, member] : peers_) {
    if (member.mailbox->active_since() != absl::InfinitePast()) ++active;
  }
  return active;
}

void Transport::Impl::SetPaused(std::optional<MemberId> id, bool is_paused) {
  MutexLock lock(mutex_);
  if (!id) is_paused_ = is_paused;
  for (const auto& [member_id, member] : peers_) {
    if (id && *id != member_id) continue;
    // At once for what is sent from now on; on the loop for what comes.
    member.mailbox->set_is_paused(is_paused);
    PostToShard(member.place, [paused_id = member_id, is_paused](Shard& shard) {
      shard.SetPaused(paused_id, is_paused);
    });
  }
}

void Transport::Impl::ReadLedger(
    std::optional<MemberId> id,
    absl::AnyInvocable<void(LedgerReport)> on_report) {
  LedgerReport report;
  {
    MutexLock lock(mutex_);
    if (state_ == State::kRunning && id) {
      if (const Member* const member = FindMember(*id)) {
        PostToShard(member->place,
                    [id = *id, on_report = std::move(on_report)](
                        Shard& shard) mutable { on_report(shard.Report(id)); });
        return;
      }
    } else if (state_ == State::kRunning) {
      // Each loop's in one go; the next asks once the one before has answered.
      struct Sum {
        LedgerReport report;
        absl::AnyInvocable<void(LedgerReport)> on_report;
        size_t missing;
        Mutex mutex;
      };
      auto sum = std::make_shared<Sum>();
      sum->report = removed_report_;
      sum->on_report = std::move(on_report);
      sum->missing = places_.size();
      for (size_t place = 0; place < places_.size(); ++place) {
        PostToShard(place, [sum](Shard& shard) {
          const LedgerReport part = shard.ReportAll();
          bool is_last = false;
          {
            MutexLock sum_lock(sum->mutex);
            sum->report.Add(part);
            is_last = --sum->missing == 0;
          }
          if (is_last) sum->on_report(std::move(sum->report));
        });
      }
      return;
    } else if (id) {
      const auto found = stopped_reports_.find(*id);
      if (found != stopped_reports_.end()) report = found->second;
    } else {
      report = removed_report_;
      for (const auto& [member_id, last] : stopped_reports_) report.Add(last);
    }
  }
  on_report(std::move(report));
}

// What comes in.

bool Transport::Impl::IsPeer(MemberId id) {
  MutexLock lock(mutex_);
  return peers_.contains(id);
}

void Transport::Impl::AttachStream(MemberId from, StreamKind kind,
                                   std::unique_ptr<event::ByteStream> stream) {
  MutexLock lock(mutex_);
  const auto found = peers_.find(from);
  if (found == peers_.end()) return;
  const size_t place = found->second.place;
  if (place == 0) {
    // In a turn of its own, as the stream's handler may not be done with it.
    PostToShard(place,
                [from, kind, stream = std::move(stream)](Shard& shard) mutable {
                  if (Peer* const peer = shard.FindPeer(from)) {
                    peer->AttachStream(kind, std::move(stream));
                  }
                });
    return;
  }
  const absl::StatusOr<int> socket = stream->DetachSocket();
  if (!socket.ok()) return;  // the peer dials again
  event::UvLoop& loop = places_[place].thread->loop();
  PostToShard(place, [&loop, from, kind, fd = *socket](Shard& shard) {
    auto handed = event::UvByteStream::FromSocket(
        loop, fd, event::UvByteStream::Options());
    if (!handed.ok()) return;
    if (Peer* const peer = shard.FindPeer(from)) {
      peer->AttachStream(kind, *std::move(handed));
    }
  });
}

bool Transport::Impl::Receive(
    raftpb::Message& message, size_t body_bytes,
    absl::AnyInvocable<void(absl::Status)>& on_processed) {
  const MemberId from(message.from());
  MutexLock lock(mutex_);
  const auto found = peers_.find(from);
  if (found == peers_.end()) return false;
  const size_t place = found->second.place;
  event::EventLoop* const origin = places_[0].loop;
  const bool is_home = place == 0;
  PostToShard(place, [self = shared_from_this(), from, body_bytes, origin,
                      is_home, message = std::move(message),
                      on_processed =
                          std::move(on_processed)](Shard& shard) mutable {
    Peer* const peer = shard.FindPeer(from);
    if (peer == nullptr) return;  // and the sender's connection is closed
    if (is_home) {
      peer->Receive(std::move(message), body_bytes, std::move(on_processed));
      return;
    }
    peer->Receive(
        std::move(message), body_bytes,
        [self, origin,
         on_processed = std::move(on_processed)](absl::Status status) mutable {
          origin->Post([status = std::move(status),
                        on_processed = std::move(on_processed)]() mutable {
            on_processed(std::move(status));
          });
        });
  });
  return true;
}

bool Transport::Impl::PostToPeer(MemberId id,
                                 absl::AnyInvocable<void(Peer&)> work) {
  MutexLock lock(mutex_);
  const auto found = peers_.find(id);
  if (found == peers_.end()) return false;
  PostToShard(found->second.place,
              [id, work = std::move(work)](Shard& shard) mutable {
                if (Peer* const peer = shard.FindPeer(id)) work(*peer);
              });
  return true;
}

bool Transport::Impl::ReceiveFailed(MemberId from) {
  return PostToPeer(from, [](Peer& peer) { peer.ReceiveFailed(); });
}

bool Transport::Impl::SnapshotBegan(MemberId from) {
  return PostToPeer(from, [](Peer& peer) { peer.SnapshotReceiveBegan(); });
}

bool Transport::Impl::SnapshotEnded(MemberId from, bool is_ok,
                                    absl::Duration took) {
  return PostToPeer(from, [is_ok, took](Peer& peer) {
    peer.SnapshotReceiveEnded(is_ok, took);
  });
}

void Transport::Impl::OnSender(MemberId from, std::vector<http1::Url> urls) {
  MutexLock lock(mutex_);
  if (state_ != State::kRunning || FindMember(from) != nullptr) return;
  if (from == options_.id || from.is_zero()) return;
  AddMember(remotes_, from, std::move(urls), /*is_remote=*/true).IgnoreError();
}

// How it ends.

void Transport::Impl::Stop(absl::AnyInvocable<void()> on_stopped) {
  {
    MutexLock lock(mutex_);
    if (state_ != State::kStopped) {
      on_stopped_.push_back(std::move(on_stopped));
      if (state_ == State::kStopping) return;
      state_ = State::kStopping;
      self_ = shared_from_this();
      places_to_stop_ = places_.size();
      loops_to_end_ = places_.size();
      on_stopped = nullptr;
    }
  }
  if (on_stopped) return on_stopped();
  stop_.request_stop();
  for (size_t place = 0; place < places_.size(); ++place) {
    places_[place].loop->Post(
        [self = shared_from_this(), place] { self->StopShard(place); });
  }
}

void Transport::Impl::StopShard(size_t place) {
  if (place == 0) server_.reset();
  std::map<MemberId, LedgerReport> reports = places_[place].shard->Stop();
  places_[place].shard.reset();
  {
    MutexLock lock(mutex_);
    for (auto& [id, report] : reports) stopped_reports_[id].Add(report);
    if (--places_to_stop_ > 0) return;
    peers_.clear();
    remotes_.clear();
  }
  OnShardsStopped();
}

void Transport::Impl::OnShardsStopped() {
  if (pool_ == nullptr) return OnDeliveryIdle();
  pool_->Shutdown([this] { OnDeliveryIdle(); });
}

void Transport::Impl::OnDeliveryIdle() {
  if (disk_pool_ == nullptr) return OnPoolIdle();
  disk_pool_->Shutdown([this] { OnPoolIdle(); });
}

void Transport::Impl::OnPoolIdle() {
  {
    MutexLock lock(mutex_);
    is_pool_idle_ = true;
    changed_.NotifyAll();
  }
  for (Place& place : places_) {
    if (place.thread != nullptr) {
      place.loop->Post([&place] { place.thread->Quit(); });
    } else {
      place.loop->Post([self = shared_from_this()] { self->EndForeignLoop(); });
    }
  }
}

void Transport::Impl::OnLoopEnded() {
  {
    MutexLock lock(mutex_);
    if (--loops_to_end_ > 0) return;
  }
  ReportStopped();
}

void Transport::Impl::EndForeignLoop() {
  if (embedded_loop_ == nullptr) return ReportStopped();
  uv_loop_t& uv = *embedded_loop_->uv();
  first_.reset();
  embedded_connector_.reset();
  embedded_loop_.reset();
  AfterClose(uv, [self = shared_from_this()] { self->ReportStopped(); });
}

void Transport::Impl::ReportStopped() {
  std::vector<absl::AnyInvocable<void()>> on_stopped;
  std::shared_ptr<Impl> self;
  {
    MutexLock lock(mutex_);
    state_ = State::kStopped;
    on_stopped.swap(on_stopped_);
    self.swap(self_);
    changed_.NotifyAll();
  }
  for (auto& callback : on_stopped) callback();
}

absl::Status Transport::Impl::StopAndWait() {
  if (pool_ != nullptr && pool_->IsPoolThread()) {
    return absl::FailedPreconditionError(
        "StopAndWait inside Raft's Process would wait for itself");
  }
  for (const Place& place : places_) {
    if (place.thread == nullptr ? true : place.thread->IsCurrent()) {
      return absl::FailedPreconditionError(
          "StopAndWait would wait for its own loop; use Stop");
    }
  }
  Stop([] {});
  {
    MutexLock lock(mutex_);
    while (state_ != State::kStopped) changed_.Wait(mutex_);
  }
  return absl::OkStatus();
}

void Transport::Impl::Abandon() {
  if (places_[0].thread != nullptr) {
    // On our own threads it cannot wait; they hold what they need.
    if (!StopAndWait().ok()) Stop([] {});
    return;
  }
  // On a loop that is not ours, and that we may not run, all that would take
  // turns is done at once.
  {
    MutexLock lock(mutex_);
    if (state_ == State::kStopping || state_ == State::kStopped) return;
    state_ = State::kStopping;
    self_ = shared_from_this();
    places_to_stop_ = 1;
  }
  stop_.request_stop();
  StopShard(0);
  MutexLock lock(mutex_);
  while (!is_pool_idle_) changed_.Wait(mutex_);
}

// The face.

Transport::Transport(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Transport::~Transport() { impl_->Abandon(); }

absl::StatusOr<std::unique_ptr<Transport>> Transport::Create(Options options) {
  absl::StatusOr<std::shared_ptr<Impl>> impl = NewImpl(std::move(options));
  if (!impl.ok()) return impl.status();
  if ((*impl)->has_embedders_loop()) {
    (*impl)->RunOnEmbeddersLoop();
  } else {
    (*impl)->RunOnThreads();
  }
  return absl::WrapUnique(new Transport(*std::move(impl)));
}

absl::StatusOr<std::unique_ptr<Transport>> Transport::Create(
    Environment environment, Options options) {
  absl::StatusOr<std::shared_ptr<Impl>> impl = NewImpl(std::move(options));
  if (!impl.ok()) return impl.status();
  (*impl)->RunIn(std::move(environment));
  return absl::WrapUnique(new Transport(*std::move(impl)));
}

absl::StatusOr<std::shared_ptr<Transport::Impl>> Transport::NewImpl(
    Options options) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  absl::StatusOr<std::vector<http1::Url>> listen_urls =
      ParseListenUrls(options.listen_urls);
  if (!listen_urls.ok()) return listen_urls.status();
  absl::StatusOr<std::vector<http1::Url>> advertised_urls =
      ParseUrls(options.advertised_urls, "Options::advertised_urls");
  if (!advertised_urls.ok()) return advertised_urls.status();
  return std::make_shared<Impl>(std::move(options), *std::move(listen_urls),
                                *std::move(advertised_urls));
}

http1::Mux& Transport::mux() { return impl_->mux(); }

http1::Handler& Transport::Handler() { return impl_->handler(); }

absl::Status Transport::Start() { return impl_->Start(); }

std::vector<std::string> Transport::listen_urls() const {
  return impl_->listen_urls();
}

SendResult Transport::Send(absl::Span<raftpb::Message> messages) {
  return impl_->Send(
      messages.size(), [&](size_t i) { return messages[i].to(); },
      [&](size_t i) { return codec::OutgoingMessage(std::move(messages[i])); });
}

SendResult Transport::Send(raftpb::Message&& message) {
  return Send(absl::MakeSpan(&message, 1));
}

SendResult Transport::Send(const codec::MessageView& message,
                           std::shared_ptr<const void> owner) {
  return impl_->Send(
      1, [&](size_t) { return message.to; },
      [&](size_t) {
        return codec::OutgoingMessage(message, std::move(owner));
      });
}

absl::Status Transport::SendSnapshot(snap::SnapshotMessage message) {
  return impl_->SendSnapshot(std::move(message));
}

absl::Status Transport::AddPeer(MemberId id,
                                const std::vector<std::string>& urls) {
  return impl_->AddPeer(id, urls);
}

absl::Status Transport::AddRemote(MemberId id,
                                  const std::vector<std::string>& urls) {
  return impl_->AddRemote(id, urls);
}

absl::Status Transport::RemovePeer(MemberId id) {
  return impl_->RemovePeer(id);
}

void Transport::RemoveAllPeers() { impl_->RemoveAllPeers(); }

absl::Status Transport::UpdatePeer(MemberId id,
                                   const std::vector<std::string>& urls) {
  return impl_->UpdatePeer(id, urls);
}

std::optional<absl::Time> Transport::ActiveSince(MemberId id) const {
  return impl_->ActiveSince(id);
}

size_t Transport::ActivePeers() const { return impl_->ActivePeers(); }

void Transport::ReadLedger(MemberId id,
                           absl::AnyInvocable<void(LedgerReport)> on_report) {
  impl_->ReadLedger(id, std::move(on_report));
}

void Transport::ReadLedger(absl::AnyInvocable<void(LedgerReport)> on_report) {
  impl_->ReadLedger(std::nullopt, std::move(on_report));
}

void Transport::CutPeer(MemberId id) { impl_->SetPaused(id, true); }
void Transport::MendPeer(MemberId id) { impl_->SetPaused(id, false); }
void Transport::Pause() { impl_->SetPaused(std::nullopt, true); }
void Transport::Resume() { impl_->SetPaused(std::nullopt, false); }

void Transport::Stop(absl::AnyInvocable<void()> on_stopped) {
  impl_->Stop(std::move(on_stopped));
}

absl::Status Transport::StopAndWait() { return impl_->StopAndWait(); }

}  // namespace rafthttp
