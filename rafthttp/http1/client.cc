#include "rafthttp/http1/client.h"

#include <algorithm>
#include <list>
#include <string>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "rafthttp/base/check.h"
#include "rafthttp/http1/client_connection.h"
#include "rafthttp/http1/http_error.h"
#include "rafthttp/http1/url.h"

namespace rafthttp::http1 {
namespace {

// The same status with "context: " before its text.
absl::Status WithContext(const absl::Status& status,
                         absl::string_view context) {
  absl::Status result(status.code(),
                      absl::StrCat(context, ": ", status.message()));
  status.ForEachPayload(
      [&result](absl::string_view url, const absl::Cord& payload) {
        result.SetPayload(url, payload);
      });
  return result;
}

absl::Status CheckRequest(const Request& request) {
  if (request.url.scheme != Url::Scheme::kHttp &&
      request.url.scheme != Url::Scheme::kUnix) {
    return absl::UnimplementedError(absl::StrCat("this build speaks no ",
                                                 SchemeName(request.url.scheme),
                                                 ", only http"));
  }
  return RequestHeadBytes(request).status();
}

}  // namespace

// One connection, from the attempt on.
struct Client::Slot {
  explicit Slot(Host& owner) : host(owner) {}

  Host& host;
  PendingCall* call = nullptr;  // null if idle
  std::unique_ptr<event::Connector::Attempt> attempt;
  std::unique_ptr<ClientConnection> connection;  // null while connecting
  std::unique_ptr<event::Timer> idle_timer;
  bool is_reused = false;  // the call is not the connection's first
};

struct Client::Host {
  event::Address address;
  std::list<std::unique_ptr<Slot>> slots;  // the one last used is in front
  std::list<PendingCall*> queue;
};

// A call is in one place: rejected (no client), in a host's
// queue (no slot), in a slot, or over (no client).
class Client::PendingCall final : public Client::Call {
 public:
  PendingCall(event::EventLoop& loop, Request request,
              const FetchOptions& options, OnResponse on_response)
      : request_(std::move(request)),
        timeout_(options.timeout),
        deadline_(loop.Now() + options.timeout),
        on_response_(std::move(on_response)),
        timer_(loop.NewTimer([this] { OnTimer(); })) {}
  ~PendingCall() override {
    if (client_ != nullptr) client_->Withdraw(*this);
  }

  void Enqueue(Client& client, Host& host) {
    client_ = &client;
    host_ = &host;
    host.queue.push_back(this);
    if (timeout_ < absl::InfiniteDuration()) timer_->Start(timeout_);
  }
  // For a call that is in no place of the client, or withdrawn from it.
  void Reject(absl::Status status) {
    client_ = nullptr;
    failure_ = std::move(status);
    timer_->Start(absl::ZeroDuration());
  }
  void set_slot(Slot* slot) { slot_ = slot; }

  // Ends the call's part in the client. Nothing runs after it but what the
  // returned function is called with.
  absl::AnyInvocable<void(absl::StatusOr<Response>)> Detach() {
    client_ = nullptr;
    slot_ = nullptr;
    timer_->Cancel();
    // The call may be destroyed inside on_response: nothing of it is used then.
    return [on_response = std::move(on_response_),
            context = Context()](absl::StatusOr<Response> response) mutable {
      if (!response.ok()) response = WithContext(response.status(), context);
      on_response(std::move(response));
    };
  }

  const Request& request() const { return request_; }
  absl::Time deadline() const { return deadline_; }
  Host& host() const { return *host_; }
  Slot* slot() const { return slot_; }

 private:
  std::string Context() const {
    return absl::StrCat(request_.method, " ", request_.url.ToString());
  }

  void OnTimer() {
    if (client_ == nullptr) return Detach()(failure_);
    const absl::Status status = absl::DeadlineExceededError(
        absl::StrCat(Waiting(), " for ", absl::FormatDuration(timeout_)));
    client_->Withdraw(*this);
    Detach()(status);
  }

  absl::string_view Waiting() const {
    if (slot_ == nullptr) return "waited for a free connection";
    if (slot_->connection == nullptr) return "tried to connect";
    return slot_->connection->has_answer_begun() ? "no complete answer"
                                                 : "no answer";
  }

