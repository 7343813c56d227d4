#include "rafthttp/event/testing/memory_network.h"

#include <algorithm>
#include <deque>
#include <limits>
#include <optional>
#include <random>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "rafthttp/base/check.h"
#include "rafthttp/event/io_status.h"

namespace rafthttp::event {
namespace {

constexpr size_t kUnlimited = std::numeric_limits<size_t>::max();

// How often a connection attempt that hears nothing asks again, as TCP does.
constexpr absl::Duration kConnectRetryInterval = absl::Seconds(1);

}  // namespace

// One end of a connection. It owns what is on its way to it, so that either end
// may go first.
//
// Two timers do all the work, each with one callback per turn: deliver_ hands
// out what has arrived, and finish_ tells the writer what has become of a
// write.
class MemoryNetwork::MemoryStream final : public ByteStream {
 public:
  MemoryStream(MemoryNetwork& network, Address local, Address peer,
               LinkFaults inbound_faults)
      : network_(network),
        id_(network.next_stream_++),
        local_(std::move(local)),
        peer_address_(std::move(peer)),
        faults_(std::move(inbound_faults)),
        random_(faults_.split_seed.value_or(0)),
        deliver_(network.loop_.NewTimer([this] { Deliver(); })),
        finish_(network.loop_.NewTimer([this] { FinishWrites(); })) {
    network_.streams_.emplace(id_, this);
  }

  ~MemoryStream() override {
    network_.streams_.erase(id_);
    if (peer_ == nullptr) return;
    peer_->peer_ = nullptr;
    peer_->room_to_lose_bytes_ = Room();
    // Closing with bytes unread tells the peer that they were lost.
    const bool has_unread = in_flight_bytes_ > 0 && broken_.ok();
    if (has_unread) {
      peer_->SetEnding(Ending::kReset);
    } else if (peer_->ending_ == Ending::kNone) {
      peer_->SetEnding(Ending::kEnd);
    }
  }

  void JoinTo(MemoryStream& peer) { peer_ = &peer; }

  const std::string& local_host() const { return local_.host; }
  const std::string& peer_host() const { return peer_address_.host; }

  // ByteStream:

  void StartReading(Reader& reader) override {
    reader_ = &reader;
    is_reading_ = true;
    is_end_delivered_ = false;
    ScheduleDelivery();
  }

  void StopReading() override { is_reading_ = false; }

  absl::StatusOr<size_t> TryWrite(
      absl::Span<const absl::string_view> buffers) override {
    CHECK(!is_shutting_down_);
    if (!broken_.ok()) return broken_;
    if (!pending_.empty()) return size_t{0};
    size_t written = 0;
    for (absl::string_view buffer : buffers) {
      const size_t sent = Send(buffer);
      written += sent;
      if (sent < buffer.size()) break;
    }
    return written;
  }

  void Write(absl::Span<const absl::string_view> buffers,
             absl::AnyInvocable<void(absl::Status)> on_written) override {
    CHECK(!is_shutting_down_);
    pending_.push_back(
        {{buffers.begin(), buffers.end()}, std::move(on_written)});
    SendPending();
  }

  size_t pending_write_bytes() const override {
    size_t bytes = 0;
    if (!broken_.ok()) return bytes;
    for (const PendingWrite& write : pending_) {
      for (absl::string_view buffer : write.unsent) bytes += buffer.size();
    }
    return bytes;
  }

  void ShutdownWrite() override {
    is_shutting_down_ = true;
    EndIfDrained();
  }

  std::string local_address() const override { return FormatHostPort(local_); }
  std::string peer_address() const override {
    return FormatHostPort(peer_address_);
  }

  // For the network:

  // A partition began or ended.
  void OnPassabilityChanged() {
    ScheduleDelivery();
    SendPending();
  }

  // The connection is lost, for this end, whatever was on its way.
  void Break() {
    if (!broken_.ok()) return;
    broken_ = IoError(IoCause::kReset, "connection reset by peer");
    segments_.clear();
    in_flight_bytes_ = 0;
    ScheduleDelivery();
    if (!pending_.empty()) finish_->Start(absl::ZeroDuration());
  }

