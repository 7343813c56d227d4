#include "rafthttp/event/uv_listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <memory>
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
#include "rafthttp/event/listener.h"
#include "rafthttp/event/socket_address.h"
#include "rafthttp/event/testing/socket_folder.h"
#include "rafthttp/event/uv_loop.h"

namespace rafthttp::event {
namespace {

constexpr int kTurnsMax = 10000;

class UvListenerTest : public ::testing::Test {
 protected:
  ~UvListenerTest() override {
    for (int client : clients_) close(client);
  }

  void Listen(const std::string& host, UvListener::Options options = {}) {
    absl::StatusOr<std::unique_ptr<Listener>> listener =
        UvListener::Listen(loop_, {.host = host}, options,
                           [this](std::unique_ptr<ByteStream> stream) {
                             accepted_.push_back(std::move(stream));
                             if (on_accepted_) on_accepted_();
                           });
    ASSERT_TRUE(listener.ok()) << listener.status();
    listener_ = *std::move(listener);
  }

  // A plain socket, already in the listener's queue when this returns.
  bool ConnectClient() {
    const SocketAddress address = *SocketAddress::FromLiteral(
        {.host = "127.0.0.1", .port = listener_->port()});
    const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    clients_.push_back(client);
    return connect(client, address.get(), address.size_bytes()) == 0;
  }

  bool RunUntilAccepted(size_t count) {
    return loop_.RunUntil([&] { return accepted_.size() >= count; }, kTurnsMax);
  }

  UvLoop loop_;
  std::vector<std::unique_ptr<ByteStream>> accepted_;
  std::function<void()> on_accepted_;
  std::vector<int> clients_;
  std::unique_ptr<Listener> listener_;
};

TEST_F(UvListenerTest, KnowsThePortItGot) {
  Listen("127.0.0.1");
  EXPECT_NE(listener_->port(), 0);
  EXPECT_EQ(listener_->address(),
            absl::StrCat("127.0.0.1:", listener_->port()));
}

TEST_F(UvListenerTest, ListensOnIpv6) {
  absl::StatusOr<std::unique_ptr<Listener>> listener =
      UvListener::Listen(loop_, {.host = "::1"}, {}, [](auto) {});
  if (!listener.ok()) GTEST_SKIP() << "no IPv6 here: " << listener.status();
  EXPECT_EQ((*listener)->address(),
            absl::StrCat("[::1]:", (*listener)->port()));
}

TEST_F(UvListenerTest, MakesAndRemovesTheFileOfAUnixSocket) {
  const SocketFolder folder;
  const Address address = Address::Unix(folder.Path("socket"));
  const auto listen = [&] {
    return UvListener::Listen(loop_, address, {}, [](auto) {});
  };
  {
    const auto listener = listen();
    ASSERT_TRUE(listener.ok()) << listener.status();
    EXPECT_EQ(access(address.unix_path.c_str(), F_OK), 0);
    // It is in use.
    EXPECT_TRUE(absl::IsUnavailable(listen().status())) << listen().status();
  }
  EXPECT_NE(access(address.unix_path.c_str(), F_OK), 0);
}

TEST_F(UvListenerTest, ReplacesTheFileOfAUnixSocketThatNobodyListensOn) {
  const SocketFolder folder;
  const Address address = Address::Unix(folder.Path("socket"));
  // As left behind by a process that was killed.
  const SocketAddress stale = *SocketAddress::FromLiteral(address);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(bind(fd, stale.get(), stale.size_bytes()), 0);
  close(fd);
  EXPECT_TRUE(UvListener::Listen(loop_, address, {}, [](auto) {}).ok());
}

TEST_F(UvListenerTest, RefusesAPathThatTheKernelWouldCutOff) {
  const Address address = Address::Unix(std::string(108, 'p'));
  EXPECT_TRUE(absl::IsInvalidArgument(
      UvListener::Listen(loop_, address, {}, [](auto) {}).status()));
}

TEST_F(UvListenerTest, AWildcardTakesConnectionsToEveryAddress) {
  Listen("0.0.0.0");
  ASSERT_TRUE(ConnectClient());
  EXPECT_TRUE(RunUntilAccepted(1));
  EXPECT_EQ(accepted_[0]->local_address(),
            absl::StrCat("127.0.0.1:", listener_->port()));
}

TEST_F(UvListenerTest, RefusesAPortInUse) {
  Listen("127.0.0.1");
  absl::StatusOr<std::unique_ptr<Listener>> second = UvListener::Listen(
      loop_, {"127.0.0.1", listener_->port()}, {}, [](auto) {});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(second.status().message(),
            absl::StrCat("listen on 127.0.0.1:", listener_->port(),
                         ": address already in use"));
}

TEST_F(UvListenerTest, RefusesANameAndAnUnknownZone) {
  for (const char* host : {"localhost", "", "fe80::1%nosuch0"}) {
    EXPECT_EQ(
        UvListener::Listen(loop_, {host, 0}, {}, [](auto) {}).status().code(),
        absl::StatusCode::kInvalidArgument)
        << host;
  }
}

TEST_F(UvListenerTest, AcceptsAllOfACrowd) {
  Listen("127.0.0.1");
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(ConnectClient());
  EXPECT_TRUE(RunUntilAccepted(50));
}

TEST_F(UvListenerTest, WhatItAcceptedLivesOn) {
  Listen("127.0.0.1");
  ASSERT_TRUE(ConnectClient());
  ASSERT_TRUE(RunUntilAccepted(1));
  listener_.reset();
  EXPECT_EQ(accepted_[0]->TryWrite({"x"}).value(), 1u);
}

TEST_F(UvListenerTest, RefusesOnceItIsDestroyed) {
  Listen("127.0.0.1");
  const uint16_t port = listener_->port();
  listener_.reset();
  const SocketAddress address =
      *SocketAddress::FromLiteral({"127.0.0.1", port});
  const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  clients_.push_back(client);
  EXPECT_NE(connect(client, address.get(), address.size_bytes()), 0);
}

TEST_F(UvListenerTest, MayBeDestroyedInItsCallback) {
  Listen("127.0.0.1");
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(ConnectClient());
  on_accepted_ = [this] { listener_.reset(); };
  EXPECT_TRUE(
      loop_.RunUntil([this] { return listener_ == nullptr; }, kTurnsMax));
  EXPECT_EQ(accepted_.size(), 1u);
}

TEST_F(UvListenerTest, TheCallbackMayCloseWhatItGets) {
  Listen("127.0.0.1");
  int count = 0;
  on_accepted_ = [this, &count] {
    ++count;
    accepted_.clear();
  };
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(ConnectClient());
  EXPECT_TRUE(loop_.RunUntil([&count] { return count == 20; }, kTurnsMax));
}

TEST_F(UvListenerTest, SetsUpWhatItAccepts) {
  Listen("127.0.0.1", {.keep_alive = absl::Seconds(17)});
  ASSERT_TRUE(ConnectClient());
  ASSERT_TRUE(RunUntilAccepted(1));
  // The accepted socket is the one whose peer is our client.
  int accepted = -1;
  for (int fd = 0; fd < 1024 && accepted < 0; ++fd) {
    sockaddr_storage peer = {};
    socklen_t size = sizeof(peer);
    auto* address = reinterpret_cast<sockaddr*>(&peer);
    if (getpeername(fd, address, &size) == 0 && address->sa_family == AF_INET &&
        SocketAddress::FromSockaddr(*address).ToString() ==
            accepted_[0]->peer_address()) {
      accepted = fd;
    }
  }
  ASSERT_GE(accepted, 0);
  const auto option = [accepted](int level, int name) {
    int value = -1;
    socklen_t size = sizeof(value);
    EXPECT_EQ(getsockopt(accepted, level, name, &value, &size), 0);
    return value;
  };
  EXPECT_NE(option(IPPROTO_TCP, TCP_NODELAY), 0);
  EXPECT_NE(option(SOL_SOCKET, SO_KEEPALIVE), 0);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPIDLE), 17);
  EXPECT_GT(option(IPPROTO_TCP, TCP_NOTSENT_LOWAT), 0);
}

