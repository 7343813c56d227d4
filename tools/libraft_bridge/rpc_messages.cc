#include "tools/libraft_bridge/rpc_messages.h"

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "rafthttp/base/check.h"
#include "tools/libraft_bridge/configuration.h"
#include "tools/libraft_bridge/little_endian.h"

namespace libraft_bridge {
namespace {

// What etcd's raft writes there for the same purpose.
constexpr absl::string_view kDisruptLeader = "CampaignTransfer";

absl::string_view BytesOf(const raft_buffer& buffer) {
  return {static_cast<const char*>(buffer.base), buffer.len};
}

char* Allocate(size_t bytes) {
  // libraft wants memory even where there is nothing to store.
  void* const memory = raft_malloc(bytes == 0 ? kWordBytes : bytes);
  CHECK(memory != nullptr);
  return static_cast<char*>(memory);
}

size_t CommandBytes(size_t payload_bytes) {
  return kWordBytes + RoundUpToWords(payload_bytes);
}

void WriteCommand(absl::string_view payload, char* to) {
  StoreLittleEndian(payload.size(), to);
  std::memcpy(to + kWordBytes, payload.data(), payload.size());
  std::memset(to + kWordBytes + payload.size(), 0,
              RoundUpToWords(payload.size()) - payload.size());
}

std::string ConfChangeOf(absl::string_view configuration) {
  raftpb::ConfChangeV2 change;
  change.set_transition(raftpb::ConfChangeTransitionAuto);
  change.set_context(configuration.data(), configuration.size());
  if (const auto servers = DecodeConfiguration(configuration); servers.ok()) {
    for (const Server& server : *servers) {
      raftpb::ConfChangeSingle& single = *change.add_changes();
      single.set_type(server.role == RAFT_VOTER
                          ? raftpb::ConfChangeAddNode
                          : raftpb::ConfChangeAddLearnerNode);
      single.set_node_id(server.id);
    }
  }
  return change.SerializeAsString();
}

absl::Status FillEntry(const raft_entry& from, raftpb::Entry* to) {
  to->set_term(from.term);
  switch (from.type) {
    case RAFT_COMMAND: {
      const auto payload = CommandPayload(from.buf);
      if (!payload.ok()) return payload.status();
      to->set_type(raftpb::EntryNormal);
      to->set_data(payload->data(), payload->size());
      return absl::OkStatus();
    }
    case RAFT_BARRIER:
      to->set_type(raftpb::EntryNormal);
      return absl::OkStatus();
    case RAFT_CHANGE:
      to->set_type(raftpb::EntryConfChangeV2);
      to->set_data(ConfChangeOf(BytesOf(from.buf)));
      return absl::OkStatus();
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("an entry of type ", from.type));
  }
}

absl::Status FillAppend(const raft_append_entries& from,
                        raftpb::Message* message) {
  message->set_type(raftpb::MsgApp);
  message->set_term(from.term);
  message->set_index(from.prev_log_index);
  message->set_logterm(from.prev_log_term);
  message->set_commit(from.leader_commit);
  for (unsigned i = 0; i < from.n_entries; ++i) {
    raftpb::Entry* const entry = message->add_entries();
    entry->set_index(from.prev_log_index + 1 + i);
    const absl::Status status = FillEntry(from.entries[i], entry);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status FillSnapshot(const raft_install_snapshot& from,
                          raftpb::Message* message) {
  const auto configuration = EncodeConfiguration(from.conf);
  if (!configuration.ok()) return configuration.status();
  message->set_type(raftpb::MsgSnap);
  message->set_term(from.term);
  std::string context(kWordBytes, '\0');
  StoreLittleEndian(from.conf_index, context.data());
  absl::StrAppend(&context, *configuration);
  message->set_context(context);
  raftpb::Snapshot& snapshot = *message->mutable_snapshot();
  snapshot.set_data(from.data.base, from.data.len);
  snapshot.mutable_metadata()->set_index(from.last_index);
  snapshot.mutable_metadata()->set_term(from.last_term);
  raftpb::ConfState& state = *snapshot.mutable_metadata()->mutable_conf_state();
  for (unsigned i = 0; i < from.conf.n; ++i) {
    const raft_server& server = from.conf.servers[i];
    if (server.role == RAFT_VOTER) {
      state.add_voters(server.id);
    } else {
      state.add_learners(server.id);
    }
  }
  return absl::OkStatus();
}

// What an entry of a message becomes; `data` points into that message or into
// `owned`.
struct EntryPlan {
  unsigned short type = RAFT_COMMAND;
  absl::string_view data;
  std::string owned;
  size_t size_bytes = 0;
};

absl::StatusOr<EntryPlan> PlanEntry(const raftpb::Entry& entry) {
  EntryPlan plan;
  if (entry.type() == raftpb::EntryNormal) {
    plan.data = entry.data();
    plan.type = plan.data.empty() ? RAFT_BARRIER : RAFT_COMMAND;
    plan.size_bytes =
        plan.data.empty() ? kWordBytes : CommandBytes(plan.data.size());
    return plan;
  }
  raftpb::ConfChangeV2 change;
  if (entry.type() != raftpb::EntryConfChangeV2 ||
      !change.ParseFromString(entry.data())) {
    return absl::InvalidArgumentError(
        absl::StrCat("entry ", entry.index(), " is none of libraft's"));
  }
  plan.type = RAFT_CHANGE;
  plan.owned = std::move(*change.mutable_context());
  const auto servers = DecodeConfiguration(plan.owned);
  if (!servers.ok()) return servers.status();
  plan.size_bytes = RoundUpToWords(plan.owned.size());
  return plan;
}

void WriteEntry(const EntryPlan& plan, char* to) {
  switch (plan.type) {
    case RAFT_COMMAND:
      return WriteCommand(plan.data, to);
    case RAFT_CHANGE:
      std::memset(to, 0, plan.size_bytes);
      std::memcpy(to, plan.owned.data(), plan.owned.size());
      return;
    default:
      std::memset(to, 0, plan.size_bytes);
  }
}

}  // namespace

raft_buffer NewCommand(absl::string_view payload) {
  const size_t bytes = CommandBytes(payload.size());
  char* const memory = Allocate(bytes);
  WriteCommand(payload, memory);
  return {.base = memory, .len = bytes};
}

absl::StatusOr<absl::string_view> CommandPayload(const raft_buffer& command) {
  const absl::string_view bytes = BytesOf(command);
  if (bytes.size() < kWordBytes) {
    return absl::InvalidArgumentError("a command without its length");
  }
  const uint64_t length = LoadLittleEndian(bytes.data());
  if (length == 0 || length > bytes.size() - kWordBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a command of ", bytes.size(), " bytes that claims ", length));
  }
  return bytes.substr(kWordBytes, length);
}

absl::StatusOr<raftpb::Message> MessageFromRpc(raft_id from,
                                               const raft_message& rpc) {
  raftpb::Message message;
  message.set_from(from);
  message.set_to(rpc.server_id);
  absl::Status status;
  switch (rpc.type) {
    case RAFT_IO_REQUEST_VOTE: {
      const raft_request_vote& vote = rpc.request_vote;
      message.set_type(vote.pre_vote ? raftpb::MsgPreVote : raftpb::MsgVote);
      message.set_term(vote.term);
      message.set_index(vote.last_log_index);
      message.set_logterm(vote.last_log_term);
      if (vote.disrupt_leader) {
        message.set_context(kDisruptLeader.data(), kDisruptLeader.size());
      }
      break;
    }
    case RAFT_IO_REQUEST_VOTE_RESULT: {
      const raft_request_vote_result& result = rpc.request_vote_result;
      message.set_type(result.pre_vote == raft_tribool_true
                           ? raftpb::MsgPreVoteResp
                           : raftpb::MsgVoteResp);
      message.set_term(result.term);
      message.set_reject(!result.vote_granted);
      break;
    }
    case RAFT_IO_APPEND_ENTRIES:
      status = FillAppend(rpc.append_entries, &message);
      break;
    case RAFT_IO_APPEND_ENTRIES_RESULT: {
      const raft_append_entries_result& result = rpc.append_entries_result;
      message.set_type(raftpb::MsgAppResp);
      message.set_term(result.term);
      message.set_index(result.last_log_index);
      if (result.rejected != 0) {
        message.set_reject(true);
        message.set_index(result.rejected);
        message.set_rejecthint(result.last_log_index);
      }
      break;
    }
    case RAFT_IO_INSTALL_SNAPSHOT:
      status = FillSnapshot(rpc.install_snapshot, &message);
      break;
    case RAFT_IO_TIMEOUT_NOW:
      message.set_type(raftpb::MsgTimeoutNow);
      message.set_term(rpc.timeout_now.term);
      message.set_index(rpc.timeout_now.last_log_index);
      message.set_logterm(rpc.timeout_now.last_log_term);
      break;
    default:
      status =
          absl::InvalidArgumentError(absl::StrCat("an RPC of type ", rpc.type));
  }
  if (!status.ok()) return status;
  return message;
}

absl::StatusOr<ReceivedRpc> ReceivedRpc::FromMessage(
    const raftpb::Message& message, const char* address) {
  // libraft asserts both.
  if (message.from() == 0 || message.term() == 0) {
    return absl::InvalidArgumentError("a message without sender or term");
  }
  ReceivedRpc received;
  raft_message& rpc = received.rpc_;
  rpc.server_id = message.from();
  rpc.server_address = address;
  absl::Status status;
  switch (message.type()) {
    case raftpb::MsgVote:
    case raftpb::MsgPreVote:
      rpc.type = RAFT_IO_REQUEST_VOTE;
      rpc.request_vote = {
          .term = message.term(),
          .candidate_id = message.from(),
          .last_log_index = message.index(),
          .last_log_term = message.logterm(),
          .disrupt_leader = message.context() == kDisruptLeader,
          .pre_vote = message.type() == raftpb::MsgPreVote,
      };
      break;
    case raftpb::MsgVoteResp:
    case raftpb::MsgPreVoteResp:
      rpc.type = RAFT_IO_REQUEST_VOTE_RESULT;
      rpc.request_vote_result = {
          .term = message.term(),
          .vote_granted = !message.reject(),
          .pre_vote = TO_RAFT_TRIBOOL(message.type() == raftpb::MsgPreVoteResp),
      };
      break;
    case raftpb::MsgApp:
      status = received.ReadEntries(message);
      break;
    case raftpb::MsgAppResp:
      rpc.type = RAFT_IO_APPEND_ENTRIES_RESULT;
      rpc.append_entries_result = {
          .term = message.term(),
          .rejected = message.reject() ? message.index() : 0,
          .last_log_index =
              message.reject() ? message.rejecthint() : message.index(),
      };
      break;
    case raftpb::MsgSnap:
      status = received.ReadSnapshot(message);
      break;
    case raftpb::MsgTimeoutNow:
      rpc.type = RAFT_IO_TIMEOUT_NOW;
      rpc.timeout_now = {
          .term = message.term(),
          .last_log_index = message.index(),
          .last_log_term = message.logterm(),
      };
      break;
    default:
      status = absl::InvalidArgumentError(
          absl::StrCat("libraft has no RPC for a message of type ",
                       static_cast<int>(message.type())));
  }
  if (!status.ok()) return status;
  return received;
}

ReceivedRpc::ReceivedRpc(ReceivedRpc&& other) noexcept
    : rpc_(other.Release()) {}

ReceivedRpc::~ReceivedRpc() {
  if (rpc_.type == RAFT_IO_APPEND_ENTRIES) {
    // One batch holds the data of all.
    if (rpc_.append_entries.n_entries > 0) {
      raft_free(rpc_.append_entries.entries[0].batch);
    }
    raft_free(rpc_.append_entries.entries);
  } else if (rpc_.type == RAFT_IO_INSTALL_SNAPSHOT) {
    raft_configuration_close(&rpc_.install_snapshot.conf);
    raft_free(rpc_.install_snapshot.data.base);
  }
}

raft_message ReceivedRpc::Release() {
  return std::exchange(rpc_, raft_message{});
}

absl::Status ReceivedRpc::ReadEntries(const raftpb::Message& message) {
  std::vector<EntryPlan> plans;
  plans.reserve(static_cast<size_t>(message.entries_size()));
  size_t batch_bytes = 0;
  for (const raftpb::Entry& entry : message.entries()) {
    if (entry.index() != message.index() + 1 + plans.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("entry ", entry.index(), " is out of order"));
    }
    auto plan = PlanEntry(entry);
    if (!plan.ok()) return plan.status();
    batch_bytes += plan->size_bytes;
    plans.push_back(*std::move(plan));
  }
  rpc_.type = RAFT_IO_APPEND_ENTRIES;
  rpc_.append_entries = {
      .term = message.term(),
      .prev_log_index = message.index(),
      .prev_log_term = message.logterm(),
      .leader_commit = message.commit(),
      .entries = nullptr,
      .n_entries = static_cast<unsigned>(plans.size()),
  };
  if (plans.empty()) return absl::OkStatus();
  auto* const entries = reinterpret_cast<raft_entry*>(
      Allocate(plans.size() * sizeof(raft_entry)));
  char* const batch = Allocate(batch_bytes);
  char* at = batch;
  for (size_t i = 0; i < plans.size(); ++i) {
    WriteEntry(plans[i], at);
    entries[i] = {
        .term = message.entries(static_cast<int>(i)).term(),
        .type = plans[i].type,
        .buf = {.base = at, .len = plans[i].size_bytes},
        .batch = batch,
    };
    at += plans[i].size_bytes;
  }
  rpc_.append_entries.entries = entries;
  return absl::OkStatus();
}

absl::Status ReceivedRpc::ReadSnapshot(const raftpb::Message& message) {
  absl::string_view context = message.context();
  if (context.size() < kWordBytes) {
    return absl::InvalidArgumentError("a snapshot without its configuration");
  }
  const uint64_t configuration_index = LoadLittleEndian(context.data());
  context.remove_prefix(kWordBytes);
  const auto servers = DecodeConfiguration(context);
  if (!servers.ok()) return servers.status();
  const raftpb::Snapshot& snapshot = message.snapshot();
  if (configuration_index == 0 ||
      configuration_index > snapshot.metadata().index()) {
    return absl::InvalidArgumentError(
        absl::StrCat("a snapshot of index ", snapshot.metadata().index(),
                     " with the configuration of ", configuration_index));
  }
  rpc_.type = RAFT_IO_INSTALL_SNAPSHOT;
  rpc_.install_snapshot = {
      .term = message.term(),
      .last_index = snapshot.metadata().index(),
      .last_term = snapshot.metadata().term(),
      .conf = {},
      .conf_index = configuration_index,
      .data = {.base = Allocate(snapshot.data().size()),
               .len = snapshot.data().size()},
  };
  std::memcpy(rpc_.install_snapshot.data.base, snapshot.data().data(),
              snapshot.data().size());
  raft_configuration_init(&rpc_.install_snapshot.conf);
  return AddServers(*servers, &rpc_.install_snapshot.conf);
}

}  // namespace libraft_bridge
