// A message's way out: libraft calls io_.send, which makes a raftpb::Message of
// the RPC and gives it to the transport. libraft's request is answered in a
// later turn: with success if the message was queued, else with
// RAFT_NOCONNECTION, at which libraft goes back to probing that follower.
//
// Its way in: the transport calls Process on the loop's thread, which makes an
// RPC of it and calls libraft at once; the answer is already queued when that
// returns, and what waits for the disk follows later.
//
// What can fail:
//   a message is lost on its way   ReportUnreachable: the next send to that
//   peer
//                                  reports RAFT_NOCONNECTION
//   it is over a budget            Send says so at once
//   it is no RPC                   Process fails, which the transport logs
//   the disk fails                 libraft hears of it, and stops
//
// Closing: raft_close calls io_.close; that closes the disk's half, which
// closes its transport, which stops ours, and reports when that is done; then
// our timer is closed, sends that are not answered yet are cancelled, and
// libraft hears that all is closed.
#include "tools/libraft_bridge/bridge.h"

#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rafthttp/base/check.h"
#include "tools/libraft_bridge/rpc_messages.h"

namespace libraft_bridge {

using rafthttp::MemberId;

absl::StatusOr<std::unique_ptr<Bridge>> Bridge::Create(uv_loop_t& loop,
                                                       Options options) {
  std::unique_ptr<Bridge> bridge(new Bridge(std::move(options)));
  const absl::Status status = bridge->Init(loop);
  if (!status.ok()) return status;
  return bridge;
}

Bridge::Bridge(Options options) : options_(std::move(options)) {}

Bridge::~Bridge() {
  // Not null only if libraft never ran on this.
  if (timer_ != nullptr) {
    uv_close(reinterpret_cast<uv_handle_t*>(timer_), [](uv_handle_t* handle) {
      delete reinterpret_cast<uv_timer_t*>(handle);
    });
  }
  if (has_disk_) raft_uv_close(&disk_);
}

absl::Status Bridge::Init(uv_loop_t& loop) {
  InitDiskTransport();
  const int error =
      raft_uv_init(&disk_, &loop, options_.folder.c_str(), &disk_transport_);
  if (error != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(options_.folder, ": ", raft_strerror(error)));
  }
  has_disk_ = true;
  disk_.data = this;
  InitIo();

  rafthttp::Options options;
  options.id = options_.id;
  options.cluster_id = options_.cluster_id;
  options.raft = this;
  options.listen_urls = options_.listen_urls;
  options.loop = &loop;
  // libraft is not thread-safe and never blocks.
  options.delivery = rafthttp::DeliveryMode::kInline;
  options.logger = options_.logger;
  auto transport = rafthttp::Transport::Create(std::move(options));
  if (!transport.ok()) return transport.status();
  transport_ = *std::move(transport);
  const absl::Status status = transport_->Start();
  if (!status.ok()) return status;

  timer_ = new uv_timer_t;
  CHECK(uv_timer_init(&loop, timer_) == 0);
  timer_->data = this;
  return absl::OkStatus();
}

void Bridge::InitDiskTransport() {
  disk_transport_.impl = this;
  disk_transport_.init = [](raft_uv_transport*, raft_id, const char*) {
    return 0;
  };
  disk_transport_.listen = [](raft_uv_transport*, raft_uv_accept_cb) {
    return 0;
  };
  // Only its own sends would connect.
  disk_transport_.connect = [](raft_uv_transport*, raft_uv_connect*, raft_id,
                               const char*, raft_uv_connect_cb) -> int {
    return RAFT_NOCONNECTION;
  };
  disk_transport_.close = [](raft_uv_transport* transport,
                             raft_uv_transport_close_cb on_closed) {
    static_cast<Bridge*>(transport->impl)
        ->transport_->Stop([transport, on_closed] { on_closed(transport); });
  };
}

