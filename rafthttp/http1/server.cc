#include "rafthttp/http1/server.h"

#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "rafthttp/base/check.h"

namespace rafthttp::http1 {
namespace {

// Without the port, which differs from connection to connection.
std::string HostOf(absl::string_view peer_address) {
  return std::string(peer_address.substr(0, peer_address.rfind(':')));
}

}  // namespace

// Who is connected, and who would give way first.
class Server::Registry {
 public:
  // One connection's entry, for as long as it lives.
  struct Entry {
    std::string address;
    Slot* slot = nullptr;
    // Places in the queues of those that can give way, unless it is protected.
    bool is_protected = false;
    std::list<Entry*>::iterator in_all;
    std::list<Entry*>::iterator in_address;
  };

  std::unique_ptr<Entry> Add(std::string address) {
    auto entry = std::make_unique<Entry>();
    entry->address = std::move(address);
    ++size_;
    Address& from = addresses_[entry->address];
    ++from.size;
    entry->in_all = all_.insert(all_.end(), entry.get());
    entry->in_address = from.queue.insert(from.queue.end(), entry.get());
    return entry;
  }

  void Remove(Entry& entry) {
    Protect(entry);
    --size_;
    const auto from = addresses_.find(entry.address);
    if (--from->second.size == 0) addresses_.erase(from);
  }

  // It has completed a request, or begun.
  void Touch(Entry& entry) {
    if (entry.is_protected) return;
    Address& from = addresses_[entry.address];
    all_.splice(all_.end(), all_, entry.in_all);
    from.queue.splice(from.queue.end(), from.queue, entry.in_address);
  }

  void Protect(Entry& entry) {
    if (std::exchange(entry.is_protected, true)) return;
    all_.erase(entry.in_all);
    addresses_[entry.address].queue.erase(entry.in_address);
  }

  // Who gives way first, of all or of one address; null if nobody does.
  Entry* First() const { return all_.empty() ? nullptr : all_.front(); }
  Entry* First(const std::string& address) const {
    const auto from = addresses_.find(address);
    if (from == addresses_.end() || from->second.queue.empty()) return nullptr;
    return from->second.queue.front();
  }

  size_t size() const { return size_; }
  size_t size(const std::string& address) const {
    const auto from = addresses_.find(address);
    return from == addresses_.end() ? 0 : from->second.size;
  }

 private:
  struct Address {
    size_t size = 0;
    std::list<Entry*> queue;
  };
  size_t size_ = 0;
  std::list<Entry*> all_;
  std::map<std::string, Address> addresses_;
};

struct Server::Slot {
  std::shared_ptr<Registry> registry;
  std::unique_ptr<Registry::Entry> entry;  // null once it counts no more
  std::unique_ptr<ServerConnection> connection;

  ~Slot() {
    if (entry != nullptr) registry->Remove(*entry);
  }
};

// A stream that was taken over: counted until it is destroyed. What it adds to
// each call is one jump.
class Server::CountedStream final : public event::ByteStream {
 public:
  CountedStream(std::unique_ptr<event::ByteStream> stream,
                std::shared_ptr<Registry> registry,
                std::unique_ptr<Registry::Entry> entry)
      : stream_(std::move(stream)),
        registry_(std::move(registry)),
        entry_(std::move(entry)) {}
  ~CountedStream() override { registry_->Remove(*entry_); }

  void StartReading(Reader& reader) override { stream_->StartReading(reader); }
  void StopReading() override { stream_->StopReading(); }
  absl::StatusOr<size_t> TryWrite(
      absl::Span<const absl::string_view> buffers) override {
    return stream_->TryWrite(buffers);
  }
  void Write(absl::Span<const absl::string_view> buffers,
             absl::AnyInvocable<void(absl::Status)> on_written) override {
    stream_->Write(buffers, std::move(on_written));
  }
  size_t pending_write_bytes() const override {
    return stream_->pending_write_bytes();
  }
  void ShutdownWrite() override { stream_->ShutdownWrite(); }
  absl::StatusOr<int> DetachSocket() override {
    return stream_->DetachSocket();
  }
  std::string local_address() const override {
    return stream_->local_address();
  }
  std::string peer_address() const override { return stream_->peer_address(); }