 private:
  struct Segment {
    std::string bytes;
    absl::Time arrives;
  };
  struct PendingWrite {
    std::deque<absl::string_view> unsent;
    absl::AnyInvocable<void(absl::Status)> on_written;
  };
  // What the peer has said comes after what is in flight: nothing yet, the end
  // of its direction, or that the connection is gone.
  enum class Ending { kNone, kEnd, kReset };

  bool IsPartitioned() const {
    return network_.IsPartitioned(local_.host, peer_address_.host);
  }

  // Reading.

  // How much the peer may send now.
  size_t Room() const {
    size_t room = faults_.in_flight_bytes_max -
                  std::min(faults_.in_flight_bytes_max, in_flight_bytes_);
    if (faults_.write_stalls_after_bytes.has_value()) {
      const uint64_t stall = *faults_.write_stalls_after_bytes;
      room = std::min<uint64_t>(room, stall - std::min(stall, bytes_taken_));
    }
    return room;
  }

  void TakeFromPeer(absl::string_view bytes) {
    segments_.push_back(
        {std::string(bytes), network_.loop_.Now() + faults_.latency});
    in_flight_bytes_ += bytes.size();
    bytes_taken_ += bytes.size();
    ScheduleDelivery();
  }

  void SetEnding(Ending ending) {
    ending_ = ending;
    ending_arrives_ = network_.loop_.Now() + faults_.latency;
    ScheduleDelivery();
  }

  // What is next for this end to take note of.
  enum class Next { kNothing, kBytes, kEnd, kReset, kBreakBoth };
  Next NextDelivery(absl::Time& when) const {
    when = network_.loop_.Now();
    if (!broken_.ok()) return Next::kEnd;
    if (IsPartitioned()) return Next::kNothing;
    if (has_lost_bytes_) return Next::kReset;
    if (faults_.resets_after_bytes.has_value() &&
        bytes_delivered_ >= *faults_.resets_after_bytes) {
      return Next::kBreakBoth;
    }
    if (ending_ == Ending::kReset) {
      when = ending_arrives_;
      return Next::kReset;
    }
    if (!segments_.empty()) {
      when = segments_.front().arrives;
      return Next::kBytes;
    }
    if (ending_ == Ending::kEnd) {
      when = ending_arrives_;
      return Next::kEnd;
    }
    return Next::kNothing;
  }

  void ScheduleDelivery() {
    absl::Time when;
    switch (NextDelivery(when)) {
      case Next::kNothing:
        deliver_->Cancel();
        return;
      case Next::kBytes:
        if (!is_reading_) return;
        break;
      case Next::kEnd:
        if (!is_reading_ || is_end_delivered_) return;
        break;
      case Next::kReset:
      case Next::kBreakBoth:
        break;  // Writing fails by it, whether or not anybody reads.
    }
    deliver_->Start(when - network_.loop_.Now());
  }

  // Does one thing, which may destroy this.
  void Deliver() {
    absl::Time when;
    const Next next = NextDelivery(when);
    if (when > network_.loop_.Now()) return ScheduleDelivery();
    switch (next) {
      case Next::kNothing:
        return;
      case Next::kBreakBoth:
        if (peer_ != nullptr) peer_->Break();
        Break();
        return;
      case Next::kReset:
        Break();
        return;
      case Next::kEnd:
        if (!is_reading_ || is_end_delivered_) return;
        is_end_delivered_ = true;
        reader_->OnEnd(broken_);
        return;
      case Next::kBytes:
        if (!is_reading_) return;
        DeliverBytes();
        return;
    }
  }

  void DeliverBytes() {
    // A copy of its own size, so that ASan sees who uses it after the call.
    std::string& front = segments_.front().bytes;
    const size_t size = NextReadSize(front.size());
    const std::string bytes = front.substr(0, size);
    front.erase(0, size);
    if (front.empty()) segments_.pop_front();
    in_flight_bytes_ -= size;
    bytes_delivered_ += size;
    if (peer_ != nullptr) peer_->SendPending();
    ScheduleDelivery();
    reader_->OnBytes(bytes);
  }