void Bridge::InitIo() {
  io_.version = disk_.version;
  io_.impl = this;
  io_.init = [](raft_io* io, raft_id id, const char* address) {
    Bridge& self = Of(io);
    return self.Told(self.disk_.init(&self.disk_, id, address));
  };
  io_.close = [](raft_io* io, raft_io_close_cb cb) { Of(io).Close(cb); };
  io_.load = [](raft_io* io, raft_term* term, raft_id* voted_for,
                raft_snapshot** snapshot, raft_index* start_index,
                raft_entry** entries, size_t* n_entries) {
    Bridge& self = Of(io);
    return self.Told(self.disk_.load(&self.disk_, term, voted_for, snapshot,
                                     start_index, entries, n_entries));
  };
  io_.start = [](raft_io* io, unsigned msecs, raft_io_tick_cb tick,
                 raft_io_recv_cb receive) {
    return Of(io).Start(msecs, tick, receive);
  };
  io_.bootstrap = [](raft_io* io, const raft_configuration* configuration) {
    Bridge& self = Of(io);
    return self.Told(self.disk_.bootstrap(&self.disk_, configuration));
  };
  io_.recover = [](raft_io* io, const raft_configuration* configuration) {
    Bridge& self = Of(io);
    return self.Told(self.disk_.recover(&self.disk_, configuration));
  };
  io_.set_term = [](raft_io* io, raft_term term) {
    Bridge& self = Of(io);
    return self.Told(self.disk_.set_term(&self.disk_, term));
  };
  io_.set_vote = [](raft_io* io, raft_id id) {
    Bridge& self = Of(io);
    return self.Told(self.disk_.set_vote(&self.disk_, id));
  };
  io_.send = [](raft_io* io, raft_io_send* request, const raft_message* rpc,
                raft_io_send_cb cb) { return Of(io).Send(request, *rpc, cb); };
  io_.append = [](raft_io* io, raft_io_append* request,
                  const raft_entry entries[], unsigned n,
                  raft_io_append_cb cb) {
    Bridge& self = Of(io);
    return self.Told(self.disk_.append(&self.disk_, request, entries, n, cb));
  };
  io_.truncate = [](raft_io* io, raft_index index) {
    Bridge& self = Of(io);
    return self.Told(self.disk_.truncate(&self.disk_, index));
  };
  io_.snapshot_put =
      [](raft_io* io, unsigned trailing, raft_io_snapshot_put* request,
         const raft_snapshot* snapshot, raft_io_snapshot_put_cb cb) {
        Bridge& self = Of(io);
        return self.Told(self.disk_.snapshot_put(&self.disk_, trailing, request,
                                                 snapshot, cb));
      };
  io_.snapshot_get = [](raft_io* io, raft_io_snapshot_get* request,
                        raft_io_snapshot_get_cb cb) {
    Bridge& self = Of(io);
    return self.Told(self.disk_.snapshot_get(&self.disk_, request, cb));
  };
  io_.time = [](raft_io* io) { return Of(io).disk_.time(&Of(io).disk_); };
  io_.random = [](raft_io* io, int min, int max) {
    return Of(io).disk_.random(&Of(io).disk_, min, max);
  };
  io_.async_work = [](raft_io* io, raft_io_async_work* request,
                      raft_io_async_work_cb cb) {
    Bridge& self = Of(io);
    return self.Told(self.disk_.async_work(&self.disk_, request, cb));
  };
}

int Bridge::Told(int error) {
  if (error != 0) {
    std::snprintf(io_.errmsg, sizeof(io_.errmsg), "%s", disk_.errmsg);
  }
  return error;
}

int Bridge::Start(unsigned tick_msecs, raft_io_tick_cb tick,
                  raft_io_recv_cb receive) {
  tick_ = tick;
  receive_ = receive;
  const raft_configuration& configuration =
      static_cast<const raft*>(io_.data)->configuration;
  for (unsigned i = 0; i < configuration.n; ++i) {
    Introduce(configuration.servers[i].id, configuration.servers[i].address);
  }
  return Told(disk_.start(
      &disk_, tick_msecs,
      [](raft_io* disk) {
        auto* const self = static_cast<Bridge*>(disk->data);
        self->tick_(&self->io_);
        if (self->options_.on_step) self->options_.on_step();
      },
      [](raft_io*, raft_message*) {}));
}

