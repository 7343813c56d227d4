#include "rafthttp/event/uv_connector.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "rafthttp/event/address.h"
#include "rafthttp/event/byte_stream.h"
#include "rafthttp/event/connector.h"
#include "rafthttp/event/event_loop.h"
#include "rafthttp/event/io_status.h"
#include "rafthttp/event/listener.h"
#include "rafthttp/event/resolver.h"
#include "rafthttp/event/socket_address.h"
#include "rafthttp/event/uv_listener.h"
#include "rafthttp/event/uv_loop.h"
#include "rafthttp/event/uv_resolver.h"

namespace rafthttp::event {
namespace {

constexpr int kTurnsMax = 10000;

// Answers with what it is told to, or never.
class FakeResolver final : public Resolver {
 public:
  explicit FakeResolver(EventLoop& loop) : loop_(loop) {}

  std::unique_ptr<Lookup> Resolve(const Address&,
                                  OnResolved on_resolved) override {
    auto lookup = std::make_unique<FakeLookup>();
    FakeLookup& self = *lookup;
    self.on_resolved = std::move(on_resolved);
    self.alive = &lookups_alive;
    ++lookups_alive;
    if (answer.has_value()) {
      self.timer = loop_.NewTimer([&self, answer = *answer] {
        OnResolved callback = std::move(self.on_resolved);
        callback(answer);
      });
      self.timer->Start(absl::ZeroDuration());
    }
    return lookup;
  }

  std::optional<absl::StatusOr<std::vector<SocketAddress>>> answer;
  int lookups_alive = 0;

 private:
  struct FakeLookup final : Lookup {
    ~FakeLookup() override { --*alive; }
    OnResolved on_resolved;
    std::unique_ptr<Timer> timer;
    int* alive = nullptr;
  };

