#include "tools/libraft_bridge/rpc_messages.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "tools/libraft_bridge/configuration.h"
#include "tools/libraft_bridge/libraft.h"

namespace libraft_bridge {
namespace {

constexpr raft_id kFrom = 7;
constexpr char kAddress[] = "http://127.0.0.1:2380";

raft_message RpcOf(unsigned short type) {
  raft_message rpc = {};
  rpc.type = type;
  rpc.server_id = 9;
  return rpc;
}

raftpb::Message MessageOf(const raft_message& rpc) {
  auto message = MessageFromRpc(kFrom, rpc);
  EXPECT_TRUE(message.ok()) << message.status();
  EXPECT_EQ(message->from(), kFrom);
  EXPECT_EQ(message->to(), 9u);
  return *std::move(message);
}

ReceivedRpc RpcFrom(const raftpb::Message& message) {
  auto rpc = ReceivedRpc::FromMessage(message, kAddress);
  EXPECT_TRUE(rpc.ok()) << rpc.status();
  EXPECT_EQ(rpc->get().server_id, message.from());
  EXPECT_STREQ(rpc->get().server_address, kAddress);
  return *std::move(rpc);
}

std::string TextOf(const raft_buffer& buffer) {
  return std::string(static_cast<const char*>(buffer.base), buffer.len);
}

// Some configuration in libraft's encoding.
std::string SomeConfiguration() {
  raft_configuration configuration;
  raft_configuration_init(&configuration);
  EXPECT_TRUE(AddServers({{.id = 1, .address = "http://a:1"},
                          {.id = 0x1234567890, .address = "http://b:22"},
                          {.id = 3, .address = "c", .role = RAFT_SPARE}},
                         &configuration)
                  .ok());
  auto bytes = EncodeConfiguration(configuration);
  raft_configuration_close(&configuration);
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  return *bytes;
}

TEST(ConfigurationTest, IsReadAsLibraftWritesIt) {
  const auto servers = DecodeConfiguration(SomeConfiguration());
  ASSERT_TRUE(servers.ok()) << servers.status();
  EXPECT_EQ(*servers, (std::vector<Server>{
                          {.id = 1, .address = "http://a:1"},
                          {.id = 0x1234567890, .address = "http://b:22"},
                          {.id = 3, .address = "c", .role = RAFT_SPARE}}));
}

TEST(ConfigurationTest, WhatIsCutOrClaimsTooMuchIsRefused) {
  const std::string bytes = SomeConfiguration();
  // Up to 7 bytes at the end are padding.
  for (size_t size = 0; size + 8 <= bytes.size(); ++size) {
    EXPECT_TRUE(absl::IsInvalidArgument(
        DecodeConfiguration(bytes.substr(0, size)).status()))
        << size;
  }
  std::string claims = bytes;
  claims[8] = '\x7f';
  EXPECT_FALSE(DecodeConfiguration(claims).ok());
  EXPECT_FALSE(DecodeConfiguration(bytes + std::string(8, '\0')).ok());
}

TEST(RpcMessagesTest, CommandsAreWholeWords) {
  for (size_t size = 1; size < 20; ++size) {
    const std::string payload(size, 'x');
    const raft_buffer command = NewCommand(payload);
    EXPECT_EQ(command.len % 8, 0u);
    const auto read = CommandPayload(command);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(*read, payload);
    raft_free(command.base);
  }
  std::string claims("\x09\0\0\0\0\0\0\0payload_", 16);
  EXPECT_FALSE(CommandPayload({.base = claims.data(), .len = 16}).ok());
  EXPECT_FALSE(CommandPayload({.base = claims.data(), .len = 7}).ok());
}

TEST(RpcMessagesTest, RequestVote) {
  for (const bool pre_vote : {false, true}) {
    for (const bool disrupt_leader : {false, true}) {
      raft_message rpc = RpcOf(RAFT_IO_REQUEST_VOTE);
      rpc.request_vote = {.term = 2,
                          .candidate_id = kFrom,
                          .last_log_index = 3,
                          .last_log_term = 1,
                          .disrupt_leader = disrupt_leader,
                          .pre_vote = pre_vote};
      const raftpb::Message message = MessageOf(rpc);
      EXPECT_EQ(message.type(),
                pre_vote ? raftpb::MsgPreVote : raftpb::MsgVote);
      const ReceivedRpc back = RpcFrom(message);
      ASSERT_EQ(back.get().type, RAFT_IO_REQUEST_VOTE);
      EXPECT_EQ(back.get().request_vote.term, 2u);
      EXPECT_EQ(back.get().request_vote.candidate_id, kFrom);
      EXPECT_EQ(back.get().request_vote.last_log_index, 3u);
      EXPECT_EQ(back.get().request_vote.last_log_term, 1u);
      EXPECT_EQ(back.get().request_vote.disrupt_leader, disrupt_leader);
      EXPECT_EQ(back.get().request_vote.pre_vote, pre_vote);
    }
  }
}

TEST(RpcMessagesTest, RequestVoteResult) {
  for (const bool is_granted : {false, true}) {
    for (const raft_tribool pre_vote :
         {raft_tribool_true, raft_tribool_false}) {
      raft_message rpc = RpcOf(RAFT_IO_REQUEST_VOTE_RESULT);
      rpc.request_vote_result = {
          .term = 4, .vote_granted = is_granted, .pre_vote = pre_vote};
      const raftpb::Message message = MessageOf(rpc);
      EXPECT_EQ(message.reject(), !is_granted);
      const ReceivedRpc back = RpcFrom(message);
      ASSERT_EQ(back.get().type, RAFT_IO_REQUEST_VOTE_RESULT);
      EXPECT_EQ(back.get().request_vote_result.term, 4u);
      EXPECT_EQ(back.get().request_vote_result.vote_granted, is_granted);
      EXPECT_EQ(back.get().request_vote_result.pre_vote, pre_vote);
    }
  }
}

TEST(RpcMessagesTest, AppendEntries) {
  const std::string configuration = SomeConfiguration();
  raft_buffer command = NewCommand("hello, raft");
  std::string barrier(8, '\0');
  std::string change = configuration;
  raft_entry entries[] = {
      {.term = 5, .type = RAFT_COMMAND, .buf = command, .batch = nullptr},
      {.term = 5,
       .type = RAFT_BARRIER,
       .buf = {.base = barrier.data(), .len = barrier.size()},
       .batch = nullptr},
      {.term = 6,
       .type = RAFT_CHANGE,
       .buf = {.base = change.data(), .len = change.size()},
       .batch = nullptr},
  };
  raft_message rpc = RpcOf(RAFT_IO_APPEND_ENTRIES);
  rpc.append_entries = {.term = 6,
                        .prev_log_index = 40,
                        .prev_log_term = 5,
                        .leader_commit = 39,
                        .entries = entries,
                        .n_entries = 3};
  const raftpb::Message message = MessageOf(rpc);
  EXPECT_EQ(message.type(), raftpb::MsgApp);
  EXPECT_FALSE(message.has_context()) << "the compact frame would lose it";
  ASSERT_EQ(message.entries_size(), 3);
  EXPECT_EQ(message.entries(0).data(), "hello, raft");
  EXPECT_EQ(message.entries(0).index(), 41u);
  EXPECT_EQ(message.entries(1).type(), raftpb::EntryNormal);
  EXPECT_TRUE(message.entries(1).data().empty());
  EXPECT_EQ(message.entries(2).type(), raftpb::EntryConfChangeV2);

  ReceivedRpc received = RpcFrom(message);
  const raft_append_entries& back = received.get().append_entries;
  ASSERT_EQ(received.get().type, RAFT_IO_APPEND_ENTRIES);
  EXPECT_EQ(back.term, 6u);
  EXPECT_EQ(back.prev_log_index, 40u);
  EXPECT_EQ(back.prev_log_term, 5u);
  EXPECT_EQ(back.leader_commit, 39u);
  ASSERT_EQ(back.n_entries, 3u);
  for (unsigned i = 0; i < 3; ++i) {
    EXPECT_EQ(back.entries[i].term, entries[i].term);
    EXPECT_EQ(back.entries[i].type, entries[i].type);
    EXPECT_EQ(TextOf(back.entries[i].buf), TextOf(entries[i].buf));
    EXPECT_EQ(back.entries[i].batch, back.entries[0].batch);
  }
  raft_free(command.base);
}

TEST(RpcMessagesTest, AppendEntriesWithoutEntries) {
  raft_message rpc = RpcOf(RAFT_IO_APPEND_ENTRIES);
  rpc.append_entries = {.term = 6,
                        .prev_log_index = 40,
                        .prev_log_term = 5,
                        .leader_commit = 39,
                        .entries = nullptr,
                        .n_entries = 0};
  const ReceivedRpc received = RpcFrom(MessageOf(rpc));
  EXPECT_EQ(received.get().append_entries.entries, nullptr);
  EXPECT_EQ(received.get().append_entries.n_entries, 0u);
}

TEST(RpcMessagesTest, AppendEntriesResult) {
  for (const raft_index rejected : {0, 12}) {
    raft_message rpc = RpcOf(RAFT_IO_APPEND_ENTRIES_RESULT);
    rpc.append_entries_result = {
        .term = 6, .rejected = rejected, .last_log_index = 8};
    const raftpb::Message message = MessageOf(rpc);
    EXPECT_EQ(message.reject(), rejected != 0);
    const ReceivedRpc back = RpcFrom(message);
    ASSERT_EQ(back.get().type, RAFT_IO_APPEND_ENTRIES_RESULT);
    EXPECT_EQ(back.get().append_entries_result.term, 6u);
    EXPECT_EQ(back.get().append_entries_result.rejected, rejected);
    EXPECT_EQ(back.get().append_entries_result.last_log_index, 8u);
  }
}

TEST(RpcMessagesTest, InstallSnapshot) {
  std::string data = "all that was applied";
  raft_message rpc = RpcOf(RAFT_IO_INSTALL_SNAPSHOT);
  rpc.install_snapshot = {.term = 6,
                          .last_index = 100,
                          .last_term = 5,
                          .conf = {},
                          .conf_index = 1,
                          .data = {.base = data.data(), .len = data.size()}};
  raft_configuration& configuration = rpc.install_snapshot.conf;
  raft_configuration_init(&configuration);
  ASSERT_TRUE(
      AddServers(*DecodeConfiguration(SomeConfiguration()), &configuration)
          .ok());
  const raftpb::Message message = MessageOf(rpc);
  raft_configuration_close(&configuration);
  EXPECT_EQ(message.snapshot().metadata().conf_state().voters_size(), 2);

  ReceivedRpc received = RpcFrom(message);
  ASSERT_EQ(received.get().type, RAFT_IO_INSTALL_SNAPSHOT);
  const raft_install_snapshot& back = received.get().install_snapshot;
  EXPECT_EQ(back.term, 6u);
  EXPECT_EQ(back.last_index, 100u);
  EXPECT_EQ(back.last_term, 5u);
  EXPECT_EQ(back.conf_index, 1u);
  EXPECT_EQ(TextOf(back.data), data);
  EXPECT_EQ(*EncodeConfiguration(back.conf), SomeConfiguration());
}

TEST(RpcMessagesTest, TimeoutNow) {
  raft_message rpc = RpcOf(RAFT_IO_TIMEOUT_NOW);
  rpc.timeout_now = {.term = 6, .last_log_index = 9, .last_log_term = 5};
  const ReceivedRpc back = RpcFrom(MessageOf(rpc));
  ASSERT_EQ(back.get().type, RAFT_IO_TIMEOUT_NOW);
  EXPECT_EQ(back.get().timeout_now.term, 6u);
  EXPECT_EQ(back.get().timeout_now.last_log_index, 9u);
  EXPECT_EQ(back.get().timeout_now.last_log_term, 5u);
}

TEST(RpcMessagesTest, WhatIsNoRpcIsRefused) {
  raftpb::Message message;
  const auto refused = [&] {
    return absl::IsInvalidArgument(
        ReceivedRpc::FromMessage(message, kAddress).status());
  };
  message.set_type(raftpb::MsgVote);
  EXPECT_TRUE(refused());
  message.set_from(kFrom);
  EXPECT_TRUE(refused());
  message.set_term(1);
  EXPECT_FALSE(refused());
  message.set_type(raftpb::MsgProp);
  EXPECT_TRUE(refused());
  message.set_type(raftpb::MsgSnap);
  EXPECT_TRUE(refused());
  message.mutable_snapshot()->mutable_metadata()->set_index(9);
  message.set_context(std::string(8, '\0') + SomeConfiguration());
  EXPECT_TRUE(refused()) << "no configuration has index 0";
  message.mutable_context()->at(0) = 9;
  EXPECT_FALSE(refused());
  // Two servers with one ID.
  std::string twice = SomeConfiguration();
  twice.replace(9, 8, std::string("\x03\0\0\0\0\0\0\0", 8));
  message.mutable_context()->replace(8, std::string::npos, twice);
  EXPECT_TRUE(refused());
  message.set_type(raftpb::MsgApp);
  message.set_index(4);
  message.add_entries()->set_index(6);
  EXPECT_TRUE(refused());
  message.mutable_entries(0)->set_index(5);
  EXPECT_FALSE(refused());
  message.mutable_entries(0)->set_type(raftpb::EntryConfChange);
  EXPECT_TRUE(refused());
  EXPECT_FALSE(MessageFromRpc(kFrom, RpcOf(77)).ok());
}

}  // namespace
}  // namespace libraft_bridge