int Bridge::Send(raft_io_send* request, const raft_message& rpc,
                 raft_io_send_cb cb) {
  if (on_closed_ != nullptr) return RAFT_CANCELED;
  auto message = MessageFromRpc(options_.id.value(), rpc);
  if (!message.ok()) {
    std::snprintf(io_.errmsg, sizeof(io_.errmsg), "%s",
                  message.status().ToString().c_str());
    return RAFT_MALFORMED;
  }
  Introduce(rpc.server_id, rpc.server_address);
  if (options_.on_send) options_.on_send(*message);
  const bool is_queued = transport_->Send(*std::move(message)).queued == 1;
  const bool was_lost = unreachable_.erase(rpc.server_id) > 0;
  request->cb = cb;
  sent_.push_back({.request = request,
                   .status = is_queued && !was_lost ? 0 : RAFT_NOCONNECTION});
  uv_timer_start(
      timer_,
      [](uv_timer_t* timer) {
        static_cast<Bridge*>(timer->data)->ReportSent();
      },
      /*timeout=*/0, /*repeat=*/0);
  return 0;
}

void Bridge::ReportSent() {
  // libraft may send more from inside its callback, which then wait their turn.
  std::deque<Sent> sent = std::exchange(sent_, {});
  for (const Sent& one : sent) one.request->cb(one.request, one.status);
}

void Bridge::Close(raft_io_close_cb on_closed) {
  on_closed_ = on_closed;
  disk_.close(&disk_, [](raft_io* disk) {
    static_cast<Bridge*>(disk->data)->OnDiskClosed();
  });
}

void Bridge::OnDiskClosed() {
  uv_close(reinterpret_cast<uv_handle_t*>(timer_), [](uv_handle_t* handle) {
    auto* const self = static_cast<Bridge*>(handle->data);
    delete reinterpret_cast<uv_timer_t*>(handle);
    self->OnTimerClosed();
  });
}

void Bridge::OnTimerClosed() {
  timer_ = nullptr;
  for (Sent& one : sent_) one.status = RAFT_CANCELED;
  ReportSent();
  // This may be gone after it.
  on_closed_(&io_);
}

std::string Bridge::AddressOf(raft_id id) const {
  const raft_configuration& configuration =
      static_cast<const raft*>(io_.data)->configuration;
  for (unsigned i = 0; i < configuration.n; ++i) {
    if (configuration.servers[i].id == id) {
      return configuration.servers[i].address;
    }
  }
  return "";
}

void Bridge::Introduce(raft_id id, const std::string& address) {
  if (id == options_.id.value() || address.empty()) return;
  if (!introduced_.insert(id).second) return;
  const absl::Status status = transport_->AddPeer(MemberId(id), {address});
  if (!status.ok() && options_.logger != nullptr) {
    options_.logger->Log(
        rafthttp::Severity::kError,
        absl::StrCat("server ", id, " has no peer URL: ", status.message()));
  }
}

absl::Status Bridge::Process(std::stop_token, raftpb::Message&& message) {
  if (receive_ == nullptr) return absl::UnavailableError("not started");
  if (on_closed_ != nullptr) return absl::CancelledError("stopped");
  // Not libraft's own text, which a new configuration may free.
  const std::string address = AddressOf(message.from());
  auto rpc = ReceivedRpc::FromMessage(message, address.c_str());
  if (!rpc.ok()) return rpc.status();
  if (options_.on_receive) options_.on_receive(message);
  raft_message released = rpc->Release();
  receive_(&io_, &released);
  if (options_.on_step) options_.on_step();
  return absl::OkStatus();
}

void Bridge::ReportUnreachable(MemberId id) { unreachable_.insert(id.value()); }

}  // namespace libraft_bridge