  size_t NextReadSize(size_t available) {
    uint64_t size =
        std::min(available, std::max<size_t>(faults_.read_bytes_max, 1));
    for (uint64_t offset : faults_.split_offsets) {
      if (offset <= bytes_delivered_) continue;
      size = std::min(size, offset - bytes_delivered_);
      break;
    }
    if (faults_.resets_after_bytes.has_value()) {
      size = std::min(size, *faults_.resets_after_bytes - bytes_delivered_);
    }
    if (faults_.split_seed.has_value()) size = 1 + random_() % size;
    return size;
  }

  // Writing.

  // Passes on what fits and returns how much that was.
  size_t Send(absl::string_view bytes) {
    size_t room = kUnlimited;
    if (peer_ != nullptr) {
      room = peer_->Room();
    } else if (IsPartitioned()) {
      room = room_to_lose_bytes_;  // as long as we cannot know
    }
    bytes = bytes.substr(0, room);
    if (bytes.empty()) return 0;
    network_.bytes_written_ += bytes.size();
    if (peer_ != nullptr) {
      peer_->TakeFromPeer(bytes);
    } else {
      has_lost_bytes_ = true;
      room_to_lose_bytes_ -= std::min(room_to_lose_bytes_, bytes.size());
      ScheduleDelivery();
    }
    return bytes.size();
  }

  void SendPending() {
    for (PendingWrite& write : pending_) {
      if (!broken_.ok()) break;
      while (!write.unsent.empty()) {
        absl::string_view& buffer = write.unsent.front();
        buffer.remove_prefix(Send(buffer));
        if (!buffer.empty()) break;
        write.unsent.pop_front();
      }
      if (!write.unsent.empty()) break;
    }
    if (IsFrontFinished()) finish_->Start(absl::ZeroDuration());
  }

  bool IsFrontFinished() const {
    return !pending_.empty() &&
           (!broken_.ok() || pending_.front().unsent.empty());
  }

  // Finishes one write, whose callback may destroy this.
  void FinishWrites() {
    if (!IsFrontFinished()) return;
    absl::AnyInvocable<void(absl::Status)> on_written =
        std::move(pending_.front().on_written);
    pending_.pop_front();
    if (IsFrontFinished()) finish_->Start(absl::ZeroDuration());
    EndIfDrained();
    on_written(broken_);
  }

  void EndIfDrained() {
    if (!is_shutting_down_ || !pending_.empty() || peer_ == nullptr) return;
    if (broken_.ok() && peer_->ending_ == Ending::kNone) {
      peer_->SetEnding(Ending::kEnd);
    }
  }

  MemoryNetwork& network_;
  const uint64_t id_;
  const Address local_;
  const Address peer_address_;
  MemoryStream* peer_ = nullptr;  // null once destroyed
  absl::Status broken_;           // not OK: the connection is lost

  const LinkFaults faults_;  // of the direction towards us
  std::mt19937_64 random_;
  std::deque<Segment> segments_;
  size_t in_flight_bytes_ = 0;  // in segments_
  uint64_t bytes_taken_ = 0;    // into segments_, ever
  uint64_t bytes_delivered_ = 0;
  Ending ending_ = Ending::kNone;
  absl::Time ending_arrives_;
  Reader* reader_ = nullptr;
  bool is_reading_ = false;
  bool is_end_delivered_ = false;  // since the last StartReading
  std::unique_ptr<Timer> deliver_;

