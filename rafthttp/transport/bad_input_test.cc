// What a running transport answers to whatever comes to its port, by every
// path; and that it goes on serving a good peer afterwards. In virtual time, on
// a network in memory.
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rafthttp/base/check.h"
#include "rafthttp/base/http_answer.h"
#include "rafthttp/base/ids.h"
#include "rafthttp/base/raft.h"
#include "rafthttp/cluster_info/cluster_info.h"
#include "rafthttp/event/byte_stream.h"
#include "rafthttp/event/connector.h"
#include "rafthttp/event/testing/memory_network.h"
#include "rafthttp/event/testing/sim_loop.h"
#include "rafthttp/testing/sim_host.h"
#include "rafthttp/transport/options.h"
#include "rafthttp/transport/transport.h"
#include "raftpb/raft.pb.h"
#include "snap/snapshotter.h"
#include "snap/testing/faulty_file_system.h"

namespace rafthttp {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr ClusterId kCluster(0x1000);

class CountingRaft final : public Raft {
 public:
  absl::Status Process(std::stop_token, raftpb::Message&& message) override {
    ++processed;
    last = std::move(message);
    return answer;
  }
  bool IsIdRemoved(MemberId id) override { return id == MemberId(0xdead); }
  void ReportUnreachable(MemberId) override {}
  void ReportSnapshot(MemberId, SnapshotStatus) override {}

  uint64_t processed = 0;
  raftpb::Message last;
  absl::Status answer;
};

class SmallCluster final : public ClusterInfo {
 public:
  ClusterVersions Versions() override { return {}; }
  std::vector<ClusterMember> Members() override {
    ClusterMember member;
    member.id = MemberId(1);
    member.peer_urls = {"http://a:2380"};
    return {member};
  }
};

// Who sends bytes, and keeps what comes back.
class RawClient final : private event::ByteStream::Reader {
 public:
  RawClient(event::Connector& connector, std::string bytes)
      : bytes_(std::move(bytes)) {
    attempt_ = connector.Connect(
        {"a", 2380}, {},
        [this](absl::StatusOr<std::unique_ptr<event::ByteStream>> stream) {
          CHECK(stream.ok());
          stream_ = *std::move(stream);
          stream_->StartReading(*this);
          stream_->Write({bytes_}, [](absl::Status) {});
        });
  }
  void ShutdownWrite() { stream_->ShutdownWrite(); }
  const std::string& received() const { return received_; }
  bool is_over() const { return is_over_; }

 private:
  void OnBytes(absl::string_view bytes) override {
    received_.append(bytes.data(), bytes.size());
  }
  void OnEnd(absl::Status) override { is_over_ = true; }

  const std::string bytes_;
  std::unique_ptr<event::Connector::Attempt> attempt_;
  std::unique_ptr<event::ByteStream> stream_;
  std::string received_;
  bool is_over_ = false;
};

class BadInputTest : public testing::Test {
 protected:
  BadInputTest() {
    a_ = Start(host_a_, 1, raft_a_);
    b_ = Start(host_b_, 2, raft_b_);
    CHECK(a_->AddPeer(MemberId(2), {"http://b:2380"}).ok());
    CHECK(b_->AddPeer(MemberId(1), {"http://a:2380"}).ok());
    loop_.RunFor(absl::Seconds(1));
  }
  ~BadInputTest() override {
    a_->Stop([] {});
    b_->Stop([] {});
    loop_.RunFor(absl::Minutes(1));
  }

  std::unique_ptr<Transport> Start(SimHost& host, uint64_t id, Raft& raft) {
    Options options;
    options.id = MemberId(id);
    options.cluster_id = kCluster;
    options.raft = &raft;
    options.listen_urls = {absl::StrCat("http://", host.name(), ":2380")};
    options.delivery = DeliveryMode::kInline;
    options.cluster_info = &cluster_;
    options.snapshotter = &snapshotter_;
    options.limits.message_bytes_max = 1 << 20;
    auto transport = Transport::Create(host.environment(), std::move(options));
    CHECK(transport.ok());
    CHECK((*transport)->Start().ok());
    return *std::move(transport);
  }

  // What comes back for `bytes` within a minute; `ends` closes our direction
  // behind them.
  std::string Ask(const std::string& bytes, bool ends = false) {
    const SimHost stranger(loop_, network_, "x");
    const auto environment = const_cast<SimHost&>(stranger).environment();
    RawClient client(environment.connector, bytes);
    loop_.RunFor(absl::Seconds(1));
    if (ends) client.ShutdownWrite();
    loop_.RunFor(absl::Minutes(1));
    return client.received();
  }
  static std::string StatusLine(const std::string& answer) {
    return answer.substr(0, answer.find("\r\n"));
  }

