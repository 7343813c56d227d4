// Two members of a cluster in one process exchange messages: what a raft built
// on rafthttp has to bring along, and nothing else.
#include <atomic>
#include <cstdio>
#include <memory>
#include <stop_token>
#include <utility>

#include "raftpb/raft.pb.h"
#include "rafthttp/rafthttp.h"

#ifndef HTTP_PARSER_OF_THE_CONSUMER
#error "rafthttp was not built with the http_parser of this workspace"
#endif

namespace {

using rafthttp::MemberId;

// Where messages end up: your raft node.
class Node final : public rafthttp::Raft {
 public:
  absl::Status Process(std::stop_token, raftpb::Message&& message) override {
    std::printf("%s from %llu, commit %llu\n",
                raftpb::MessageType_Name(message.type()).c_str(),
                static_cast<unsigned long long>(message.from()),
                static_cast<unsigned long long>(message.commit()));
    ++received;
    received.notify_all();
    return absl::OkStatus();
  }
  bool IsIdRemoved(MemberId) override { return false; }
  void ReportUnreachable(MemberId) override {}
  void ReportSnapshot(MemberId, rafthttp::SnapshotStatus) override {}

  std::atomic<int> received = 0;
};

std::unique_ptr<rafthttp::Transport> Start(uint64_t id, Node& node) {
  rafthttp::Options options;
  options.id = MemberId(id);
  options.cluster_id = rafthttp::ClusterId(0x1000);
  options.raft = &node;
  options.listen_urls = {"http://127.0.0.1:0"};
  auto transport = rafthttp::Transport::Create(options);
  if (!transport.ok() || !(*transport)->Start().ok()) return nullptr;
  return *std::move(transport);
}

}  // namespace

int main() {
  Node one, two;
  const auto a = Start(1, one);
  const auto b = Start(2, two);
  if (a == nullptr || b == nullptr) return 1;
  if (!a->AddPeer(MemberId(2), b->listen_urls()).ok()) return 1;
  if (!b->AddPeer(MemberId(1), a->listen_urls()).ok()) return 1;

  for (uint64_t commit = 1; commit <= 3; ++commit) {
    raftpb::Message heartbeat;
    heartbeat.set_type(raftpb::MsgHeartbeat);
    heartbeat.set_from(1);
    heartbeat.set_to(2);
    heartbeat.set_term(1);
    heartbeat.set_commit(commit);
    const int before = two.received;
    a->Send(std::move(heartbeat));
    two.received.wait(before);
  }
  std::printf("%d messages arrived\n", two.received.load());
  return a->StopAndWait().ok() && b->StopAndWait().ok() ? 0 : 1;
}