 private:
  const std::unique_ptr<event::ByteStream> stream_;
  const std::shared_ptr<Registry> registry_;
  const std::unique_ptr<Registry::Entry> entry_;
};

Server::Server(event::EventLoop& loop, Handler& handler, Options options,
               std::function<absl::Time()> wall_clock, Observer* observer)
    : loop_(loop),
      handler_(handler),
      options_(options),
      wall_clock_(std::move(wall_clock)),
      observer_(observer),
      registry_(std::make_shared<Registry>()),
      sweep_timer_(loop.NewTimer([this] { Sweep(); })),
      shutdown_timer_(loop.NewTimer([this] {
        serving_.clear();
        FinishIfClosed();
      })) {}

Server::~Server() = default;

size_t Server::connections() const { return registry_->size(); }

bool Server::MakeRoom(const std::string& address) {
  Registry::Entry* victim = nullptr;
  if (registry_->size(address) >= options_.connections_per_address_max) {
    victim = registry_->First(address);
  } else if (registry_->size() >= options_.connections_max) {
    victim = registry_->First();
  } else {
    return true;
  }
  if (victim == nullptr) return false;
  ServerConnection* const connection = victim->slot->connection.get();
  ++counters_.evicted;
  if (observer_ != nullptr) {
    observer_->OnConnectionRefused(connection->peer_address(), "evicted");
  }
  serving_.erase(connection);
  return true;
}

void Server::Accept(std::unique_ptr<event::ByteStream> stream) {
  CHECK(loop_.IsCurrent());
  const std::string peer_address = stream->peer_address();
  const std::string host = HostOf(peer_address);
  if (is_shutting_down_) return;
  if (!MakeRoom(host)) {
    ++counters_.refused;
    if (observer_ != nullptr) {
      observer_->OnConnectionRefused(peer_address, "too_many");
    }
    return;
  }
  ++counters_.accepted;
  if (observer_ != nullptr) observer_->OnConnectionOpened();
  auto slot = std::make_unique<Slot>();
  slot->registry = registry_;
  slot->entry = registry_->Add(host);
  slot->entry->slot = slot.get();
  slot->connection = std::make_unique<ServerConnection>(
      loop_, std::move(stream), handler_,
      static_cast<ServerConnection::Owner&>(*this), options_.connection,
      wall_clock_);
  ServerConnection* const connection = slot->connection.get();
  serving_.emplace(connection, std::move(slot));
}

void Server::OnRequest(ServerConnection& connection) {
  ++counters_.requests;
  registry_->Touch(*serving_.at(&connection)->entry);
}

void Server::OnClosed(ServerConnection& connection,
                      const absl::Status& status) {
  if (observer_ != nullptr) {
    observer_->OnConnectionClosed(connection.peer_address(), status);
  }
  const auto found = serving_.find(&connection);
  if (found == serving_.end()) return;
  std::unique_ptr<Slot> slot = std::move(found->second);
  serving_.erase(found);
  registry_->Remove(*slot->entry);
  slot->entry.reset();
  closed_.push_back(std::move(slot));
  sweep_timer_->Start(absl::ZeroDuration());
}

std::unique_ptr<event::ByteStream> Server::OnTakenOver(
    ServerConnection& connection, std::unique_ptr<event::ByteStream> stream) {
  const auto found = serving_.find(&connection);
  CHECK(found != serving_.end());
  std::unique_ptr<Slot> slot = std::move(found->second);
  serving_.erase(found);
  std::unique_ptr<Registry::Entry> entry = std::move(slot->entry);
  registry_->Protect(*entry);
  closed_.push_back(std::move(slot));
  sweep_timer_->Start(absl::ZeroDuration());
  return std::make_unique<CountedStream>(std::move(stream), registry_,
                                         std::move(entry));
}

void Server::Sweep() {
  closed_.clear();
  FinishIfClosed();
}

void Server::Shutdown(absl::Duration bound,
                      absl::AnyInvocable<void()> on_closed) {
  CHECK(loop_.IsCurrent());
  CHECK(!is_shutting_down_);
  is_shutting_down_ = true;
  on_shut_down_ = std::move(on_closed);
  std::vector<ServerConnection*> connections;
  for (const auto& [connection, slot] : serving_) {
    connections.push_back(connection);
  }
  for (ServerConnection* const connection : connections) {
    if (serving_.contains(connection)) connection->CloseSoon();
  }
  shutdown_timer_->Start(bound);
  sweep_timer_->Start(absl::ZeroDuration());
}

void Server::FinishIfClosed() {
  if (!is_shutting_down_ || !serving_.empty() || !closed_.empty()) return;
  shutdown_timer_->Cancel();
  if (auto on_closed = std::exchange(on_shut_down_, nullptr)) on_closed();
}

}  // namespace rafthttp::http1