  // A request in which anything can be replaced.
  static std::string Post(absl::string_view path, absl::string_view body,
                          absl::string_view headers) {
    return absl::StrCat("POST ", path, " HTTP/1.1\r\nHost: a\r\n", headers,
                        "Content-Length: ", body.size(), "\r\n\r\n", body);
  }
  static std::string Get(absl::string_view path, absl::string_view headers) {
    return absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: a\r\n", headers,
                        "\r\n");
  }
  static std::string Message(raftpb::MessageType type = raftpb::MsgHeartbeat) {
    raftpb::Message message;
    message.set_type(type);
    message.set_from(2);
    message.set_to(1);
    message.set_term(1);
    message.mutable_snapshot()->mutable_metadata()->set_index(7);
    return message.SerializeAsString();
  }
  static std::string Framed(absl::string_view bytes, uint64_t length) {
    std::string frame(8, '\0');
    for (int i = 7; i >= 0; --i, length >>= 8) {
      frame[static_cast<size_t>(i)] = static_cast<char>(length & 0xff);
    }
    return absl::StrCat(frame, bytes);
  }

  // The transport still carries messages between good peers.
  void ExpectWell() {
    const uint64_t before = raft_a_.processed;
    raftpb::Message message;
    message.set_type(raftpb::MsgHeartbeat);
    message.set_from(2);
    message.set_to(1);
    message.set_term(9);
    EXPECT_EQ(b_->Send(std::move(message)).queued, 1u);
    loop_.RunFor(absl::Seconds(1));
    EXPECT_EQ(raft_a_.processed, before + 1);
    EXPECT_EQ(raft_a_.last.term(), 9u);
    for (const auto& [name, content] : files_.Contents()) {
      EXPECT_THAT(name, Not(HasSubstr("tmp")));
    }
  }

  event::SimLoop loop_;
  event::MemoryNetwork network_{loop_};
  SimHost host_a_{loop_, network_, "a"};
  SimHost host_b_{loop_, network_, "b"};
  SmallCluster cluster_;
  snap::FaultyFileSystem files_;
  snap::Snapshotter snapshotter_{files_, "/snap"};
  CountingRaft raft_a_;
  CountingRaft raft_b_;
  std::unique_ptr<Transport> a_;
  std::unique_ptr<Transport> b_;
};

constexpr char kGood[] =
    "X-Server-From: 2\r\nX-Server-Version: 3.4.0\r\n"
    "X-Min-Cluster-Version: 3.0.0\r\nX-Etcd-Cluster-Id: 1000\r\n"
    "X-Raft-To: 1\r\n";