  const Request request_;
  const absl::Duration timeout_;
  const absl::Time deadline_;
  OnResponse on_response_;
  const std::unique_ptr<event::Timer> timer_;
  absl::Status failure_;
  Client* client_ = nullptr;
  Host* host_ = nullptr;
  Slot* slot_ = nullptr;
};

Client::Client(event::EventLoop& loop, event::Connector& connector,
               Options options)
    : loop_(loop), connector_(connector), options_(options) {
  CHECK(options_.connections_per_host_max > 0);
}

Client::~Client() {
  CHECK(loop_.IsCurrent());
  // What a call's function captured is destroyed with it, and might reach back
  // for the client: that comes last.
  std::list<OnResponse> unanswered;
  for (auto& [address, host] : hosts_) {
    for (PendingCall* call : host->queue) unanswered.push_back(call->Detach());
    for (auto& slot : host->slots) {
      if (slot->call != nullptr) unanswered.push_back(slot->call->Detach());
    }
  }
  hosts_.clear();
}

std::unique_ptr<Client::Call> Client::Fetch(Request request,
                                            const FetchOptions& options,
                                            OnResponse on_response) {
  CHECK(loop_.IsCurrent());
  auto call = std::make_unique<PendingCall>(loop_, std::move(request), options,
                                            std::move(on_response));
  if (absl::Status status = CheckRequest(call->request()); !status.ok()) {
    call->Reject(std::move(status));
    return call;
  }
  const event::Address address = call->request().url.address();
  std::unique_ptr<Host>& host = hosts_[address];
  if (host == nullptr) {
    host = std::make_unique<Host>();
    host->address = address;
  }
  call->Enqueue(*this, *host);
  Host& queued_at = *host;
  Dispatch(queued_at);
  if (call->slot() == nullptr &&
      queued_at.queue.size() > options_.queue_calls_max) {
    Withdraw(*call);
    call->Reject(absl::ResourceExhaustedError(absl::StrCat(
        options_.queue_calls_max, " calls wait for this host already")));
  }
  return call;
}

void Client::Dispatch(Host& host) {
  while (!host.queue.empty()) {
    const auto idle =
        std::find_if(host.slots.begin(), host.slots.end(),
                     [](const auto& slot) { return slot->call == nullptr; });
    if (idle == host.slots.end() &&
        host.slots.size() == options_.connections_per_host_max) {
      return;
    }
    PendingCall& call = *host.queue.front();
    host.queue.pop_front();
    Assign(idle == host.slots.end() ? NewSlot(host) : **idle, call);
  }
  if (host.slots.empty()) {
    const event::Address address = host.address;
    hosts_.erase(address);
  }
}

Client::Slot& Client::NewSlot(Host& host) {
  host.slots.push_front(std::make_unique<Slot>(host));
  Slot& slot = *host.slots.front();
  slot.idle_timer = loop_.NewTimer([this, &slot] { DropIdle(slot); });
  return slot;
}

void Client::EraseSlot(Slot& slot) {
  auto& slots = slot.host.slots;
  const auto it =
      std::find_if(slots.begin(), slots.end(),
                   [&slot](const auto& other) { return other.get() == &slot; });
  CHECK(it != slots.end());
  slots.erase(it);
}

void Client::Assign(Slot& slot, PendingCall& call) {
  CHECK(slot.call == nullptr);
  slot.call = &call;
  call.set_slot(&slot);
  slot.idle_timer->Cancel();
  if (slot.connection != nullptr) {
    slot.is_reused = true;
    return Send(slot);
  }
  const absl::Duration timeout =
      std::min(options_.connect_timeout, call.deadline() - loop_.Now());
  slot.attempt = connector_.Connect(
      slot.host.address, {.timeout = timeout},
      [this, &slot](absl::StatusOr<std::unique_ptr<event::ByteStream>> stream) {
        OnConnected(slot, std::move(stream));
      });
}

void Client::OnConnected(
    Slot& slot, absl::StatusOr<std::unique_ptr<event::ByteStream>> stream) {
  slot.attempt.reset();
  if (stream.ok()) {
    slot.connection = std::make_unique<ClientConnection>(
        loop_, *std::move(stream), options_.limits);
    return Send(slot);
  }
  Host& host = slot.host;
  OnResponse on_response = slot.call->Detach();
  EraseSlot(slot);
  Dispatch(host);
  on_response(stream.status());
}

void Client::Send(Slot& slot) {
  const absl::Status status = slot.connection->RoundTrip(
      slot.call->request(), absl::InfiniteDuration(),
      [this, &slot](absl::StatusOr<Response> response) {
        OnResponded(slot, std::move(response));
      });
  CHECK(status.ok());  // CheckRequest has seen it
}

void Client::OnResponded(Slot& slot, absl::StatusOr<Response> response) {
  Host& host = slot.host;
  PendingCall& call = *std::exchange(slot.call, nullptr);
  // Never so on the fresh connection that a repeated call gets.
  const bool is_stale =
      slot.is_reused && HttpErrorOf(response.status()) == HttpError::kNoAnswer;
  if (slot.connection->is_reusable()) {
    MakeIdle(slot);
  } else {
    EraseSlot(slot);
  }
  if (is_stale) return Assign(NewSlot(host), call);
  OnResponse on_response = call.Detach();
  Dispatch(host);
  on_response(std::move(response));
}

void Client::MakeIdle(Slot& slot) {
  auto& slots = slot.host.slots;
  const auto it =
      std::find_if(slots.begin(), slots.end(),
                   [&slot](const auto& other) { return other.get() == &slot; });
  slots.splice(slots.begin(), slots, it);
  slot.idle_timer->Start(options_.idle_timeout);
  slot.connection->NotifyIdleEnd(
      [this, &slot](const absl::Status&) { DropIdle(slot); });
}

void Client::DropIdle(Slot& slot) {
  Host& host = slot.host;
  EraseSlot(slot);
  Dispatch(host);
}

void Client::Withdraw(PendingCall& call) {
  Host& host = call.host();
  if (call.slot() == nullptr) {
    host.queue.remove(&call);
  } else {
    EraseSlot(*call.slot());
  }
  Dispatch(host);
}

size_t Client::connections() const {
  size_t count = 0;
  for (const auto& [address, host] : hosts_) count += host->slots.size();
  return count;
}

size_t Client::idle_connections() const {
  size_t count = 0;
  for (const auto& [address, host] : hosts_) {
    count += static_cast<size_t>(
        std::count_if(host->slots.begin(), host->slots.end(),
                      [](const auto& slot) { return slot->call == nullptr; }));
  }
  return count;
}

size_t Client::queued_calls() const {
  size_t count = 0;
  for (const auto& [address, host] : hosts_) count += host->queue.size();
  return count;
}

}  // namespace rafthttp::http1