  EventLoop& loop_;
};

// A port that is taken but where nobody listens, and so refuses; or where
// somebody listens who never accepts, with a queue that is full, and so is
// silent.
class DeadPort {
 public:
  enum class Kind { kRefuses, kSilent };
  DeadPort(Kind kind, const std::string& host) {
    const SocketAddress any = *SocketAddress::FromLiteral({host, 0});
    socket_ = socket(any.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(bind(socket_, any.get(), any.size_bytes()), 0);
    sockaddr_storage bound = {};
    socklen_t size = sizeof(bound);
    EXPECT_EQ(getsockname(socket_, reinterpret_cast<sockaddr*>(&bound), &size),
              0);
    address_ =
        SocketAddress::FromSockaddr(*reinterpret_cast<sockaddr*>(&bound));
    if (kind == Kind::kRefuses) return;
    EXPECT_EQ(listen(socket_, 0), 0);
    for (int& filler : fillers_) {
      filler =
          socket(any.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      connect(filler, address_->get(), address_->size_bytes());
    }
  }
  ~DeadPort() {
    close(socket_);
    for (int filler : fillers_) {
      if (filler >= 0) close(filler);
    }
  }
  DeadPort(const DeadPort&) = delete;
  DeadPort& operator=(const DeadPort&) = delete;

  const SocketAddress& address() const { return *address_; }
  uint16_t port() const { return address_->port(); }

 private:
  int socket_ = -1;
  int fillers_[4] = {-1, -1, -1, -1};
  std::optional<SocketAddress> address_;
};

bool HasIpv6() {
  UvLoop loop;
  return UvListener::Listen(loop, {"::1", 0}, {}, [](auto) {}).ok();
}

class UvConnectorTest : public ::testing::Test {
 protected:
  std::unique_ptr<Listener> Listen(const std::string& host) {
    absl::StatusOr<std::unique_ptr<Listener>> listener = UvListener::Listen(
        loop_, {host, 0}, {}, [this](std::unique_ptr<ByteStream> stream) {
          accepted_.push_back(std::move(stream));
        });
    EXPECT_TRUE(listener.ok()) << listener.status();
    return *std::move(listener);
  }

  void Connect(const Address& address,
               absl::Duration timeout = absl::Seconds(60)) {
    attempt_ = connector_.Connect(
        address, {.timeout = timeout},
        [this](absl::StatusOr<std::unique_ptr<ByteStream>> stream) {
          ++calls_;
          status_ = stream.status();
          if (stream.ok()) connected_ = *std::move(stream);
          if (destroy_in_callback_) attempt_.reset();
        });
    EXPECT_EQ(calls_, 0) << "called back at once";
  }

  // Waits for the attempt's outcome.
  absl::Status Outcome() {
    EXPECT_TRUE(loop_.RunUntil([this] { return calls_ > 0; }, kTurnsMax));
    EXPECT_EQ(calls_, 1);
    return status_;
  }

  // Lets everything happen that is about to.
  void Settle() {
    for (int i = 0; i < 5; ++i) {
      bool passed = false;
      const auto timer = loop_.NewTimer([&passed] { passed = true; });
      timer->Start(absl::Milliseconds(1));
      ASSERT_TRUE(loop_.RunUntil([&passed] { return passed; }, kTurnsMax));
    }
  }

  // The loop's destructor CHECKs that uv_loop_close returns 0.
  UvLoop loop_;
  FakeResolver resolver_{loop_};
  UvConnector connector_{loop_, resolver_};
  std::vector<std::unique_ptr<ByteStream>> accepted_;
  std::unique_ptr<ByteStream> connected_;
  std::unique_ptr<Connector::Attempt> attempt_;
  absl::Status status_;
  int calls_ = 0;
  bool destroy_in_callback_ = false;
};

TEST_F(UvConnectorTest, ConnectsToAnIpv4Literal) {
  const auto listener = Listen("127.0.0.1");
  Connect({"127.0.0.1", listener->port()});
  ASSERT_TRUE(Outcome().ok()) << status_;
  EXPECT_EQ(connected_->peer_address(), listener->address());
  EXPECT_TRUE(
      loop_.RunUntil([this] { return accepted_.size() == 1; }, kTurnsMax));
  EXPECT_EQ(accepted_[0]->peer_address(), connected_->local_address());
}

TEST_F(UvConnectorTest, ConnectsToAnIpv6LiteralWithAndWithoutZone) {
  if (!HasIpv6()) GTEST_SKIP() << "this machine has no IPv6";
  const auto listener = Listen("::1");
  Connect({"::1", listener->port()});
  ASSERT_TRUE(Outcome().ok()) << status_;
  EXPECT_EQ(connected_->peer_address(),
            absl::StrCat("[::1]:", listener->port()));
  calls_ = 0;
  Connect({"::1%1", listener->port()});  // the loopback's number
  ASSERT_TRUE(Outcome().ok()) << status_;
}

TEST_F(UvConnectorTest, TriesTheNextAddressAfterARefusal) {
  const DeadPort refuses(DeadPort::Kind::kRefuses, "127.0.0.1");
  const auto listener = Listen("127.0.0.1");
  resolver_.answer = {
      {refuses.address(),
       *SocketAddress::FromLiteral({"127.0.0.1", listener->port()})}};
  Connect({"node1", 0});
  ASSERT_TRUE(Outcome().ok()) << status_;
  EXPECT_EQ(connected_->peer_address(), listener->address());
  EXPECT_EQ(resolver_.lookups_alive, 0);
}

// With all of the time, and not its share of it, the first would use up the
// test's own.
TEST_F(UvConnectorTest, ASilentAddressCostsItsShareOfTheTimeOnly) {
  const DeadPort silent(DeadPort::Kind::kSilent, "127.0.0.1");
  const auto listener = Listen("127.0.0.1");
  std::vector<SocketAddress> addresses(
      100000, *SocketAddress::FromLiteral({"127.0.0.1", listener->port()}));
  addresses.front() = silent.address();
  resolver_.answer = std::move(addresses);
  Connect({"node1", 0}, absl::Hours(1));
  ASSERT_TRUE(Outcome().ok()) << status_;
  EXPECT_EQ(connected_->peer_address(), listener->address());
}

TEST_F(UvConnectorTest, NamesEachAddressWithItsCause) {
  const DeadPort first(DeadPort::Kind::kRefuses, "127.0.0.1");
  const DeadPort second(DeadPort::Kind::kRefuses, "127.0.0.2");
  resolver_.answer = {{first.address(), second.address()}};
  Connect({"node1", 0});
  EXPECT_EQ(Outcome().message(),
            absl::StrCat("127.0.0.1:", first.port(),
                         ": connection refused; 127.0.0.2:", second.port(),
                         ": connection refused"));
  EXPECT_EQ(IoCauseOf(status_), IoCause::kRefused);
  EXPECT_EQ(status_.code(), absl::StatusCode::kUnavailable);
}

TEST_F(UvConnectorTest, NamesAnIpv6AddressInBrackets) {
  if (!HasIpv6()) GTEST_SKIP() << "this machine has no IPv6";
  const DeadPort refuses(DeadPort::Kind::kRefuses, "::1");
  Connect({"::1", refuses.port()});
  EXPECT_EQ(Outcome().message(),
            absl::StrCat("[::1]:", refuses.port(), ": connection refused"));
}

TEST_F(UvConnectorTest, TheLastAddressSetsTheCause) {
  const DeadPort refuses(DeadPort::Kind::kRefuses, "127.0.0.1");
  const DeadPort silent(DeadPort::Kind::kSilent, "127.0.0.1");
  resolver_.answer = {{refuses.address(), silent.address()}};
  Connect({"node1", 0}, absl::Milliseconds(50));
  EXPECT_EQ(IoCauseOf(Outcome()), IoCause::kTimedOut) << status_;
  EXPECT_EQ(status_.message(),
            absl::StrCat(refuses.address().ToString(), ": connection refused; ",
                         silent.address().ToString(), ": timed out"));
  EXPECT_EQ(status_.code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(UvConnectorTest, TimesOutWithoutATimeToSpare) {
  const DeadPort silent(DeadPort::Kind::kSilent, "127.0.0.1");
  Connect({"127.0.0.1", silent.port()}, absl::ZeroDuration());
  EXPECT_EQ(IoCauseOf(Outcome()), IoCause::kTimedOut) << status_;
}

TEST_F(UvConnectorTest, ConnectsWithAllTheTimeInTheWorld) {
  const auto listener = Listen("127.0.0.1");
  Connect({"127.0.0.1", listener->port()}, absl::InfiniteDuration());
  EXPECT_TRUE(Outcome().ok()) << status_;
}

TEST_F(UvConnectorTest, ReportsANameThatIsNotResolved) {
  resolver_.answer = IoError(IoCause::kNotResolved, "node1:1: unknown");
  Connect({"node1", 1});
  EXPECT_EQ(IoCauseOf(Outcome()), IoCause::kNotResolved);
  EXPECT_EQ(status_.message(), "node1:1: unknown");
}

TEST_F(UvConnectorTest, ReportsALookupThatTakesTooLong) {
  Connect({"node1", 2380}, absl::Milliseconds(5));
  EXPECT_EQ(IoCauseOf(Outcome()), IoCause::kTimedOut);
  EXPECT_EQ(status_.message(), "node1:2380: name lookup timed out");
  EXPECT_EQ(resolver_.lookups_alive, 0);
}

TEST_F(UvConnectorTest, ReportsAHostThatCannotBe) {
  Connect({"", 2380});
  EXPECT_EQ(IoCauseOf(Outcome()), IoCause::kNotResolved) << status_;
  calls_ = 0;
  Connect({"fe80::1%nosuch0", 2380});
  EXPECT_EQ(IoCauseOf(Outcome()), IoCause::kNotResolved) << status_;
}

// The kernel refuses this one inside connect(2), before a packet is sent.
TEST_F(UvConnectorTest, ReportsAnAddressThatFailsAtOnce) {
  Connect({"255.255.255.255", 2380});
  EXPECT_EQ(IoCauseOf(Outcome()), IoCause::kUnreachable) << status_;
}

// Destroyed at every stage: no callback, and nothing left on the loop.

TEST_F(UvConnectorTest, DestroyedAtOnce) {
  const auto listener = Listen("127.0.0.1");
  Connect({"127.0.0.1", listener->port()});
  attempt_.reset();
  Settle();
  EXPECT_EQ(calls_, 0);
}

TEST_F(UvConnectorTest, DestroyedDuringTheLookup) {
  Connect({"node1", 2380});
  Settle();
  attempt_.reset();
  EXPECT_EQ(resolver_.lookups_alive, 0);
  Settle();
  EXPECT_EQ(calls_, 0);
}

TEST_F(UvConnectorTest, DestroyedWhileConnecting) {
  const DeadPort silent(DeadPort::Kind::kSilent, "127.0.0.1");
  Connect({"127.0.0.1", silent.port()});
  Settle();
  attempt_.reset();
  Settle();
  EXPECT_EQ(calls_, 0);
}

TEST_F(UvConnectorTest, DestroyedWhileConnectingToTheSecondAddress) {
  const DeadPort refuses(DeadPort::Kind::kRefuses, "127.0.0.1");
  const DeadPort silent(DeadPort::Kind::kSilent, "127.0.0.1");
  resolver_.answer = {{refuses.address(), silent.address()}};
  Connect({"node1", 0});
  Settle();
  attempt_.reset();
  Settle();
  EXPECT_EQ(calls_, 0);
}

TEST_F(UvConnectorTest, DestroyedBeforeTheFailureIsReported) {
  Connect({"", 2380});
  attempt_.reset();
  Settle();
  EXPECT_EQ(calls_, 0);
}

TEST_F(UvConnectorTest, DestroyedInItsCallbackAfterSuccess) {
  const auto listener = Listen("127.0.0.1");
  destroy_in_callback_ = true;
  Connect({"127.0.0.1", listener->port()});
  EXPECT_TRUE(Outcome().ok());
  EXPECT_EQ(attempt_, nullptr);
  EXPECT_EQ(connected_->TryWrite({"x"}).value(), 1u);
}

TEST_F(UvConnectorTest, DestroyedInItsCallbackAfterEachKindOfFailure) {
  destroy_in_callback_ = true;
  const DeadPort refuses(DeadPort::Kind::kRefuses, "127.0.0.1");
  const DeadPort silent(DeadPort::Kind::kSilent, "127.0.0.1");
  resolver_.answer = IoError(IoCause::kNotResolved, "unknown");
  for (const Address& address : {Address{"127.0.0.1", refuses.port()},
                                 Address{"127.0.0.1", silent.port()},
                                 Address{"node1", 1}, Address{"", 1}}) {
    calls_ = 0;
    Connect(address, absl::Milliseconds(20));
    EXPECT_FALSE(Outcome().ok());
    EXPECT_EQ(attempt_, nullptr);
  }
}

// The system's own resolver.

TEST_F(UvConnectorTest, ResolvesLocalhost) {
  UvConnector connector(loop_);
  const auto listener = Listen("127.0.0.1");
  const auto attempt = connector.Connect(
      {"localhost", listener->port()}, {.timeout = absl::Seconds(60)},
      [this](absl::StatusOr<std::unique_ptr<ByteStream>> stream) {
        ++calls_;
        status_ = stream.status();
      });
  EXPECT_TRUE(Outcome().ok()) << status_;
}

TEST_F(UvConnectorTest, ANameTooLongToAskForIsNotResolved) {
  UvResolver resolver(loop_);
  absl::Status status;
  const auto lookup = resolver.Resolve(
      {std::string(1000, 'x'), 1},
      [&status](absl::StatusOr<std::vector<SocketAddress>> found) {
        status = found.status();
      });
  EXPECT_TRUE(status.ok()) << "called back at once";
  EXPECT_TRUE(loop_.RunUntil([&status] { return !status.ok(); }, kTurnsMax));
  EXPECT_EQ(IoCauseOf(status), IoCause::kNotResolved) << status;
}

TEST_F(UvConnectorTest, ALookupMayBeDestroyedAtAnyTime) {
  UvResolver resolver(loop_);
  // More than the pool has threads, so that some have not begun.
  for (int i = 0; i < 16; ++i) {
    resolver.Resolve({"localhost", 1}, [](auto) { FAIL() << "called back"; });
  }
  std::unique_ptr<Resolver::Lookup> lookup;
  lookup =
      resolver.Resolve({"localhost", 1}, [&lookup](auto) { lookup.reset(); });
  EXPECT_TRUE(
      loop_.RunUntil([&lookup] { return lookup == nullptr; }, kTurnsMax));
}

}  // namespace
}  // namespace rafthttp::event