TEST_F(BadInputTest, MethodsAndPaths) {
  const struct {
    const char* request;
    const char* status;
    const char* contains;
  } kCases[] = {
      {"GET /raft", "405 Method Not Allowed", "Allow: POST"},
      {"GET /raft/snapshot", "405 Method Not Allowed", "Allow: POST"},
      {"POST /raft/stream/message/2", "405 Method Not Allowed", "Allow: GET"},
      {"PUT /version", "405 Method Not Allowed", "Allow: GET"},
      {"DELETE /members", "405 Method Not Allowed", "Allow: GET"},
      {"GET /nowhere", "404 Not Found", "404 page not found\n"},
      {"GET /members/x", "404 Not Found", "404 page not found\n"},
      {"GET /raft/stream", "301 Moved Permanently", "/raft/stream/"},
      {"PATCH /raft/probing", "200 OK", "\"OK\":true"},
      {"GET /version", "200 OK", "etcdserver"},
      {"GET /members", "200 OK", "X-Etcd-Cluster-Id: 1000"},
  };
  for (const auto& test : kCases) {
    const std::string answer = Ask(absl::StrCat(
        test.request, " HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"));
    EXPECT_EQ(StatusLine(answer), absl::StrCat("HTTP/1.1 ", test.status))
        << test.request;
    EXPECT_THAT(answer, HasSubstr(test.contains)) << test.request;
    ExpectWell();
  }
  const std::string head = Ask("HEAD /version HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(head, StartsWith("HTTP/1.1 200 OK"));
  EXPECT_THAT(head, Not(HasSubstr("etcdserver")));
}

TEST_F(BadInputTest, IdentityHeaders) {
  const struct {
    const char* from;
    const char* to;
    const char* status;
    const char* body;
  } kCases[] = {
      {"X-Etcd-Cluster-Id: 1000\r\n", "", "412", "cluster ID mismatch"},
      {"X-Etcd-Cluster-Id: 1000", "X-Etcd-Cluster-Id: 1001", "412",
       "cluster ID mismatch"},
      {"X-Etcd-Cluster-Id: 1000", "X-Etcd-Cluster-Id: 01000", "412",
       "cluster ID mismatch"},
      {"X-Server-Version: 3.4.0\r\n", "", "412", "incompatible version"},
      {"X-Server-Version: 3.4.0", "X-Server-Version: 2.3.0", "412",
       "incompatible version"},
      {"X-Min-Cluster-Version: 3.0.0", "X-Min-Cluster-Version: 9.0.0", "412",
       "incompatible version"},
      {"X-Server-Version: 3.4.0", "X-Server-Version: 3.4", "400",
       "malformed version"},
      {"X-Min-Cluster-Version: 3.0.0", "X-Min-Cluster-Version: x", "400",
       "malformed version"},
  };
  for (const auto& test : kCases) {
    const std::string headers =
        absl::StrReplaceAll(kGood, {{test.from, test.to}});
    const uint64_t before = raft_a_.processed;
    for (const std::string& request :
         {Post("/raft", Message(), headers),
          Post("/raft/snapshot", Framed(Message(raftpb::MsgSnap), 1), headers),
          Get("/raft/stream/message/2", headers),
          Get("/raft/stream/msgapp/2", headers)}) {
      const std::string answer = Ask(request);
      EXPECT_THAT(answer,
                  StartsWith(absl::StrCat("HTTP/1.1 ", test.status, " ")))
          << request;
      EXPECT_THAT(answer, HasSubstr(test.body)) << request;
      EXPECT_THAT(answer, HasSubstr("X-Etcd-Cluster-Id: 1000\r\n")) << request;
    }
    EXPECT_EQ(raft_a_.processed, before);
    ExpectWell();
  }
}

TEST_F(BadInputTest, StreamRequests) {
  const struct {
    const char* path;
    const char* to;
    const char* status;
    const char* body;
  } kCases[] = {
      {"/raft/stream/nothing/2", "1", "404", "invalid path"},
      {"/raft/stream/message/", "1", "404", "invalid from"},
      {"/raft/stream/message/xyz", "1", "404", "invalid from"},
      {"/raft/stream/message/10000000000000000", "1", "404", "invalid from"},
      {"/raft/stream/message/2/3", "1", "404", ""},
      {"/raft/stream/message/9", "1", "404", "sender not found"},
      {"/raft/stream/message/dead", "1", "410", "removed member"},
      {"/raft/stream/message/2", "3", "412", "to field mismatch"},
      {"/raft/stream/message/2", "01", "412", "to field mismatch"},
  };
  for (const auto& test : kCases) {
    const std::string answer = Ask(Get(
        test.path,
        absl::StrReplaceAll(
            kGood, {{"X-Raft-To: 1", absl::StrCat("X-Raft-To: ", test.to)}})));
    EXPECT_THAT(answer, StartsWith(absl::StrCat("HTTP/1.1 ", test.status)))
        << test.path;
    EXPECT_THAT(answer, HasSubstr(test.body)) << test.path;
    // Without it etcd would not even look at the answer.
    EXPECT_THAT(answer, HasSubstr("X-Server-Version: 3.4.0\r\n")) << test.path;
    ExpectWell();
  }
}

TEST_F(BadInputTest, Bodies) {
  const std::string good = Message();
  const std::string snap = Message(raftpb::MsgSnap);
  const auto chunked = [](absl::string_view path, absl::string_view body) {
    return absl::StrCat("POST ", path, " HTTP/1.1\r\nHost: a\r\n", kGood,
                        "Transfer-Encoding: chunked\r\n\r\n", body);
  };
  const struct {
    std::string request;
    bool ends;
    const char* status;
    const char* body;
  } kCases[] = {
      {Post("/raft", good, kGood), false, "204", ""},
      {Post("/raft", "\xff\xff\xff", kGood), false, "400",
       "error unmarshalling raft message"},
      {Post("/raft", good.substr(0, good.size() - 1), kGood), false, "400",
       "error unmarshalling"},
      // Longer than any message may be, said ahead or not.
      {absl::StrCat("POST /raft HTTP/1.1\r\nHost: a\r\n", kGood,
                    "Content-Length: 9000000000000000000\r\n\r\n"),
       false, "413", "too large"},
      {chunked("/raft", absl::StrCat("200000\r\n", std::string(2 << 20, 'x'),
                                     "\r\n0\r\n\r\n")),
       false, "413", "too large"},
      // Cut off, and never continued.
      {absl::StrCat("POST /raft HTTP/1.1\r\nHost: a\r\n", kGood,
                    "Content-Length: 100\r\n\r\nabc"),
       true, "400", "error reading raft message"},
      {absl::StrCat("POST /raft HTTP/1.1\r\nHost: a\r\n", kGood,
                    "Content-Length: 100\r\n\r\nabc"),
       false, "400", "error reading raft message"},
      {chunked("/raft", "5\r\nab"), true, "400", "error reading"},
      {chunked("/raft", "zz\r\n"), false, "400", "error reading"},
      // Snapshots.
      {Post("/raft/snapshot", Framed(snap, snap.size()) + "database", kGood),
       false, "204", ""},
      {Post("/raft/snapshot", Framed(good, good.size()) + "database", kGood),
       false, "400", "wrong raft message type"},
      {Post("/raft/snapshot", "abc", kGood), false, "400",
       "failed to decode raft message (unexpected EOF)"},
      {Post("/raft/snapshot", Framed(snap, snap.size() + 1), kGood), false,
       "400", "failed to decode raft message (unexpected EOF)"},
      {Post("/raft/snapshot", Framed("\xff\xff", 2), kGood), false, "400",
       "failed to decode raft message"},
      {Post("/raft/snapshot", Framed("", ~uint64_t{0}), kGood), false, "400",
       "failed to decode raft message (rafthttp: error limit exceeded)"},
      {chunked("/raft/snapshot",
               absl::StrCat(absl::Hex(8 + snap.size()), "\r\n",
                            Framed(snap, snap.size()), "\r\n5\r\nab")),
       true, "500", "failed to save KV snapshot (unexpected EOF)"},
  };
  for (const auto& test : kCases) {
    const std::string answer = Ask(test.request, test.ends);
    EXPECT_THAT(answer, StartsWith(absl::StrCat("HTTP/1.1 ", test.status)))
        << absl::CHexEscape(test.request.substr(0, 400));
    EXPECT_THAT(answer, HasSubstr(test.body))
        << absl::CHexEscape(test.request.substr(0, 400));
    ExpectWell();
  }
}

TEST_F(BadInputTest, RaftsOwnAnswers) {
  raft_a_.answer = absl::InternalError("no");
  EXPECT_THAT(Ask(Post("/raft", Message(), kGood)),
              AllOf(StartsWith("HTTP/1.1 500 "),
                    HasSubstr("error processing raft message")));
  raft_a_.answer = WithHttpAnswer(
      absl::PermissionDeniedError("removed"),
      {.status = 403, .content_type = "application/json", .body = "{}"});
  EXPECT_THAT(Ask(Post("/raft", Message(), kGood)),
              StartsWith("HTTP/1.1 403 "));
}

TEST_F(BadInputTest, WhatIsNoHttp) {
  std::string many = "GET /version HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 5000; ++i) absl::StrAppend(&many, "X-", i, ": y\r\n");
  const struct {
    std::string bytes;
    const char* answer;  // how it begins; empty: none comes
  } kCases[] = {
      // A TLS client hears nothing that it could read.
      {"\x16\x03\x01\x02\x01garbage of TLS", ""},
      {"SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 400"},
      {"GET\r\n\r\n", "HTTP/1.1 400"},
      {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
       "Content-Length: 2\r\n\r\n",
       "HTTP/1.1 400"},
      {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
       "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       "HTTP/1.1 400"},
      {absl::StrCat("GET /", std::string(1 << 20, 'x'), " HTTP/1.1\r\n\r\n"),
       "HTTP/1.1 4"},
      {many + "\r\n", "HTTP/1.1 431"},
      // Nothing, a part of a head, and then silence.
      {"", ""},
      {"POST /raft HT", ""},
      // A good one first: what is wrong behind it is answered behind it.
      {absl::StrCat(Get("/raft/probing", ""), "garbage\r\n\r\n"),
       "HTTP/1.1 200"},
  };
  for (const auto& test : kCases) {
    const std::string answer = Ask(test.bytes);
    if (*test.answer == '\0') {
      EXPECT_THAT(answer, testing::AnyOf(IsEmpty(), StartsWith("HTTP/1.1 408")))
          << test.bytes;
    } else {
      EXPECT_THAT(answer, StartsWith(test.answer))
          << absl::CHexEscape(test.bytes.substr(0, 100));
    }
    ExpectWell();
  }
}

}  // namespace
}  // namespace rafthttp
