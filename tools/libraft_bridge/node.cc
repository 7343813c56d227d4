#include "tools/libraft_bridge/node.h"

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rafthttp/base/check.h"
#include "tools/libraft_bridge/rpc_messages.h"

namespace libraft_bridge {

using rafthttp::MemberId;

// A request of libraft's, until it answers.
struct Node::Proposal {
  struct raft_apply request = {};
  absl::AnyInvocable<void(absl::Status)> on_applied;
};

absl::StatusOr<std::unique_ptr<Node>> Node::Create(uv_loop_t& loop,
                                                   Options options) {
  CHECK(options.state_machine != nullptr);
  std::unique_ptr<Node> node(new Node(std::move(options)));
  const absl::Status status = node->Init(loop);
  if (!status.ok()) return status;
  return node;
}

Node::Node(Options options) : options_(std::move(options)) {}

// libraft's memory must not go while it is at work.
Node::~Node() { CHECK(!has_raft_); }

absl::Status Node::Init(uv_loop_t& loop) {
  Bridge::Options options;
  options.id = options_.id;
  options.cluster_id = options_.cluster_id;
  options.folder = options_.folder;
  options.listen_urls = options_.listen_urls;
  options.logger = options_.logger;
  if (Observer* const observer = options_.observer) {
    options.on_send = [this, observer](const raftpb::Message& message) {
      observer->OnSend(*this, message);
    };
    options.on_receive = [this, observer](const raftpb::Message& message) {
      observer->OnReceive(*this, message);
    };
    options.on_step = [this] { Observe(); };
  }
  auto bridge = Bridge::Create(loop, std::move(options));
  if (!bridge.ok()) return bridge.status();
  bridge_ = *std::move(bridge);
  const std::vector<std::string> urls = bridge_->transport().listen_urls();
  if (urls.empty()) return absl::InvalidArgumentError("no listen URL");
  url_ = urls.front();

  InitFsm();
  const int error = raft_init(&raft_, bridge_->io(), &fsm_, options_.id.value(),
                              url_.c_str());
  if (error != 0) {
    return absl::InvalidArgumentError(absl::StrCat(options_.folder, ": ",
                                                   raft_strerror(error), ": ",
                                                   raft_errmsg(&raft_)));
  }
  has_raft_ = true;
  raft_.data = this;
  const auto msecs = [](absl::Duration duration) {
    return static_cast<unsigned>(absl::ToInt64Milliseconds(duration));
  };
  raft_set_election_timeout(&raft_, msecs(options_.election_timeout));
  raft_set_heartbeat_timeout(&raft_, msecs(options_.heartbeat_interval));
  raft_set_snapshot_threshold(&raft_, options_.snapshot_threshold);
  raft_set_snapshot_trailing(&raft_, options_.snapshot_trailing);
  // A member that comes back does not depose the leader.
  raft_set_pre_vote(&raft_, true);
  return absl::OkStatus();
}

void Node::InitFsm() {
  fsm_.version = 1;
  fsm_.data = this;
  fsm_.apply = [](raft_fsm* fsm, const raft_buffer* command, void** result) {
    *result = nullptr;
    Node& self = Of(fsm);
    const auto payload = CommandPayload(*command);
    if (!payload.ok()) return self.Failed(payload.status());
    return self.Failed(self.options_.state_machine->Apply(*payload));
  };
  // libraft frees both the buffers and their array.
  fsm_.snapshot = [](raft_fsm* fsm, raft_buffer** buffers, unsigned* count) {
    const std::string bytes = Of(fsm).options_.state_machine->Snapshot();
    auto* const buffer =
        static_cast<raft_buffer*>(raft_malloc(sizeof(raft_buffer)));
    CHECK(buffer != nullptr);
    buffer->base = raft_malloc(bytes.size() + 1);
    CHECK(buffer->base != nullptr);
    std::memcpy(buffer->base, bytes.data(), bytes.size());
    buffer->len = bytes.size();
    *buffers = buffer;
    *count = 1;
    return 0;
  };
  // On success the buffer is ours to free.
  fsm_.restore = [](raft_fsm* fsm, raft_buffer* buffer) {
    Node& self = Of(fsm);
    const int error = self.Failed(self.options_.state_machine->Restore(
        {static_cast<const char*>(buffer->base), buffer->len}));
    if (error == 0) raft_free(buffer->base);
    return error;
  };
}

int Node::Failed(const absl::Status& status) {
  if (status.ok()) return 0;
  if (options_.logger != nullptr) {
    options_.logger->Log(
        rafthttp::Severity::kError,
        absl::StrCat("member ", options_.id.ToHex(), ": ", status.message()));
  }
  return RAFT_MALFORMED;
}

absl::Status Node::Start(const std::vector<Server>& members) {
  const absl::Status status = Bootstrap(members);
  if (!status.ok()) return status;
  if (const int error = raft_start(&raft_); error != 0) {
    return absl::InternalError(
        absl::StrCat(raft_strerror(error), ": ", raft_errmsg(&raft_)));
  }
  return absl::OkStatus();
}

absl::Status Node::Bootstrap(const std::vector<Server>& members) {
  raft_configuration configuration;
  raft_configuration_init(&configuration);
  const absl::Status status = AddServers(members, &configuration);
  const int error = status.ok() ? raft_bootstrap(&raft_, &configuration) : 0;
  raft_configuration_close(&configuration);
  if (error != 0 && error != RAFT_CANTBOOTSTRAP) {
    return absl::InternalError(
        absl::StrCat(raft_strerror(error), ": ", raft_errmsg(&raft_)));
  }
  return status;
}

void Node::Observe() {
  raft_id id = 0;
  const char* address = nullptr;
  raft_leader(&raft_, &id, &address);
  const uint64_t term = raft_.current_term;
  if (MemberId(id) == leader_ && (id == 0 || term == leader_term_)) return;
  leader_ = MemberId(id);
  leader_term_ = term;
  options_.observer->OnLeader(*this, leader_, term);
}

bool Node::is_leader() { return raft_state(&raft_) == RAFT_LEADER; }

uint64_t Node::last_applied() { return raft_last_applied(&raft_); }

void Node::Propose(absl::string_view command,
                   absl::AnyInvocable<void(absl::Status)> on_applied) {
  CHECK(!command.empty());
  auto proposal = std::make_unique<Proposal>();
  proposal->on_applied = std::move(on_applied);
  proposal->request.data = proposal.get();
  const raft_buffer buffer = NewCommand(command);
  const int error = raft_apply(
      &raft_, &proposal->request, &buffer, 1,
      [](struct raft_apply* request, int status, void*) {
        const std::unique_ptr<Proposal> done(
            static_cast<Proposal*>(request->data));
        done->on_applied(status == 0
                             ? absl::OkStatus()
                             : absl::UnavailableError(raft_strerror(status)));
      });
  if (error == 0) {
    // libraft has it now.
    static_cast<void>(proposal.release());
    return;
  }
  raft_free(buffer.base);
  proposal->on_applied(error == RAFT_NOTLEADER
                           ? absl::FailedPreconditionError(raft_strerror(error))
                           : absl::UnavailableError(raft_strerror(error)));
}

void Node::Stop(absl::AnyInvocable<void()> on_stopped) {
  CHECK(has_raft_);
  CHECK(!on_stopped_);
  on_stopped_ = std::move(on_stopped);
  raft_close(&raft_, [](raft* raft) {
    Node& self = *static_cast<Node*>(raft->data);
    self.has_raft_ = false;
    std::exchange(self.on_stopped_, nullptr)();
  });
}

}  // namespace libraft_bridge