  std::deque<PendingWrite> pending_;
  bool is_shutting_down_ = false;
  bool has_lost_bytes_ = false;    // written to a peer that was gone
  size_t room_to_lose_bytes_ = 0;  // until we would notice that it hangs
  std::unique_ptr<Timer> finish_;
};

class MemoryNetwork::MemoryListener final : public Listener {
 public:
  MemoryListener(MemoryNetwork& network, Address address, OnAccept on_accept)
      : network_(network),
        address_(std::move(address)),
        on_accept_(std::move(on_accept)),
        accept_(network.loop_.NewTimer([this] { AcceptOne(); })) {
    network_.listeners_.emplace(address_, this);
  }
  ~MemoryListener() override {
    if (accepting_ != nullptr) *accepting_ = false;
    network_.listeners_.erase(address_);
  }

  uint16_t port() const override { return address_.port; }
  std::string address() const override { return FormatHostPort(address_); }

  void Enqueue(std::unique_ptr<ByteStream> stream) {
    backlog_.push_back(std::move(stream));
    accept_->Start(absl::ZeroDuration());
  }

 private:
  void AcceptOne() {
    std::unique_ptr<ByteStream> stream = std::move(backlog_.front());
    backlog_.pop_front();
    if (!backlog_.empty()) accept_->Start(absl::ZeroDuration());
    // The callback may destroy this, and must not be destroyed in it.
    OnAccept on_accept = std::move(on_accept_);
    bool is_alive = true;
    accepting_ = &is_alive;
    on_accept(std::move(stream));
    if (!is_alive) return;
    accepting_ = nullptr;
    on_accept_ = std::move(on_accept);
  }

  MemoryNetwork& network_;
  const Address address_;
  OnAccept on_accept_;
  bool* accepting_ = nullptr;  // set to false when destroyed in the callback
  std::deque<std::unique_ptr<ByteStream>> backlog_;
  std::unique_ptr<Timer> accept_;
};

class MemoryNetwork::MemoryAttempt final : public Connector::Attempt {
 public:
  MemoryAttempt(MemoryNetwork& network, std::string host, Address address,
                absl::Duration timeout, Connector::OnConnected on_connected)
      : network_(network),
        host_(std::move(host)),
        address_(std::move(address)),
        deadline_(network.loop_.Now() + timeout),
        on_connected_(std::move(on_connected)),
        knock_(network.loop_.NewTimer([this] { Knock(); })) {
    ++network_.attempts_begun_;
    knock_->Start(absl::ZeroDuration());
  }

 private:
  void Knock() {
    const Answer answer = network_.AnswerOf(address_);
    if (answer == Answer::kNotResolved) {
      return Fail(IoCause::kNotResolved, "unknown node or service");
    }
    if (answer == Answer::kNever ||
        network_.IsPartitioned(host_, address_.host)) {
      const absl::Duration left = deadline_ - network_.loop_.Now();
      if (left <= absl::ZeroDuration()) {
        return Fail(IoCause::kTimedOut, "timed out");
      }
      return knock_->Start(std::min(left, kConnectRetryInterval));
    }
    if (answer == Answer::kUnreachable) {
      return Fail(IoCause::kUnreachable, "host is unreachable");
    }
    const auto listener = network_.listeners_.find(address_);
    if (answer == Answer::kRefused || listener == network_.listeners_.end()) {
      return Fail(IoCause::kRefused, "connection refused");
    }
    LinkFaults to_server;
    LinkFaults to_client;
    if (network_.fault_source_) {
      to_server = network_.fault_source_();
      to_client = network_.fault_source_();
    }
    auto [client, server] = network_.Pair(host_, address_, std::move(to_server),
                                          std::move(to_client));
    listener->second->Enqueue(std::move(server));
    Finish(std::move(client));
  }

  void Fail(IoCause cause, absl::string_view why) {
    Finish(IoError(cause, absl::StrCat(FormatHostPort(address_), ": ", why)));
  }

  // The callback may destroy this.
  void Finish(absl::StatusOr<std::unique_ptr<ByteStream>> result) {
    Connector::OnConnected on_connected = std::move(on_connected_);
    on_connected(std::move(result));
  }

