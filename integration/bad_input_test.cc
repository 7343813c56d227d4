// What goes wrong around rafthttpctl ends in a clear line and the exit code
// that the command line promises; nothing hangs, and nothing is left behind.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration/cluster_fixture.h"

namespace rafthttp::integration {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

// A port that greets whoever connects, and then says nothing any more; with
// nothing to greet with, one that is silent from the start.
class SilentServer {
 public:
  explicit SilentServer(std::string greeting)
      : greeting_(std::move(greeting)),
        fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (bind(fd_, generic, size) != 0 || listen(fd_, 16) != 0 ||
        getsockname(fd_, generic, &size) != 0) {
      ADD_FAILURE() << "no port to listen on";
    }
    address_ = absl::StrCat("127.0.0.1:", ntohs(address.sin_port));
    thread_ = std::thread([this] { Run(); });
  }
  ~SilentServer() {
    shutdown(fd_, SHUT_RDWR);  // wakes accept
    thread_.join();
    close(fd_);
    for (const int connection : connections_) close(connection);
  }

  const std::string& address() const { return address_; }
  std::string url() const { return absl::StrCat("http://", address_); }

 private:
  void Run() {
    int connection = -1;
    while ((connection = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0) {
      send(connection, greeting_.data(), greeting_.size(), MSG_NOSIGNAL);
      connections_.push_back(connection);
    }
  }

  const std::string greeting_;
  const int fd_;
  std::string address_;
  std::vector<int> connections_;
  std::thread thread_;
};

void ExpectFailure(std::vector<std::string> arguments,
                   const testing::Matcher<int>& code,
                   const testing::Matcher<const std::string&>& errors =
                       testing::Not(testing::IsEmpty())) {
  SCOPED_TRACE(absl::StrJoin(arguments, " "));
  const auto child = RunCtl(std::move(arguments));
  EXPECT_THAT(child->ExitCode(kPatience), code) << child->Errors();
  EXPECT_THAT(child->Errors(), errors);
  EXPECT_LE(child->ErrorLines(), 6u) << child->Errors();
}

// A port of the loopback on which nothing listens.
constexpr char kNobody[] = "127.0.0.1:1";
constexpr char kNobodysUrl[] = "http://127.0.0.1:1";

TEST(BadUsageTest, EndsWith2) {
  ExpectFailure({}, 2);
  ExpectFailure({"nonsense"}, 2);
  ExpectFailure({"tail"}, 2, HasSubstr("--learner"));
  ExpectFailure({"tail", "--learner"}, 2, HasSubstr("--endpoints"));
  ExpectFailure({"tail", "--learner", "--endpoints", kNobody, "--stream",
                 kNobodysUrl, "--id", "1"},
                2);
  ExpectFailure({"tail", "--stream", kNobodysUrl}, 2, HasSubstr("--id"));
  ExpectFailure({"tail", "--stream", kNobodysUrl, "--id", "xyz"}, 2,
                HasSubstr("xyz"));
  ExpectFailure({"tail", "--stream", kNobodysUrl, "--id", "12345678901234567"},
                2, HasSubstr("12345678901234567"));
  ExpectFailure({"tail", "--stream", "no url", "--id", "1"}, 2,
                HasSubstr("no url"));
  ExpectFailure({"tail", "--learner", "--endpoints", kNobody, "--count", "0"},
                2);
  ExpectFailure(
      {"tail", "--learner", "--endpoints", kNobody, "--type", "MsgNonsense"}, 2,
      HasSubstr("MsgNonsense"));
  ExpectFailure(
      {"tail", "--learner", "--endpoints", kNobody, "--duration", "soon"}, 2,
      HasSubstr("soon"));
  ExpectFailure({"members"}, 2);
  ExpectFailure({"members", "ftp://127.0.0.1:1"}, 2, HasSubstr("ftp"));
  ExpectFailure({"members", "http://127.0.0.1:99999"}, 2, HasSubstr("99999"));
  ExpectFailure({"members", kNobodysUrl, "--cluster-id", "-1"}, 2);
  ExpectFailure({"members", kNobodysUrl, "--timeout", "5parsecs"}, 2,
                HasSubstr("5parsecs"));
  ExpectFailure({"members", "--endpoints", "127.0.0.1:port"}, 2,
                HasSubstr("127.0.0.1:port"));
  ExpectFailure({"members", "--endpoints", "http://"}, 2);
  ExpectFailure({"members", "--endpoints", kNobody, "--cacert", "/nonexistent"},
                2, HasSubstr("/nonexistent"));
  ExpectFailure({"dial"}, 2);
  ExpectFailure({"dial", "127.0.0.1"}, 2, HasSubstr("127.0.0.1"));
  ExpectFailure({"dial", kNobodysUrl, "--stream", "message"}, 2,
                HasSubstr("--id"));
  ExpectFailure({"decode", "/nonexistent"}, 2, HasSubstr("/nonexistent"));
}

TEST(UnreachableTest, ARefusedConnectionEndsWith3) {
  ExpectFailure({"members", kNobodysUrl}, 3, HasSubstr(kNobody));
  ExpectFailure({"dial", kNobodysUrl}, 3, HasSubstr(kNobody));
  ExpectFailure({"tail", "--stream", kNobodysUrl, "--id", "1"}, 3,
                HasSubstr(kNobody));
  ExpectFailure({"members", "--endpoints", "127.0.0.1:1,127.0.0.1:2"}, 3,
                HasSubstr(kNobody));
  ExpectFailure({"tail", "--learner", "--endpoints", "127.0.0.1:1,127.0.0.1:2",
                 "--dial-timeout", "1s"},
                3, HasSubstr(kNobody));
}

TEST(UnreachableTest, APortThatSpeaksNoHttpEndsWith3) {
  const SilentServer ssh("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n");
  ExpectFailure({"members", ssh.url()}, 3, HasSubstr(ssh.address()));
  ExpectFailure({"dial", ssh.url()}, 3, HasSubstr(ssh.address()));
  ExpectFailure({"tail", "--stream", ssh.url(), "--id", "1"}, 3,
                HasSubstr(ssh.address()));
  ExpectFailure(
      {"members", "--endpoints", ssh.address(), "--dial-timeout", "1s"}, 3,
      HasSubstr(ssh.address()));
}

// Nothing but --timeout ends these.
TEST(UnreachableTest, ASilentPortEndsWith3AfterTheTimeout) {
  const SilentServer silent("");
  for (std::vector<std::string> arguments :
       std::vector<std::vector<std::string>>{
           {"members", silent.url()},
           {"dial", silent.url()},
           {"tail", "--stream", silent.url(), "--id", "1"},
           {"tail", "--learner", "--endpoints", silent.address()}}) {
    arguments.insert(arguments.end(),
                     {"--timeout", "500ms", "--dial-timeout", "1h"});
    ExpectFailure(std::move(arguments), 3);
  }
  ExpectFailure({"members", "--endpoints", silent.address(), "--timeout",
                 "500ms", "--dial-timeout", "1h"},
                3);
}

// A peer that stops in the middle of what it says, or says what cannot be.
TEST(UnreachableTest, HalfAnAnswerAndAnImpossibleOne) {
  const SilentServer half(
      "HTTP/1.1 200 OK\r\nX-Etcd-Cluster-Id: 1\r\nContent-Length: 100\r\n\r\n"
      "[{");
  ExpectFailure({"members", half.url(), "--timeout", "500ms"}, 3);
  const SilentServer chunk(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
      "10000000000000000\r\n");
  ExpectFailure({"members", chunk.url(), "--timeout", "10s"}, AnyOf(1, 3),
                HasSubstr("chunk"));
}

TEST(TlsTest, AnHttpsPeerUrlEndsWith4) {
  constexpr char kUrl[] = "https://127.0.0.1:2380";
  ExpectFailure({"members", kUrl}, 4, HasSubstr("TLS"));
  ExpectFailure({"dial", kUrl}, 4, HasSubstr("TLS"));
  ExpectFailure({"tail", "--stream", kUrl, "--id", "1"}, 4, HasSubstr("TLS"));
}

class BadSurroundingsTest : public ClusterTest {};

TEST_P(BadSurroundingsTest, APeerPortWithTls) {
  StartCluster(1, {}, /*is_peer_tls=*/true);
  ASSERT_FALSE(HasFatalFailure());
  const auto before = MemberLines();
  const std::string address(
      absl::StripPrefix(cluster().peer_url(0), "https://"));
  const std::string url = absl::StrCat("http://", address);
  const auto names_tls = AnyOf(HasSubstr("TLS"), HasSubstr("https"));
  ExpectFailure({"dial", url}, 3, names_tls);
  ExpectFailure({"members", url}, 3, names_tls);
  ExpectFailure({"tail", "--stream", url, "--id", "1"}, 3, names_tls);
  ExpectFailure({"members", "--endpoints", address, "--dial-timeout", "1s"}, 3,
                HasSubstr(address));
  ExpectFailure(
      {"tail", "--learner", "--endpoints", cluster().client_endpoints()}, 4,
      HasSubstr("TLS"));
  EXPECT_EQ(MemberLines(), before);
}

TEST_P(BadSurroundingsTest, AnOutputThatEnds) {
  StartCluster(1);
  ASSERT_FALSE(HasFatalFailure());
  const auto before = MemberLines();
  {
    SCOPED_TRACE("a closed pipe");
    const auto tail = TailLearner();
    ASSERT_TRUE(tail->ReadLine(kPatience).has_value());
    tail->CloseOutput();
    EXPECT_EQ(tail->ExitCode(kPatience), 0) << tail->Errors();
    EXPECT_THAT(tail->Errors(), Not(HasSubstr("output")));
    EXPECT_LE(tail->ErrorLines(), 1u) << tail->Errors();
    EXPECT_EQ(MemberLines(), before);
  }
  {
    SCOPED_TRACE("a full disk");
    const auto tail = TailLearner({}, "/dev/full");
    EXPECT_EQ(tail->ExitCode(kPatience), 1) << tail->Errors();
    EXPECT_THAT(tail->Errors(), HasSubstr("No space left"));
    EXPECT_LE(tail->ErrorLines(), 2u) << tail->Errors();
    EXPECT_EQ(MemberLines(), before);
  }
  {
    SCOPED_TRACE("verbs that print once");
    for (const char* verb : {"members", "dial"}) {
      SCOPED_TRACE(verb);
      const auto full =
          RunCtl({verb, cluster().peer_url(0), "-w", "json"}, "/dev/full");
      EXPECT_EQ(full->ExitCode(kPatience), 1) << full->Errors();
      EXPECT_EQ(full->ErrorLines(), 1u) << full->Errors();
      const auto closed = RunCtl({verb, cluster().peer_url(0), "-w", "json"});
      closed->CloseOutput();
      EXPECT_EQ(closed->ExitCode(kPatience), 0) << closed->Errors();
      EXPECT_EQ(closed->Errors(), "");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Etcds, BadSurroundingsTest,
                         testing::ValuesIn(EtcdsToTest()), NameOfEtcd);

}  // namespace
}  // namespace rafthttp::integration