// uv_listen would drop the connection, or spin when its spare descriptor is
// taken, too.
TEST_F(UvListenerTest, OutOfDescriptorsItWaitsAndThenAccepts) {
  Listen("127.0.0.1", {.pause = absl::Milliseconds(1)});
  ASSERT_TRUE(ConnectClient());
  const int lowest_free = dup(0);
  ASSERT_GE(lowest_free, 0);
  close(lowest_free);
  rlimit before = {};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none_left = before;
  none_left.rlim_cur = static_cast<rlim_t>(lowest_free);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none_left), 0);

  // Several pauses pass; a listener that spins would use up far more rounds.
  bool over = false;
  const auto timer = loop_.NewTimer([&over] { over = true; });
  timer->Start(absl::Milliseconds(20));
  EXPECT_TRUE(loop_.RunUntil([&over] { return over; }, 200));
  EXPECT_TRUE(accepted_.empty());

  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(RunUntilAccepted(1));
}

TEST_F(UvListenerTest, MayBeDestroyedWhileItWaits) {
  Listen("127.0.0.1", {.pause = absl::Milliseconds(1)});
  ASSERT_TRUE(ConnectClient());
  const int lowest_free = dup(0);
  close(lowest_free);
  rlimit before = {};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none_left = before;
  none_left.rlim_cur = static_cast<rlim_t>(lowest_free);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none_left), 0);
  bool over = false;
  const auto timer = loop_.NewTimer([&over] { over = true; });
  timer->Start(absl::Milliseconds(2));
  EXPECT_TRUE(loop_.RunUntil([&over] { return over; }, kTurnsMax));
  listener_.reset();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
}

}  // namespace
}  // namespace rafthttp::event
