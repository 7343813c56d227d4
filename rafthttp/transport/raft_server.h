#ifndef RAFTHTTP_TRANSPORT_RAFT_SERVER_H_
#define RAFTHTTP_TRANSPORT_RAFT_SERVER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/base/logger.h"
#include "rafthttp/delivery/delivery.h"
#include "rafthttp/delivery/strand_pool.h"
#include "rafthttp/event/byte_stream.h"
#include "rafthttp/event/listener.h"
#include "rafthttp/handshake/identity.h"
#include "rafthttp/http1/handler.h"
#include "rafthttp/http1/mux.h"
#include "rafthttp/http1/server.h"
#include "rafthttp/http1/url.h"
#include "rafthttp/pipeline/pipeline_handler.h"
#include "rafthttp/probing/probing_handler.h"
#include "rafthttp/snapshot/snapshot_handler.h"
#include "rafthttp/stream/stream_handler.h"
#include "rafthttp/stream/stream_kind.h"
#include "rafthttp/transport/environment.h"
#include "rafthttp/transport/options.h"
#include "raftpb/raft.pb.h"

namespace rafthttp {

// What others reach us by: the listeners, and the handlers behind them.
//
// Place: Transport has one, on its first loop. Threads: loop-confined, but for
// mux() before Listen.
// Lifetime: destroy it outside of its handlers; connections are closed then.
class RaftServer final : private StreamHandler::Peers,
                         private PipelineHandler::Receiver,
                         private SnapshotHandler::Receiver,
                         private Delivery::Events,
                         private http1::Server::Observer {
 public:
  // Where peers live.
  class Directory {
   public:
    virtual bool IsPeer(MemberId id) = 0;
    virtual void AttachStream(MemberId from, StreamKind kind,
                              std::unique_ptr<event::ByteStream> stream) = 0;
    // Takes both arguments and returns true, if the sender is a peer.
    virtual bool Receive(
        raftpb::Message& message, size_t body_bytes,
        absl::AnyInvocable<void(absl::Status)>& on_processed) = 0;
    // A request could not be read; false if its sender is no peer.
    virtual bool ReceiveFailed(MemberId from) = 0;
    // A snapshot is being received, and has been; false if its sender is no
    // peer.
    virtual bool SnapshotBegan(MemberId from) = 0;
    virtual bool SnapshotEnded(MemberId from, bool is_ok,
                               absl::Duration took) = 0;
    // Somebody has shown where it can be reached.
    virtual void OnSender(MemberId from, std::vector<http1::Url> urls) = 0;

   protected:
    ~Directory() = default;
  };

  // All that is referred to must outlive the server.
  RaftServer(const Environment& environment, const Options& options,
             Identity identity, StrandPool* pool, StrandPool* disk_pool,
             std::stop_token stop, Directory& directory);
  ~RaftServer();
  RaftServer(const RaftServer&) = delete;
  RaftServer& operator=(const RaftServer&) = delete;

  http1::Mux& mux() { return mux_; }
  http1::Handler& handler() { return mux_; }

  // Listens on all of `urls`, or on none. Once.
  absl::Status Listen(const std::vector<http1::Url>& urls);
  // With the ports that were taken.
  const std::vector<std::string>& listen_urls() const { return bound_urls_; }

 private:
  // StreamHandler::Peers:
  bool IsIdRemoved(MemberId id) override;
  bool IsPeer(MemberId id) override;
  void AttachStream(MemberId from, StreamKind kind,
                    std::unique_ptr<event::ByteStream> stream,
                    std::string unread) override;
  void OnUnknownSender(MemberId id, std::vector<http1::Url> urls) override;
  // PipelineHandler::Receiver and SnapshotHandler::Receiver:
  void OnSender(MemberId from, std::vector<http1::Url> urls) override;
  void Receive(raftpb::Message message, size_t body_bytes,
               absl::AnyInvocable<void(absl::Status)> on_processed) override;
  void OnReceiveFailed(MemberId from,
                       absl::string_view remote_address) override;
  void OnSnapshotBegan(MemberId from) override;
  void OnSnapshotEnded(const SnapshotHandler::Received& received) override;
  // Delivery::Events:
  void OnDeliveryRoom() override {}
  void OnProcessFailed(uint64_t messages, const absl::Status& status) override;
  // http1::Server::Observer:
  void OnConnectionOpened() override;
  void OnConnectionClosed(absl::string_view peer_address,
                          const absl::Status& status) override;
  void OnConnectionRefused(absl::string_view peer_address,
                           absl::string_view reason) override;

  void Log(Severity severity, absl::string_view text) const;

  const Environment& environment_;
  const Options& options_;
  const Identity identity_;
  Directory& directory_;
  // For senders that are no peers of ours.
  Delivery strangers_;
  StreamHandler stream_handler_;
  PipelineHandler pipeline_handler_;
  std::unique_ptr<SnapshotHandler> snapshot_handler_;  // null: 404
  ProbingHandler probing_handler_;
  std::unique_ptr<http1::Handler> version_handler_;  // null: 404
  std::unique_ptr<http1::Handler> members_handler_;
  http1::Mux mux_;
  http1::Server server_;
  std::vector<std::unique_ptr<event::Listener>> listeners_;
  std::vector<std::string> bound_urls_;
  uint64_t refused_ = 0;  // connections, since it was last logged
  absl::Time refusal_logged_at_ = absl::InfinitePast();
};

}  // namespace rafthttp

#endif  // RAFTHTTP_TRANSPORT_RAFT_SERVER_H_