  MemoryNetwork& network_;
  const std::string host_;
  const Address address_;
  const absl::Time deadline_;
  Connector::OnConnected on_connected_;
  std::unique_ptr<Timer> knock_;
};

class MemoryNetwork::MemoryConnector final : public Connector {
 public:
  MemoryConnector(MemoryNetwork& network, std::string host)
      : network_(network), host_(std::move(host)) {}

  std::unique_ptr<Attempt> Connect(const Address& address,
                                   const Options& options,
                                   OnConnected on_connected) override {
    return std::make_unique<MemoryAttempt>(
        network_, host_, address, options.timeout, std::move(on_connected));
  }

 private:
  MemoryNetwork& network_;
  const std::string host_;
};

MemoryNetwork::MemoryNetwork(EventLoop& loop) : loop_(loop) {}

MemoryNetwork::~MemoryNetwork() {
  CHECK(streams_.empty());
  CHECK(listeners_.empty());
}

absl::StatusOr<std::unique_ptr<Listener>> MemoryNetwork::Listen(
    const Address& address, Listener::OnAccept on_accept) {
  Address bound = address;
  if (bound.port == 0) bound.port = next_port_++;
  if (listeners_.contains(bound)) {
    return IoError(IoCause::kOther, absl::StrCat(FormatHostPort(bound),
                                                 ": address already in use"));
  }
  return std::make_unique<MemoryListener>(*this, std::move(bound),
                                          std::move(on_accept));
}

std::unique_ptr<Connector> MemoryNetwork::NewConnector(std::string host) {
  return std::make_unique<MemoryConnector>(*this, std::move(host));
}

std::pair<std::unique_ptr<ByteStream>, std::unique_ptr<ByteStream>>
MemoryNetwork::NewPair(LinkFaults to_second, LinkFaults to_first) {
  return Pair("client", {.host = "server", .port = 2380}, std::move(to_second),
              std::move(to_first));
}

void MemoryNetwork::SetAnswer(const Address& address, Answer answer) {
  answers_[address] = answer;
}

void MemoryNetwork::SetFaultSource(FaultSource source) {
  fault_source_ = std::move(source);
}

void MemoryNetwork::Partition(absl::string_view a, absl::string_view b) {
  partitions_.insert(Between(a, b));
  for (const auto& [id, stream] : streams_) stream->OnPassabilityChanged();
}

void MemoryNetwork::Heal(absl::string_view a, absl::string_view b) {
  partitions_.erase(Between(a, b));
  for (const auto& [id, stream] : streams_) stream->OnPassabilityChanged();
}

void MemoryNetwork::ResetConnections(absl::string_view a, absl::string_view b) {
  const HostPair pair = Between(a, b);
  for (const auto& [id, stream] : streams_) {
    if (Between(stream->local_host(), stream->peer_host()) == pair) {
      stream->Break();
    }
  }
}

MemoryNetwork::HostPair MemoryNetwork::Between(absl::string_view a,
                                               absl::string_view b) {
  return {std::string(std::min(a, b)), std::string(std::max(a, b))};
}

bool MemoryNetwork::IsPartitioned(absl::string_view a,
                                  absl::string_view b) const {
  return !partitions_.empty() && partitions_.contains(Between(a, b));
}

MemoryNetwork::Answer MemoryNetwork::AnswerOf(const Address& address) const {
  const auto answer = answers_.find(address);
  return answer == answers_.end() ? Answer::kListener : answer->second;
}

std::pair<std::unique_ptr<MemoryNetwork::MemoryStream>,
          std::unique_ptr<MemoryNetwork::MemoryStream>>
MemoryNetwork::Pair(const std::string& client_host, const Address& server,
                    LinkFaults to_server, LinkFaults to_client) {
  const Address client = {.host = client_host, .port = next_port_++};
  auto client_end = std::make_unique<MemoryStream>(*this, client, server,
                                                   std::move(to_client));
  auto server_end = std::make_unique<MemoryStream>(*this, server, client,
                                                   std::move(to_server));
  client_end->JoinTo(*server_end);
  server_end->JoinTo(*client_end);
  return {std::move(client_end), std::move(server_end)};
}

}  // namespace rafthttp::event
