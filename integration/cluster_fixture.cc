#include "integration/cluster_fixture.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "rafthttp/base/ids.h"

namespace rafthttp::integration {

using nlohmann::json;
using rafthttpctl::EtcdBinary;
using rafthttpctl::EtcdClient;
using rafthttpctl::EtcdCluster;

namespace {

std::unique_ptr<EtcdClient> NewClient(std::vector<std::string> endpoints,
                                      absl::Duration call_timeout) {
  rafthttpctl::EtcdClientOptions options;
  options.endpoints = std::move(endpoints);
  options.call_timeout = call_timeout;
  auto client = EtcdClient::Create(options);
  EXPECT_TRUE(client.ok()) << client.status();
  return *std::move(client);
}

}  // namespace

std::unique_ptr<Child> RunCtl(std::vector<std::string> arguments,
                              const std::string& stdout_path) {
  const std::string program = absl::StrCat(std::getenv("TEST_SRCDIR"), "/",
                                           std::getenv("TEST_WORKSPACE"),
                                           "/tools/rafthttpctl/rafthttpctl");
  return Child::Run(program, std::move(arguments), stdout_path);
}

void ClusterTest::SetUp() {
  if (!GetParam().etcd.empty()) return;
  const auto found = rafthttpctl::FindEtcd();
  if (std::getenv("CI") != nullptr) FAIL() << found.status();
  GTEST_SKIP() << found.status().message();
}

void ClusterTest::StartCluster(size_t members,
                               std::vector<std::string> extra_flags,
                               bool is_peer_tls) {
  EtcdCluster::Options options;
  options.binary = GetParam();
  options.members = members;
  options.extra_flags = std::move(extra_flags);
  options.is_peer_tls = is_peer_tls;
  auto started = EtcdCluster::Start(std::move(options));
  ASSERT_TRUE(started.ok()) << started.status();
  cluster_ = *std::move(started);
}

std::unique_ptr<Child> ClusterTest::TailLearner(
    std::vector<std::string> more, const std::string& stdout_path) {
  std::vector<std::string> arguments = {
      "tail", "--learner", "--endpoints",    cluster_->client_endpoints(),
      "-w",   "json",      "--no-heartbeats"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return RunCtl(std::move(arguments), stdout_path);
}

std::pair<int, std::string> ClusterTest::Etcdctl(
    std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(),
                   absl::StrCat("--endpoints=", cluster_->client_endpoints()));
  const auto child = Child::Run(GetParam().etcdctl, std::move(arguments));
  std::string output = child->ReadRest(kPatience);
  const int code = child->ExitCode(kPatience);
  return {code, absl::StrCat(output, child->Errors())};
}

std::unique_ptr<EtcdClient> ClusterTest::Client(absl::Duration call_timeout) {
  std::vector<std::string> endpoints;
  for (size_t i = 0; i < cluster_->size(); ++i) {
    endpoints.push_back(cluster_->client_endpoint(i));
  }
  return NewClient(std::move(endpoints), call_timeout);
}

std::unique_ptr<EtcdClient> ClusterTest::ClientOf(size_t i,
                                                  absl::Duration call_timeout) {
  return NewClient({cluster_->client_endpoint(i)}, call_timeout);
}

void ClusterTest::Put(const std::string& key, const std::string& value) {
  etcdserverpb::PutRequest request;
  request.set_key(key);
  request.set_value(value);
  const auto client = Client();
  const absl::Time deadline = absl::Now() + kPatience;
  auto put = client->Put(request);
  while (!put.ok() && absl::Now() < deadline) put = client->Put(request);
  ASSERT_TRUE(put.ok()) << put.status();
}

std::vector<etcdserverpb::Member> ClusterTest::Members() {
  const auto client = Client();
  const absl::Time deadline = absl::Now() + kPatience;
  auto list = client->MemberList();
  while (!list.ok() && absl::Now() < deadline) list = client->MemberList();
  EXPECT_TRUE(list.ok()) << list.status();
  if (!list.ok()) return {};
  return {list->members().begin(), list->members().end()};
}

std::vector<std::string> ClusterTest::MemberLines() {
  std::vector<std::string> lines;
  for (const etcdserverpb::Member& member : Members()) {
    lines.push_back(absl::StrCat(MemberId(member.id()).ToHex(), " ",
                                 member.name(), " ",
                                 absl::StrJoin(member.peerurls(), ","), " ",
                                 absl::StrJoin(member.clienturls(), ","),
                                 member.islearner() ? " learner" : ""));
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

std::optional<std::string> ClusterTest::Learner() {
  for (const etcdserverpb::Member& member : Members()) {
    if (member.islearner()) return MemberId(member.id()).ToHex();
  }
  return std::nullopt;
}

std::string ClusterTest::IdOf(size_t i) {
  for (const etcdserverpb::Member& member : Members()) {
    if (member.name() == cluster_->name(i)) {
      return MemberId(member.id()).ToHex();
    }
  }
  ADD_FAILURE() << "no member " << cluster_->name(i);
  return "";
}

size_t ClusterTest::Leader() {
  const auto client = Client(absl::Seconds(1));
  const absl::Time deadline = absl::Now() + kPatience;
  while (absl::Now() < deadline) {
    for (size_t i = 0; i < cluster_->size(); ++i) {
      const auto status = client->StatusOf(i);
      if (status.ok() && status->leader() != 0 &&
          status->leader() == status->header().member_id()) {
        return i;
      }
    }
  }
  ADD_FAILURE() << "nobody leads";
  return 0;
}

std::optional<json> ClusterTest::ReadRecord(Child& tail,
                                            absl::Duration timeout) {
  const auto line = tail.ReadLine(timeout);
  if (!line) return std::nullopt;
  json record = json::parse(*line, nullptr, /*allow_exceptions=*/false);
  EXPECT_TRUE(record.is_object()) << *line;
  if (!record.is_object()) return std::nullopt;
  EXPECT_EQ(record["v"], 1) << *line;
  return record;
}

std::optional<json> ClusterTest::ReadUntil(
    Child& tail, const std::function<bool(const json&)>& predicate,
    absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  while (auto record = ReadRecord(tail, deadline - absl::Now())) {
    if (predicate(*record)) return record;
  }
  ADD_FAILURE() << "the record did not come; the program said: "
                << tail.Errors();
  return std::nullopt;
}

bool ClusterTest::AwaitFollowing(Child& tail) {
  return ReadUntil(tail,
                   [](const json& record) {
                     return IsEvent(record, "leader_changed");
                   })
      .has_value();
}

bool ClusterTest::AwaitPut(Child& tail, const std::string& key) {
  return ReadUntil(tail,
                   [&key](const json& record) {
                     const auto keys = KeysPut(record);
                     return std::find(keys.begin(), keys.end(), key) !=
                            keys.end();
                   })
      .has_value();
}

bool ClusterTest::EndsWithSummary(Child& tail) {
  bool is_summary = false;
  while (const auto record = ReadRecord(tail, kPatience)) {
    is_summary = IsEvent(*record, "summary");
  }
  return is_summary;
}

bool IsEvent(const json& record, absl::string_view event) {
  return record.contains("event") && record["event"] == std::string(event);
}

std::vector<std::string> KeysPut(const json& record) {
  std::vector<std::string> keys;
  if (!record.contains("entries")) return keys;
  for (const json& entry : record["entries"]) {
    if (!entry.contains("op") || entry["op"]["kind"] != "put") continue;
    keys.push_back(entry["op"].value("key", ""));
  }
  return keys;
}

std::vector<EtcdBinary> EtcdsToTest() {
  std::vector<EtcdBinary> all = rafthttpctl::FindAllEtcds();
  // A test with nothing to run on still has to say so.
  if (all.empty()) all.emplace_back();
  return all;
}

std::string NameOfEtcd(const testing::TestParamInfo<EtcdBinary>& info) {
  if (info.param.version.empty()) return "NoEtcd";
  std::string name = absl::StrCat("Etcd", info.param.version);
  for (char& c : name) {
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return name;
}

}  // namespace rafthttp::integration
