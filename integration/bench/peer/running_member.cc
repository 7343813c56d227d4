#include "integration/bench/peer/running_member.h"

#include <utility>

#include "rafthttp/base/ids.h"

namespace rafthttp::bench {
namespace {

Acknowledger::Options AcknowledgerOptions(const Flags& flags, MemberId self,
                                          bool is_echo) {
  return {.self = self,
          .is_echo = is_echo,
          .every = flags.ack_every,
          .every_bytes = flags.ack_bytes,
          .delay = flags.ack_delay,
          .checks_entries = flags.is_checked};
}

}  // namespace

Member::Options MemberOptions(const Flags& flags) {
  return {.id = flags.id,
          .cluster = flags.cluster_id,
          .listen_url = flags.listen,
          .snapshot_folder = flags.data_dir,
          .is_plain = flags.is_plain,
          .is_verbose = flags.is_verbose};
}

AnsweringMember::AnsweringMember(uv_loop_t& uv, event::EventLoop& loop,
                                 const Flags& flags, Member::Options options,
                                 bool is_echo)
    : acknowledger_(loop, AcknowledgerOptions(flags, options.id, is_echo),
                    [this](raftpb::Message answer) {
                      member_.transport().Send(std::move(answer));
                    }),
      member_(uv, *this, std::move(options)) {}

absl::Status StartWithPeers(Member& member, const Flags& flags) {
  if (absl::Status status = member.Start(); !status.ok()) return status;
  for (const auto& [id, url] : flags.peers) {
    if (absl::Status status = member.transport().AddPeer(id, {url});
        !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

}  // namespace rafthttp::bench
