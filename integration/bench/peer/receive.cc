#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "integration/bench/peer/modes.h"
#include "integration/bench/peer/process_usage.h"
#include "integration/bench/peer/report.h"
#include "integration/bench/peer/running_member.h"
#include "rafthttp/event/uv_listener.h"
#include "rafthttp/event/uv_signal.h"
#include "rafthttp/handshake/identity.h"
#include "rafthttp/http1/exchange.h"
#include "rafthttp/http1/handler.h"
#include "rafthttp/http1/server.h"
#include "rafthttp/http1/url.h"

namespace rafthttp::bench {
namespace {

bool RunUntilSignal(uv_loop_t& uv, event::UvLoop& loop) {
  bool is_over = false;
  const auto signals = event::UvSignalWatcher::Create(
      loop, {SIGTERM, SIGINT}, [&](int) { is_over = true; });
  if (!signals.ok()) return false;
  while (!is_over) uv_run(&uv, UV_RUN_ONCE);
  return true;
}

// Hands a request to the member that it names in X-Raft-To; anything else goes
// to the first.
class FarmHandler final : public http1::Handler {
 public:
  explicit FarmHandler(
      const std::vector<std::unique_ptr<AnsweringMember>>& members)
      : members_(members) {}

  void Serve(std::unique_ptr<http1::Exchange> exchange) override {
    const auto to = exchange->head().headers.Get(kRaftToHeader);
    const auto id = MemberId::FromHex(to.value_or(""));
    AnsweringMember* target = members_.front().get();
    for (const auto& member : members_) {
      if (id.ok() && member->member().id() == *id) target = member.get();
    }
    target->member().transport().Handler().Serve(std::move(exchange));
  }

 private:
  const std::vector<std::unique_ptr<AnsweringMember>>& members_;
};

}  // namespace

int Receive(uv_loop_t& uv, event::UvLoop& loop, const Flags& flags) {
  AnsweringMember receiving(uv, loop, flags, MemberOptions(flags),
                            flags.mode == Flags::Mode::kEcho);
  Member& member = receiving.member();
  if (absl::Status status = StartWithPeers(member, flags); !status.ok()) {
    return Fail(status.ToString());
  }
  std::fprintf(stderr, "peer: listening on %s\n", member.url().c_str());
  const OwnUsage before = OwnUsage::Now();
  if (!RunUntilSignal(uv, loop)) return Fail("cannot watch signals");
  const OwnUsage after = OwnUsage::Now();
  const Acknowledger::Counters& counters = receiving.counters();
  const Memory memory = MemoryOf(getpid());
  Print(flags, {{"received", counters.received},
                {"recv_bytes", counters.bytes},
                {"gaps", counters.gaps},
                {"dups", counters.repeats},
                {"bad_data", counters.bad_data},
                {"acks_sent", counters.answers},
                {"other", counters.other},
                {"snapshots", counters.snapshots},
                {"unreachable", member.unreachable()},
                {"user_s", after.user_seconds - before.user_seconds},
                {"sys_s", after.system_seconds - before.system_seconds},
                {"max_rss_kb", memory.rss_max_kb},
                {"threads", memory.threads}});
  return 0;
}

int Farm(uv_loop_t& uv, event::UvLoop& loop, const Flags& flags) {
  const auto url = http1::ParsePeerUrl(flags.listen);
  if (!url.ok()) return Fail(url.status().ToString());
  std::vector<std::unique_ptr<AnsweringMember>> members;
  FarmHandler handler(members);
  http1::Server server(
      loop, handler, {}, [] { return absl::Now(); }, nullptr);
  const auto listener = event::UvListener::Listen(
      loop, url->address(), {}, [&](std::unique_ptr<event::ByteStream> stream) {
        server.Accept(std::move(stream));
      });
  if (!listener.ok()) return Fail(listener.status().ToString());
  for (int i = 0; i < flags.npeers; ++i) {
    Member::Options options = MemberOptions(flags);
    options.id = MemberId(flags.peer_base_id + static_cast<uint64_t>(i));
    options.listen_url.clear();
    members.push_back(std::make_unique<AnsweringMember>(
        uv, loop, flags, std::move(options), /*is_echo=*/true));
    if (absl::Status status = StartWithPeers(members.back()->member(), flags);
        !status.ok()) {
      return Fail(status.ToString());
    }
  }
  std::fprintf(stderr, "peer: farm listening on port %d\n",
               (*listener)->port());
  if (!RunUntilSignal(uv, loop)) return Fail("cannot watch signals");
  return 0;
}

}  // namespace rafthttp::bench
